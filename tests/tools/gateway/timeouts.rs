//! Neither an upstream nor a client can keep a request forever. The limits are short. The tests
//! wait for what the gateway does after a limit, not for a time.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, channel::Sender};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};
use tower::{Layer, ServiceExt};
use tower_hmac_auth::SignLayer;

use super::harness::{
    Body, Gateway, Upstream, body, channel, no_body, read_head, send, signed_head, text, within,
};
use crate::common::keys;

/// A gateway whose limits are long but for these.
async fn gateway(upstream: &Upstream, limits: &[&str]) -> Gateway {
    let address = format!("http://{}", upstream.address);
    Gateway::start(&[&["--upstream", &address][..], limits].concat()).await
}

/// An upstream that answers what `/works` asks, and nothing else.
async fn silent() -> (Upstream, mpsc::UnboundedReceiver<()>) {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |request: Request<hyper::body::Incoming>| {
        let _the_test_is_over = arrived.send(());
        async move {
            if request.uri().path() != "/works" {
                std::future::pending::<()>().await;
            }
            Response::new(body("it works"))
        }
    })
    .await;
    (upstream, arrivals)
}

const TOO_LATE: &str = r#"{"message":"the upstream gave no answer in time"}"#;

#[tokio::test]
async fn an_upstream_that_never_answers_is_504() {
    let (upstream, _arrivals) = silent().await;
    let mut gateway = gateway(&upstream, &["--upstream-timeout", "0.2"]).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let request = Request::get(gateway.url("/a")).version(version);
        let response = send(&keys(), request.body(no_body()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(text(response.into_body()).await, TOO_LATE);
        let logged = gateway.log_line().await;
        assert!(
            logged.starts_with("GET /a 504 ") && logged.contains(" wrong="),
            "{logged}"
        );
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_read_a_body_is_504() {
    let (upstream, _arrivals) = silent().await;
    let gateway = gateway(&upstream, &["--upstream-timeout", "0.2"]).await;
    // More than the sockets hold.
    let request = Request::post(gateway.url("/a")).body(body(vec![0; 20 << 20]));
    let response = send(&keys(), request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn an_upstream_that_cannot_be_connected_to_in_time_is_504() {
    // Its queue of connections is full, so the system lets further ones wait.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    let connect = || tokio::net::TcpStream::connect(address);
    while let Ok(stream) = timeout(Duration::from_millis(200), connect()).await {
        waiting.push(stream.unwrap());
    }
    let upstream = format!("http://{address}");
    let gateway = Gateway::start(&["--upstream", &upstream, "--connect-timeout", "0.2"]).await;
    let (status, body) = gateway.get("/").await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(body, TOO_LATE);
}

/// An upstream whose answers' bodies are sent by the test.
async fn answering() -> (Upstream, mpsc::UnboundedReceiver<Sender<Bytes, io::Error>>) {
    let (senders, answers) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |_| {
        let (sender, body) = channel();
        senders.send(sender).unwrap();
        async { Response::new(body) }
    })
    .await;
    (upstream, answers)
}

#[tokio::test]
async fn an_answer_that_stops_half_way_is_broken_off() {
    let (upstream, mut answers) = answering().await;
    let mut gateway = gateway(&upstream, &["--upstream-timeout", "0.2"]).await;
    let request = Request::get(gateway.url("/")).body(no_body()).unwrap();
    let response = send(&keys(), request).await.unwrap();
    let mut sender = within(answers.recv()).await.unwrap();
    within(sender.send_data("half".into())).await.unwrap();
    assert!(within(response.into_body().collect()).await.is_err());
    let logged = gateway.log_line().await;
    assert!(
        logged.contains("wrong=\"the upstream's body came too slowly\""),
        "{logged}"
    );
}

#[tokio::test]
async fn an_answer_that_goes_on_may_last_longer_than_the_limit() {
    let (upstream, mut answers) = answering().await;
    let gateway = gateway(&upstream, &["--upstream-timeout", "0.5"]).await;
    let request = Request::get(gateway.url("/")).body(no_body()).unwrap();
    let response = send(&keys(), request).await.unwrap();
    let mut sender = within(answers.recv()).await.unwrap();
    let mut body = response.into_body();
    for _ in 0..15 {
        within(sender.send_data("a".into())).await.unwrap();
        assert!(within(body.frame()).await.unwrap().is_ok());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(sender);
    assert_eq!(text(body).await, "");
}

/// Sends the body of a signed request a byte at a time, until the connection ends; returns what was
/// answered.
async fn trickle(gateway: &Gateway) -> String {
    let lines = ["Host: a", "Content-Length: 1000000"];
    let stream = gateway
        .connect(signed_head("POST /works HTTP/1.1", &lines))
        .await;
    let (mut answers, mut bytes) = stream.into_split();
    let sending = tokio::spawn(async move {
        while bytes.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut answer = Vec::new();
    let _ended_or_reset = within(answers.read_to_end(&mut answer)).await;
    sending.abort();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_signed_body_sent_a_byte_at_a_time_is_408() {
    let upstream = Upstream::start(|request| async {
        let _breaks_off = request.into_body().collect().await;
        Response::new(no_body())
    })
    .await;
    for mut gateway in [
        gateway(&upstream, &["--body-timeout", "0.3"]).await,
        // It reads the body itself.
        Gateway::start(&["--body-timeout", "0.3"]).await,
    ] {
        let answer = trickle(&gateway).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        let logged = gateway.log_line().await;
        let why = "wrong=\"the client's body came too slowly\"";
        assert!(logged.contains(why), "{logged}");
        assert!(
            answer.ends_with(r#"{"message":"the body came too slowly"}"#),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_408() {
    let upstream = Upstream::start(|request| async {
        let _breaks_off = request.into_body().collect().await;
        Response::new(no_body())
    })
    .await;
    let gateway = gateway(&upstream, &["--body-timeout", "0.2"]).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let (mut sender, body) = channel();
        let request = Request::post(gateway.url("/")).version(version).body(body);
        let response = tokio::spawn(async move { send(&keys(), request.unwrap()).await });
        within(sender.send_data("half".into())).await.unwrap();
        let response = within(response).await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
    }
}

#[tokio::test]
async fn a_body_that_keeps_its_pace_may_last_longer_than_the_limit() {
    let upstream = Upstream::start(|request| async {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(self::body(body.len().to_string()))
    })
    .await;
    let gateway = gateway(&upstream, &["--body-timeout", "0.5"]).await;
    let (mut sender, body) = channel();
    let request = Request::post(gateway.url("/")).body(body).unwrap();
    let response = tokio::spawn(async move { send(&keys(), request).await });
    for _ in 0..15 {
        within(sender.send_data(vec![0; 1024].into()))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(sender);
    let response = within(response).await.unwrap().unwrap();
    assert_eq!(text(response.into_body()).await, "15360");
}

/// Sends the answer until it cannot be sent any more, as the gateway has given it up.
async fn given_up(mut sender: Sender<Bytes, io::Error>) {
    let chunk = Bytes::from_static(&[0; 64 << 10]);
    let all = async { while sender.send_data(chunk.clone()).await.is_ok() {} };
    within(all).await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped() {
    let (upstream, mut answers) = answering().await;
    let limits = ["--write-timeout", "0.2", "--max-connections", "1"];
    let gateway = gateway(&upstream, &limits).await;
    let mut stream = gateway
        .connect(signed_head("GET / HTTP/1.1", &["Host: a"]))
        .await;
    read_head(&mut stream).await;
    given_up(within(answers.recv()).await.unwrap()).await;

    // The only place is free again.
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .http2_initial_stream_window_size(0)
        .build_http::<Body>();
    let client = SignLayer::new(keys()).layer(client);
    let request = Request::get(gateway.url("/")).body(no_body()).unwrap();
    let response = within(client.oneshot(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    given_up(within(answers.recv()).await.unwrap()).await;
    drop((stream, response));
}

#[tokio::test]
async fn replays_to_an_upstream_that_never_answers_keep_others_out_no_longer_than_the_limit() {
    const REPLAYS: usize = 1024;
    let (upstream, _arrivals) = silent().await;
    let gateway = gateway(&upstream, &["--upstream-timeout", "3"]).await;
    let replayed = signed_head("GET /never HTTP/1.1", &["Host: a", "Connection: close"]);
    let mut streams = Vec::new();
    for _ in 0..REPLAYS {
        streams.push(gateway.connect(&replayed).await);
    }
    let (mut busy, mut late) = (0, 0);
    for mut stream in streams {
        let head = read_head(&mut stream).await;
        match head.split(' ').nth(1) {
            Some("503") => busy += 1,
            Some("504") => late += 1,
            _ => panic!("{head}"),
        }
    }
    assert_eq!(busy + late, REPLAYS);
    assert!(busy > 0, "all were passed on");
    let answer = gateway.get("/works").await;
    assert_eq!(answer, (StatusCode::OK, "it works".to_owned()));
}
