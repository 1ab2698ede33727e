use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Algorithm, KeyPair, Rejection, Scheme, Signer, StaticKeys, Verifier, VerifyLayer,
    error::{BuildError, SignError},
    verify::{DefaultResponseForRejection, Refusal, ResponseForRejection as _},
};

use super::{
    DATE, allowing_missing, assert_accepted, assert_refused, authorization, now, request,
    requiring, signed, verifying,
};
use crate::common::{keys, verifier_of, verify};

fn verifier() -> Verifier {
    verifier_of(Scheme::Tyk)
}

fn signer() -> Signer {
    Signer::builder(keys()).scheme(Scheme::Tyk).build().unwrap()
}

/// Signed by hand: the target and the date.
fn targeted(target: &str, line: &str) -> Request<()> {
    let string = format!("(request-target): {line}\ndate: {DATE}");
    let list = "(request-target) date";
    signed(Scheme::Tyk, target, &[("date", DATE)], list, &string)
}

#[test]
fn the_target_is_the_decoded_path_without_its_query() {
    for (target, line) in [
        ("/v1/items?a=1", "get /v1/items"),
        ("/a?", "get /a"),
        ("/a%20b/caf%C3%A9?x=%20", "get /a b/caf\u{e9}"),
        ("/a//b/./c", "get /a//b/./c"),
        ("/", "get /"),
    ] {
        assert_accepted(&verifier(), &targeted(target, line));
        let request = request(target, "", &[]);
        let string = signer().signing_string(&request, now()).unwrap();
        let expected = format!("(request-target): {line}\ndate: {DATE}");
        assert_eq!(string.as_bytes(), expected.as_bytes());
    }
    for (target, line) in [
        ("/v1/items?a=1", "get /v1/items?a=1"),
        ("/a%20b", "get /a%20b"),
        ("/a//b", "get /a/b"),
        ("/a/./b", "get /a/b"),
        ("/a", "GET /a"),
    ] {
        let request = targeted(target, line);
        assert_refused(&verifier(), &request, "SignatureMismatch");
    }
}

/// What the documentation says of it: the query is for anyone to change.
#[test]
fn another_query_has_the_same_signature_and_another_path_has_not() {
    let mut request = request("/a?x=1", "", &[]);
    signer().sign_request(&mut request, now()).unwrap();
    let verifier = requiring(Scheme::Tyk, "(request-target)");
    for (target, is_same) in [("/a?x=2", true), ("/a", true), ("/b?x=1", false)] {
        *request.uri_mut() = target.parse().unwrap();
        let checked = verify(&verifier, (&request).into(), now());
        assert_eq!(checked.is_ok(), is_same, "{target}");
    }
}

#[test]
fn a_path_that_a_handler_could_read_as_another_is_refused_or_normalized() {
    for (target, line) in [
        ("/a%2Fb", "get /a/b"),
        ("/%61", "get /a"),
        ("/%2e%2e/a", "get /../a"),
        ("/a%23b", "get /a#b"),
        ("/a%2525", "get /a%25"),
    ] {
        let request = targeted(target, line);
        assert_refused(&verifier(), &request, "Target(NotNormal)");
        let normalizing = verifying(Scheme::Tyk).normalize_target(true);
        let normalizing = normalizing.build().unwrap();
        assert_accepted(&normalizing, &request);
        let seen = normalizing.normalized_target(request.uri()).unwrap();
        if let Some(seen) = seen {
            let seen = targeted(&seen.to_string(), line);
            assert_accepted(&normalizing, &seen);
            assert_eq!(normalizing.normalized_target(seen.uri()), Ok(None));
        }
    }
    for (target, line, kind) in [
        ("/a%3Fb", "get /a?b", "Target(EscapedQuestionMark)"),
        ("/a%0Adate", "get /a\ndate", "Target(ControlCharacter)"),
        ("/a%", "get /a%", "Target(BadEscape)"),
    ] {
        assert_refused(&verifier(), &targeted(target, line), kind);
    }
}

#[test]
fn the_method_is_accepted_in_upper_case_only() {
    for method in ["Get", "get"] {
        let mut request = targeted("/a", "get /a");
        *request.method_mut() = method.parse().unwrap();
        assert_refused(&verifier(), &request, "Target(LowerCaseMethod)");
    }
}

#[test]
fn a_request_without_a_list_signs_its_date() {
    let right = authorization(Scheme::Tyk, "date", &format!("date: {DATE}"));
    let without = right.replace("headers=\"date\",", "");
    let request = request("/a", &without, &[("date", DATE)]);
    let key = assert_accepted(&verifier(), &request);
    assert_eq!(key.covered().collect::<Vec<_>>(), ["date"]);
    let required = requiring(Scheme::Tyk, "(request-target)");
    assert_refused(&required, &request, "NotCovered");
}

#[test]
fn only_a_percent_encoded_signature_is_read_its_escapes_in_any_case() {
    let right = authorization(Scheme::Tyk, "date", &format!("date: {DATE}"));
    assert!(right.contains("%3D"), "{right}");
    let with = |authorization: &str| request("/a", authorization, &[("date", DATE)]);
    for same in [
        right.replace("%3D", "%3d").replace("%2F", "%2f"),
        right.replace(',', ", "),
        right.replacen("Signature", "signature", 1),
    ] {
        assert_accepted(&verifier(), &with(&same));
    }
    for wrong in [
        right.replace("%3D", "="),
        right.replace("%3D", "%253D"),
        right.replace("%3D", ""),
        right.replacen("Signature", "SIGNATURE", 1),
        right.replacen("keyId", "keyid", 1),
        format!("{right},created=1444348800"),
        format!("{right},nonce=\"a\""),
    ] {
        assert_refused(&verifier(), &with(&wrong), "AuthorizationMalformed");
    }
    let without = right.replace("algorithm=\"hmac-sha256\",", "");
    assert_refused(&verifier(), &with(&without), "ParameterMissing");
}

#[test]
fn all_four_algorithms_are_signed_and_accepted_in_the_same_second_and_the_next() {
    for algorithm in Algorithm::ALL {
        // From the cache, whose entries are renewed.
        let signer = Signer::builder(keys())
            .scheme(Scheme::Tyk)
            .algorithm(algorithm)
            .components(["date"])
            .build()
            .unwrap();
        for second in [0, 0, 1, 2, 3, 4, 5] {
            let time = now() + Duration::from_secs(second);
            let mut request = request("/a", "", &[]);
            signer.sign_request(&mut request, time).unwrap();
            let key = verify(&verifier(), (&request).into(), time).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            let sent = request.headers()[header::AUTHORIZATION].to_str().unwrap();
            let signature = sent.split("signature=").nth(1).unwrap();
            assert!(!signature.contains(['+', '/', '=']), "{sent}");
        }
    }
}

#[test]
fn x_aux_date_replaces_the_date() {
    let string = format!("x-aux-date: {DATE}");
    let aux = [("x-aux-date", DATE)];
    for list in ["date", "Date", "x-aux-date"] {
        let request = signed(Scheme::Tyk, "/a", &aux, list, &string);
        assert_accepted(&verifier(), &request);
        let later = now() + Duration::from_secs(301);
        let why = verify(&verifier(), (&request).into(), later).unwrap_err();
        assert!(format!("{why:?}").starts_with("DateOutOfRange"), "{why:?}");
    }
    let by_name = format!("date: {DATE}");
    let request = signed(Scheme::Tyk, "/a", &aux, "date", &by_name);
    assert_refused(&verifier(), &request, "SignatureMismatch");

    let unlisted = signed(
        Scheme::Tyk,
        "/a",
        &[("x-aux-date", DATE), ("x-a", "1")],
        "x-a",
        "x-a: 1",
    );
    assert_refused(&verifier(), &unlisted, "DateNotCovered");
    let twice = [("x-aux-date", DATE), ("x-aux-date", DATE)];
    let twice = signed(Scheme::Tyk, "/a", &twice, "date", &string);
    assert_refused(&verifier(), &twice, "HeaderRepeated");
}

/// The list names `date`, but what is signed is the other header. So a `Date` beside it is for
/// anyone to choose.
#[test]
fn neither_date_can_be_added_to_a_request_that_signs_the_other() {
    for (mine, others) in [("x-aux-date", "date"), ("date", "x-aux-date")] {
        let string = format!("{mine}: {DATE}");
        let alone = signed(Scheme::Tyk, "/a", &[(mine, DATE)], "date", &string);
        assert_accepted(&verifier(), &alone);
        for other in [DATE, "Fri, 09 Oct 2015 00:05:00 GMT", ""] {
            let both = [(mine, DATE), (others, other)];
            let both = signed(Scheme::Tyk, "/a", &both, "date", &string);
            assert_refused(&verifier(), &both, "HeaderRepeated");
        }
    }
}

#[test]
fn a_request_with_x_aux_date_is_not_signed() {
    for list in [&["date"][..], &["(request-target)", "date"]] {
        let signer = Signer::builder(keys())
            .scheme(Scheme::Tyk)
            .components(list)
            .build()
            .unwrap();
        // A request without it is signed first, so that a signature is in the cache.
        let mut plain = request("/a", "", &[]);
        signer.sign_request(&mut plain, now()).unwrap();
        let mut request = request("/a", "", &[("x-aux-date", DATE)]);
        let error = signer.sign_request(&mut request, now()).unwrap_err();
        assert!(matches!(error, SignError::OtherDate { .. }), "{error:?}");
        assert!(error.to_string().contains("x-aux-date"), "{error}");
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }
}

#[test]
fn host_cannot_be_signed() {
    for name in ["host", "Host"] {
        let signer = Signer::builder(keys()).scheme(Scheme::Tyk);
        let error = signer.signed_headers([name]).build().unwrap_err();
        assert!(matches!(error, BuildError::NotSeen { .. }), "{error:?}");
    }
    // As a client would have to sign it for Tyk: the value is empty.
    let headers = [("date", DATE), ("host", "h.example")];
    let string = format!("date: {DATE}\nhost: ");
    let request = signed(Scheme::Tyk, "/a", &headers, "date host", &string);
    for verifier in [verifier(), allowing_missing(Scheme::Tyk)] {
        assert_refused(&verifier, &request, "AuthorizationMalformed(NotSignable");
    }
}

#[test]
fn a_key_id_has_no_backslash() {
    let keys = |id: &str| KeyPair::new(id, "test-secret-key-0001").unwrap();
    let build = |id: &str| Signer::builder(keys(id)).scheme(Scheme::Tyk).build();
    // Tyk's own ids are JSON in base64.
    build("eyJvcmciOiIxIiwiaWQiOiIyIn0=").unwrap();
    let error = build("a\\b").unwrap_err();
    assert!(matches!(error, BuildError::KeyIdNotCarried { .. }));
}

#[tokio::test]
async fn every_refused_signature_is_answered_400_with_tyks_one_text() {
    let handler = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::default()))
    });
    let text = r#"{"error":"Authorization field missing, malformed or invalid"}"#;
    let refused = [
        Request::new(()),
        request("/a", "Basic dTpw", &[]),
        targeted("/a", "get /b"),
        signed(Scheme::Tyk, "/a", &[("x-a", "1")], "x-a", "x-a: 1"),
    ];
    for (status, challenge) in [(None, false), (Some(StatusCode::UNAUTHORIZED), true)] {
        let answers = match status {
            Some(status) => DefaultResponseForRejection::new().unauthorized_status(status),
            None => DefaultResponseForRejection::new(),
        };
        let layer = VerifyLayer::new(StaticKeys::from(keys()))
            .verifier(verifier())
            .clock(now)
            .refuse(answers);
        for request in &refused {
            let answer = layer.layer(handler).oneshot(request.clone()).await.unwrap();
            assert_eq!(answer.status(), status.unwrap_or(StatusCode::BAD_REQUEST));
            let headers = answer.headers();
            assert_eq!(headers.contains_key(header::WWW_AUTHENTICATE), challenge);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, text);
        }
    }
}

#[test]
fn what_is_not_about_credentials_keeps_its_status_and_has_another_text() {
    let one_text = Scheme::Tyk.text(&Rejection::KeyUnknown);
    let request = Request::new(());
    for answers in [
        DefaultResponseForRejection::new(),
        DefaultResponseForRejection::new().unauthorized_status(StatusCode::UNAUTHORIZED),
    ] {
        for (rejection, status) in [
            (
                Rejection::KeyStoreUnavailable,
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            (Rejection::ClaimsLost, StatusCode::SERVICE_UNAVAILABLE),
            (Rejection::ReplayGuardFull, StatusCode::SERVICE_UNAVAILABLE),
            (
                Rejection::ReplayGuardUnavailable,
                StatusCode::SERVICE_UNAVAILABLE,
            ),
            (Rejection::NoClaim, StatusCode::INTERNAL_SERVER_ERROR),
            (Rejection::BodyUnreadable, StatusCode::BAD_REQUEST),
            // Another middleware answers these.
            (Rejection::KeyNotBound, StatusCode::FORBIDDEN),
            (Rejection::NoUsagePlan, StatusCode::FORBIDDEN),
        ] {
            let refusal = Refusal::new(&rejection, (&request).into(), Scheme::Tyk);
            assert_eq!(answers.refuse(&refusal).status(), status, "{rejection:?}");
            assert_ne!(Scheme::Tyk.text(&rejection), one_text, "{rejection:?}");
        }
    }
    let answers = DefaultResponseForRejection::new();
    for rejection in [
        Rejection::Replayed,
        Rejection::KeyUnknown,
        Rejection::SignatureMismatch,
    ] {
        let refusal = Refusal::new(&rejection, (&request).into(), Scheme::Tyk);
        assert_eq!(answers.refuse(&refusal).status(), StatusCode::BAD_REQUEST);
        assert_eq!(Scheme::Tyk.text(&rejection), one_text);
    }
}
