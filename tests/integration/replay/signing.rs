//! The client's side: a nonce with every signature.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{HeaderValue, Request, Response, StatusCode, header};
use tower::{ServiceBuilder, ServiceExt as _, retry::Policy, service_fn};
use tower_hmac_auth::{
    RequestHead, Scheme, SignLayer, Signer, error::BuildError, scheme::X_NONCE, sign::SignerBuilder,
};

use super::verifier;
use crate::common::{FRIDAY, at, keys, schemes_with_lists, verify};

fn signer(scheme: Scheme) -> SignerBuilder {
    Signer::builder(keys()).scheme(scheme).nonce(X_NONCE)
}

fn nonce(request: &Request<()>) -> String {
    request.headers()[X_NONCE].to_str().unwrap().to_owned()
}

#[test]
fn every_signature_of_every_scheme_covers_another_nonce() {
    let mut nonces = HashSet::new();
    for scheme in schemes_with_lists() {
        let signer = signer(scheme).build().unwrap();
        for _ in 0..1000 {
            let mut request = Request::get("https://api.example.com/a").body(()).unwrap();
            signer.sign_request(&mut request, at(FRIDAY)).unwrap();
            let key = verify(&verifier(scheme), RequestHead::from(&request), at(FRIDAY)).unwrap();
            let nonce = nonce(&request);
            assert_eq!(key.claim().unwrap().nonce(), nonce.as_bytes());
            // 128 bits in base64url.
            assert_eq!(nonce.len(), 22);
            assert!(
                nonce
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            );
            assert!(nonces.insert(nonce), "{scheme}");
        }
    }
}

#[test]
fn a_request_that_has_nonces_gets_one_new_nonce_instead() {
    let signer = signer(Scheme::Kong).build().unwrap();
    let request = Request::get("/a")
        .header(X_NONCE, "one")
        .header(X_NONCE, "two");
    let mut request = request.body(()).unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    assert_eq!(request.headers().get_all(X_NONCE).iter().count(), 1);
    assert!(!["one", "two"].contains(&nonce(&request).as_str()));
    assert!(
        verify(
            &verifier(Scheme::Kong),
            RequestHead::from(&request),
            at(FRIDAY)
        )
        .is_ok()
    );
}

#[test]
fn a_listed_nonce_keeps_its_place_and_another_is_signed_last() {
    let list = |builder: SignerBuilder| {
        let request = Request::get("https://api.example.com/a").body(()).unwrap();
        let signed = builder.build().unwrap().sign(&request, at(FRIDAY)).unwrap();
        let authorization = signed
            .iter()
            .find(|(name, _)| *name == header::AUTHORIZATION);
        let authorization = authorization.unwrap().1.to_str().unwrap().to_owned();
        let (_, rest) = authorization.split_once("headers=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(list(signer(Scheme::Tencent)), "x-date x-nonce");
    let listed = signer(Scheme::Kong).components(["X-Nonce", "date", "@request-target"]);
    assert_eq!(list(listed), "X-Nonce date @request-target");
}

#[test]
fn the_signing_string_of_a_signed_request_has_its_nonce() {
    let signer = signer(Scheme::Tencent).build().unwrap();
    let mut request = Request::get("/a").body(()).unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    let string = signer.signing_string(&request, at(FRIDAY)).unwrap();
    let expected = format!(
        "x-date: Fri, 09 Oct 2015 00:00:00 GMT\nx-nonce: {}",
        nonce(&request)
    );
    assert_eq!(string.as_bytes(), expected.as_bytes());
}

#[test]
fn a_header_with_another_meaning_carries_no_nonce() {
    let error = Signer::builder(keys())
        .nonce(header::HOST)
        .build()
        .unwrap_err();
    assert!(matches!(error, BuildError::NonceHeader { .. }), "{error}");
}

#[test]
fn a_request_to_another_host_gets_no_nonce() {
    let signer = signer(Scheme::Tencent)
        .allowed_hosts(["api.example.com"])
        .build()
        .unwrap();
    let mut request = Request::get("https://api.example.com/a").body(()).unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    *request.uri_mut() = "https://other.example/a".parse().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap_err();
    assert!(request.headers().is_empty(), "{:?}", request.headers());
}

/// Tries once more.
#[derive(Clone)]
struct Once(bool);

impl Policy<Request<()>, Response<()>, Infallible> for Once {
    type Future = std::future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<()>,
        _: &mut Result<Response<()>, Infallible>,
    ) -> Option<Self::Future> {
        std::mem::replace(&mut self.0, false).then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Request<()>) -> Option<Request<()>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn each_attempt_of_a_retry_has_its_own_nonce() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let client = ServiceBuilder::new()
        .retry(Once(true))
        .layer(SignLayer::from(signer(Scheme::Tencent).build().unwrap()))
        .service(service_fn(move |request: Request<()>| {
            seen.lock().unwrap().push(nonce(&request));
            async {
                let mut answer = Response::new(());
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                Ok::<_, Infallible>(answer)
            }
        }));
    let mut request = Request::get("/a").body(()).unwrap();
    request
        .headers_mut()
        .insert(X_NONCE, HeaderValue::from_static("first"));
    client.oneshot(request).await.unwrap();
    let sent = sent.lock().unwrap();
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0], sent[1]);
}
