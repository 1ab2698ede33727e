//! `Refusal::key_id`: the key id that a refused request names.

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    KeyPair, Rejection, RequestHead, Scheme, Signer, StaticKeys, VerifyLayer,
    scheme::X_NONCE,
    verify::{Claim, ClaimOutcome, Refusal, ReplayLayer, Verifier},
};

use crate::common::{FRIDAY, KEY_ID, at, dnse, keys};

/// What a refusal for this reason says of a request.
fn key_id(scheme: Scheme, request: &Request<()>) -> Option<String> {
    let why = Rejection::SignatureMismatch;
    Refusal::new(&why, RequestHead::from(request), scheme).key_id()
}

fn get() -> Request<()> {
    Request::get("https://api.example.com/a").body(()).unwrap()
}

#[test]
fn the_key_id_is_found_in_every_scheme() {
    let in_another_header = dnse();
    for scheme in Scheme::ALL.into_iter().chain([in_another_header]) {
        let mut builder = Signer::builder(keys()).scheme(scheme);
        if scheme == in_another_header {
            builder = builder.nonce_parameter(|| "once".to_owned());
        }
        let mut request = get();
        let signer = builder.build().unwrap();
        signer.sign_request(&mut request, at(FRIDAY)).unwrap();
        assert_eq!(
            key_id(scheme, &request).as_deref(),
            Some(KEY_ID),
            "{scheme}"
        );
        assert_eq!(key_id(scheme, &get()), None, "{scheme}");
    }
}

#[test]
fn the_key_id_is_found_in_a_query_and_without_the_escapes_of_json() {
    let signer = Signer::builder(keys()).scheme(Scheme::Iflytek);
    let signer = signer.credentials_in_query(true).build().unwrap();
    let mut request = get();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    assert_eq!(key_id(Scheme::Iflytek, &request).as_deref(), Some(KEY_ID));

    let pair = KeyPair::new(r"a\b", "test-secret-key-0001").unwrap();
    let signer = Signer::builder(pair).scheme(Scheme::TencentMarket);
    let mut request = get();
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    let found = key_id(Scheme::TencentMarket, &request);
    assert_eq!(found.as_deref(), Some(r"a\b"));
}

#[test]
fn malformed_credentials_have_no_key_id() {
    for authorization in [
        "Bearer AKIDtestkey0001",
        r#"hmac id="AKIDtestkey0001""#,
        r#"hmac id="AKIDtestkey0001", algorithm="hmac-sha1", headers="x-date", signature="S", id="a""#,
    ] {
        let mut request = get();
        let authorization = authorization.parse().unwrap();
        request.headers_mut().insert("authorization", authorization);
        assert_eq!(key_id(Scheme::Tencent, &request), None, "{request:?}");
    }
}

#[tokio::test]
async fn a_layer_inside_has_the_verified_key_id_after_the_credentials_were_removed() {
    let verifier = Verifier::builder().scheme(Scheme::Kong).nonce(X_NONCE);
    let seen =
        ReplayLayer::new(|_: &Claim<'_>| ClaimOutcome::Seen).refuse(|refusal: &Refusal<'_>| {
            let headers = refusal.head().headers();
            assert!(!headers.contains_key("authorization"));
            Response::new(Bytes::from(refusal.key_id().unwrap_or_default()))
        });
    let handler = service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let server = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(verifier.build().unwrap())
        .remove_authorization(true)
        .clock(tower_hmac_auth::clock::ManualClock::at(at(FRIDAY)))
        .layer(seen.layer(handler));
    let mut request = get();
    let name: HeaderName = X_NONCE;
    request.headers_mut().insert(&name, "once".parse().unwrap());
    let signer = Signer::builder(keys()).scheme(Scheme::Kong);
    let signer = signer.signed_headers([name]).build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    let response = server.oneshot(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, KEY_ID);
}
