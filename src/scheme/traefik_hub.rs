//! Traefik Hub's middleware `hmac`.
//!
//! Source: the middleware's documentation. Its code is not public.

use std::time::Duration;

use http::header;

use super::{
    DatePolicy, cavage,
    dialect::{Dialect, is_derived, is_key_id, status_forbidding_unbound},
};
use crate::{
    Algorithm,
    header::DateHeader,
    wire::{
        component::{DerivedComponent, ListSyntax},
        credentials::{Carrier, CredentialsSyntax, SignatureEncoding},
        signing_string::SigningStringFormat,
    },
};

/// What is signed by default, and what a request without `headers` signs.
const DEFAULT_LIST: &str = "(request-target) (created) (expires)";

/// draft-cavage-http-signatures-12 with another word and times in quotes, which are signed with
/// every algorithm. The gateway allows no difference between the clocks. The documentation has no
/// texts and no status of refusals, so they are those of draft-cavage here.
pub(super) static DIALECT: Dialect = Dialect {
    name: "traefik-hub",
    syntax: CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Parameters,
        auth_scheme: "Hmac",
        auth_scheme_spellings: &[],
        key_id: "keyId",
        other_form: None,
        separator: ",",
        is_ordered: false,
        ignores_unknown: true,
        is_key_id,
        has_times: true,
        quotes_times: true,
        has_hs2019: false,
        implied_list: Some([DEFAULT_LIST, DEFAULT_LIST]),
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
        "(created)",
        "(expires)",
        "source",
        "digest",
        "content-digest",
    ],
    algorithms: &[
        Algorithm::HmacSha256,
        Algorithm::HmacSha1,
        Algorithm::HmacSha384,
        Algorithm::HmacSha512,
    ],
    #[cfg(feature = "digest")]
    has_sha512_digest: true,
    date_headers: &[DateHeader::Date, DateHeader::XDate],
    request_id: None,
    not_in_key_id: &[],
    max_skew: 300,
    max_created_ahead: Some(0),
    lifetime: Some(Duration::from_secs(60)),
    date_policy: DatePolicy::CheckAge,
    status: status_forbidding_unbound,
    text: cavage::text,
    known_texts: &[],
    message_member: "message",
    challenge: "Hmac realm=\"hmac\",headers=\"(request-target) (created) (expires)\"",
};
