//! A digest that is on a request is signed, also with Tencent's scheme, whose list does not name
//! it.

use http::HeaderValue;
use tower::Layer as _;
use tower_hmac_auth::{Scheme, SignLayer, Verifier, clock::ManualClock, digest::ReadFormLayer};

use super::{
    builders, get, layer, layer_of, send,
    server::{Server, greet},
    signer,
};
use crate::common::verifying_on_friday;

/// Of `{"hello":"world"}`, computed with openssl.
const DIGESTS: [(&str, &str); 2] = [
    (
        "digest",
        "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=",
    ),
    (
        "content-digest",
        "sha-256=:k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=:",
    ),
];

/// Signers whose lists do not name a digest.
fn layers() -> [SignLayer<ManualClock>; 2] {
    [layer(), layer_of(signer().components(["x-date", "source"]))]
}

/// A gateway that wants this to be signed.
async fn server(name: &str) -> Server {
    let verifier = Verifier::builder().require([name]).build().unwrap();
    let layer = verifying_on_friday().verifier(verifier);
    Server::start(tower::Layer::layer(&layer, tower::service_fn(greet))).await
}

#[tokio::test]
async fn a_digest_on_the_request_is_signed_whatever_the_signers_list_says() {
    for (protocol, builder) in builders() {
        let client = builder.build().unwrap();
        for layer in layers() {
            for (name, digest) in DIGESTS {
                let server = server(name).await;
                let service = tower::Layer::layer(&layer, client.clone());
                let mut request = get(server.url("/a"));
                *request.method_mut() = reqwest::Method::POST;
                *request.body_mut() = Some(r#"{"hello":"world"}"#.into());
                let value = HeaderValue::from_static(digest);
                request.headers_mut().insert(name, value);
                let answer = send(service, request).await;
                let expected = format!("AKIDtestkey0001 x-date source {name}");
                assert_eq!(answer, (200, expected), "{protocol}");
                assert_eq!(server.head().all(name), [digest]);
            }
        }
    }
}

#[tokio::test]
async fn the_middleware_signs_a_digest_on_the_request_as_well() {
    for (protocol, builder) in builders() {
        let client = layer().reqwest_middleware(builder, |outer| outer).unwrap();
        for (name, digest) in DIGESTS {
            let server = server(name).await;
            let request = client.post(server.url("/a")).header(name, digest);
            let response = request.body(r#"{"hello":"world"}"#).send().await.unwrap();
            let expected = format!("AKIDtestkey0001 x-date source {name}");
            assert_eq!(response.text().await.unwrap(), expected, "{protocol}");
        }
    }
}

#[tokio::test]
async fn without_a_digest_nothing_more_is_signed() {
    for (protocol, builder) in builders() {
        let server = Server::verifying().await;
        let client = layer().reqwest_client(builder).unwrap();
        let answer = send(client, get(server.url("/a"))).await;
        let expected = "AKIDtestkey0001 x-date source".to_owned();
        assert_eq!(answer, (200, expected), "{protocol}");
    }
}

/// Clients add `Accept` below the layer, and a form's parameters are in the body: both are signed.
#[tokio::test]
async fn a_form_is_signed_with_its_parameters_unless_it_is_a_stream() {
    let scheme = Scheme::TencentApp;
    let verifier = Verifier::builder().scheme(scheme).build().unwrap();
    let verifying = verifying_on_friday().verifier(verifier);
    let service = verifying.layer(tower::service_fn(greet));
    let server = Server::start(ReadFormLayer::new(1024).layer(service)).await;
    for (protocol, builder) in builders() {
        let client = builder.build().unwrap();
        let service = layer_of(signer().scheme(scheme)).layer(client);
        let form = |body: reqwest::Body| {
            let mut request = get(server.url("/a?c=3"));
            *request.method_mut() = reqwest::Method::POST;
            *request.body_mut() = Some(body);
            let value = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert("content-type", value);
            request
        };
        let (status, text) = send(service.clone(), form("b=2&a=1+1".into())).await;
        assert_eq!(status, 200, "{protocol}: {text}");
        let mut empty = form("".into());
        *empty.body_mut() = None;
        assert_eq!(send(service.clone(), empty).await.0, 200, "{protocol}");

        let stream = http_body_util::Full::<bytes::Bytes>::from("b=2");
        let stream = reqwest::Body::wrap(stream);
        assert_eq!(
            send(service.clone(), form(stream)).await.0,
            401,
            "{protocol}"
        );
        assert_eq!(service.signer().unsigned_requests(), 1);
    }
}
