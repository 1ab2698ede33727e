use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{SignLayer, Signer, Verifier};
use tower_http::{
    compression::CompressionLayer, decompression::DecompressionLayer,
    follow_redirect::FollowRedirectLayer, set_header::SetRequestHeaderLayer,
};

use super::{Gateway, assert_signed_once, clock, get, sign, text};
use crate::common::keys;

const TENANT: HeaderName = HeaderName::from_static("x-tenant");

fn signing(
    name: &str,
    clock: &tower_hmac_auth::clock::ManualClock,
) -> SignLayer<tower_hmac_auth::clock::ManualClock> {
    let signer = Signer::builder(keys())
        .signed_headers([name])
        .build()
        .unwrap();
    SignLayer::new(signer).clock(clock.clone())
}

#[tokio::test]
async fn a_header_set_outside_is_signed_and_one_set_inside_breaks_the_signature() {
    let clock = clock();
    let verifier = Verifier::builder().require([TENANT]).build().unwrap();
    let gateway = Gateway::new(&clock, verifier, |_| Response::default());
    let set = |value| SetRequestHeaderLayer::overriding(TENANT, HeaderValue::from_static(value));

    let outside = ServiceBuilder::new()
        .layer(set("7"))
        .layer(signing("x-tenant", &clock))
        .service(gateway.service.clone());
    let answer = outside.oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let inside = ServiceBuilder::new()
        .layer(set("7"))
        .layer(signing("x-tenant", &clock))
        .layer(set("8"))
        .service(gateway.service.clone());
    let answer = inside.oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let body = text(answer).await;
    assert_eq!(body, r#"{"message":"HMAC signature does not match."}"#);
    assert_eq!(gateway.accepted().len(), 1);
}

#[tokio::test]
async fn decompression_outside_may_have_its_header_signed() {
    let clock = clock();
    let long = "no orders yet ".repeat(100);
    let answer = long.clone();
    let verifier = Verifier::builder()
        .require([header::ACCEPT_ENCODING])
        .build()
        .unwrap();
    let gateway = Gateway::new(&clock, verifier, move |_| {
        Response::new(Full::from(answer.clone()))
    });
    let compressed = CompressionLayer::new().layer(gateway.service.clone());
    let service = ServiceBuilder::new()
        .layer(DecompressionLayer::new())
        .layer(signing("accept-encoding", &clock))
        .service(compressed);
    let answer = service.oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, long.as_bytes());

    let sent = gateway.accepted();
    assert!(
        sent[0]["accept-encoding"]
            .to_str()
            .unwrap()
            .contains("gzip")
    );
}

/// The requests that another host gets after a redirect.
type Seen = Arc<Mutex<Vec<Request<Full<Bytes>>>>>;

fn redirecting() -> (
    impl tower::Service<
        Request<Full<Bytes>>,
        Response = Response<Full<Bytes>>,
        Error = Infallible,
        Future: Send,
    > + Clone,
    Seen,
) {
    let seen = Seen::default();
    let record = seen.clone();
    let service = service_fn(move |request: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::default());
        if request.uri().host() == Some("api.example.com") {
            *response.status_mut() = StatusCode::FOUND;
            let to = HeaderValue::from_static("https://other.example/");
            response.headers_mut().insert(header::LOCATION, to);
        }
        record.lock().unwrap().push(request);
        ready(Ok(response))
    });
    (service, seen)
}

#[tokio::test]
async fn redirects_followed_outside_carry_nothing_to_other_hosts() {
    let (client, seen) = redirecting();
    let service = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(sign(&clock()))
        .service(client);
    service.oneshot(get()).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_signed_once(seen[0].headers());
    assert!(seen[1].headers().is_empty(), "{:?}", seen[1]);
}

#[tokio::test]
async fn redirects_followed_inside_carry_the_date_and_the_source_to_other_hosts() {
    let (client, seen) = redirecting();
    let service = ServiceBuilder::new()
        .layer(sign(&clock()))
        .layer(FollowRedirectLayer::new())
        .service(client);
    service.oneshot(get()).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    // What the documentation calls wrong: only the Authorization is dropped by the follower.
    assert!(seen[1].headers().contains_key("x-date"));
    assert!(seen[1].headers().contains_key("source"));
}
