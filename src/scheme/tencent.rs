//! Tencent Cloud API Gateway, "key pair authentication".
//!
//! Source: the documentation's pages "key pair authentication", "signature generation instructions"
//! and "error codes".

use std::borrow::Cow;

use http::header;

use super::{
    DatePolicy,
    dialect::{Dialect, is_derived, is_key_id},
};
use crate::{
    Algorithm, Rejection,
    header::DateHeader,
    rejection::RejectionKind,
    wire::{
        component::ListSyntax,
        credentials::{Carrier, CredentialsSyntax, SignatureEncoding},
        signing_string::SigningStringFormat,
    },
};

/// How far an `X-Date` may be from the server's clock, in seconds.
pub(crate) const MAX_SKEW: u64 = 900;

/// Source: Tencent Cloud API Gateway, "key pair authentication" and "signature generation
/// instructions".
pub(super) static DIALECT: Dialect = Dialect {
    name: "tencent",
    syntax: CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Parameters,
        auth_scheme: "hmac",
        auth_scheme_spellings: &[],
        key_id: "id",
        other_form: None,
        separator: ", ",
        is_ordered: false,
        ignores_unknown: false,
        is_key_id,
        has_times: false,
        quotes_times: false,
        has_hs2019: false,
        implied_list: None,
        signature: SignatureEncoding::Base64,
        nonce: None,
    },
    format: SigningStringFormat {
        lower_case_names: true,
        begins_with_key_id: false,
        ends_with_newline: false,
        missing_header: None,
        joins_repeated: false,
        auxiliary_date: None,
        request_lines: None,
    },
    list: ListSyntax {
        derived_components: &[],
        any_case_date: true,
        sends_date_as_spelled: false,
        unseen: &[],
        is_sorted: false,
        is_derived_elsewhere: is_derived,
    },
    default_list: &["date", "source"],
    algorithms: &Algorithm::ALL,
    #[cfg(feature = "digest")]
    has_sha512_digest: false,
    date_headers: &[DateHeader::XDate, DateHeader::Date],
    request_id: None,
    not_in_key_id: &[],
    max_skew: MAX_SKEW,
    max_created_ahead: None,
    lifetime: None,
    date_policy: DatePolicy::AnyAge,
    status: Rejection::status,
    text,
    // The documentation has some texts in two spellings.
    known_texts: &[
        (
            "authorization headers is invalidate",
            RejectionKind::ParameterMissing,
        ),
        (
            "id or signature missing",
            RejectionKind::KeyIdOrSignatureMissing,
        ),
        (
            "HMAC signature cannot be verified, a valid date header is required",
            RejectionKind::DateMissing,
        ),
        (
            "HMAC signature cannot be verified, a valid date header is required for HMAC Authentication",
            RejectionKind::DateMissing,
        ),
        (
            "HMAC signature cannot be verified, a valid * header is required for HMAC Authentication",
            RejectionKind::HeaderMissing,
        ),
    ],
    message_member: "message",
    challenge: "hmac",
};

/// Returns the text in Tencent Cloud API Gateway's documentation, "error codes".
pub(super) fn text(why: &Rejection) -> Cow<'static, str> {
    let text = match why {
        Rejection::AuthorizationMissing => {
            "HMAC signature cannot be verified, a validate authorization header is required"
        }
        Rejection::AuthorizationMalformed(_) => "HMAC authorization format error.",
        Rejection::ParameterMissing { .. } => "HMAC authorization headers is invalidate.",
        Rejection::KeyIdOrSignatureMissing { .. } => "HMAC id or signature missing.",
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
        Rejection::NotVerified | Rejection::NoClaim => "An unexpected error occurred.",
        Rejection::KeyNotBound => "HMAC apikey is invalid for API.",
        Rejection::NoUsagePlan => "Found no validate usage plan.",
        Rejection::KeyStoreUnavailable => "HMAC signature cannot be verified at present.",
        Rejection::NonceInvalid { .. } => {
            "HMAC signature cannot be verified, the nonce is empty or too long."
        }
        Rejection::Replayed => {
            "HMAC signature cannot be verified, the request has been sent before."
        }
        Rejection::ClaimsLost | Rejection::ReplayGuardFull | Rejection::ReplayGuardUnavailable => {
            "The request cannot be checked for a replay at present."
        }
        Rejection::KeyUnknown
        | Rejection::Target(_)
        | Rejection::CreatedOutOfRange { .. }
        | Rejection::Expired { .. } => "HMAC signature cannot be verified.",
    };
    text.into()
}
