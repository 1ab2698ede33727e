//! Nonces that a scheme sends as a parameter of the credentials, as DNSE's clients do.

use std::convert::Infallible;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Algorithm, KeyPair, Rejection, Scheme, Signer, StaticKeys, Verifier, VerifyLayer,
    clock::ManualClock,
    error::{BuildError, RejectionKind},
    scheme::{DatePolicy, X_NONCE},
    verify::{KeyAccess, KeyLookup, MemoryReplayGuard, ReplayLayer, VerifierBuilder, VerifyingKey},
};

use crate::common::{
    at, dnse,
    sign_by_hand::{base64, mac},
};

const NONCE: HeaderName = HeaderName::from_static("nonce");

/// Wed, 25 Nov 2026 04:05:06 GMT.
const WEDNESDAY: i64 = 1_795_579_506;

const SECRET: &str = "family-secret-0123456789abcdef";

fn family() -> KeyPair {
    KeyPair::new("AKIDfamily0000000001", SECRET).unwrap()
}

fn claiming(scheme: Scheme) -> VerifierBuilder {
    Verifier::builder().scheme(scheme).nonce(NONCE)
}

fn verifier() -> Verifier {
    claiming(dnse()).build().unwrap()
}

/// DNSE's request of `tests/vectors`, but for the nonce and the signature.
fn with(nonce: &str, signature: &str) -> Request<()> {
    let credentials = format!(
        "Signature keyId=\"AKIDfamily0000000001\",algorithm=\"hmac-sha256\",\
         headers=\"(request-target) date\",signature=\"{signature}\",nonce=\"{nonce}\""
    );
    Request::get("/price/ohlc")
        .header("date", "Wed, 25 Nov 2026 04:05:06 +0000")
        .header("x-signature", credentials)
        .body(())
        .unwrap()
}

/// As a client in another language sends it.
fn published() -> Request<()> {
    let signature = "EyDxn%2FORuOJklxYvbYP68vbBedZGfu%2BgXtW%2F3NvwuYQ%3D";
    with("0f1e2d3c4b5a69788796a5b4c3d2e1f0", signature)
}

fn signed_by_hand(nonce: &str) -> Request<()> {
    let string = format!(
        "(request-target): get /price/ohlc\ndate: Wed, 25 Nov 2026 04:05:06 +0000\nnonce: {nonce}"
    );
    let mac = mac(Algorithm::HmacSha256, SECRET.as_bytes(), string.as_bytes());
    let signature = base64(&mac).replace('+', "%2B").replace('/', "%2F");
    with(nonce, &signature.replace('=', "%3D"))
}

/// The nonce that is claimed, or `None` if none is.
fn claimed(verifier: &Verifier, request: &Request<()>) -> Result<Option<String>, Rejection> {
    let key = VerifyingKey::from(&family());
    let credentials = verifier.read(request, at(WEDNESDAY))?;
    let key = verifier.verify(credentials, KeyLookup::Key(&key, KeyAccess::Bound))?;
    let nonce = key.claim().map(|claim| claim.nonce().to_vec());
    Ok(nonce.map(|nonce| String::from_utf8(nonce).unwrap()))
}

#[tokio::test]
async fn a_copy_is_refused_before_the_handler_and_another_nonce_is_not() {
    let clock = ManualClock::at(at(WEDNESDAY));
    let guard = MemoryReplayGuard::builder().clock(clock.clone());
    let guard = guard.assume_no_earlier_claims(true).build();
    let handler =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let service = VerifyLayer::new(StaticKeys::from(family()))
        .verifier(verifier())
        .clock(clock)
        .layer(ReplayLayer::new(guard).layer(handler));
    let answer = |request| {
        let answer = service.clone().oneshot(request);
        async { answer.await.unwrap() }
    };
    assert_eq!(answer(published()).await.status(), StatusCode::OK);
    for _ in 0..2 {
        let refusal = answer(published()).await;
        // Tyk's status of every refusal.
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
        let why = refusal.extensions().get::<Rejection>();
        assert_eq!(why, Some(&Rejection::Replayed));
    }
    assert_eq!(
        answer(signed_by_hand("another")).await.status(),
        StatusCode::OK
    );
}

#[test]
fn the_parameter_is_claimed_as_it_was_sent() {
    let nonce = "0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned();
    assert_eq!(claimed(&verifier(), &published()), Ok(Some(nonce)));
    // Spaces are signed, so a text with them is another one.
    let spaces = claimed(&verifier(), &signed_by_hand(" a b "));
    assert_eq!(spaces, Ok(Some(" a b ".to_owned())));
}

#[test]
fn a_verifier_that_does_not_name_the_parameter_claims_nothing() {
    let verifier = Verifier::builder().scheme(dnse()).build().unwrap();
    assert_eq!(claimed(&verifier, &published()), Ok(None));
}

#[test]
fn a_changed_nonce_breaks_the_signature() {
    let signature = "EyDxn%2FORuOJklxYvbYP68vbBedZGfu%2BgXtW%2F3NvwuYQ%3D";
    let changed = claimed(&verifier(), &with("another", signature));
    assert_eq!(changed, Err(Rejection::SignatureMismatch));
    let missing = claimed(&verifier(), &with("", signature));
    let parameter = "nonce";
    assert_eq!(missing, Err(Rejection::ParameterMissing { parameter }));
}

#[test]
fn a_nonce_parameter_of_1_to_128_bytes_is_claimed() {
    for length in [1, 128] {
        let nonce = "x".repeat(length);
        let claim = claimed(&verifier(), &signed_by_hand(&nonce));
        assert_eq!(claim, Ok(Some(nonce)));
    }
}

#[test]
fn a_nonce_parameter_of_129_bytes_is_refused() {
    let longer = "x".repeat(129);
    let refused = claimed(&verifier(), &signed_by_hand(&longer)).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Nonce);
    assert!(
        refused
            .to_string()
            .starts_with("nonce is empty or longer than 128")
    );
    // Without claims, nothing has to keep it.
    let unclaimed = Verifier::builder().scheme(dnse()).build().unwrap();
    assert_eq!(claimed(&unclaimed, &signed_by_hand(&longer)), Ok(None));
}

#[test]
fn a_header_with_the_parameters_name_is_not_read() {
    let mut request = published();
    for value in ["one", "two"] {
        let value = HeaderValue::from_static(value);
        request.headers_mut().append(NONCE, value);
    }
    let nonce = "0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned();
    assert_eq!(claimed(&verifier(), &request), Ok(Some(nonce)));
}

#[test]
fn a_nonce_of_another_name_is_read_from_a_signed_header() {
    let verifier = Verifier::builder().scheme(dnse()).nonce(X_NONCE);
    let verifier = verifier.build().unwrap();
    let refused = claimed(&verifier, &published()).unwrap_err();
    assert!(matches!(&refused, Rejection::NotCovered { name } if name.as_str() == "x-nonce"));

    let signer = Signer::builder(family())
        .scheme(dnse())
        .nonce_parameter(|| "of-the-scheme".to_owned())
        .signed_headers([X_NONCE]);
    let mut request = Request::get("/price/ohlc").header(X_NONCE, "of-the-header");
    request = request.header("host", "api.example.com");
    let mut request = request.body(()).unwrap();
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, at(WEDNESDAY)).unwrap();
    let nonce = "of-the-header".to_owned();
    assert_eq!(claimed(&verifier, &request), Ok(Some(nonce)));
    let nonce = "of-the-scheme".to_owned();
    assert_eq!(claimed(&self::verifier(), &request), Ok(Some(nonce)));
}

#[test]
fn the_parameters_name_is_compared_in_any_case() {
    let scheme = Scheme::builder("nonce-in-capitals", Scheme::Tyk).nonce_parameter("Nonce");
    let scheme = scheme.build().unwrap();
    let signer = Signer::builder(family()).scheme(scheme);
    let signer = signer
        .nonce_parameter(|| "once".to_owned())
        .build()
        .unwrap();
    let mut request = Request::get("/price/ohlc").body(()).unwrap();
    signer.sign_request(&mut request, at(WEDNESDAY)).unwrap();
    let verifier = claiming(scheme).build().unwrap();
    assert_eq!(claimed(&verifier, &request), Ok(Some("once".to_owned())));
}

#[test]
fn the_parameter_is_claimed_in_credentials_in_the_query() {
    let scheme = Scheme::builder("query-with-a-nonce", Scheme::Iflytek).nonce_parameter("nonce");
    let scheme = scheme.build().unwrap();
    let signer = Signer::builder(family())
        .scheme(scheme)
        .nonce_parameter(|| "once".to_owned())
        .credentials_in_query(true);
    let mut request = Request::get("https://api.example.com/a").body(()).unwrap();
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, at(WEDNESDAY)).unwrap();
    assert!(request.headers().is_empty());
    let verifier = claiming(scheme).build().unwrap();
    assert_eq!(claimed(&verifier, &request), Ok(Some("once".to_owned())));
}

#[test]
fn a_nonce_parameter_and_the_signature_cannot_both_be_the_nonce() {
    let verifier = claiming(dnse()).signature_as_nonce(true);
    assert_eq!(verifier.build().unwrap_err(), BuildError::TwoNonces);
}

#[test]
fn a_nonce_with_a_date_of_any_age_cannot_be_built() {
    let verifier = claiming(dnse()).date_policy(DatePolicy::AnyAge);
    assert_eq!(verifier.build().unwrap_err(), BuildError::NonceWithoutAge);
}

#[test]
fn a_nonce_with_a_clock_skew_of_two_days_cannot_be_built() {
    let two_days = std::time::Duration::from_secs(2 * 86_400);
    let verifier = claiming(dnse()).max_skew(two_days);
    assert_eq!(verifier.build().unwrap_err(), BuildError::NonceSkew);
}

#[test]
fn the_header_with_the_signature_cannot_be_the_nonce() {
    let header = HeaderName::from_static("x-signature");
    let verifier = Verifier::builder().scheme(dnse()).nonce(header);
    assert!(matches!(
        verifier.build().unwrap_err(),
        BuildError::SignsAuthorization { .. }
    ));
}
