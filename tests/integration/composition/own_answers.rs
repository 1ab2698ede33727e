//! tower-http's layers that answer by themselves, outside of `VerifyLayer`. They create
//! their body with `Default`.

use std::{
    convert::Infallible,
    future::{pending, ready},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use tower::{Layer, ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    RequestHead, SignLayer, StaticKeys, VerifyLayer,
    verify::{AsyncKeys, KeyLookup, VerifyBody, VerifyingKey},
};
use tower_http::{
    cors::CorsLayer, timeout::TimeoutLayer, validate_request::ValidateRequestHeaderLayer,
};

use super::{Call, get, text};
use crate::common::keys;

fn verify() -> VerifyLayer<StaticKeys> {
    VerifyLayer::new(StaticKeys::from(keys()))
}

fn preflight() -> Call {
    let preflight = Request::options("https://api.example.com/v1/orders")
        .header(header::ORIGIN, "https://shop.example")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "PUT");
    preflight.body(Full::default()).unwrap()
}

#[tokio::test]
async fn cors_outside_answers_preflight_requests_and_adds_its_headers_to_refusals() {
    let handler =
        service_fn(|_: Call| ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))));
    let service = ServiceBuilder::new()
        .layer(CorsLayer::permissive())
        .layer(verify())
        .service(handler);
    let allowed = |answer: &Response<_>| {
        answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN]
            .to_str()
            .unwrap()
            .to_owned()
    };

    let answer = service.clone().oneshot(preflight()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(allowed(&answer), "*");
    assert_eq!(text(answer).await, "");

    let answer = service.clone().oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(allowed(&answer), "*");
    assert!(text(answer).await.contains("authorization header"));

    let signed = SignLayer::new(keys()).layer(service);
    let answer = signed.oneshot(get()).await.unwrap();
    assert_eq!((answer.status(), &*allowed(&answer)), (StatusCode::OK, "*"));
}

#[tokio::test]
async fn a_timeout_outside_ends_the_wait_for_a_handler_and_for_a_key() {
    let timeout =
        || TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_millis(1));
    let handler = service_fn(|_: Call| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let service = ServiceBuilder::new()
        .layer(SignLayer::new(keys()))
        .layer(timeout())
        .layer(verify())
        .service(handler);
    let answer = service.oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);

    let store = |_: &str, _: RequestHead<'_>| pending::<KeyLookup<Arc<VerifyingKey>>>();
    let service = ServiceBuilder::new()
        .layer(SignLayer::new(keys()))
        .layer(timeout())
        .layer(VerifyLayer::new(AsyncKeys(store)))
        .service(handler);
    let answer = service.oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn a_demand_on_headers_outside_is_answered_before_the_signature_is_looked_at() {
    let handler =
        service_fn(|_: Call| ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))));
    let service = ServiceBuilder::new()
        .layer(ValidateRequestHeaderLayer::accept("application/json"))
        .layer(verify())
        .service(handler);
    let accepting = |media: &'static str| {
        let mut request = get();
        let media = http::HeaderValue::from_static(media);
        request.headers_mut().insert(header::ACCEPT, media);
        request
    };
    for (media, keys, status) in [
        ("text/html", None, StatusCode::NOT_ACCEPTABLE),
        ("application/json", None, StatusCode::UNAUTHORIZED),
        ("application/json", Some(keys()), StatusCode::OK),
    ] {
        let client = ServiceBuilder::new()
            .option_layer(keys.map(SignLayer::new))
            .service(service.clone());
        let answer = client.oneshot(accepting(media)).await.unwrap();
        assert_eq!(answer.status(), status);
    }
}

/// A body with nothing that other layers have no need of.
#[derive(Default)]
struct Bare;

fn is_of_use_to_layers<T: Default + Send + Sync>() {}

#[test]
fn bodies_are_default_send_and_sync_where_their_parts_are() {
    is_of_use_to_layers::<VerifyBody<Bare>>();
    #[cfg(feature = "digest")]
    {
        is_of_use_to_layers::<tower_hmac_auth::digest::CheckedBody<Bare>>();
        is_of_use_to_layers::<tower_hmac_auth::digest::BufferedBody>();
    }
}
