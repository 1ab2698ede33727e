//! Reasons for which a request is refused.

mod credentials_error;
mod excerpt;
mod kind;
mod target_error;

use std::fmt;

pub(crate) use self::kind::refuses_credentials;
pub use self::{
    credentials_error::CredentialsError, excerpt::Excerpt, kind::RejectionKind,
    target_error::TargetError,
};
use crate::{header::DateHeader, limits::MAX_NONCE_LEN, mac::HS2019};

/// Describes why a request is refused.
///
/// There is one variant for each refusal that the gateways document, and a few for checks that the
/// gateways do not make.
///
/// [`Scheme::text`](crate::Scheme::text) returns the text for the client, word for word as the
/// gateway documents it, and [`Scheme::status`](crate::Scheme::status) the gateway's status.
/// [`Display`](fmt::Display) is for the server's log: one line that says what is wrong, where, and
/// what to do. No text ever contains a secret key or a valid signature.
///
/// Where `Authorization` is named below, it stands for the header that a described scheme has
/// [instead](crate::scheme::SchemeBuilder::credentials_header). A rejection does not know its
/// scheme, so its text does not name that header.
///
/// ```
/// use http::StatusCode;
/// use tower_hmac_auth::{Rejection, Scheme};
///
/// let rejection = Rejection::SignatureMismatch;
/// assert_eq!(Scheme::Tencent.status(&rejection), StatusCode::UNAUTHORIZED);
/// assert_eq!(Scheme::Tencent.text(&rejection), "HMAC signature does not match.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// There is no `Authorization` header.
    AuthorizationMissing,
    /// The `Authorization` header cannot be read.
    AuthorizationMalformed(CredentialsError),
    /// `Authorization` has no `algorithm` or no `headers`, or no nonce in a scheme that has a
    /// parameter for it, or one of them is empty.
    ParameterMissing {
        /// The parameter's name.
        parameter: &'static str,
    },
    /// `Authorization` has no key id or no `signature`, or one of them is empty.
    KeyIdOrSignatureMissing {
        /// The name of the parameter for the key id.
        key_id_parameter: &'static str,
    },
    /// The algorithm does not exist, or the server does not allow it.
    AlgorithmNotSupported {
        /// The algorithm's name in the request; `hs2019` if there is none and the scheme has
        /// `hs2019`.
        algorithm: Excerpt,
    },
    /// A signed header, a date header or `Authorization` is repeated.
    HeaderRepeated {
        /// The header's name.
        name: Excerpt,
    },
    /// `Host` and the target (`:authority` on HTTP/2) name different hosts.
    HostMismatch,
    /// A header is listed as signed but is not in the request.
    HeaderMissing {
        /// The header's name.
        name: Excerpt,
    },
    /// The server requires a header or derived component that the signature does not cover.
    NotCovered {
        /// The name.
        name: Excerpt,
    },
    /// The signature covers neither `Date` nor `X-Date`, or not the one that the server requires.
    DateNotCovered {
        /// The header to send and sign.
        wanted: DateHeader,
    },
    /// The signature covers `Date`, but the request also has an `X-Date` that it does not cover.
    XDateNotCovered,
    /// The signed date is not an HTTP date between 1970 and 9999.
    DateUnreadable {
        /// The date header.
        header: DateHeader,
    },
    /// The signed date has a time zone other than UTC, such as `+0800` or `EST`.
    DateNotUtc {
        /// The date header.
        header: DateHeader,
    },
    /// The signed date is too far from the server's clock.
    DateOutOfRange {
        /// The date header.
        header: DateHeader,
        /// How far it is from the server's clock, in seconds, before or after.
        skew: u64,
        /// How far it may be from the server's clock, in seconds.
        max_skew: u64,
    },
    /// The signature covers a request target that cannot be signed or is not trusted.
    Target(TargetError),
    /// The time in the parameter `created` is too far from the server's clock.
    CreatedOutOfRange {
        /// How far it is from the server's clock, in seconds, before or after.
        skew: u64,
        /// How far it may be from the server's clock, in seconds.
        max_skew: u64,
    },
    /// The time in the parameter `expires` has passed.
    Expired {
        /// How long ago it passed, in seconds.
        since: u64,
    },
    /// No key has this id, or it is disabled.
    KeyUnknown,
    /// The signature does not match the signing string and the key.
    SignatureMismatch,
    /// The signature is valid, but the key is not bound to this API.
    KeyNotBound,
    /// The signature is valid, but the API has no usage plan.
    NoUsagePlan,
    /// The header that carries the body's digest cannot be read, or does not have exactly one
    /// SHA-256 (for `Content-MD5`, one MD5). With Traefik Hub's scheme, it may have one SHA-512
    /// instead or as well.
    DigestMalformed {
        /// The header's name.
        name: Excerpt,
    },
    /// The body does not match the signed digest.
    DigestMismatch,
    /// The body is longer than the limit up to which digests are compared.
    BodyTooLarge {
        /// The length in `Content-Length`, in bytes, if there is one.
        size: Option<u64>,
        /// How long a body may be, in bytes.
        limit: usize,
    },
    /// The body could not be read to its end.
    BodyUnreadable,
    /// A layer that needs to know what the signature covers is not inside a
    /// [`VerifyLayer`](crate::VerifyLayer). This is a mistake in the server.
    NotVerified,
    /// The key store could not be reached. This is not the client's mistake.
    KeyStoreUnavailable,
    /// The signed nonce is empty or longer than 128 bytes.
    NonceInvalid {
        /// The name of the header or parameter.
        name: Excerpt,
    },
    /// The nonce has been used before: the request is a copy of an earlier one.
    Replayed,
    /// The request is so old that the guard against replays can have lost its claim: it is dated
    /// before the guard was started, or not long enough after that, or it has waited for its key or
    /// its body until its date was too old.
    ClaimsLost,
    /// The guard against replays has no room for another claim.
    ReplayGuardFull,
    /// The guard against replays could not be reached. This is not the client's mistake.
    ReplayGuardUnavailable,
    /// A guard against replays has nothing to claim, because the
    /// [`Verifier`](crate::Verifier) requires no nonce. This is a mistake in the server.
    NoClaim,
}

impl Rejection {
    /// Returns how far the signed time is from the clock, or how long ago it expired, in seconds,
    /// if that is the reason.
    #[cfg(feature = "tracing")]
    pub(crate) fn skew(&self) -> Option<u64> {
        match self {
            Self::DateOutOfRange { skew, .. } | Self::CreatedOutOfRange { skew, .. } => Some(*skew),
            Self::Expired { since } => Some(*since),
            _ => None,
        }
    }

    pub(crate) fn repeated(name: &str) -> Self {
        let name = Excerpt::new(name);
        Self::HeaderRepeated { name }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorizationMissing => f.write_str(
                "no credentials in Authorization, or in the header that the scheme has instead: \
                 sign the request, after every layer that removes headers",
            ),
            Self::AuthorizationMalformed(malformed) => fmt::Display::fmt(malformed, f),
            Self::ParameterMissing { parameter } => {
                write!(
                    f,
                    "the credentials have no {parameter} parameter, or an empty one: send it with \
                     a value"
                )
            }
            Self::KeyIdOrSignatureMissing { key_id_parameter } => write!(
                f,
                "the credentials have no {key_id_parameter} or no signature, or an empty one: \
                 send both"
            ),
            Self::AlgorithmNotSupported { algorithm } if algorithm.as_str() == HS2019 => write!(
                f,
                "the algorithm {HS2019} is unknown or not allowed here, as is none at all: sign \
                 with an allowed one, and name it"
            ),
            Self::AlgorithmNotSupported { algorithm } => {
                write!(
                    f,
                    "the algorithm {algorithm} is unknown or not allowed here: sign with an \
                     allowed one"
                )
            }
            Self::HeaderRepeated { name } => {
                write!(
                    f,
                    "the request names {name} more than once: send it once, with one value"
                )
            }
            Self::HostMismatch => f.write_str(
                "Host and the request's target name different hosts: send one host, with one \
                 port, in both",
            ),
            Self::HeaderMissing { name } => {
                write!(
                    f,
                    "{name} is listed as signed but is not in the request: send it, or do not \
                     list it"
                )
            }
            Self::NotCovered { name } => {
                write!(
                    f,
                    "{name} must be covered by the signature and is not: sign it"
                )
            }
            Self::DateNotCovered { wanted } => {
                let name = wanted.name();
                write!(
                    f,
                    "the signature covers no date header that counts here: send {name} and list \
                     it as {name}"
                )
            }
            Self::XDateNotCovered => f.write_str(
                "X-Date is there but not covered by the signature: sign it, or do not send it",
            ),
            Self::DateUnreadable { header } => {
                write!(
                    f,
                    "{} is not an HTTP date between 1970 and 9999: send it like `Fri, 09 Oct \
                     2015 00:00:00 GMT`",
                    header.name()
                )
            }
            Self::DateNotUtc { header } => {
                write!(
                    f,
                    "{} has a time zone that is not zero: send the date in GMT, like `Fri, 09 \
                     Oct 2015 00:00:00 GMT`",
                    header.name()
                )
            }
            Self::DateOutOfRange {
                header,
                skew,
                max_skew,
            } => {
                write!(
                    f,
                    "{} is {skew} s from this clock, more than {max_skew} s: sign every request \
                     when it is sent, and set the clocks",
                    header.name()
                )
            }
            Self::Target(error) => fmt::Display::fmt(error, f),
            Self::CreatedOutOfRange { skew, max_skew } => {
                write!(
                    f,
                    "created is {skew} s from this clock, more than {max_skew} s: sign every \
                     request when it is sent, and set the clocks"
                )
            }
            Self::Expired { since } => {
                write!(
                    f,
                    "the signature expired {since} s ago: sign every request when it is sent, \
                     and set the clocks"
                )
            }
            Self::KeyUnknown => f.write_str("the key id is unknown or disabled: check the id"),
            Self::SignatureMismatch => f.write_str(
                "the signature does not match: check the secret key, and compare both sides' \
                 signing strings",
            ),
            Self::KeyNotBound => {
                f.write_str("the key is not bound to this API: bind it, or use another key")
            }
            Self::NoUsagePlan => {
                f.write_str("this API has no usage plan: make one and bind the key to it")
            }
            Self::DigestMalformed { name } => {
                write!(
                    f,
                    "{name} has not exactly one digest that can be read: send it like `SHA-256=` \
                     and base64, or `sha-256=:` base64 `:`, or as content_md5 makes it"
                )
            }
            Self::DigestMismatch => {
                f.write_str("the body is not what its digest says: hash what is sent")
            }
            Self::BodyTooLarge { limit, .. } => {
                write!(
                    f,
                    "the body is longer than {limit} bytes: send less, or raise the server's limit"
                )
            }
            Self::BodyUnreadable => f.write_str("the body broke off: send all of it"),
            Self::NotVerified => f.write_str(
                "the request was not verified before: put VerifyDigestLayer and ReplayLayer below \
                 VerifyLayer",
            ),
            Self::KeyStoreUnavailable => {
                f.write_str("the key store is unavailable: see its own log")
            }
            Self::NonceInvalid { name } => write!(
                f,
                "{name} is empty or longer than {MAX_NONCE_LEN} bytes: send a new random text with \
                 every request"
            ),
            Self::Replayed => f.write_str(
                "the request has been sent before: sign every request again before it is sent, \
                 with a new nonce",
            ),
            Self::ClaimsLost => f.write_str(
                "the guard against replays can have lost an earlier claim of the request: after \
                 its start, wait until the clock skew has passed, or tell it that there was none \
                 before; limit how long a request may wait for its key and its body",
            ),
            Self::ReplayGuardFull => f.write_str(
                "the guard against replays is full: give it more room, or lower max_skew",
            ),
            Self::ReplayGuardUnavailable => {
                f.write_str("the guard against replays is unavailable: see its own log")
            }
            Self::NoClaim => f.write_str(
                "the verifier requires no nonce, so there is nothing to claim: set nonce or \
                 signature_as_nonce when it is built",
            ),
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
