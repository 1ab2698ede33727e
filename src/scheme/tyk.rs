//! Tyk Gateway's "HTTP signature validation" with an HMAC.
//!
//! Sources: Tyk's documentation, and the middleware of the open-source gateway in 2026.

use std::borrow::Cow;

use http::{HeaderName, StatusCode, header};

use super::{
    DatePolicy,
    dialect::{Dialect, is_derived, is_key_id, status_forbidding_unbound},
};
use crate::{
    Algorithm, Rejection,
    header::DateHeader,
    rejection::RejectionKind,
    wire::{
        component::{DerivedComponent, ListSyntax},
        credentials::{Carrier, CredentialsSyntax, SignatureEncoding},
        signing_string::{MissingHeaderLine, SigningStringFormat},
    },
};

/// `X-Aux-Date`, for clients that cannot set `Date`. Tyk reads it first.
static X_AUX_DATE: HeaderName = HeaderName::from_static("x-aux-date");

/// The text of every refusal.
const REFUSED: &str = "Authorization field missing, malformed or invalid";

/// An early draft-cavage: there are no times, and the target has no query. Tyk checks the age of a
/// date only if `hmac_allowed_clock_skew` is set. The 300 seconds are those of the other gateways.
pub(super) static DIALECT: Dialect = Dialect {
    name: "tyk",
    syntax: CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Parameters,
        auth_scheme: "Signature",
        auth_scheme_spellings: &["Signature", "signature"],
        key_id: "keyId",
        other_form: None,
        separator: ",",
        is_ordered: false,
        ignores_unknown: false,
        is_key_id,
        has_times: false,
        quotes_times: false,
        has_hs2019: false,
        implied_list: Some(["date", "date"]),
        signature: SignatureEncoding::PercentEncodedBase64,
        nonce: None,
    },
    format: SigningStringFormat {
        lower_case_names: true,
        begins_with_key_id: false,
        ends_with_newline: false,
        missing_header: Some(MissingHeaderLine::EmptyValue),
        joins_repeated: false,
        auxiliary_date: Some(&X_AUX_DATE),
        request_lines: None,
    },
    list: ListSyntax {
        derived_components: &[("(request-target)", DerivedComponent::DecodedPath)],
        any_case_date: true,
        sends_date_as_spelled: false,
        // Go's server moves `Host` out of the headers that the middleware reads.
        unseen: &["host"],
        is_sorted: false,
        is_derived_elsewhere: is_derived,
    },
    default_list: &["(request-target)", "date", "source", "digest"],
    algorithms: &[
        Algorithm::HmacSha256,
        Algorithm::HmacSha1,
        Algorithm::HmacSha384,
        Algorithm::HmacSha512,
    ],
    #[cfg(feature = "digest")]
    has_sha512_digest: false,
    date_headers: &[DateHeader::Date],
    request_id: None,
    // Values are unquoted like strings of Go, in which a backslash begins an escape.
    not_in_key_id: &['\\'],
    max_skew: 300,
    max_created_ahead: None,
    lifetime: None,
    date_policy: DatePolicy::CheckAge,
    status,
    text,
    known_texts: &[(REFUSED, RejectionKind::Unspecified)],
    message_member: "error",
    challenge: "Signature realm=\"hmac\",headers=\"(request-target) date\"",
};

/// Returns 400 for refused credentials. A key without access to the API is refused with 403, by
/// another middleware.
fn status(why: &Rejection) -> StatusCode {
    match status_forbidding_unbound(why) {
        StatusCode::UNAUTHORIZED => StatusCode::BAD_REQUEST,
        status => status,
    }
}

/// Returns Tyk's one text for refused credentials, or that of a key without access to the API.
/// Faults of the body and of the server have texts of this crate.
fn text(why: &Rejection) -> Cow<'static, str> {
    match why {
        Rejection::KeyNotBound | Rejection::NoUsagePlan => {
            "Access to this API has been disallowed".into()
        }
        Rejection::KeyStoreUnavailable => {
            "the signature cannot be verified at present: try again later".into()
        }
        Rejection::ClaimsLost | Rejection::ReplayGuardFull | Rejection::ReplayGuardUnavailable => {
            "the request cannot be checked for a replay at present: try again later".into()
        }
        Rejection::NotVerified | Rejection::NoClaim => "An unexpected error occurred".into(),
        Rejection::BodyTooLarge { .. } | Rejection::BodyUnreadable => why.to_string().into(),
        _ => REFUSED.into(),
    }
}
