//! The options of a signer that can be wrong, and what is said if they are.

use std::fmt;

use http::{HeaderName, header};

use crate::{
    Algorithm, DateHeader, Keys, Signer, authorization::MAX_COMPONENTS, component::SOURCE,
    scheme::Scheme, signer::options::Options,
};

/// Beside the date and the source.
const MAX_SIGNED_HEADERS: usize = MAX_COMPONENTS - 2;

/// Builds a [`Signer`] with the options that can be wrong, or that not every gateway can carry. Those that cannot
/// be wrong are methods of [`Signer`] and [`SignLayer`](crate::SignLayer).
///
/// ```
/// use http::{HeaderName, HeaderValue, header};
/// use tower_hmac_auth::{Algorithm, KeyPair, SignLayer, Signer};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let signer = Signer::builder(keys.clone())
///     .algorithm(Algorithm::HmacSha256)
///     .signed_headers([header::HOST, HeaderName::from_static("x-tenant")])
///     .build()?;
/// let layer = SignLayer::from(signer).source(HeaderValue::from_static("billing"));
///
/// let error = Signer::builder(keys).signed_headers([header::AUTHORIZATION]).build().unwrap_err();
/// assert!(error.to_string().starts_with("authorization cannot be signed"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct SignerBuilder {
    keys: Keys,
    scheme: &'static Scheme,
    algorithm: Algorithm,
    options: Options,
}

impl SignerBuilder {
    pub(crate) fn new(keys: Keys, scheme: &'static Scheme) -> Self {
        Self {
            keys,
            scheme,
            algorithm: scheme.algorithm,
            options: Options::new(scheme.date_header),
        }
    }

    /// Signs with this algorithm. Default: [`Algorithm::HmacSha1`], which the gateway's documentation uses.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Sends and signs this of the two date headers. Default: [`DateHeader::XDate`].
    pub fn date_header(mut self, date_header: DateHeader) -> Self {
        self.options.date_header = date_header;
        self
    }

    /// Signs these headers after the date and the source, in this order, on requests that have them. Default:
    /// none.
    pub fn signed_headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.options.signed_headers = names.into_iter().collect();
        self
    }

    /// Makes the signer.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if a header that should be signed cannot be, is signed anyway, or is named twice, or if there
    /// are more than 62.
    pub fn build(self) -> Result<Signer, BuildError> {
        let names = &self.options.signed_headers;
        if names.len() > MAX_SIGNED_HEADERS {
            return Err(BuildError::TooManyHeaders);
        }
        for (position, name) in names.iter().enumerate() {
            let dates = [DateHeader::Date, DateHeader::XDate].map(DateHeader::name);
            if *name == header::AUTHORIZATION {
                return Err(BuildError::SignsAuthorization);
            }
            if self.scheme.ambiguous_names.contains(&name.as_str()) {
                return Err(BuildError::Ambiguous { name: name.clone() });
            }
            if dates.contains(&name) || *name == SOURCE {
                return Err(BuildError::SignedAnyway { name: name.clone() });
            }
            if names.iter().take(position).any(|other| other == name) {
                return Err(BuildError::NamedTwice { name: name.clone() });
            }
        }
        Ok(self.build_unchecked())
    }

    pub(crate) fn build_unchecked(self) -> Signer {
        Signer::from_parts(self.scheme, self.keys, self.algorithm, self.options)
    }
}

/// Why a signer cannot be made with the options given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// `authorization` is to be signed, which holds the signature.
    SignsAuthorization,
    /// A date header or `source` is named, whose places in the list are fixed.
    SignedAnyway {
        /// Which.
        name: HeaderName,
    },
    /// The name stands for something else than a header at other gateways, so that verifiers refuse it.
    Ambiguous {
        /// Which.
        name: HeaderName,
    },
    /// More than 62 headers are named: with the date and the source, that is more than verifiers look at.
    TooManyHeaders,
    /// A header to be signed is named twice.
    NamedTwice {
        /// Which.
        name: HeaderName,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignsAuthorization => f.write_str(
                "authorization cannot be signed, as it holds the signature: take it out of the signed headers",
            ),
            Self::SignedAnyway { name } => write!(
                f,
                "{name} has its fixed place in front: take it out of the signed headers (date_header chooses \
                 between date and x-date, source is signed wherever there is one)"
            ),
            Self::Ambiguous { name } => write!(
                f,
                "{name} stands for something else than a header at other gateways: sign a header of another name"
            ),
            Self::TooManyHeaders => {
                write!(f, "more than {MAX_SIGNED_HEADERS} headers are to be signed: sign fewer")
            }
            Self::NamedTwice { name } => {
                write!(f, "{name} is named twice among the signed headers: name it once")
            }
        }
    }
}

impl std::error::Error for BuildError {}
