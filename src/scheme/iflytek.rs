//! iFlytek's open platform, which runs Kong's scheme with words of its own.
//!
//! Sources: the platform's documentation, and public client code.

use http::{StatusCode, header};

use super::{
    DatePolicy,
    dialect::{Dialect, is_derived, is_key_id, status_forbidding_unbound},
    kong,
};
use crate::{
    Algorithm, Rejection,
    header::DateHeader,
    rejection::RejectionKind,
    wire::{
        component::{DerivedComponent, ListSyntax},
        credentials::{Carrier, CredentialsSyntax, Form, SignatureEncoding},
        signing_string::SigningStringFormat,
    },
};

/// Source: the documentation's pages on authentication. Clients in Go send Kong's own words, which
/// are `other_form`.
pub(super) static DIALECT: Dialect = Dialect {
    name: "iflytek",
    syntax: CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::ParametersOrQuery,
        auth_scheme: "",
        auth_scheme_spellings: &[],
        key_id: "api_key",
        other_form: Some(Form {
            auth_scheme: "hmac",
            key_id: "username",
        }),
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
        missing_header: None,
        joins_repeated: false,
        auxiliary_date: None,
        request_lines: None,
    },
    list: ListSyntax {
        derived_components: &[("request-line", DerivedComponent::PathLine)],
        any_case_date: true,
        sends_date_as_spelled: false,
        unseen: &[],
        is_sorted: false,
        is_derived_elsewhere: is_derived,
    },
    default_list: &["host", "date", "request-line", "digest"],
    algorithms: &[Algorithm::HmacSha256],
    #[cfg(feature = "digest")]
    has_sha512_digest: false,
    date_headers: &[DateHeader::Date],
    request_id: None,
    not_in_key_id: &[],
    max_skew: 300,
    max_created_ahead: None,
    lifetime: None,
    date_policy: DatePolicy::CheckAge,
    status,
    text: kong::text,
    // Kong's texts, with a reason after a colon.
    known_texts: &[
        (
            "HMAC signature cannot be verified:*enforced header*",
            RejectionKind::HeaderMissing,
        ),
        (
            "HMAC signature cannot be verified:*",
            RejectionKind::KeyUnknown,
        ),
        (
            "HMAC signature does not match:*",
            RejectionKind::SignatureMismatch,
        ),
    ],
    message_member: "message",
    challenge: "hmac",
};

/// Returns 403 for a date that does not count, as documented.
fn status(why: &Rejection) -> StatusCode {
    match why {
        Rejection::DateNotCovered { .. }
        | Rejection::DateUnreadable { .. }
        | Rejection::DateNotUtc { .. }
        | Rejection::DateOutOfRange { .. } => StatusCode::FORBIDDEN,
        _ => status_forbidding_unbound(why),
    }
}
