//! Kong's plugin `hmac-auth`.
//!
//! Sources: the plugin's documentation and its behaviour.

use std::borrow::Cow;

use http::header;

use super::{
    DatePolicy,
    dialect::{Dialect, is_derived, is_key_id, status_forbidding_unbound},
};
use crate::{
    Algorithm, Rejection,
    header::DateHeader,
    wire::{
        component::{DerivedComponent, ListSyntax},
        credentials::{Carrier, CredentialsSyntax, SignatureEncoding},
        signing_string::{MissingHeaderLine, SigningStringFormat},
    },
};

/// Sources: Kong's documentation of the plugin `hmac-auth`, and the plugin's behaviour.
pub(super) static DIALECT: Dialect = Dialect {
    name: "kong",
    syntax: CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Parameters,
        auth_scheme: "hmac",
        auth_scheme_spellings: &["hmac", "Hmac"],
        key_id: "username",
        other_form: None,
        separator: ", ",
        is_ordered: true,
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
        lower_case_names: false,
        begins_with_key_id: false,
        ends_with_newline: false,
        missing_header: Some(MissingHeaderLine::Empty),
        joins_repeated: false,
        auxiliary_date: None,
        request_lines: None,
    },
    list: ListSyntax {
        derived_components: &[
            ("@request-target", DerivedComponent::RequestTarget),
            ("request-line", DerivedComponent::RequestLine),
        ],
        any_case_date: true,
        sends_date_as_spelled: false,
        unseen: &[],
        is_sorted: false,
        is_derived_elsewhere: is_derived,
    },
    default_list: &["date", "@request-target", "source", "digest"],
    algorithms: &[
        Algorithm::HmacSha256,
        Algorithm::HmacSha1,
        Algorithm::HmacSha384,
        Algorithm::HmacSha512,
    ],
    #[cfg(feature = "digest")]
    has_sha512_digest: false,
    date_headers: &[DateHeader::XDate, DateHeader::Date],
    request_id: None,
    not_in_key_id: &[],
    max_skew: 300,
    max_created_ahead: None,
    lifetime: None,
    date_policy: DatePolicy::CheckAge,
    status: status_forbidding_unbound,
    text,
    known_texts: &[],
    message_member: "message",
    challenge: "hmac",
};

/// Returns the text of Kong's plugin `hmac-auth`, or of its plugin `acl` for a key that is not
/// bound.
pub(super) fn text(why: &Rejection) -> Cow<'static, str> {
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
        Rejection::KeyStoreUnavailable | Rejection::NotVerified | Rejection::NoClaim => {
            "An unexpected error occurred"
        }
        Rejection::NonceInvalid { .. } => {
            "HMAC signature cannot be verified, the nonce is empty or too long"
        }
        Rejection::Replayed => {
            "HMAC signature cannot be verified, the request has been sent before"
        }
        Rejection::ClaimsLost | Rejection::ReplayGuardFull | Rejection::ReplayGuardUnavailable => {
            "The request cannot be checked for a replay at present"
        }
        _ => "HMAC signature cannot be verified",
    };
    text.into()
}
