//! Why a request is refused.

mod credentials_error;
mod excerpt;
mod kind;
mod target_error;

use std::fmt;

use http::StatusCode;

pub use self::{
    credentials_error::CredentialsError, excerpt::Excerpt, kind::RejectionKind,
    target_error::TargetError,
};
use crate::header::DateHeader;

/// Why a request is refused: one value for each of the refusals that the gateway documents, and a few that only
/// a careful verifier has.
///
/// [`Scheme::text`](crate::Scheme::text) is what the client is told, word for word as the gateway documents it.
/// [`Display`](fmt::Display) is for the server's log: one line that says what is wrong, where, and what to do. Neither ever holds a secret or a right signature.
///
/// ```
/// use http::StatusCode;
/// use tower_hmac_auth::{Rejection, Scheme};
///
/// let rejection = Rejection::SignatureMismatch;
/// assert_eq!(rejection.status(), StatusCode::UNAUTHORIZED);
/// assert_eq!(Scheme::Tencent.text(&rejection), "HMAC signature does not match.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// There is no `Authorization` header.
    AuthorizationMissing,
    /// The `Authorization` header cannot be read.
    AuthorizationMalformed(CredentialsError),
    /// `Authorization` has no `algorithm` or no `headers`, or an empty one.
    ParameterMissing {
        /// Which.
        parameter: &'static str,
    },
    /// `Authorization` has no key id or no `signature`, or an empty one.
    KeyIdOrSignatureMissing,
    /// The algorithm does not exist or is not among those the server allows.
    AlgorithmNotSupported {
        /// As the request names it.
        algorithm: Excerpt,
    },
    /// A signed header, a date header or `Authorization` is there more than once.
    HeaderRepeated {
        /// Which.
        name: Excerpt,
    },
    /// `Host` and the target (`:authority` on HTTP/2) name different hosts.
    HostMismatch,
    /// A header is listed as signed, but not in the request.
    HeaderMissing {
        /// Which.
        name: Excerpt,
    },
    /// The server wants this header covered by the signature, and it is not.
    NotCovered {
        /// Which.
        name: Excerpt,
    },
    /// The signature covers neither `Date` nor `X-Date`, or not the one the server wants.
    DateNotCovered {
        /// The header to send and sign.
        wanted: DateHeader,
    },
    /// There is an `X-Date` that the signature does not cover, beside a `Date` that it covers.
    XDateNotCovered,
    /// The date that counts cannot be read as an HTTP date between 1970 and 9999.
    DateUnreadable {
        /// Where it stands.
        header: DateHeader,
    },
    /// The date that counts has a time zone that is not UTC, `+0800` or `EST` for example.
    DateNotUtc {
        /// Where it stands.
        header: DateHeader,
    },
    /// The date that counts is too far from the server's clock.
    DateOutOfRange {
        /// Where it stands.
        header: DateHeader,
        /// How far off it is, in seconds, either way.
        skew: u64,
        /// How far off it may be, in seconds.
        max_skew: u64,
    },
    /// The signature covers a request target that cannot be signed, or that is not believed.
    Target(TargetError),
    /// The time in the parameter `created` is too far from the server's clock.
    CreatedOutOfRange {
        /// How far off it is, in seconds, either way.
        skew: u64,
        /// How far off it may be, in seconds.
        max_skew: u64,
    },
    /// The time in the parameter `expires` is over.
    Expired {
        /// For how long, in seconds.
        since: u64,
    },
    /// No key has this id, or it is disabled.
    KeyUnknown,
    /// The signature is not that of the signing string under this key.
    SignatureMismatch,
    /// The signature is right, but the key is not bound to this API.
    KeyNotBound,
    /// The signature is right, but the API has no usage plan.
    NoUsagePlan,
    /// The header that carries the body's digest cannot be read, or has no SHA-256 or two.
    DigestMalformed {
        /// Which.
        name: Excerpt,
    },
    /// The body is not what the signed digest says.
    DigestMismatch,
    /// The body is too long to be compared with its digest.
    BodyTooLarge {
        /// The length in `Content-Length`, in bytes, if there is one.
        size: Option<u64>,
        /// How long it may be, in bytes.
        limit: usize,
    },
    /// The body could not be read to its end.
    BodyUnreadable,
    /// A layer that needs to know what the signature covers is not behind [`VerifyLayer`](crate::VerifyLayer): the
    /// server's mistake.
    NotVerified,
    /// The key could not be looked up: not the client's fault.
    KeyStoreUnavailable,
}

impl Rejection {
    /// How far the signed time is from this clock, or past its end, in seconds, where that is the reason.
    #[cfg(feature = "tracing")]
    pub(crate) fn skew(&self) -> Option<u64> {
        match self {
            Self::DateOutOfRange { skew, .. } | Self::CreatedOutOfRange { skew, .. } => Some(*skew),
            Self::Expired { since } => Some(*since),
            _ => None,
        }
    }

    /// Whether to tell the client apart what was wrong would tell it of credentials.
    pub(crate) fn is_about_credentials(&self) -> bool {
        matches!(
            self.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        )
    }

    pub(crate) fn repeated(name: &str) -> Self {
        let name = Excerpt::new(name);
        Self::HeaderRepeated { name }
    }

    /// The documented status: 401, but 403 for [`NoUsagePlan`](Self::NoUsagePlan), 413 for
    /// [`BodyTooLarge`](Self::BodyTooLarge), 400 for [`BodyUnreadable`](Self::BodyUnreadable), 500 for
    /// [`NotVerified`](Self::NotVerified), and 503 for [`KeyStoreUnavailable`](Self::KeyStoreUnavailable).
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoUsagePlan => StatusCode::FORBIDDEN,
            Self::KeyStoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyUnreadable => StatusCode::BAD_REQUEST,
            Self::NotVerified => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorizationMissing => {
                f.write_str("no Authorization header: sign the request, after every layer that removes headers")
            }
            Self::AuthorizationMalformed(malformed) => fmt::Display::fmt(malformed, f),
            Self::ParameterMissing { parameter } => {
                write!(f, "Authorization has no {parameter} parameter, or an empty one: send all four")
            }
            Self::KeyIdOrSignatureMissing => {
                f.write_str("Authorization has no key id or no signature, or an empty one: send all four parameters")
            }
            Self::AlgorithmNotSupported { algorithm } => {
                write!(f, "the algorithm {algorithm} is unknown or not allowed here: sign with an allowed one")
            }
            Self::HeaderRepeated { name } => {
                write!(f, "the request names {name} more than once: send it once, with one value")
            }
            Self::HostMismatch => {
                f.write_str("Host and the request's target name different hosts: send one host, with one port, in both")
            }
            Self::HeaderMissing { name } => {
                write!(f, "{name} is listed as signed but is not in the request: send it, or do not list it")
            }
            Self::NotCovered { name } => {
                write!(f, "{name} must be covered by the signature and is not: sign it")
            }
            Self::DateNotCovered { wanted } => {
                let name = wanted.name();
                write!(f, "the signature covers no date header that counts here: send {name} and list it as {name}")
            }
            Self::XDateNotCovered => {
                f.write_str("X-Date is there but not covered by the signature: sign it, or do not send it")
            }
            Self::DateUnreadable { header } => {
                write!(f, "{} is not an HTTP date between 1970 and 9999: send it like \
                           `Fri, 09 Oct 2015 00:00:00 GMT`", header.name())
            }
            Self::DateNotUtc { header } => {
                write!(f, "{} has a time zone that is not zero: send the date in GMT, like \
                           `Fri, 09 Oct 2015 00:00:00 GMT`", header.name())
            }
            Self::DateOutOfRange { header, skew, max_skew } => {
                write!(f, "{} is {skew} s from this clock, more than {max_skew} s: sign every request when it \
                           is sent, and set the clocks", header.name())
            }
            Self::Target(error) => fmt::Display::fmt(error, f),
            Self::CreatedOutOfRange { skew, max_skew } => {
                write!(f, "created is {skew} s from this clock, more than {max_skew} s: sign every request when it \
                           is sent, and set the clocks")
            }
            Self::Expired { since } => {
                write!(f, "the signature expired {since} s ago: sign every request when it is sent, and set the clocks")
            }
            Self::KeyUnknown => f.write_str("the key id is unknown or disabled: check the id"),
            Self::SignatureMismatch => f.write_str(
                "the signature does not match: check the secret key, and compare both sides' signing strings",
            ),
            Self::KeyNotBound => f.write_str("the key is not bound to this API: bind it, or use another key"),
            Self::NoUsagePlan => f.write_str("this API has no usage plan: make one and bind the key to it"),
            Self::DigestMalformed { name } => {
                write!(f, "{name} has not exactly one SHA-256: send it like `SHA-256=` and base64, or `sha-256=:` base64 `:`")
            }
            Self::DigestMismatch => f.write_str("the body is not what its digest says: hash what is sent"),
            Self::BodyTooLarge { limit, .. } => {
                write!(f, "the body is longer than {limit} bytes: send less, or raise the server's limit")
            }
            Self::BodyUnreadable => f.write_str("the body broke off: send all of it"),
            Self::NotVerified => {
                f.write_str("the request was not verified before its digest: put VerifyDigestLayer below VerifyLayer")
            }
            Self::KeyStoreUnavailable => f.write_str("the key store is unavailable: see its own log"),
        }
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::AuthorizationMalformed(error) => Some(error),
            Self::Target(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TargetError> for Rejection {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl From<CredentialsError> for Rejection {
    fn from(malformed: CredentialsError) -> Self {
        Self::AuthorizationMalformed(malformed)
    }
}
