//! `VerifyLayer::explain`: if a signature does not match, the server gets its signing string, and
//! the client does not.

use std::future::ready;

use http::{HeaderValue, Request, Response};
use tower::{Layer, ServiceExt};
use tower_hmac_auth::{
    KeyPair, Rejection, RequestHead, Scheme, Signer, VerifyLayer,
    clock::ManualClock,
    verify::{AsyncKeys, KeyAccess, KeyLookup, ServerSigningString, VerifyingKey},
};

use crate::common::raw_server::{Greeter, RawServer};
use crate::common::{FRIDAY, KEY_ID, at, keys, verifier_of, verifying_on_friday as layer};

const FRIDAY_TEXT: &str = "Fri, 09 Oct 2015 00:00:00 GMT";

/// A request of the known key id, with another secret.
fn with_wrong_secret(source: &str) -> (Request<()>, Signer) {
    let signer = Signer::builder(KeyPair::new(KEY_ID, "another secret").unwrap())
        .source(HeaderValue::from_str(source).unwrap())
        .build()
        .unwrap();
    let mut request = Request::get("/a").body(()).unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    (request, signer)
}

fn explained<B>(response: &Response<B>) -> Option<&str> {
    let string = response.extensions().get::<ServerSigningString>();
    string.map(ServerSigningString::as_str)
}

#[tokio::test]
async fn a_mismatch_is_explained_with_what_the_server_hashed_as_the_client_prints_its_own() {
    let (request, signer) = with_wrong_secret("a\"b\\c");
    let client = signer.signing_string(&request, at(FRIDAY));
    let response = layer().explain(true).layer(Greeter).oneshot(request).await;
    let response = response.unwrap();
    let expected = format!(r#"x-date: {FRIDAY_TEXT}\nsource: a"b\\c"#);
    assert_eq!(explained(&response), Some(&*expected));
    assert_eq!(client.unwrap().to_string(), expected);
    assert_eq!(
        response.extensions().get(),
        Some(&Rejection::SignatureMismatch)
    );
}

#[tokio::test]
async fn keys_that_are_waited_for_are_explained_too() {
    let key = std::sync::Arc::new(VerifyingKey::from(&keys()));
    let look_up =
        move |_: &str, _: RequestHead<'_>| ready(KeyLookup::Key(key.clone(), KeyAccess::Bound));
    let service = VerifyLayer::new(AsyncKeys(look_up))
        .clock(ManualClock::at(at(FRIDAY)))
        .explain(true)
        .layer(Greeter);
    let response = service.oneshot(with_wrong_secret("a").0).await.unwrap();
    let expected = format!(r"x-date: {FRIDAY_TEXT}\nsource: a");
    assert_eq!(explained(&response), Some(&*expected));
}

#[tokio::test]
async fn a_proxy_that_rewrites_the_target_shows_in_the_servers_signing_string() {
    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .build()
        .unwrap();
    let mut request = Request::get("/v1/orders").body(()).unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    *request.uri_mut() = "/orders".parse().unwrap();
    let layer = layer().verifier(verifier_of(Scheme::Kong)).explain(true);
    let response = layer.layer(Greeter).oneshot(request).await.unwrap();
    let explained = explained(&response).unwrap();
    assert!(
        explained.contains("@request-target: get /orders"),
        "{explained}"
    );
}

#[tokio::test]
async fn nothing_is_explained_unless_it_is_asked_for_nor_of_any_other_refusal() {
    let (request, _) = with_wrong_secret("a");
    let response = layer().layer(Greeter).oneshot(request).await.unwrap();
    assert_eq!(explained(&response), None);

    let unknown = Signer::new(KeyPair::new("AKIDnobody", "a secret").unwrap());
    let mut request = Request::get("/a").body(()).unwrap();
    unknown.sign_request(&mut request, at(FRIDAY)).unwrap();
    for request in [request, Request::new(())] {
        let service = layer().explain(true).layer(Greeter);
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(explained(&response), None);
    }
}

#[tokio::test]
async fn a_long_signing_string_is_cut_at_4_kib_and_no_escape_in_two() {
    for unit in ["a", "\\", "\u{e9}"] {
        for count in [2000, 4030, 4058, 4060, 4096, 8000] {
            let source = unit.repeat(count.min(8000 / unit.len()));
            let (request, signer) = with_wrong_secret(&source);
            let whole = signer.signing_string(&request, at(FRIDAY));
            let whole = whole.unwrap().to_string();
            let service = layer().explain(true).layer(Greeter);
            let response = service.oneshot(request).await.unwrap();
            let explained = explained(&response).unwrap();
            assert!(explained.len() <= 4096, "{}", explained.len());
            if whole.len() <= 4096 {
                assert_eq!(explained, whole);
                continue;
            }
            let kept = explained.strip_suffix("...").unwrap();
            assert!(whole.starts_with(kept));
            assert!(explained.len() > 4096 - 4, "{}", explained.len());
            let (_, escapes) = kept.split_once("source: ").unwrap();
            let escape_len = whole.split_once("source: ").unwrap().1.len() / source.len();
            assert_eq!(escapes.len() % escape_len, 0, "{unit} {count}");
        }
    }
}

#[tokio::test]
async fn the_client_gets_the_same_answer_with_and_without_it() {
    let (request, _) = with_wrong_secret("hush-hush");
    let mut answers = Vec::new();
    for explain in [false, true] {
        let server = RawServer::start(layer().explain(explain)).await;
        let lines = request
            .headers()
            .iter()
            .map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
        let lines: Vec<_> = lines.collect();
        let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
        let mut answer = server.ask(&lines).await;
        assert_eq!(answer.status, 401);
        answer.headers.retain(|line| !line.starts_with("date: "));
        assert!(!format!("{answer:?}").contains("hush-hush"), "{answer:?}");
        answers.push((answer.headers, answer.body));
    }
    assert_eq!(answers[0], answers[1]);
}
