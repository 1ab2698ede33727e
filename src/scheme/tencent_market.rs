//! Tencent Cloud Market, whose gateway is the heir of Tencent Cloud API Gateway.
//!
//! Sources: the market's samples, and public client code. What only clients report is marked.

use std::borrow::Cow;

use http::{HeaderName, StatusCode, header};

use super::{
    DatePolicy,
    dialect::{Dialect, is_derived, is_key_id},
    tencent,
};
use crate::{
    Algorithm, Rejection,
    header::DateHeader,
    rejection::RejectionKind,
    wire::{
        component::ListSyntax,
        credentials::{Carrier, CredentialsSyntax, ImpliedParameters, SignatureEncoding},
        signing_string::SigningStringFormat,
    },
};

/// The text of a 421: "the usage plan does not exist". Source: public client code.
const NO_USAGE_PLAN: &str = "在配置中使用计划不存在";

/// The text of a 403. Public client code only looks for the words "signing time" and "timed out".
const OUT_OF_DATE: &str = "签名时间超时";

/// `request-id`, which the market's samples send with a new UUID.
static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Source: the market's samples in Go and Python. The window of 900 seconds is that of Tencent
/// Cloud API Gateway; the market documents none.
pub(super) static DIALECT: Dialect = Dialect {
    name: "tencent-market",
    syntax: CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Json(ImpliedParameters {
            list: "x-date",
            algorithm: Algorithm::HmacSha1,
        }),
        auth_scheme: "",
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
    default_list: &["date"],
    algorithms: &[Algorithm::HmacSha1],
    #[cfg(feature = "digest")]
    has_sha512_digest: false,
    date_headers: &[DateHeader::XDate],
    request_id: Some(&REQUEST_ID),
    not_in_key_id: &[],
    max_skew: tencent::MAX_SKEW,
    max_created_ahead: None,
    lifetime: None,
    date_policy: DatePolicy::CheckAge,
    status,
    text,
    known_texts: &[
        ("*使用计划不存在*", RejectionKind::KeyNotBound),
        ("*签名时间*超时*", RejectionKind::OutOfDate),
    ],
    message_member: "message",
    challenge: "hmac",
};

/// Returns the statuses that clients report: 421 if the key has no plan for this API, 403 for an
/// old date. For the others one client names 411 to 414, which say something else (RFC 9110,
/// section 15.5), so they are as at Tencent Cloud API Gateway.
fn status(why: &Rejection) -> StatusCode {
    match why {
        Rejection::KeyNotBound | Rejection::NoUsagePlan => StatusCode::MISDIRECTED_REQUEST,
        Rejection::DateOutOfRange { .. } => StatusCode::FORBIDDEN,
        _ => why.status(),
    }
}

/// Returns the texts that clients report, and otherwise those of Tencent Cloud API Gateway.
fn text(why: &Rejection) -> Cow<'static, str> {
    match why {
        Rejection::KeyNotBound | Rejection::NoUsagePlan => NO_USAGE_PLAN.into(),
        Rejection::DateOutOfRange { .. } => OUT_OF_DATE.into(),
        _ => tencent::text(why),
    }
}
