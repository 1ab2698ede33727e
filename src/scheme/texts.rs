//! What each gateway tells the clients that it refuses.

use std::borrow::Cow;

use crate::{DateHeader, Malformed, Rejection};

/// Source: Tencent Cloud API Gateway, "error codes".
pub(super) fn tencent(why: &Rejection) -> Cow<'static, str> {
    let text = match why {
        Rejection::AuthorizationMissing => {
            "HMAC signature cannot be verified, a validate authorization header is required"
        }
        Rejection::AuthorizationMalformed(_) => "HMAC authorization format error.",
        Rejection::ParameterMissing { .. } => "HMAC authorization headers is invalidate.",
        Rejection::KeyIdOrSignatureMissing => "HMAC id or signature missing.",
        Rejection::AlgorithmNotSupported { algorithm } => {
            return format!("HMAC algorithm {algorithm} not supported.").into();
        }
        Rejection::HeaderRepeated { .. } | Rejection::HostMismatch => {
            "HMAC do not support multiple HTTP header."
        }
        Rejection::HeaderMissing { name } | Rejection::NotCovered { name } => {
            return format!(
                "HMAC signature cannot be verified, a valid {name} header is required."
            )
            .into();
        }
        Rejection::DateNotCovered { .. }
        | Rejection::XDateNotCovered
        | Rejection::DateUnreadable {
            header: DateHeader::Date,
        }
        | Rejection::DateNotUtc {
            header: DateHeader::Date,
        } => "HMAC signature cannot be verified, a valid date or x-date header is required.",
        Rejection::DateUnreadable {
            header: DateHeader::XDate,
        }
        | Rejection::DateNotUtc {
            header: DateHeader::XDate,
        } => {
            "HMAC signature cannot be verified, a valid x-date header is required for HMAC Authentication."
        }
        Rejection::DateOutOfRange {
            header: DateHeader::Date,
            ..
        } => {
            "HMAC signature cannot be verified, the date header is out of date for HMAC Authentication."
        }
        Rejection::DateOutOfRange {
            header: DateHeader::XDate,
            ..
        } => {
            "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication."
        }
        Rejection::SignatureMismatch
        | Rejection::DigestMalformed { .. }
        | Rejection::DigestMismatch => "HMAC signature does not match.",
        Rejection::BodyTooLarge { .. } => "The request's body is too large.",
        Rejection::BodyUnreadable => "The request's body cannot be read.",
        Rejection::NotVerified => "An unexpected error occurred.",
        Rejection::KeyNotBound => "HMAC apikey is invalid for API.",
        Rejection::NoUsagePlan => "Found no validate usage plan.",
        Rejection::KeyStoreUnavailable => "HMAC signature cannot be verified at present.",
        Rejection::KeyUnknown
        | Rejection::Target(_)
        | Rejection::CreatedOutOfRange { .. }
        | Rejection::Expired { .. } => "HMAC signature cannot be verified.",
    };
    text.into()
}

/// Source: Kong's plugin `hmac-auth`; for what is not bound, its plugin `acl`.
pub(super) fn kong(why: &Rejection) -> Cow<'static, str> {
    let text = match why {
        Rejection::AuthorizationMissing => "Unauthorized",
        Rejection::SignatureMismatch
        | Rejection::DigestMalformed { .. }
        | Rejection::DigestMismatch
        | Rejection::BodyTooLarge { .. }
        | Rejection::BodyUnreadable => "HMAC signature does not match",
        Rejection::DateNotCovered { .. }
        | Rejection::XDateNotCovered
        | Rejection::DateUnreadable { .. }
        | Rejection::DateNotUtc { .. }
        | Rejection::DateOutOfRange { .. } => {
            "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication"
        }
        Rejection::KeyNotBound | Rejection::NoUsagePlan => "You cannot consume this service",
        Rejection::KeyStoreUnavailable | Rejection::NotVerified => "An unexpected error occurred",
        _ => "HMAC signature cannot be verified",
    };
    text.into()
}

/// Source: Apache APISIX's plugin `hmac-auth`, which keeps most reasons for its log. It reads a body to its end before it
/// says how long it is; a body of unknown length is not read beyond the limit here, so its size is left out.
pub(super) fn apisix(why: &Rejection) -> Cow<'static, str> {
    let text = match why {
        Rejection::AuthorizationMissing => {
            "client request can't be validated: missing Authorization header"
        }
        Rejection::AuthorizationMalformed(Malformed::OtherScheme) => {
            "client request can't be validated: Authorization header does not start with 'Signature'"
        }
        Rejection::BodyTooLarge { size, limit } => {
            let size = size.map(|size| format!(" {size}")).unwrap_or_default();
            let size =
                format!("request size{size} is greater than the maximum size {limit} allowed");
            return size.into();
        }
        _ => "client request can't be validated",
    };
    text.into()
}

/// The draft has no texts. These say what is wrong where the client is to mend it, but not what is wrong with the server.
pub(super) fn cavage(why: &Rejection) -> Cow<'static, str> {
    match why {
        Rejection::NotVerified => "An unexpected error occurred".into(),
        Rejection::KeyStoreUnavailable => {
            "the signature cannot be verified at present: try again later".into()
        }
        _ => why.to_string().into(),
    }
}
