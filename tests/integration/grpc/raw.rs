//! What a refusal of a gRPC call is on the wire, seen by a plain HTTP/2 client.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tonic::transport;
use tower_hmac_auth::{Signer, StaticKeys, VerifyLayer};

use super::{
    UNSIGNED,
    echo::Kind,
    server::{Server, within},
};
use crate::common::{keys, loopback::client};

async fn start() -> Server {
    let layer = VerifyLayer::new(StaticKeys::from(keys()));
    Server::start(transport::Server::builder().layer(layer)).await
}

/// A unary call of this content type, with the message "a".
fn request(server: &Server, content_type: Option<&str>) -> Request<Full<Bytes>> {
    let uri = format!("http://{}{}", server.address, Kind::Unary.path());
    let mut request = Request::post(uri).header(header::TE, "trailers");
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    request.body(Full::from(&b"\0\0\0\0\x01a"[..])).unwrap()
}

async fn send(request: Request<Full<Bytes>>) -> Response<Incoming> {
    within(client(Version::HTTP_2).request(request))
        .await
        .unwrap()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().unwrap());
    assert_eq!(values.next(), None, "{name} once");
    value
}

#[tokio::test]
async fn a_refusal_is_one_headers_frame_that_ends_the_stream() {
    let server = start().await;
    for content_type in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc+json",
        "application/grpc;charset=utf-8",
    ] {
        let response = send(request(&server, Some(content_type))).await;
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        let answered = text(headers, "content-type").unwrap();
        assert!(answered.starts_with("application/grpc"), "{answered}");
        assert_eq!(text(headers, "grpc-status"), Some("16"), "{content_type}");
        assert_eq!(text(headers, "grpc-message"), Some(UNSIGNED));
        assert_eq!(text(headers, "www-authenticate"), None);

        let mut body = response.into_body();
        assert!(body.is_end_stream(), "END_STREAM on the headers");
        assert!(within(body.frame()).await.is_none());
    }
    assert_eq!(server.take_calls(), 0);
}

#[tokio::test]
async fn a_request_that_is_not_grpc_is_answered_in_json() {
    let server = start().await;
    for content_type in [
        Some("application/json"),
        Some("application/x-protobuf"),
        Some("text/plain; a=application/grpc"),
        Some("application/grpc-web"),
        Some("application/grpc-web+proto"),
        Some("application/grpc-web-text"),
        None,
    ] {
        let response = send(request(&server, content_type)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let headers = response.headers();
        assert_eq!(text(headers, "content-type"), Some("application/json"));
        assert_eq!(text(headers, "www-authenticate"), Some("hmac"));
        assert_eq!(text(headers, "grpc-status"), None, "{content_type:?}");
        assert_eq!(text(headers, "grpc-message"), None);

        let body = within(response.into_body().collect()).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body.to_bytes()).unwrap();
        assert_eq!(body, serde_json::json!({ "message": UNSIGNED }));
    }
    assert_eq!(server.take_calls(), 0);
}

#[tokio::test]
async fn the_answer_of_a_handler_passes_with_its_trailers() {
    let server = start().await;
    let mut request = request(&server, Some("application/grpc"));
    let signer = Signer::new(keys());
    signer
        .sign_request(&mut request, SystemTime::now())
        .unwrap();
    let response = send(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response.headers(), "grpc-status"), None);

    let body = within(response.into_body().collect()).await.unwrap();
    assert_eq!(text(body.trailers().unwrap(), "grpc-status"), Some("0"));
    assert_eq!(body.to_bytes(), &b"\0\0\0\0\x12AKIDtestkey0001: a"[..]);
}
