//! Apache APISIX's plugin `hmac-auth`, from version 3.11 on.
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
    rejection::{CredentialsError, RejectionKind},
    wire::{
        component::{DerivedComponent, ListSyntax},
        credentials::{Carrier, CredentialsSyntax, SignatureEncoding},
        signing_string::{MissingHeaderLine, SigningStringFormat},
    },
};

/// Sources: Apache APISIX's documentation of the plugin `hmac-auth`, and the plugin's observed
/// behaviour.
pub(super) static DIALECT: Dialect = Dialect {
    name: "apisix",
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
        has_times: false,
        quotes_times: false,
        has_hs2019: false,
        implied_list: None,
        signature: SignatureEncoding::Base64,
        nonce: None,
    },
    format: SigningStringFormat {
        lower_case_names: false,
        begins_with_key_id: true,
        ends_with_newline: true,
        missing_header: Some(MissingHeaderLine::Omitted),
        joins_repeated: false,
        auxiliary_date: None,
        request_lines: None,
    },
    list: ListSyntax {
        derived_components: &[("@request-target", DerivedComponent::DecodedTarget)],
        any_case_date: false,
        sends_date_as_spelled: false,
        unseen: &[],
        is_sorted: false,
        is_derived_elsewhere: is_derived,
    },
    default_list: &["@request-target", "date", "source", "digest"],
    algorithms: &[
        Algorithm::HmacSha256,
        Algorithm::HmacSha1,
        Algorithm::HmacSha512,
    ],
    #[cfg(feature = "digest")]
    has_sha512_digest: false,
    date_headers: &[DateHeader::Date],
    request_id: None,
    not_in_key_id: &[','],
    max_skew: 300,
    max_created_ahead: None,
    lifetime: None,
    date_policy: DatePolicy::CheckAge,
    status: status_forbidding_unbound,
    text,
    known_texts: &[
        (
            "client request can't be validated",
            RejectionKind::Unspecified,
        ),
        (
            "client request can't be validated: *missing Authorization header*",
            RejectionKind::AuthorizationMissing,
        ),
        (
            "client request can't be validated: *Authorization header*",
            RejectionKind::AuthorizationMalformed,
        ),
        (
            "client request can't be validated: *",
            RejectionKind::Unspecified,
        ),
    ],
    message_member: "message",
    challenge: "hmac realm=\"hmac\"",
};

/// Returns the text of Apache APISIX's plugin `hmac-auth`, which only logs most reasons, or of its
/// plugin `consumer-restriction` for a key that is not bound. The plugin `hmac-auth` reads a body
/// to its end and reports its length. Here a body of unknown length is not read beyond the limit,
/// so the text leaves its size out.
fn text(why: &Rejection) -> Cow<'static, str> {
    let text = match why {
        Rejection::AuthorizationMissing => {
            "client request can't be validated: missing Authorization header"
        }
        Rejection::AuthorizationMalformed(CredentialsError::OtherScheme { expected }) => {
            return format!(
                "client request can't be validated: Authorization header does not start with \
                 '{expected}'"
            )
            .into();
        }
        Rejection::BodyTooLarge { size, limit } => {
            let size = size.map(|size| format!(" {size}")).unwrap_or_default();
            let size =
                format!("request size{size} is greater than the maximum size {limit} allowed");
            return size.into();
        }
        Rejection::KeyNotBound | Rejection::NoUsagePlan => "The consumer_name is forbidden.",
        Rejection::Replayed => "client request can't be validated: it has been sent before",
        Rejection::ClaimsLost | Rejection::ReplayGuardFull | Rejection::ReplayGuardUnavailable => {
            "client request can't be validated at present"
        }
        _ => "client request can't be validated",
    };
    text.into()
}
