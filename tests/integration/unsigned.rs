//! Requests that are not signed as configured: they are counted, so that a test can check it.

use std::{convert::Infallible, future::ready};

use http::{Request, Response, header, uri::Authority};
use tower::{Layer, ServiceExt, service_fn};
use tower_hmac_auth::{SignLayer, Signer, sign::SignerBuilder};

use crate::common::keys;

/// Sends the request through a service of its own, and says whether it was signed.
async fn is_signed(layer: &SignLayer, request: Request<()>) -> bool {
    let client = service_fn(|request: Request<()>| {
        let is_signed = request.headers().contains_key(header::AUTHORIZATION);
        ready(Ok::<_, Infallible>(Response::new(is_signed)))
    });
    let response = layer.layer(client).oneshot(request).await.unwrap();
    response.into_body()
}

/// What the layers of a client see of a request of which they do not know where it goes, as
/// tonic's.
fn to_nowhere() -> Request<()> {
    Request::post("/package.Service/Method").body(()).unwrap()
}

fn to(target: &str) -> Request<()> {
    Request::get(target).body(()).unwrap()
}

fn only_for_gateway() -> SignerBuilder {
    Signer::builder(keys()).allowed_hosts(["gateway.example"])
}

#[tokio::test]
async fn requests_that_go_unsigned_by_mistake_are_counted() {
    let https_only = Signer::builder(keys()).https_only(true);
    // Which port that is, only a target with a scheme would say.
    let port_unknown = Signer::builder(keys())
        .allowed_hosts(["gateway.example:443"])
        .authority(Authority::from_static("gateway.example"));
    let mut repeated = to("https://gateway.example/a");
    for source in ["a", "b"] {
        let source = source.parse().unwrap();
        repeated.headers_mut().append("source", source);
    }
    for (builder, request) in [
        (only_for_gateway(), to_nowhere()),
        (https_only, to_nowhere()),
        (port_unknown, to_nowhere()),
        (only_for_gateway(), repeated),
    ] {
        let layer = SignLayer::new(builder.build().unwrap());
        for expected in [1, 2] {
            assert!(!is_signed(&layer, request.clone()).await, "{request:?}");
            assert_eq!(layer.signer().unsigned_requests(), expected);
        }
    }
}

#[tokio::test]
async fn requests_that_are_signed_or_excluded_on_purpose_are_not_counted() {
    let layer = SignLayer::new(only_for_gateway().https_only(true).build().unwrap());
    assert!(is_signed(&layer, to("https://gateway.example/a")).await);
    assert!(!is_signed(&layer, to("https://elsewhere.example/a")).await);
    assert!(!is_signed(&layer, to("http://gateway.example/a")).await);
    assert_eq!(layer.signer().unsigned_requests(), 0);
}

#[tokio::test]
async fn clones_and_services_share_the_count_and_a_signer_with_another_option_has_its_own() {
    let signer = only_for_gateway().build().unwrap();
    let layer = SignLayer::new(signer.clone());
    let service = layer.layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(())))
    }));
    service.clone().oneshot(to_nowhere()).await.unwrap();
    assert_eq!(signer.unsigned_requests(), 1);
    assert_eq!(service.signer().unsigned_requests(), 1);

    let repaired = only_for_gateway().authority(Authority::from_static("gateway.example"));
    let repaired = SignLayer::new(repaired.build().unwrap());
    assert!(is_signed(&repaired, to_nowhere()).await);
    assert_eq!(repaired.signer().unsigned_requests(), 0);
}

#[tokio::test]
async fn requests_that_are_signed_without_the_host_that_is_listed_are_counted() {
    let builder = Signer::builder(keys()).signed_headers([header::HOST]);
    let layer = SignLayer::new(builder.clone().build().unwrap());
    for expected in [1, 2] {
        assert!(is_signed(&layer, to_nowhere()).await);
        assert_eq!(layer.signer().requests_without_host(), expected);
        assert_eq!(layer.signer().unsigned_requests(), 0);
    }
    let mut with_host = to_nowhere();
    let host = "gateway.example".parse().unwrap();
    with_host.headers_mut().insert(header::HOST, host);
    let authority = Authority::from_static("gateway.example");
    let configured = builder.clone().authority(authority);
    for (builder, request) in [
        (builder.clone(), with_host),
        (builder, to("https://gateway.example/a")),
        (configured, to_nowhere()),
        (Signer::builder(keys()), to_nowhere()),
    ] {
        let layer = SignLayer::new(builder.build().unwrap());
        assert!(is_signed(&layer, request).await);
        assert_eq!(layer.signer().requests_without_host(), 0);
    }
}
