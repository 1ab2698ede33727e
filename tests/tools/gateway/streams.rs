//! Bodies are passed on as they come, in both directions. The order is checked by events, not by
//! times.

use std::io;

use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, oneshot},
};

use super::harness::{
    Gateway, Upstream, body, channel, no_body, read_head, send, signed_head, text, within,
};
use crate::common::{keys, loopback::VERSIONS};

#[tokio::test]
async fn the_answers_first_chunk_arrives_before_its_last_is_sent() {
    for version in VERSIONS {
        let (senders, mut answers) = mpsc::unbounded_channel();
        let upstream = Upstream::start(move |_| {
            let (sender, body) = channel();
            senders.send(sender).unwrap();
            async { Response::new(body) }
        })
        .await;
        let gateway = Gateway::before(upstream.address).await;
        let request = Request::get(gateway.url("/")).version(version);
        let response = send(&keys(), request.body(no_body()).unwrap())
            .await
            .unwrap();
        let mut body = response.into_body();
        let mut sender = within(answers.recv()).await.unwrap();
        for chunk in ["first", "second", "last"] {
            within(sender.send_data(chunk.into())).await.unwrap();
            let frame = within(body.frame()).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), chunk);
        }
        drop(sender);
        assert_eq!(text(body).await, "", "after the last");
    }
}

#[tokio::test]
async fn the_requests_first_chunk_arrives_before_its_last_is_sent() {
    for version in VERSIONS {
        let (arrived, mut chunks) = mpsc::unbounded_channel();
        let upstream = Upstream::start(move |request: Request<hyper::body::Incoming>| {
            let arrived = arrived.clone();
            async move {
                let mut body = request.into_body();
                while let Some(frame) = body.frame().await {
                    let data = frame.unwrap().into_data().unwrap();
                    arrived.send(data).unwrap();
                }
                Response::new(no_body())
            }
        })
        .await;
        let gateway = Gateway::before(upstream.address).await;
        let (mut sender, body) = channel();
        let request = Request::post(gateway.url("/"))
            .version(version)
            .body(body)
            .unwrap();
        let response = tokio::spawn(async move { send(&keys(), request).await });
        for chunk in ["first", "second", "last"] {
            within(sender.send_data(chunk.into())).await.unwrap();
            assert_eq!(within(chunks.recv()).await.unwrap(), chunk);
        }
        drop(sender);
        let response = within(response).await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

/// Sends back what it gets.
async fn echo() -> Upstream {
    Upstream::start(|request| async {
        let (head, body) = request.into_parts();
        let mut response = Response::new(body.map_err(io::Error::other).boxed());
        if let Some(trailer) = head.headers.get("trailer") {
            response.headers_mut().insert("trailer", trailer.clone());
        }
        response
    })
    .await
}

#[tokio::test]
async fn large_bodies_pass_whole_in_both_directions() {
    let upstream = echo().await;
    let gateway = Gateway::before(upstream.address).await;
    let large: Vec<u8> = (0_u32..4 << 20).flat_map(u32::to_be_bytes).collect();
    for version in VERSIONS {
        let request = Request::put(gateway.url("/")).version(version);
        let request = request.body(body(large.clone())).unwrap();
        let response = send(&keys(), request).await.unwrap();
        let received = within(response.into_body().collect()).await.unwrap();
        assert!(received.to_bytes() == large, "{version:?}");
    }
}

#[tokio::test]
async fn a_get_with_chunks_passes_with_its_body() {
    let upstream = echo().await;
    let gateway = Gateway::before(upstream.address).await;
    let (mut sender, body) = channel();
    let request = Request::get(gateway.url("/")).version(Version::HTTP_2);
    let response = tokio::spawn(async move { send(&keys(), request.body(body).unwrap()).await });
    within(sender.send_data("a body".into())).await.unwrap();
    drop(sender);
    let response = within(response).await.unwrap().unwrap();
    assert_eq!(text(response.into_body()).await, "a body");
}

#[tokio::test]
async fn trailers_pass_but_for_a_forged_key_id() {
    let upstream = echo().await;
    let gateway = Gateway::before(upstream.address).await;
    let (mut sender, body) = channel();
    let request = Request::post(gateway.url("/"))
        .version(Version::HTTP_2)
        .header("te", "trailers")
        .header("trailer", "x-checksum, x_consumer_key_id");
    let response = tokio::spawn(async move { send(&keys(), request.body(body).unwrap()).await });
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", "1".parse().unwrap());
    trailers.insert("x_consumer_key_id", "forged".parse().unwrap());
    within(sender.send_data("a body".into())).await.unwrap();
    within(sender.send_trailers(trailers)).await.unwrap();
    drop(sender);
    let response = within(response).await.unwrap().unwrap();
    let received = within(response.into_body().collect()).await.unwrap();
    let trailers = received.trailers().unwrap();
    assert_eq!(trailers["x-checksum"], "1");
    assert_eq!(trailers.len(), 1);
}

#[tokio::test]
async fn who_expects_100_continue_gets_it_if_the_signature_is_right() {
    let upstream = echo().await;
    let gateway = Gateway::before(upstream.address).await;
    let lines = ["Host: a", "Expect: 100-continue", "Content-Length: 6"];

    let mut stream = gateway
        .connect(signed_head("POST / HTTP/1.1", &lines))
        .await;
    let first = read_head(&mut stream).await;
    assert!(first.starts_with("HTTP/1.1 100 "), "{first}");
    within(stream.write_all(b"a body")).await.unwrap();
    let second = read_head(&mut stream).await;
    assert!(second.starts_with("HTTP/1.1 200 "), "{second}");
    let mut echoed = [0; 6];
    within(stream.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"a body");

    let unsigned = format!("POST / HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"));
    let answer = gateway.answer_to(unsigned).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

/// Tells when it is dropped.
struct Told(Option<oneshot::Sender<()>>);

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _the_test_is_over = sender.send(());
        }
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_from_the_upstream() {
    let (requests, mut arrived) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |request: Request<hyper::body::Incoming>| {
        let (sender, ended) = oneshot::channel();
        requests.send(ended).unwrap();
        async move {
            let _told = Told(Some(sender));
            if request.uri().path() == "/for-ever" {
                std::future::pending::<()>().await;
            }
            let _the_upload_may_break_off = request.into_body().collect().await;
            Response::new(body("still there"))
        }
    })
    .await;
    let mut gateway = Gateway::before(upstream.address).await;
    let half_of_it =
        signed_head("POST /upload HTTP/1.1", &["Host: a", "Content-Length: 6"]) + "abc";
    for (head, logged) in [
        (
            signed_head("GET /for-ever HTTP/1.1", &["Host: a"]),
            "GET /for-ever - ",
        ),
        (half_of_it, "POST /upload 400 "),
    ] {
        let stream = gateway.connect(head).await;
        let ended = within(arrived.recv()).await.unwrap();
        drop(stream);
        let _told_or_dropped = within(ended).await;
        let line = gateway.log_line().await;
        assert!(
            line.starts_with(logged) && line.contains(" wrong="),
            "{line}"
        );
    }
    let answer = gateway.get("/").await;
    assert_eq!(answer, (StatusCode::OK, "still there".to_owned()));
}
