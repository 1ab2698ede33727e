//! `--nonce`, and several `--scheme`s.

use std::time::SystemTime;

use http::{Request, StatusCode};
use tower_hmac_auth::{Scheme, Signer, scheme::X_NONCE};

use super::{
    admin::{ADMIN, metrics},
    harness::{Body, Gateway, command_with_keys, fails_to_start, no_body, send_unsigned, text},
};
use crate::common::keys;

fn signed(gateway: &Gateway, scheme: Scheme, nonce: Option<&str>) -> Request<Body> {
    let mut request = Request::get(gateway.url("/a")).body(no_body()).unwrap();
    let mut signer = Signer::builder(keys()).scheme(scheme);
    if let Some(nonce) = nonce {
        request
            .headers_mut()
            .insert(X_NONCE, nonce.parse().unwrap());
        signer = signer.signed_headers([X_NONCE]);
    }
    let signer = signer.build().unwrap();
    signer
        .sign_request(&mut request, SystemTime::now())
        .unwrap();
    request
}

async fn status(request: Request<Body>) -> StatusCode {
    send_unsigned(request).await.status()
}

#[tokio::test]
async fn a_request_that_was_sent_before_is_refused_logged_and_counted() {
    let arguments = [
        "--scheme",
        "kong",
        "--nonce",
        "x-nonce",
        "--assume-no-earlier-claims",
    ];
    let mut gateway = Gateway::start(&[&arguments[..], &ADMIN].concat()).await;
    for nonce in ["one", "two"] {
        let request = signed(&gateway, Scheme::Kong, Some(nonce));
        let copy = |request: &Request<Body>| {
            let mut copy = Request::get(gateway.url("/a")).body(no_body()).unwrap();
            copy.headers_mut().clone_from(request.headers());
            copy
        };
        let (second, third) = (copy(&request), copy(&request));
        assert_eq!(status(request).await, StatusCode::OK);
        assert_eq!(status(second).await, StatusCode::UNAUTHORIZED);
        assert_eq!(status(third).await, StatusCode::UNAUTHORIZED);
    }
    let without = signed(&gateway, Scheme::Kong, None);
    assert_eq!(status(without).await, StatusCode::UNAUTHORIZED);

    let line = gateway.log_line().await;
    assert!(line.contains(" 200 ") && line.contains("key="), "{line}");
    let line = gateway.log_line().await;
    assert!(
        line.contains(" 401 ") && line.contains(" kind=Replayed"),
        "{line}"
    );
    let metrics = metrics(&gateway).await;
    let claims = |outcome| metrics[&format!(r#"hmac_claims_total{{outcome="{outcome}"}}"#)];
    let outcomes = ["new", "seen", "lost", "full", "unavailable"].map(claims);
    assert_eq!(outcomes, [2.0, 4.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        metrics[r#"hmac_requests_total{verdict="refused",kind="Replayed"}"#],
        4.0
    );
}

#[tokio::test]
async fn after_a_start_requests_are_refused_that_could_have_been_accepted_before() {
    let arguments = ["--scheme", "kong", "--nonce", "x-nonce"];
    let gateway = Gateway::start(&arguments).await;
    let answer = send_unsigned(signed(&gateway, Scheme::Kong, Some("one"))).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let text = text(answer.into_body()).await;
    assert!(
        text.contains("cannot be checked for a replay at present"),
        "{text}"
    );
}

#[tokio::test]
async fn a_nonce_needs_dates_that_are_checked_and_a_header_of_its_own() {
    for (arguments, expected) in [
        (&["--nonce", "x-nonce"][..], "--date-policy check-age"),
        (
            &["--scheme", "kong", "--nonce", "host"],
            "--nonce: host has another meaning",
        ),
        (
            &[
                "--scheme",
                "kong",
                "--nonce",
                "x-nonce",
                "--max-skew",
                "86401",
            ],
            "--max-skew: ",
        ),
        (&["--nonce-capacity", "7"], "--nonce <NAME>"),
        (&["--assume-no-earlier-claims"], "--nonce <NAME>"),
    ] {
        let mut command = command_with_keys();
        command.args(arguments);
        let output = fails_to_start(command).await;
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let gateway = Gateway::start(&["--nonce", "x-nonce", "--date-policy", "check-age"]).await;
    drop(gateway);
}

#[cfg(not(feature = "redis"))]
#[tokio::test]
async fn without_its_feature_redis_is_an_error_that_names_it() {
    let mut command = command_with_keys();
    command.args(["--scheme", "kong", "--nonce", "x-nonce"]);
    command.args(["--redis", "redis://:the-password@localhost/"]);
    let output = fails_to_start(command).await;
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("build it with --features redis"), "{error}");
    assert!(!error.contains("the-password"), "{error}");
}

#[tokio::test]
async fn each_request_is_verified_by_the_scheme_that_it_is_written_in() {
    let arguments = [
        "--scheme",
        "tencent",
        "--scheme",
        "kong",
        "--require",
        "kong:@request-target",
    ];
    let gateway = Gateway::start(&arguments).await;
    for scheme in [Scheme::Tencent, Scheme::Kong] {
        let request = signed(&gateway, scheme, None);
        assert_eq!(status(request).await, StatusCode::OK, "{scheme}");
    }
    let mut request = Request::get(gateway.url("/a")).body(no_body()).unwrap();
    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .components(["x-date"]);
    let signer = signer.build().unwrap();
    signer
        .sign_request(&mut request, SystemTime::now())
        .unwrap();
    let answer = send_unsigned(request).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    // In Kong's words: without a full stop.
    let text = text(answer.into_body()).await;
    assert_eq!(text, r#"{"message":"HMAC signature cannot be verified"}"#);
}

#[tokio::test]
async fn schemes_that_cannot_be_distinguished_and_unknown_ones_are_errors() {
    for (arguments, expected) in [
        (
            ["--scheme", "apisix", "--scheme", "cavage"],
            "--scheme: credentials of apisix and cavage have the same form",
        ),
        (
            ["--scheme", "tencent", "--require", "kong:@request-target"],
            "--require kong:@request-target: there is no --scheme kong",
        ),
    ] {
        let mut command = command_with_keys();
        command.args(arguments);
        let output = fails_to_start(command).await;
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            error.contains(expected) && error.lines().count() == 1,
            "{error}"
        );
    }
}
