//! How the gateways differ, on both sides. Signatures are made by hand here, as the clients of each
//! gateway do.

mod absent;
mod apisix;
mod build;
mod cavage;
mod custom;
mod dates;
mod derived_names;
mod iflytek;
mod kong;
mod like_tyk;
mod mixed;
mod one_form;
mod request_id;
mod side_by_side;
mod targets;
mod tencent_app;
mod tencent_market;
mod traefik_hub;
mod tyk;
mod unknown;
mod unreadable;

use std::time::SystemTime;

use http::{HeaderName, HeaderValue, Request};
use tower_hmac_auth::{
    Algorithm, Rejection, Scheme, VerifiedKey, Verifier, verify::VerifierBuilder,
};

use crate::common::{FRIDAY, KEY_ID, SECRET, at, sign_by_hand, verify};

const DATE: &str = "Fri, 09 Oct 2015 00:00:00 GMT";

fn now() -> SystemTime {
    at(FRIDAY)
}

/// The options of a verifier of this scheme.
fn verifying(scheme: Scheme) -> VerifierBuilder {
    Verifier::builder().scheme(scheme)
}

/// A verifier that wants this covered.
fn requiring(scheme: Scheme, name: &str) -> Verifier {
    verifying(scheme).require([name]).build().unwrap()
}

/// A verifier that accepts lists with names that the request lacks.
fn allowing_missing(scheme: Scheme) -> Verifier {
    let options = verifying(scheme).allow_missing_headers(true);
    options.build().unwrap()
}

/// APISIX's verifier, handing on the normalized target.
fn normalizing() -> Verifier {
    let options = verifying(Scheme::Apisix).normalize_target(true);
    options.build().unwrap()
}

/// The signature of a signing string with HMAC-SHA256.
fn signature(string: &str) -> String {
    let mac = sign_by_hand::mac(Algorithm::HmacSha256, SECRET.as_bytes(), string.as_bytes());
    sign_by_hand::base64(&mac)
}

/// The signature as it stands in a query.
fn percent_encoded(base64: &str) -> String {
    let escaped = base64.replace('+', "%2B").replace('/', "%2F");
    escaped.replace('=', "%3D")
}

/// Each preset's name, and its `Authorization` up to the key id and between two parameters.
const PRESETS: [(Scheme, &str, &str, &str); Scheme::ALL.len()] = [
    (Scheme::Tencent, "tencent", r#"hmac id=""#, ", "),
    (Scheme::TencentApp, "tencent-app", r#"hmac id=""#, ", "),
    // Not parameters: see `tencent_market.rs`.
    (Scheme::TencentMarket, "tencent-market", r#"{"id":""#, ", "),
    (Scheme::Kong, "kong", r#"hmac username=""#, ", "),
    (Scheme::Apisix, "apisix", r#"Signature keyId=""#, ","),
    (Scheme::Iflytek, "iflytek", r#"api_key=""#, ", "),
    (Scheme::Cavage, "cavage", r#"Signature keyId=""#, ","),
    (Scheme::Tyk, "tyk", r#"Signature keyId=""#, ","),
    (Scheme::TraefikHub, "traefik-hub", r#"Hmac keyId=""#, ","),
];

/// The value of `Authorization` as the scheme's clients write it.
fn authorization(scheme: Scheme, list: &str, string: &str) -> String {
    let mut signature = signature(string);
    if scheme == Scheme::Tyk {
        signature = percent_encoded(&signature);
    }
    let mut presets = PRESETS.into_iter();
    let (.., begin, separator) = presets.find(|(preset, ..)| *preset == scheme).unwrap();
    [
        &format!(r#"{begin}{KEY_ID}""#),
        r#"algorithm="hmac-sha256""#,
        &format!(r#"headers="{list}""#),
        &format!(r#"signature="{signature}""#),
    ]
    .join(separator)
}

fn request(target: &str, authorization: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::get(target).body(()).unwrap();
    let all = headers
        .iter()
        .copied()
        .chain([("authorization", authorization)]);
    for (name, value) in all {
        let name: HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// A request that is signed by hand: this list, this signing string.
fn signed(
    scheme: Scheme,
    target: &str,
    headers: &[(&str, &str)],
    list: &str,
    string: &str,
) -> Request<()> {
    request(target, &authorization(scheme, list, string), headers)
}

fn check(verifier: &Verifier, request: &Request<()>) -> Result<VerifiedKey, Rejection> {
    verify(verifier, request.into(), now())
}

#[track_caller]
fn assert_accepted(verifier: &Verifier, request: &Request<()>) -> VerifiedKey {
    match check(verifier, request) {
        Ok(key) => key,
        Err(why) => panic!("{request:?}: {why}"),
    }
}

#[track_caller]
fn assert_refused(verifier: &Verifier, request: &Request<()>, kind: &str) {
    let why = check(verifier, request).expect_err(kind);
    assert!(format!("{why:?}").starts_with(kind), "{request:?}: {why:?}");
}
