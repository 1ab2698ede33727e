//! What a client sees of a refusal: its kind, its status, and what to do about it.

use std::fmt;

use http::StatusCode;

use super::Rejection;

/// Classifies refusals by what a client can learn from the gateway's text.
///
/// On the client's side [`Rejection::from_response_text`] returns it, on the server's side
/// [`Rejection::kind`].
///
/// ```
/// use tower_hmac_auth::{Rejection, error::RejectionKind};
///
/// let kind = Rejection::from_response_text(r#"{"message":"HMAC signature does not match."}"#);
/// assert_eq!(kind, Some(RejectionKind::SignatureMismatch));
/// println!("{}", RejectionKind::SignatureMismatch.hint());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionKind {
    /// There is no `Authorization` header.
    AuthorizationMissing,
    /// The `Authorization` header cannot be read.
    AuthorizationMalformed,
    /// `Authorization` lacks a parameter.
    ParameterMissing,
    /// `Authorization` has no key id or no signature.
    KeyIdOrSignatureMissing,
    /// The algorithm is unknown or not allowed.
    AlgorithmNotSupported,
    /// A header that must not be repeated is repeated, or the request names two different hosts.
    HeaderRepeated,
    /// A header is listed but not sent, or has to be signed and is not.
    HeaderMissing,
    /// No date that the gateway accepts is signed.
    DateMissing,
    /// The date cannot be read, or is not in UTC.
    DateUnreadable,
    /// The date, or another time in the signature, is too far from the gateway's clock.
    OutOfDate,
    /// The request target cannot be signed or is not trusted.
    Target,
    /// The key id is unknown or disabled. Kong sends the same text for an invalid header or
    /// algorithm.
    KeyUnknown,
    /// The signature is wrong.
    SignatureMismatch,
    /// The key may not call this API.
    KeyNotBound,
    /// The API has no usage plan.
    NoUsagePlan,
    /// The body does not match its digest, or the digest cannot be read.
    Digest,
    /// The body is too long or incomplete.
    Body,
    /// The gateway could not look up the key, or failed in another way.
    KeyStoreUnavailable,
    /// The nonce is empty or too long.
    Nonce,
    /// The request has been sent before.
    Replayed,
    /// The gateway could not find out whether the request has been sent before.
    ReplayGuard,
    /// The gateway does not say why.
    Unspecified,
}

impl RejectionKind {
    /// All kinds.
    pub const ALL: [Self; 22] = [
        Self::AuthorizationMissing,
        Self::AuthorizationMalformed,
        Self::ParameterMissing,
        Self::KeyIdOrSignatureMissing,
        Self::AlgorithmNotSupported,
        Self::HeaderRepeated,
        Self::HeaderMissing,
        Self::DateMissing,
        Self::DateUnreadable,
        Self::OutOfDate,
        Self::Target,
        Self::KeyUnknown,
        Self::SignatureMismatch,
        Self::KeyNotBound,
        Self::NoUsagePlan,
        Self::Digest,
        Self::Body,
        Self::KeyStoreUnavailable,
        Self::Nonce,
        Self::Replayed,
        Self::ReplayGuard,
        Self::Unspecified,
    ];

    /// Returns the name, as its variant is spelled. It is stable: [events](crate::events) have it
    /// as `kind`, and it suits a metric's label.
    ///
    /// ```
    /// use tower_hmac_auth::error::RejectionKind;
    ///
    /// assert_eq!(RejectionKind::OutOfDate.name(), "OutOfDate");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationMissing => "AuthorizationMissing",
            Self::AuthorizationMalformed => "AuthorizationMalformed",
            Self::ParameterMissing => "ParameterMissing",
            Self::KeyIdOrSignatureMissing => "KeyIdOrSignatureMissing",
            Self::AlgorithmNotSupported => "AlgorithmNotSupported",
            Self::HeaderRepeated => "HeaderRepeated",
            Self::HeaderMissing => "HeaderMissing",
            Self::DateMissing => "DateMissing",
            Self::DateUnreadable => "DateUnreadable",
            Self::OutOfDate => "OutOfDate",
            Self::Target => "Target",
            Self::KeyUnknown => "KeyUnknown",
            Self::SignatureMismatch => "SignatureMismatch",
            Self::KeyNotBound => "KeyNotBound",
            Self::NoUsagePlan => "NoUsagePlan",
            Self::Digest => "Digest",
            Self::Body => "Body",
            Self::KeyStoreUnavailable => "KeyStoreUnavailable",
            Self::Nonce => "Nonce",
            Self::Replayed => "Replayed",
            Self::ReplayGuard => "ReplayGuard",
            Self::Unspecified => "Unspecified",
        }
    }

    /// Returns a few sentences for the client's developer and operator: what to check, the most
    /// likely cause first.
    ///
    /// It is for a log or a console, in a client or on a server. Do not put it into an answer to
    /// anyone: that has [the gateway's text](crate::Scheme::text), which says no more than the
    /// gateway does.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::AuthorizationMissing => {
                "The request came without credentials. Check that the signing layer is in the \
                 stack, that the host is among those of allowed_hosts, and that no layer or proxy \
                 below it removes Authorization, or the header that the scheme has instead."
            }
            Self::AuthorizationMalformed => {
                "The credentials cannot be read. Check that the gateway speaks the scheme you sign \
                 in, that nothing else sets their header (for Authorization, a Bearer token or \
                 user:password in the URL), and that it is sent once."
            }
            Self::ParameterMissing => {
                "The credentials lack a parameter or have an empty one. Send the key id, the \
                 algorithm, the headers and the signature, spelled as this gateway's scheme has \
                 them."
            }
            Self::KeyIdOrSignatureMissing => {
                "The credentials have no key id or no signature. Check that the key id is not \
                 empty, and that its parameter has the name of this gateway's scheme."
            }
            Self::AlgorithmNotSupported => {
                "The gateway does not accept this algorithm. Use one it allows, its name in \
                 lower case: hmac-sha1 or hmac-sha256 with most."
            }
            Self::HeaderRepeated => {
                "A signed header, a date or the header with the credentials is on the request \
                 more than once, or two hosts are named. Send each with one value; look for a \
                 layer or proxy that adds a second."
            }
            Self::HeaderMissing => {
                "A header is listed as signed but did not arrive, or has to be signed and is \
                 not. Send it and sign it; look for a proxy that removes it."
            }
            Self::DateMissing => {
                "No date that the gateway accepts is signed. Send and sign X-Date, or Date if \
                 the gateway requires it, as an HTTP date in GMT. Kong sends the same text for a \
                 date that is too old, so check the clocks too."
            }
            Self::DateUnreadable => {
                "The date cannot be read, or has a time zone that is not zero. Send it in GMT, \
                 like `Fri, 09 Oct 2015 00:00:00 GMT`."
            }
            Self::OutOfDate => {
                "The date is too far from the gateway's clock. Sign each request when it is \
                 sent, each retry again, and set this machine's clock."
            }
            Self::Target => {
                "The gateway does not trust the request target. Send a path that begins with /, \
                 without dot segments, empty segments and needless escapes."
            }
            Self::KeyUnknown => {
                "The key id is unknown or disabled: check it, and that the key is of this \
                 gateway and environment. Kong says the same of a header it cannot read, an \
                 algorithm it does not allow, an enforced header that is not signed, and a \
                 credential of another plugin or scheme."
            }
            Self::SignatureMismatch => {
                "Usual causes, in order: a newline or space around the secret key, base64 decoded \
                 on one side, a proxy that rewrites host or target, axum's nest \
                 (original_target), a cache that turns HEAD into GET, a changed header or body \
                 (digest); compare both sides' signing strings: if equal, it is the secret."
            }
            Self::KeyNotBound => {
                "The signature is right, but this key may not call this API. Bind the key to it, \
                 or use another key."
            }
            Self::NoUsagePlan => {
                "The API has no usage plan. Make one, bind the key and the API to it, and \
                 publish it in this environment."
            }
            Self::Digest => {
                "The body does not match its digest. Hash exactly the bytes that are sent, \
                 compressed ones after compression; look for a layer or proxy that changes the \
                 body."
            }
            Self::Body => {
                "The body is longer than the gateway accepts, or incomplete. Send less at a time."
            }
            Self::KeyStoreUnavailable => {
                "The gateway could not check the signature, for a reason of its own. Try again; \
                 if that does not help, ask the gateway's operator."
            }
            Self::Nonce => {
                "The nonce is empty or too long. Send a new random text of at most 128 bytes with \
                 every request, and sign it."
            }
            Self::Replayed => {
                "A request with this nonce has arrived before. Sign every request again before it \
                 is sent, each retry too; look for a proxy that resends requests, and for two \
                 clients with one sequence of random numbers."
            }
            Self::ReplayGuard => {
                "The gateway could not find out whether the request was sent before: its store is \
                 full, unreachable or was just started. Sign the request again and send it later; \
                 if that does not help, ask the gateway's operator."
            }
            Self::Unspecified => {
                "The gateway only logs the reason. Check the key id, the secret key, the clocks, \
                 that everything it requires is signed (Date, not X-Date) and, with \
                 validate_request_body, the body's digest. Then compare the signing string with \
                 what it logs."
            }
        }
    }
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Rejection {
    /// Returns the kind of this rejection, which is what a client can learn about it.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        match self {
            Self::AuthorizationMissing => RejectionKind::AuthorizationMissing,
            Self::AuthorizationMalformed(_) => RejectionKind::AuthorizationMalformed,
            Self::ParameterMissing { .. } => RejectionKind::ParameterMissing,
            Self::KeyIdOrSignatureMissing { .. } => RejectionKind::KeyIdOrSignatureMissing,
            Self::AlgorithmNotSupported { .. } => RejectionKind::AlgorithmNotSupported,
            Self::HeaderRepeated { .. } | Self::HostMismatch => RejectionKind::HeaderRepeated,
            Self::HeaderMissing { .. } | Self::NotCovered { .. } => RejectionKind::HeaderMissing,
            Self::DateNotCovered { .. } | Self::XDateNotCovered => RejectionKind::DateMissing,
            Self::DateUnreadable { .. } | Self::DateNotUtc { .. } => RejectionKind::DateUnreadable,
            Self::DateOutOfRange { .. } | Self::CreatedOutOfRange { .. } | Self::Expired { .. } => {
                RejectionKind::OutOfDate
            }
            Self::Target(_) => RejectionKind::Target,
            Self::KeyUnknown => RejectionKind::KeyUnknown,
            Self::SignatureMismatch => RejectionKind::SignatureMismatch,
            Self::KeyNotBound => RejectionKind::KeyNotBound,
            Self::NoUsagePlan => RejectionKind::NoUsagePlan,
            Self::DigestMalformed { .. } | Self::DigestMismatch => RejectionKind::Digest,
            Self::BodyTooLarge { .. } | Self::BodyUnreadable => RejectionKind::Body,
            Self::KeyStoreUnavailable | Self::NotVerified | Self::NoClaim => {
                RejectionKind::KeyStoreUnavailable
            }
            Self::NonceInvalid { .. } => RejectionKind::Nonce,
            Self::Replayed => RejectionKind::Replayed,
            Self::ClaimsLost | Self::ReplayGuardFull | Self::ReplayGuardUnavailable => {
                RejectionKind::ReplayGuard
            }
        }
    }

    /// Returns the [`RejectionKind::hint`] for the client's developer and operator, not for an
    /// answer.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        self.kind().hint()
    }

    /// Returns the status in Tencent Cloud API Gateway's scheme: 401, but 403 for
    /// [`NoUsagePlan`](Self::NoUsagePlan), 413 for [`BodyTooLarge`](Self::BodyTooLarge), 400 for
    /// [`BodyUnreadable`](Self::BodyUnreadable), 500 for [`NotVerified`](Self::NotVerified) and
    /// [`NoClaim`](Self::NoClaim), and 503 for [`KeyStoreUnavailable`](Self::KeyStoreUnavailable),
    /// [`ClaimsLost`](Self::ClaimsLost), [`ReplayGuardFull`](Self::ReplayGuardFull) and
    /// [`ReplayGuardUnavailable`](Self::ReplayGuardUnavailable).
    ///
    /// A rejection does not know its scheme, and other gateways have other statuses: Tyk 400
    /// instead of 401, most of them 403 for [`KeyNotBound`](Self::KeyNotBound), Tencent Cloud
    /// Market 421.
    /// [`Scheme::status`](crate::Scheme::status) and
    /// [`Refusal::status`](crate::verify::Refusal::status) return the gateway's.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        // The kind does not determine it: `BodyTooLarge` and `BodyUnreadable` have the same kind,
        // and so have `NotVerified` and `KeyStoreUnavailable`.
        match self {
            Self::NoUsagePlan => StatusCode::FORBIDDEN,
            Self::KeyStoreUnavailable
            | Self::ClaimsLost
            | Self::ReplayGuardFull
            | Self::ReplayGuardUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyUnreadable => StatusCode::BAD_REQUEST,
            Self::NotVerified | Self::NoClaim => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// Returns `true` if this reason tells the client something about credentials.
    pub(crate) fn is_about_credentials(&self) -> bool {
        refuses_credentials(self.status())
    }
}

/// Returns `true` if gateways refuse credentials with this status.
pub(crate) fn refuses_credentials(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use super::RejectionKind;

    #[test]
    fn a_kinds_name_is_its_variants() {
        for kind in RejectionKind::ALL {
            assert_eq!(kind.name(), format!("{kind:?}"));
        }
        assert_eq!(format!("{:>8}", RejectionKind::Body), "    Body");
    }
}
