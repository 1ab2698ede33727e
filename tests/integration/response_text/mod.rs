//! The documented texts of gateways are recognized, in every form in which they are sent.

mod round_trip;

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, Version, header};
use http_body_util::{BodyExt as _, Full};
use proptest::prelude::*;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{Rejection, Scheme, StaticKeys, VerifyLayer, error::RejectionKind};

use crate::common::verifier_of;

const TEXTS: &[(&str, RejectionKind)] = &[
    // Tencent Cloud API Gateway
    (
        "HMAC signature cannot be verified, a validate authorization header is required",
        RejectionKind::AuthorizationMissing,
    ),
    (
        "HMAC authorization format error.",
        RejectionKind::AuthorizationMalformed,
    ),
    (
        "HMAC authorization headers is invalidate.",
        RejectionKind::ParameterMissing,
    ),
    (
        "authorization headers is invalidate",
        RejectionKind::ParameterMissing,
    ),
    (
        "HMAC id or signature missing.",
        RejectionKind::KeyIdOrSignatureMissing,
    ),
    (
        "id or signature missing",
        RejectionKind::KeyIdOrSignatureMissing,
    ),
    (
        "HMAC algorithm hmac-md5 not supported.",
        RejectionKind::AlgorithmNotSupported,
    ),
    (
        "HMAC do not support multiple HTTP header.",
        RejectionKind::HeaderRepeated,
    ),
    (
        "HMAC signature cannot be verified, a valid x-tenant header is required.",
        RejectionKind::HeaderMissing,
    ),
    (
        "HMAC signature cannot be verified, a valid date or x-date header is required.",
        RejectionKind::DateMissing,
    ),
    (
        "HMAC signature cannot be verified, a valid date header is required.",
        RejectionKind::DateMissing,
    ),
    (
        "HMAC signature cannot be verified, a valid x-date header is required for HMAC Authentication.",
        RejectionKind::DateUnreadable,
    ),
    (
        "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication.",
        RejectionKind::OutOfDate,
    ),
    (
        "HMAC signature cannot be verified.",
        RejectionKind::KeyUnknown,
    ),
    (
        "HMAC signature does not match.",
        RejectionKind::SignatureMismatch,
    ),
    (
        "HMAC apikey is invalid for API.",
        RejectionKind::KeyNotBound,
    ),
    ("Found no validate usage plan.", RejectionKind::NoUsagePlan),
    // Kong
    ("Unauthorized", RejectionKind::AuthorizationMissing),
    (
        "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication",
        RejectionKind::DateMissing,
    ),
    (
        "HMAC signature cannot be verified, a valid date header is required for HMAC Authentication",
        RejectionKind::DateMissing,
    ),
    // Apache APISIX
    (
        "client request can't be validated",
        RejectionKind::Unspecified,
    ),
    (
        "client request can't be validated: missing Authorization header",
        RejectionKind::AuthorizationMissing,
    ),
    (
        "client request can't be validated: Authorization header does not start with 'Signature'",
        RejectionKind::AuthorizationMalformed,
    ),
    (
        "request size 70000 is greater than the maximum size 65536 allowed",
        RejectionKind::Body,
    ),
    (
        "The consumer_name is forbidden.",
        RejectionKind::KeyNotBound,
    ),
    // iFlytek
    (
        "HMAC signature cannot be verified: apikey not found",
        RejectionKind::KeyUnknown,
    ),
    (
        "HMAC signature cannot be verified: fail to retrieve credential",
        RejectionKind::KeyUnknown,
    ),
    (
        "HMAC signature cannot be verified:enforced header 'host' not used for signature creation",
        RejectionKind::HeaderMissing,
    ),
    (
        "HMAC signature does not match: the date is old",
        RejectionKind::SignatureMismatch,
    ),
    (
        "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication",
        RejectionKind::DateMissing,
    ),
    // Tencent Cloud Market
    ("在配置中使用计划不存在", RejectionKind::KeyNotBound),
    ("请求失败：签名时间已超时，请重试", RejectionKind::OutOfDate),
];

#[track_caller]
fn assert_understood(answer: &str, kind: RejectionKind) {
    assert_eq!(
        Rejection::from_response_text(answer),
        Some(kind),
        "{answer}"
    );
}

#[test]
fn every_documented_text_is_understood_with_and_without_the_final_stop() {
    for (text, kind) in TEXTS {
        let bare = text.trim_end_matches('.');
        assert_understood(text, *kind);
        assert_understood(bare, *kind);
        assert_understood(&format!(" {bare}. \r\n"), *kind);
    }
}

#[test]
fn every_documented_text_is_understood_in_every_form_of_answer() {
    for (text, kind) in TEXTS {
        let json = serde_json::json!({"message": text, "request_id": "0"});
        assert_understood(&json.to_string(), *kind);
        assert_understood(&serde_json::to_string_pretty(&json).unwrap(), *kind);
        let all_escaped: String = text
            .chars()
            .map(|c| format!("\\u{:04x}", u32::from(c)))
            .collect();
        assert_understood(&format!(r#"{{"message":"{all_escaped}"}}"#), *kind);
        assert_understood(
            &format!(
                "<!doctype html>\n<html><title>Error</title><body><p>{text}</p></body></html>"
            ),
            *kind,
        );
        for apostrophe in ["&#39;", "&#x27;", "&apos;"] {
            let text = text.replace('\'', apostrophe);
            assert_understood(
                &format!("<?xml version=\"1.0\"?>\n<error>\n  <message>{text}</message>\n</error>"),
                *kind,
            );
        }
        let percent_encoded = text.replace(' ', "%20").replace('\'', "%27");
        assert_understood(&percent_encoded, *kind);
    }
}

#[test]
fn a_message_with_newlines_and_an_answer_with_a_byte_order_mark_are_understood() {
    for (text, kind) in TEXTS {
        for message in [format!("{text}\n"), format!("\r\n\t{text}\n\n")] {
            let json = serde_json::json!({ "message": message }).to_string();
            assert_understood(&json, *kind);
            assert_understood(&format!("\u{feff}{json}"), *kind);
        }
        assert_understood(&format!("\u{feff}{text}"), *kind);
    }
}

#[test]
fn what_others_write_too_is_understood_only_where_a_gateway_writes_it() {
    let missing = RejectionKind::AuthorizationMissing;
    for answer in [
        "Unauthorized",
        "Unauthorized\nrequest_id: 5f0e",
        r#"{"message":"Unauthorized"}"#,
        "{\n  \"request_id\" : \"5f0e\",\n  \"message\" : \"Unauthorized\"\n}",
        "<html><head><title>Kong Error</title></head><body><h1>Kong Error</h1><p>Unauthorized.</p></body></html>",
        "<title>Error</title>\n<p>Unauthorized.</p>\n<p>request_id: 5f0e</p>",
        "<error>\n  <message>Unauthorized</message>\n</error>",
    ] {
        assert_understood(answer, missing);
    }
    for answer in [
        "<html><head><title>Unauthorized</title></head><body></body></html>",
        "<html><head><title>Login</title></head><body><p>Unauthorized</p></body></html>",
        "<title>Error</title><h1>Unauthorized</h1>",
        r#"{"status":401,"error":"Unauthorized","path":"/"}"#,
        r#"{"title":"Unauthorized","message":"log in first"}"#,
        r#"{"error":"An unexpected error occurred"}"#,
        "<title>An unexpected error occurred</title>",
        "HTTP/1.1 401\nUnauthorized\nLog in first",
        "Unauthorized\nLog in first",
    ] {
        assert_eq!(Rejection::from_response_text(answer), None, "{answer}");
    }
}

#[test]
fn other_answers_are_not_taken_for_refusals() {
    for answer in [
        "",
        "{}",
        "401 Unauthorized access to the club",
        "HMAC",
        "HMAC signature cannot be verified by hand",
        "HMAC algorithm",
        "HMAC algorithm not supported",
        "a valid date header is required",
        "client request can't be validated yet",
        "%",
        "\\u12",
        "&#;",
        "&#99999999999999999999;",
    ] {
        assert_eq!(Rejection::from_response_text(answer), None, "{answer}");
    }
}

#[test]
fn only_the_beginning_of_a_huge_answer_is_looked_at() {
    let text = "HMAC signature does not match.";
    let answer = |padding: usize| format!("{}\n{text}", "\u{e9}".repeat(padding));
    assert_understood(&answer(1000), RejectionKind::SignatureMismatch);
    assert_eq!(Rejection::from_response_text(&answer(40_000)), None);
    let one_piece = "\\".repeat(1 << 20);
    assert_eq!(Rejection::from_response_text(&one_piece), None);
}

async fn refused_by(scheme: Scheme, request: Request<()>) -> Response<String> {
    let handler = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let layer = VerifyLayer::new(StaticKeys::new()).verifier(verifier_of(scheme));
    let (parts, body) = layer
        .layer(handler)
        .oneshot(request)
        .await
        .unwrap()
        .into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn what_verify_layer_answers_in_any_gateways_words_is_understood() {
    for scheme in Scheme::ALL {
        let kind = match scheme {
            Scheme::Tyk => RejectionKind::Unspecified,
            _ => RejectionKind::AuthorizationMissing,
        };
        let unsigned = refused_by(scheme, Request::new(())).await;
        assert_understood(unsigned.body(), kind);

        let call = Request::post("/")
            .version(Version::HTTP_2)
            .header(header::CONTENT_TYPE, "application/grpc")
            .body(())
            .unwrap();
        let unsigned = refused_by(scheme, call).await;
        let message = unsigned.headers()["grpc-message"].to_str().unwrap();
        assert_understood(message, kind);
    }
}

#[test]
fn a_hint_names_every_cause_that_the_gateways_text_has() {
    for (kind, causes) in [
        (
            RejectionKind::KeyUnknown,
            &[
                "key id",
                "cannot read",
                "algorithm",
                "enforced header",
                "another plugin",
            ][..],
        ),
        (
            RejectionKind::SignatureMismatch,
            &[
                "secret key",
                "newline or space",
                "body",
                "digest",
                "proxy",
                "host",
                "target",
            ],
        ),
        (
            RejectionKind::Unspecified,
            &[
                "key id",
                "secret key",
                "clocks",
                "validate_request_body",
                "digest",
            ],
        ),
    ] {
        let hint = kind.hint();
        for cause in causes {
            assert!(hint.contains(cause), "{cause}: {hint}");
        }
        assert!(hint.len() < 300, "{}: {hint}", hint.len());
    }
}

#[test]
fn the_hint_for_a_mismatch_names_the_usual_causes_in_their_order() {
    let hint = RejectionKind::SignatureMismatch.hint();
    let causes = [
        "newline or space",
        "secret key",
        "base64",
        "rewrites host or target",
        "nest",
        "HEAD into GET",
        "changed header",
        "signing strings",
    ];
    let places = causes.map(|cause| hint.find(cause).expect(cause));
    assert!(places.is_sorted(), "{places:?}: {hint}");
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(answer in "(\\PC|[\\\\%&#;u<>\"\n0-9a-f]){0,200}") {
        let _any = Rejection::from_response_text(&answer);
    }
}
