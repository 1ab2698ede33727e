//! Why a request is not signed.

use std::fmt;

use http::HeaderName;

use crate::{
    Scheme,
    limits::MAX_HEADERS,
    rejection::{Excerpt, TargetError},
};

/// Says why a request cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// A header that should be signed has more than one value, or a date header is on the request
    /// more than once. No gateway of this scheme accepts either.
    RepeatedHeader {
        /// The header's name.
        name: HeaderName,
    },
    /// The target should be signed and cannot be.
    Target(TargetError),
    /// The request has a header with the name that stands for its request line. Gateways would use
    /// that header's value instead of the request line.
    NameTaken {
        /// The header's name.
        name: Excerpt,
    },
    /// The request has a header that the gateway reads instead of the signed date.
    OtherDate {
        /// The header's name.
        name: HeaderName,
    },
    /// The nonce that
    /// [`SignerBuilder::nonce_parameter`](crate::sign::SignerBuilder::nonce_parameter) gave cannot
    /// be sent: it is empty, longer than 8 KiB, or has a character other than visible ASCII without
    /// `"` and `\`.
    InvalidNonce,
    /// The key id has a character that the scheme cannot carry. Only a pair passed to
    /// [`RotatingKeyPair::rotate`](crate::sign::RotatingKeyPair::rotate) can cause this: the first
    /// pair is checked when the signer is built.
    KeyIdNotCarried {
        /// The scheme.
        scheme: Scheme,
    },
    /// The target is too long to get the credentials as further parameters of its query.
    TargetTooLong,
    /// The request has more than 16,384 headers, so that the signature's own might not fit.
    TooManyHeaders,
    /// The host that should be signed, or that
    /// [`SignerBuilder::allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts) has to know, is
    /// empty or cannot be read.
    InvalidHost,
    /// `host` should be signed, and the target's port is not a number up to 65535 without leading
    /// zeros. Clients would send another `Host` than the signed one.
    InvalidPort {
        /// The host and port.
        host: Excerpt,
    },
    /// The request goes to a host that is not among those of
    /// [`SignerBuilder::allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts).
    NotForThisHost {
        /// The host.
        host: Excerpt,
    },
    /// [`SignerBuilder::allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts) is set, and the
    /// destination is not known: neither the request's target nor its `Host` names one, and
    /// [`SignerBuilder::authority`](crate::sign::SignerBuilder::authority) is not set.
    DestinationUnknown,
    /// The request names no host, and that of
    /// [`SignerBuilder::authority`](crate::sign::SignerBuilder::authority) is not among those of
    /// [`SignerBuilder::allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts): the two options
    /// contradict each other.
    AuthorityExcluded {
        /// The configured host.
        host: Excerpt,
    },
    /// The request goes to another machine, its target has a scheme other than `https`, and
    /// [`SignerBuilder::https_only`](crate::sign::SignerBuilder::https_only) is set.
    NotHttps {
        /// The host; empty if the request names none.
        host: Excerpt,
    },
    /// [`SignerBuilder::https_only`](crate::sign::SignerBuilder::https_only) is set, and the target
    /// does not say whether the request goes over `https`: it has no scheme.
    SchemeUnknown {
        /// The host; empty if the request names none.
        host: Excerpt,
    },
    /// A nonce should be sent, and the operating system gave no random numbers for it.
    NoRandomNumbers,
}

/// Whose fault it is that a request is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nobody's: the options exclude the host or the scheme that the request names.
    Excluded,
    /// That of the signer's options or the client's setup: no request of this client is signed.
    Setup,
    /// That of the request alone.
    Request,
}

impl SignError {
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::NotForThisHost { .. } | Self::NotHttps { .. } => Cause::Excluded,
            Self::DestinationUnknown
            | Self::AuthorityExcluded { .. }
            | Self::SchemeUnknown { .. } => Cause::Setup,
            _ => Cause::Request,
        }
    }

    /// Returns the variant's name, for events.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RepeatedHeader { .. } => "RepeatedHeader",
            Self::Target(_) => "Target",
            Self::NameTaken { .. } => "NameTaken",
            Self::OtherDate { .. } => "OtherDate",
            Self::InvalidNonce => "InvalidNonce",
            Self::KeyIdNotCarried { .. } => "KeyIdNotCarried",
            Self::TargetTooLong => "TargetTooLong",
            Self::TooManyHeaders => "TooManyHeaders",
            Self::InvalidHost => "InvalidHost",
            Self::InvalidPort { .. } => "InvalidPort",
            Self::NotForThisHost { .. } => "NotForThisHost",
            Self::DestinationUnknown => "DestinationUnknown",
            Self::AuthorityExcluded { .. } => "AuthorityExcluded",
            Self::NotHttps { .. } => "NotHttps",
            Self::SchemeUnknown { .. } => "SchemeUnknown",
            Self::NoRandomNumbers => "NoRandomNumbers",
        }
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
                "the request has a header {name}, which gateways would use instead of the request \
                 line: leave it out"
            ),
            Self::OtherDate { name } => write!(
                f,
                "the request has a header {name}, which the gateway reads instead of the signed \
                 date: leave it out"
            ),
            Self::InvalidNonce => f.write_str(
                "the nonce is empty, too long or not visible ASCII without quotes and \
                 backslashes: return another from nonce_parameter",
            ),
            Self::KeyIdNotCarried { scheme } => write!(
                f,
                "the key id has a character that {scheme} cannot carry: rotate to a pair with \
                 another id"
            ),
            Self::TargetTooLong => {
                f.write_str("the target has no room for the credentials in its query: shorten it")
            }
            Self::TooManyHeaders => write!(
                f,
                "the request has more than {MAX_HEADERS} headers: leave some out"
            ),
            Self::InvalidHost => f.write_str(
                "the host that the request names is empty or invalid: correct its target, its Host \
                 header or authority",
            ),
            Self::InvalidPort { host } => write!(
                f,
                "the target's host {host} has a port that is not a number up to 65535 as clients \
                 send it: correct it or leave it out"
            ),
            Self::NotForThisHost { host } => write!(
                f,
                "the request goes to the host \"{host}\", which allowed_hosts does not name: add \
                 it if it is the gateway's"
            ),
            Self::DestinationUnknown => f.write_str(
                "the destination is not known, as the request names no host, and allowed_hosts is \
                 set: set authority (or give a tonic client its origin)",
            ),
            Self::AuthorityExcluded { host } => write!(
                f,
                "the request names no host, and authority is \"{host}\", which allowed_hosts does \
                 not name: add it to allowed_hosts, or correct authority"
            ),
            Self::NoRandomNumbers => f.write_str(
                "the operating system gave no random numbers for a nonce: see whether this process \
                 may call getrandom or open /dev/urandom",
            ),
            Self::SchemeUnknown { host } => {
                f.write_str("the target of the request")?;
                if !host.as_str().is_empty() {
                    write!(f, " to \"{host}\"")?;
                }
                f.write_str(
                    " has no scheme, and https_only is set: give it one that begins with https:// \
                     (to a tonic client, its origin)",
                )
            }
            Self::NotHttps { host } => write!(
                f,
                "the target of the request to \"{host}\" does not begin with https://, and \
                 https_only is set: give it one that does (to a tonic client, its origin)"
            ),
        }
    }
}

impl std::error::Error for SignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Target(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TargetError> for SignError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}
