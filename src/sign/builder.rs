//! The options of a signer that can be wrong.

use std::{sync::Arc, time::Duration};

use http::HeaderName;

use super::{
    cache,
    faults::Faults,
    options::{Listed, Options, What},
    signer::Inner,
};
use crate::{
    Algorithm, Scheme, Signer,
    config::{BuildError, Signable, check_list},
    header::{DIGESTS, DateHeader},
    rejection::Excerpt,
    sign::RotatingKeyPair,
    wire::{
        component::DerivedComponent,
        credentials::{HS2019, Template},
    },
};

/// Builds a [`Signer`] with the options that can be wrong, or that not every gateway can carry. Those that cannot
/// be wrong are methods of [`Signer`] and [`SignLayer`](crate::SignLayer).
///
/// ```
/// use http::{HeaderValue, header};
/// use tower_hmac_auth::{Algorithm, KeyPair, Scheme, SignLayer, Signer};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let signer = Signer::builder(keys.clone())
///     .algorithm(Algorithm::HmacSha256)
///     .signed_headers(["host", "x-tenant"])
///     .build()?;
/// let layer = SignLayer::from(signer).source(HeaderValue::from_static("billing"));
///
/// let signer = Signer::builder(keys.clone()).scheme(Scheme::Kong).build()?;
/// assert_eq!(signer.algorithm(), Algorithm::HmacSha256);
///
/// let error = Signer::builder(keys).signed_headers([header::AUTHORIZATION]).build().unwrap_err();
/// assert!(error.to_string().starts_with("authorization cannot be signed"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct SignerBuilder {
    keys: RotatingKeyPair,
    scheme: Scheme,
    algorithm: Option<Algorithm>,
    date_header: Option<DateHeader>,
    components: Option<Vec<String>>,
    signed_headers: Vec<String>,
    hs2019: bool,
    lifetime: Option<Duration>,
}

impl SignerBuilder {
    pub(super) fn new(keys: RotatingKeyPair) -> Self {
        Self {
            keys,
            scheme: Scheme::default(),
            algorithm: None,
            date_header: None,
            components: None,
            signed_headers: Vec::new(),
            hs2019: false,
            lifetime: None,
        }
    }

    /// Signs in this gateway's dialect. Default: [`Scheme::Tencent`].
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Signs with this algorithm. Default: the scheme's, for Tencent's [`Algorithm::HmacSha1`].
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Sends and signs this of the two date headers. Default: the scheme's, for Tencent's [`DateHeader::XDate`].
    pub fn date_header(mut self, date_header: DateHeader) -> Self {
        self.date_header = Some(date_header);
        self
    }

    /// Signs these headers after what the scheme signs by default, in this order, on requests that have them.
    /// Default: none.
    ///
    /// Kong's and APISIX's settings (`enforce_headers`, `signed_headers`) are compared with the list in upper and lower
    /// case; so with these two schemes the names are sent in the spelling given, else in lower case.
    ///
    /// A header that a connection or a proxy writes or removes on the way does not arrive as it was signed, and
    /// [`build`](Self::build) returns an error for it: `connection`, `expect`, `http2-settings`, `keep-alive`,
    /// `proxy-connection`, `proxy-authenticate`, `proxy-authorization`, `te`, `trailer`, `transfer-encoding`, `upgrade`.
    ///
    /// Other headers can be named, and whether they arrive as they were signed depends on what lies on the way:
    ///
    /// - `content-length`: hyper sets it below all layers, so that it is signed only on requests that the caller has put it
    ///   on. A request without a body may be sent without it, also where the caller has set it to 0.
    /// - `host`: signed only where it is known when the request is signed, see
    ///   [`Signer::authority`](crate::Signer::authority). A proxy that connects to another host changes it (nginx does
    ///   unless told `proxy_set_header Host $http_host`).
    /// - Names with other characters than letters, digits and `-`: nginx, in front of Kong and APISIX too, drops headers with
    ///   `.`, `!` and the like (`ignore_invalid_headers`), and those with `_` (`underscores_in_headers`; Kong and APISIX keep them).
    /// - `cookie`, `accept` and `accept-encoding`: clients that add them below this layer (reqwest's cookie store) send what was not
    ///   signed.
    /// - `via`, `forwarded`, `x-forwarded-for` and `max-forwards`: each proxy changes them (RFC 9110, section 7.6).
    ///
    /// Together with the default list there is room for 64 names, of which `digest` and `content-digest` take two, whether
    /// they are listed or not: `DigestLayer` adds them to the list.
    pub fn signed_headers(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.signed_headers = owned(names);
        self
    }

    /// Signs exactly this list, in this order, in place of what the scheme signs by default; what a request lacks is
    /// left out. (A digest that `DigestLayer` has computed, or that a reqwest request has, is signed behind it.) Besides headers it can name what the scheme has beside them:
    ///
    /// | scheme | name | what is signed |
    /// |---|---|---|
    /// | Kong | `@request-target` | method and target, as sent |
    /// | Kong | `request-line` | the same with the HTTP version: **wrong** where ALPN may pick HTTP/2, as the version is not known when the request is signed |
    /// | APISIX | `@request-target` | method and target, the path decoded |
    /// | draft-cavage | `(request-target)` | method and target, as sent |
    /// | draft-cavage | `(created)`, `(expires)` | the times, with [`hs2019`](Self::hs2019) |
    ///
    /// It has to name `date` or `x-date` (which makes it the header that is sent), or `(created)`.
    ///
    /// ```
    /// use tower_hmac_auth::{KeyPair, Scheme, Signer};
    ///
    /// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
    /// let signer = Signer::builder(keys)
    ///     .scheme(Scheme::Apisix)
    ///     .components(["@request-target", "date", "X-Custom-A"])
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn components(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.components = Some(owned(names));
        self
    }

    /// Names the algorithm `hs2019`, which leaves it to the key which hash is used: the one set here. Default: `false`.
    ///
    /// draft-cavage-http-signatures-12, section 2.3, allows `(created)` and `(expires)` with it only.
    pub fn hs2019(mut self, hs2019: bool) -> Self {
        self.hs2019 = hs2019;
        self
    }

    /// For how long a signature is good from its making on, in whole seconds, at least one: what is sent as `expires`.
    /// Needed if `(expires)` is listed, and an error otherwise.
    pub fn expires_after(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Makes the signer.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the scheme cannot carry an option, if a header that should be signed cannot be, is signed
    /// anyway, is named twice or does not outlive the first connection, if more than 64 things are to be signed, or if
    /// signatures are to be good for less than a second.
    pub fn build(self) -> Result<Signer, BuildError> {
        let (scheme, dialect) = (self.scheme, self.scheme.dialect());
        if let Some(algorithm) = self.algorithm {
            scheme.check_algorithm(algorithm)?;
        }
        if let Some(header) = self.date_header
            && !dialect.date_headers.contains(&header)
        {
            return Err(BuildError::DateHeaderNotCarried { scheme, header });
        }
        if !dialect.carries_key_id(self.keys.key_id().as_str()) {
            let characters = dialect.not_in_key_id;
            return Err(BuildError::KeyIdNotCarried { scheme, characters });
        }
        if self.hs2019 {
            scheme.check_hs2019()?;
        }
        if self
            .lifetime
            .is_some_and(|lifetime| lifetime.as_secs() == 0)
        {
            return Err(BuildError::LifetimeTooShort);
        }
        let list = self.list()?;
        self.check(&list)?;
        Ok(self.with_list(list))
    }

    /// The signer of a builder that was given keys only, which every scheme's defaults suit.
    pub(super) fn with_defaults(self) -> Signer {
        let list = self.list().unwrap_or_default();
        self.with_list(list)
    }

    fn with_list(self, list: Vec<Listed>) -> Signer {
        let default = self.scheme.dialect().algorithms.first().copied();
        let algorithm = self.algorithm.or(default).unwrap_or(Algorithm::HmacSha1);
        let name = if self.hs2019 {
            HS2019
        } else {
            algorithm.name()
        };
        Signer {
            inner: Arc::new(Inner {
                keys: self.keys,
                scheme: self.scheme,
                algorithm,
                template: Template::new(&self.scheme.dialect().syntax, name),
                options: Options::new(list, self.lifetime),
                signer_id: cache::next_id(),
                faults: Faults::default(),
            }),
        }
    }

    /// What is signed, entry by entry.
    fn list(&self) -> Result<Vec<Listed>, BuildError> {
        let dialect = self.scheme.dialect();
        let date_header = self.date_header.or(dialect.date_headers.first().copied());
        let date = date_header.map_or("", |header| header.name().as_str());
        let default = dialect.default_list.iter().copied();
        let default = default.map(|name| if name == "date" { date } else { name });
        let named: Vec<&str> = match &self.components {
            Some(components) => components.iter().map(String::as_str).collect(),
            None => default.collect(),
        };
        let further = self.signed_headers.iter().map(String::as_str);
        if let Some(name) = further
            .clone()
            .find(|name| is_date(name) || is_in(&named, name))
        {
            let name = Excerpt::new(name);
            return Err(BuildError::SignedAnyway { name });
        }
        let names = named.iter().copied().chain(further);
        names.map(|name| self.listed(name)).collect()
    }

    fn listed(&self, name: &str) -> Result<Listed, BuildError> {
        let (scheme, dialect) = (self.scheme, self.scheme.dialect());
        let signable = scheme.signable(name)?;
        signable.check_times(name, self.hs2019)?;
        let header = match signable {
            Signable::Header(header) => header,
            Signable::Derived(derived) => {
                return Ok(Listed {
                    spelling: name.into(),
                    what: What::Derived(derived),
                });
            }
        };
        let mut dates = [DateHeader::Date, DateHeader::XDate].into_iter();
        let what = match dates.find(|date| *date.name() == header) {
            Some(header) if !dialect.date_headers.contains(&header) => {
                return Err(BuildError::DateHeaderNotCarried { scheme, header });
            }
            Some(date) => What::Date(date),
            None => What::Header(header.clone()),
        };
        // The date is listed in lower case for all: APISIX looks for it so.
        let is_lower_case = dialect.format.lower_case_names || matches!(what, What::Date(_));
        let spelling = if is_lower_case { header.as_str() } else { name };
        Ok(Listed {
            spelling: spelling.into(),
            what,
        })
    }

    /// Refuses lists that no verifier accepts.
    fn check(&self, list: &[Listed]) -> Result<(), BuildError> {
        let is_listed = |name: &HeaderName| {
            let mut list = list.iter();
            list.any(|listed| matches!(&listed.what, What::Header(other) if other == name))
        };
        let unlisted_digests = DIGESTS.iter().filter(|name| !is_listed(name));
        let names = list.iter().map(|listed| &*listed.spelling);
        check_list(names.chain(unlisted_digests.map(HeaderName::as_str)))?;
        let mut dates = 0;
        for (position, Listed { spelling, what }) in list.iter().enumerate() {
            let mut before = list.iter().take(position);
            let name = Excerpt::new(spelling);
            if before.any(|other| other.spelling.eq_ignore_ascii_case(spelling)) {
                return Err(BuildError::NamedTwice { name });
            }
            match what {
                What::Date(_) if dates > 0 => return Err(BuildError::TwoDates),
                What::Date(header) if self.date_header.is_some_and(|other| other != *header) => {
                    return Err(BuildError::TwoDates);
                }
                What::Date(_) => dates += 1,
                What::Derived(DerivedComponent::Expires) if self.lifetime.is_none() => {
                    return Err(BuildError::NoLifetime);
                }
                _ => {}
            }
        }
        let is_created = |listed: &Listed| listed.what == What::Derived(DerivedComponent::Created);
        if dates == 0 && !list.iter().any(is_created) {
            return Err(BuildError::NoDate {
                scheme: self.scheme,
            });
        }
        let is_expires = |listed: &Listed| listed.what == What::Derived(DerivedComponent::Expires);
        if self.lifetime.is_some() && !list.iter().any(is_expires) {
            return Err(BuildError::LifetimeNotSigned);
        }
        Ok(())
    }
}

fn owned(names: impl IntoIterator<Item: AsRef<str>>) -> Vec<String> {
    let names = names.into_iter();
    names.map(|name| name.as_ref().to_owned()).collect()
}

fn is_date(name: &str) -> bool {
    let mut dates = [DateHeader::Date, DateHeader::XDate].into_iter();
    dates.any(|header| name.eq_ignore_ascii_case(header.name().as_str()))
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}
