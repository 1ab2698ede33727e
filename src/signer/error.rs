//! Why a request is not signed.

use std::fmt;

use http::HeaderName;

use crate::{Excerpt, Scheme, TargetError};

/// The most headers of a request that is signed. An [`http::HeaderMap`] is full at half as many again.
pub(super) const MAX_HEADERS: usize = 16 * 1024;

/// Why a request cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// A header that should be signed has more than one value, or a date header is on the request more than once: no gateway
    /// of this scheme accepts either.
    RepeatedHeader {
        /// Which.
        name: HeaderName,
    },
    /// The target should be signed and cannot be.
    Target(TargetError),
    /// The request has a header of the name that stands for its request line, which gateways would take instead.
    NameTaken {
        /// Which.
        name: Excerpt,
    },
    /// The key id has a character that the scheme cannot carry. Only a pair that came by
    /// [`Keys::rotate`](crate::Keys::rotate) can: others are refused when the signer is built.
    KeyIdNotCarried {
        /// The scheme.
        scheme: Scheme,
    },
    /// The request has more than 16,384 headers: it might not hold three more.
    TooManyHeaders,
    /// `host` should be signed, and the authority that it is taken from has an empty host.
    EmptyHost,
    /// `host` should be signed, and the target's port is not a number up to 65535 without zeros in front: clients send
    /// something else.
    InvalidPort {
        /// Host and port.
        host: Excerpt,
    },
    /// The request goes to a host that is not among those of [`Signer::only_for`](crate::Signer::only_for).
    NotForThisHost {
        /// Which; empty if the request names none.
        host: Excerpt,
    },
    /// The request goes to another machine, its target does not say `https`, and
    /// [`Signer::https_only`](crate::Signer::https_only) is set.
    NotHttps {
        /// Which; empty if the request names none.
        host: Excerpt,
    },
}

#[cfg(feature = "tracing")]
impl SignError {
    /// Whether it is wrong where the request goes, rather than what it is.
    pub(crate) fn is_destination(&self) -> bool {
        matches!(self, Self::NotForThisHost { .. } | Self::NotHttps { .. })
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RepeatedHeader { name } => write!(
                f,
                "{name} is on the request more than once: send it once, with one value"
            ),
            Self::Target(error) => fmt::Display::fmt(error, f),
            Self::NameTaken { name } => write!(
                f,
                "the request has a header {name}, which gateways would take for the request line: leave it out"
            ),
            Self::KeyIdNotCarried { scheme } => write!(
                f,
                "the key id has a character that {scheme} cannot carry: rotate to a pair with another id"
            ),
            Self::TooManyHeaders => write!(
                f,
                "the request has more than {MAX_HEADERS} headers: leave some out"
            ),
            Self::EmptyHost => f.write_str(
                "host should be signed but is empty in the target: send the request to a named host",
            ),
            Self::InvalidPort { host } => write!(
                f,
                "the target's host {host} has a port that is no number up to 65535, as clients send it: correct it or \
                 leave it out"
            ),
            Self::NotForThisHost { host } => write!(
                f,
                "the request goes to the host \"{host}\", which is not signed for: add it to only_for if it is the \
                 gateway's"
            ),
            Self::NotHttps { host } => write!(
                f,
                "the target of the request to \"{host}\" does not begin with https://, and https_only is set: give it one \
                 that does (to a tonic client, its origin)"
            ),
        }
    }
}

impl std::error::Error for SignError {}

impl From<TargetError> for SignError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}
