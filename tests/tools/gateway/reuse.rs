//! Connections to the upstream are used again.

use std::sync::atomic::Ordering::SeqCst;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;

use super::harness::{Body, Gateway, Upstream, body, channel, no_body, send, text, within};
use crate::common::keys;

/// Sends requests until one is forwarded: the place of the last one may not be free yet.
async fn forwarded(gateway: &Gateway, method: Method, body: impl Fn() -> Body) -> StatusCode {
    loop {
        let request = Request::builder().method(&method).uri(gateway.url("/"));
        let response = send(&keys(), request.body(body()).unwrap()).await.unwrap();
        let status = response.status();
        text(response.into_body()).await;
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return status;
        }
    }
}

#[tokio::test]
async fn one_connection_serves_requests_and_answers_with_and_without_bodies() {
    let upstream = Upstream::start(|request| async move {
        let (head, received) = request.into_parts();
        within(received.collect()).await.unwrap();
        match head.method {
            Method::DELETE => {
                let mut response = Response::new(no_body());
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            Method::PUT => {
                let (mut sender, chunked) = channel();
                tokio::spawn(async move { sender.send_data("chunk".into()).await });
                Response::new(chunked)
            }
            _ => Response::new(body("whole")),
        }
    })
    .await;
    let address = format!("http://{}", upstream.address);
    let gateway = Gateway::start(&["--upstream", &address, "--max-in-flight", "1"]).await;
    for _ in 0..3 {
        for method in [Method::GET, Method::HEAD, Method::PUT] {
            let status = forwarded(&gateway, method, no_body).await;
            assert_eq!(status, StatusCode::OK);
        }
        let status = forwarded(&gateway, Method::DELETE, no_body).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let status = forwarded(&gateway, Method::POST, || body("request")).await;
        assert_eq!(status, StatusCode::OK);
    }
    assert_eq!(upstream.connections.load(SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_the_upstream_has_closed_is_replaced() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
    let (upstream, _heads) = Upstream::raw(answer).await;
    let gateway = Gateway::before(upstream.address).await;
    for _ in 0..20 {
        let status = forwarded(&gateway, Method::GET, no_body).await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_answer_that_ends_its_connection_leaves_none_to_use_again() {
    let upstream = Upstream::start(|_| async {
        let mut response = Response::new(body("whole"));
        let close = header::HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        response
    })
    .await;
    let gateway = Gateway::before(upstream.address).await;
    for _ in 0..3 {
        let status = forwarded(&gateway, Method::GET, no_body).await;
        assert_eq!(status, StatusCode::OK);
    }
    assert_eq!(upstream.connections.load(SeqCst), 3);
}
