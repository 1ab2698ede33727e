//! Services that speak like Tyk, described by their users: DNSE, with a header of its own and a
//! nonce as a parameter, and Modulr, with a nonce in a header.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderName, Request, header};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Scheme, SignLayer, Signer, StaticKeys, Verifier, VerifyLayer,
    error::{BuildError, SignError},
    sign::SignerBuilder,
};

use super::{DATE, assert_accepted, assert_refused, authorization, now, request};
use crate::common::{dnse, keys, modulr, verifier_of};

const X_SIGNATURE: &str = "x-signature";
const NONCE: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn builder() -> SignerBuilder {
    Signer::builder(keys()).scheme(dnse())
}

/// A signer whose nonces count.
fn signer() -> Signer {
    let count = Arc::new(AtomicU64::new(0));
    let next = move || format!("n-{}", count.fetch_add(1, Ordering::Relaxed));
    builder().nonce_parameter(next).build().unwrap()
}

fn verifier() -> Verifier {
    verifier_of(dnse())
}

/// A request with this value of `X-Signature`.
fn with(value: &str) -> Request<()> {
    let mut request = request("/a", "", &[("date", DATE), (X_SIGNATURE, value)]);
    request.headers_mut().remove(header::AUTHORIZATION);
    request
}

/// Signed by hand over the date, and this nonce on the last line.
fn signed_with(nonce: &str, line: &str) -> String {
    let string = format!("date: {DATE}\nnonce: {line}");
    let value = authorization(Scheme::Tyk, "date", &string);
    format!("{value},nonce=\"{nonce}\"")
}

#[test]
fn the_nonce_is_signed_in_a_last_line_and_sent_after_the_signature() {
    let mut request = request("/a?x=1", "", &[]);
    request.headers_mut().remove(header::AUTHORIZATION);
    let signer = builder().nonce_parameter(|| NONCE.to_owned());
    let signer = signer.build().unwrap();
    let string = signer.signing_string(&request, now()).unwrap();
    let expected = format!("(request-target): get /a\ndate: {DATE}\nnonce: {NONCE}");
    assert_eq!(string.as_bytes(), expected.as_bytes());
    signer.sign_request(&mut request, now()).unwrap();
    let value = authorization(Scheme::Tyk, "(request-target) date", &expected);
    let value = format!("{value},nonce=\"{NONCE}\"");
    assert_eq!(request.headers()[X_SIGNATURE], value);
    assert!(request.headers()[X_SIGNATURE].is_sensitive());
    assert!(!request.headers().contains_key(header::AUTHORIZATION));
    let key = assert_accepted(&verifier(), &request);
    assert_eq!(
        key.covered().collect::<Vec<_>>(),
        ["(request-target)", "date"]
    );
}

#[test]
fn every_signature_has_another_nonce_in_the_same_second_too() {
    // Also where nothing else would keep a signature from the cache.
    for list in [&["date"][..], &["(request-target)", "date"]] {
        let count = AtomicU64::new(0);
        let next = move || format!("n-{}", count.fetch_add(1, Ordering::Relaxed));
        let signer = builder().components(list).nonce_parameter(next);
        let signer = signer.build().unwrap();
        let mut seen = std::collections::HashSet::new();
        for second in [0, 0, 0, 1, 1] {
            let time = now() + Duration::from_secs(second);
            let mut request = request("/a", "", &[]);
            signer.sign_request(&mut request, time).unwrap();
            crate::common::verify(&verifier(), (&request).into(), time).unwrap();
            assert!(seen.insert(request.headers()[X_SIGNATURE].clone()));
        }
    }
}

#[test]
fn a_changed_missing_or_repeated_nonce_is_refused() {
    let right = signed_with(NONCE, NONCE);
    assert_accepted(&verifier(), &with(&right));
    // Parameters have no order, and any may be spaced.
    let (rest, _) = right.rsplit_once(',').unwrap();
    let first = rest.replacen("keyId", &format!("nonce=\"{NONCE}\", keyId"), 1);
    assert_accepted(&verifier(), &with(&first));

    let other = signed_with("0", NONCE);
    assert_refused(&verifier(), &with(&other), "SignatureMismatch");
    for (wrong, kind) in [
        (rest.to_owned(), "ParameterMissing { parameter: \"nonce\" }"),
        (format!("{rest},nonce=\"\""), "ParameterMissing"),
        (
            format!("{right},nonce=\"{NONCE}\""),
            "AuthorizationMalformed(Repeated",
        ),
        (
            format!("{rest},nonce={NONCE}"),
            "AuthorizationMalformed(NotAParameter",
        ),
        (
            format!("{rest},Nonce=\"{NONCE}\""),
            "AuthorizationMalformed(Unknown",
        ),
        (
            format!("{rest},nonce=\"{}\"", "n".repeat(8193)),
            "AuthorizationMalformed(ParameterTooLong",
        ),
    ] {
        assert_refused(&verifier(), &with(&wrong), kind);
    }
    // A listed header of the same name is another line.
    let listed = authorization(
        Scheme::Tyk,
        "date nonce",
        &format!("date: {DATE}\nnonce: {NONCE}"),
    );
    let mut request = with(&format!("{listed},nonce=\"{NONCE}\""));
    let nonce = HeaderName::from_static("nonce");
    request.headers_mut().insert(nonce, NONCE.parse().unwrap());
    assert_refused(&verifier(), &request, "SignatureMismatch");
}

#[test]
fn only_the_schemes_own_header_is_read() {
    let right = signed_with(NONCE, NONCE);
    let in_authorization = request("/a", &right, &[("date", DATE)]);
    assert_refused(&verifier(), &in_authorization, "AuthorizationMissing");
    let mut beside = with(&right);
    let bearer = "Bearer token".parse().unwrap();
    beside.headers_mut().insert(header::AUTHORIZATION, bearer);
    assert_accepted(&verifier(), &beside);
    let again = right.parse().unwrap();
    beside.headers_mut().append(X_SIGNATURE, again);
    assert_refused(&verifier(), &beside, "HeaderRepeated");
}

#[test]
fn the_header_with_the_signature_cannot_be_signed() {
    for name in [X_SIGNATURE, "X-Signature"] {
        let error = builder()
            .signed_headers([name])
            .nonce_parameter(String::new);
        let error = error.build();
        assert!(matches!(error, Err(BuildError::SignsAuthorization { .. })));
    }
    let listed = authorization(Scheme::Tyk, "date x-signature", "any");
    let request = with(&format!("{listed},nonce=\"{NONCE}\""));
    assert_refused(&verifier(), &request, "AuthorizationMalformed(NotSignable");
}

/// `Authorization` is the client's own, of another kind.
#[tokio::test]
async fn layers_set_and_remove_the_schemes_own_header_and_no_other() {
    let server = service_fn(|request: Request<()>| async move {
        let mut response = http::Response::new(http_body_util::Full::<bytes::Bytes>::default());
        response.extensions_mut().insert(request.headers().clone());
        Ok::<_, std::convert::Infallible>(response)
    });
    let server = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(verifier())
        .clock(now)
        .remove_authorization(true)
        .layer(server);
    let client = SignLayer::from(signer()).clock(now).layer(server);
    let sent = request("/a", "Bearer token", &[(X_SIGNATURE, "stale")]);
    let response = client.oneshot(sent).await.unwrap();
    let seen = response.extensions().get::<http::HeaderMap>().unwrap();
    assert_eq!(seen[header::AUTHORIZATION], "Bearer token");
    assert!(!seen.contains_key(X_SIGNATURE));

    // To another host nothing of this scheme is sent.
    let limited = builder()
        .nonce_parameter(|| NONCE.to_owned())
        .allowed_hosts(["api.example.com"])
        .build()
        .unwrap();
    let mut elsewhere = request(
        "https://other.example/a",
        "Bearer token",
        &[("date", DATE), (X_SIGNATURE, &signed_with(NONCE, NONCE))],
    );
    let error = limited.sign_request(&mut elsewhere, now()).unwrap_err();
    assert!(matches!(error, SignError::NotForThisHost { .. }));
    let left: Vec<_> = elsewhere.headers().keys().collect();
    assert_eq!(left, ["authorization"]);
}

#[test]
fn a_nonce_that_cannot_be_sent_is_an_error_and_nothing_is_sent() {
    for nonce in [
        "",
        "a\"b",
        "a\\b",
        "a b",
        "a\nb",
        "\u{e9}",
        &"n".repeat(8193),
    ] {
        let nonce = nonce.to_owned();
        let signer = builder().nonce_parameter(move || nonce.clone());
        let mut request = request("/a", "", &[(X_SIGNATURE, "stale")]);
        let signed = signer.build().unwrap().sign_request(&mut request, now());
        assert_eq!(signed, Err(SignError::InvalidNonce));
        assert!(!request.headers().contains_key(X_SIGNATURE));
    }
}

#[test]
fn nonces_are_set_where_the_scheme_has_them_and_nowhere_else() {
    let error = builder().build().unwrap_err();
    assert!(matches!(error, BuildError::NoNonces { .. }));
    assert!(
        error.to_string().starts_with("dnse sends a nonce"),
        "{error}"
    );
    for scheme in Scheme::ALL.into_iter().chain([modulr()]) {
        let builder = Signer::builder(keys()).scheme(scheme);
        let error = builder.nonce_parameter(String::new).build().unwrap_err();
        assert!(matches!(error, BuildError::NonceNotCarried { .. }));
    }
}

#[test]
fn a_description_that_could_be_read_in_two_ways_is_refused() {
    let described = || Scheme::builder("described", Scheme::Tyk);
    for name in [
        "",
        "a b",
        "keyId",
        "KEYID",
        "username",
        "headers",
        "Created",
        "signature",
    ] {
        let error = described().nonce_parameter(name).build().unwrap_err();
        assert!(matches!(error, BuildError::NonceParameter { .. }), "{name}");
    }
    let taken = Scheme::builder("described", dnse()).key_id_parameter("Nonce");
    let error = taken.build().unwrap_err();
    assert!(matches!(error, BuildError::NonceParameter { .. }));
    let microservice = ["x-namespace-code", "x-microservice-name"];
    let others = ["date", "x-date", "host", "source", "digest", "te", "cookie"];
    for name in others.into_iter().chain(microservice) {
        let name = HeaderName::from_static(name);
        let error = described().credentials_header(name).build().unwrap_err();
        assert!(matches!(error, BuildError::CredentialsHeader { .. }));
    }
    // A JSON object has no further parameters.
    let market = Scheme::builder("described", Scheme::TencentMarket);
    let error = market.nonce_parameter("nonce").build().unwrap_err();
    assert_eq!(error, BuildError::NoParameters);
    let listed = described()
        .credentials_header(HeaderName::from_static(X_SIGNATURE))
        .default_list(["date", "X-Signature"]);
    let error = listed.build().unwrap_err();
    assert!(matches!(error, BuildError::SignsAuthorization { .. }));
}

#[test]
fn modulr_signs_the_nonce_that_the_request_has() {
    let signer = Signer::builder(keys()).scheme(modulr()).build().unwrap();
    let mut request = request("/a", "", &[("x-mod-nonce", "n-1")]);
    signer.sign_request(&mut request, now()).unwrap();
    let verifier = Verifier::builder()
        .scheme(modulr())
        .require(["x-mod-nonce"])
        .build()
        .unwrap();
    assert_accepted(&verifier, &request);
    let other = "n-2".parse().unwrap();
    request.headers_mut().insert("x-mod-nonce", other);
    assert_refused(&verifier, &request, "SignatureMismatch");
}
