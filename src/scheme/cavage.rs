//! draft-cavage-http-signatures-12 with an HMAC.

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
        signing_string::SigningStringFormat,
    },
};

/// Source: draft-cavage-http-signatures-12, sections 2 and 3. The draft has no rule for the age of
/// a date. 300 seconds is what Joyent's library allows.
pub(super) static DIALECT: Dialect = Dialect {
    name: "cavage",
    syntax: CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Parameters,
        auth_scheme: "Signature",
        auth_scheme_spellings: &[],
        key_id: "keyId",
        other_form: None,
        separator: ",",
        is_ordered: false,
        ignores_unknown: true,
        is_key_id,
        has_times: true,
        quotes_times: false,
        has_hs2019: true,
        implied_list: Some(["(created)", "date"]),
        signature: SignatureEncoding::Base64,
        nonce: None,
    },
    format: SigningStringFormat {
        lower_case_names: true,
        begins_with_key_id: false,
        ends_with_newline: false,
        missing_header: None,
        joins_repeated: true,
        auxiliary_date: None,
        request_lines: None,
    },
    list: ListSyntax {
        derived_components: &[
            ("(request-target)", DerivedComponent::RequestTarget),
            ("(created)", DerivedComponent::Created),
            ("(expires)", DerivedComponent::Expires),
        ],
        any_case_date: true,
        sends_date_as_spelled: false,
        unseen: &[],
        is_sorted: false,
        is_derived_elsewhere: is_derived,
    },
    default_list: &[
        "(request-target)",
        "host",
        "date",
        "source",
        "digest",
        "content-digest",
    ],
    algorithms: &[Algorithm::HmacSha256, Algorithm::HmacSha512],
    #[cfg(feature = "digest")]
    has_sha512_digest: false,
    date_headers: &[DateHeader::Date, DateHeader::XDate],
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
    challenge: "Signature realm=\"hmac\",headers=\"(request-target) host date\"",
};

/// Returns the rejection's own text, because the draft defines none. It tells the client what to
/// fix, but no details of a problem in the server.
pub(super) fn text(why: &Rejection) -> Cow<'static, str> {
    match why {
        Rejection::NotVerified | Rejection::NoClaim => "An unexpected error occurred".into(),
        Rejection::ClaimsLost | Rejection::ReplayGuardFull | Rejection::ReplayGuardUnavailable => {
            "the request cannot be checked for a replay at present: try again later".into()
        }
        Rejection::KeyStoreUnavailable => {
            "the signature cannot be verified at present: try again later".into()
        }
        _ => why.to_string().into(),
    }
}
