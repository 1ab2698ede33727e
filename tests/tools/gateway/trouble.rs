//! Upstreams that fail, and connections that exceed a limit.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Semaphore, mpsc},
    time::timeout,
};

use super::harness::{
    Gateway, Upstream, body, no_body, read_head, send, send_unsigned, signed_head, text, within,
};
use crate::common::{keys, loopback::nobody};

const NO_ANSWER: &str = r#"{"message":"the upstream gave no answer"}"#;

#[tokio::test]
async fn an_upstream_that_is_down_is_502() {
    let mut gateway = Gateway::before(nobody().await).await;
    let request = Request::get(gateway.url("/a")).body(no_body()).unwrap();
    let response = send(&keys(), request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(text(response.into_body()).await, NO_ANSWER);
    let logged = gateway.log_line().await;
    assert!(
        logged.contains("GET /a 502 ") && logged.contains("Connection refused"),
        "{logged}"
    );
}

#[tokio::test]
async fn an_upstream_that_breaks_off_before_the_end_of_its_head_is_502() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "nonsense\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let (upstream, _heads) = Upstream::raw(answer).await;
        let gateway = Gateway::before(upstream.address).await;
        let expected = (StatusCode::BAD_GATEWAY, NO_ANSWER.to_owned());
        assert_eq!(gateway.get("/").await, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_breaks_off_later_breaks_the_answer_off() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
    let (upstream, _heads) = Upstream::raw(answer).await;
    let mut gateway = Gateway::before(upstream.address).await;
    let request = Request::get(gateway.url("/")).body(no_body()).unwrap();
    let response = send(&keys(), request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(within(response.into_body().collect()).await.is_err());
    let logged = gateway.log_line().await;
    assert!(
        logged.starts_with("GET / 200 ") && logged.contains(" wrong="),
        "{logged}"
    );
    assert!(!logged.contains("the client is gone"), "{logged}");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_the_clients_fault() {
    let upstream = Upstream::start(|request| async {
        let _breaks_off = request.into_body().collect().await;
        Response::new(no_body())
    })
    .await;
    let mut gateway = Gateway::before(upstream.address).await;
    let lines = ["Host: a", "Transfer-Encoding: chunked"];
    let head = signed_head("POST / HTTP/1.1", &lines);
    let answer = gateway.answer_to(head + "4\r\nhalf\r\nnonsense\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"message":"the body broke off"}"#),
        "{answer}"
    );
    let logged = gateway.log_line().await;
    let why = "wrong=\"the client's body broke off: ";
    assert!(logged.contains(why) && !logged.contains("user"), "{logged}");
}

#[tokio::test]
async fn only_so_many_connections_are_served_at_a_time() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let may_answer = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&may_answer);
    let upstream = Upstream::start(move |request| {
        let (arrived, gate) = (arrived.clone(), Arc::clone(&gate));
        async move {
            arrived.send(request.uri().path().to_owned()).unwrap();
            gate.acquire().await.unwrap().forget();
            Response::new(body("done"))
        }
    })
    .await;
    let address = format!("http://{}", upstream.address);
    let gateway = Gateway::start(&["--upstream", &address, "--max-connections", "2"]).await;
    let close = ["Host: a", "Connection: close"];
    let mut served = Vec::new();
    for path in ["/1", "/2"] {
        let head = signed_head(&format!("GET {path} HTTP/1.1"), &close);
        served.push(gateway.connect(head).await);
        assert_eq!(within(arrivals.recv()).await.unwrap(), path);
    }
    let third = signed_head("GET /3 HTTP/1.1", &close);
    let mut third = gateway.connect(third).await;
    // A gateway that served it would have passed it on by then.
    let while_two_are_served = timeout(Duration::from_millis(500), arrivals.recv());
    assert!(while_two_are_served.await.is_err());
    may_answer.add_permits(1);
    let mut first = served.remove(0);
    let mut ended = String::new();
    within(first.read_to_string(&mut ended)).await.unwrap();
    // The gateway waits for this end, too.
    drop(first);
    assert!(ended.ends_with("done"), "{ended}");
    assert_eq!(within(arrivals.recv()).await.unwrap(), "/3");
    may_answer.add_permits(2);
    assert!(read_head(&mut third).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn connections_without_a_complete_request_are_closed() {
    let upstream = Upstream::start(|_| async {
        // Longer than a connection may be idle.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Response::new(no_body())
    })
    .await;
    let upstream = format!("http://{}", upstream.address);
    let gateway = Gateway::start(&["--idle-timeout", "1", "--upstream", &upstream]).await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut silent = Vec::new();
    for begun in ["", "P", "GET / HTTP/1.1\r\nHost:", preface] {
        silent.push(gateway.connect(begun).await);
    }
    for stream in &mut silent {
        let mut answer = Vec::new();
        let _closed_or_reset = within(stream.read_to_end(&mut answer)).await;
    }
    let kept_alive = signed_head("GET / HTTP/1.1", &["Host: a"]);
    let answer = gateway.answer_to(kept_alive).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
#[tokio::test]
async fn the_refusal_of_a_large_upload_arrives() {
    let gateway = Gateway::start(&[]).await;
    for _ in 0..5 {
        // More than fits into the sockets' buffers.
        let request = Request::post(gateway.url("/")).body(body(vec![0; 20 << 20]));
        let response = send_unsigned(request.unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(
            text(response.into_body())
                .await
                .starts_with("{\"message\":")
        );
    }
}

#[tokio::test]
async fn a_client_that_sends_on_after_a_431_is_cut_off_after_64_mib() {
    const BOUND: usize = 64 << 20;
    // What the sockets of both sides may hold beside it.
    const BUFFERS: usize = 32 << 20;
    let gateway = Gateway::start(&[]).await;
    let mut stream = gateway.connect("GET / HTTP/1.1\r\nX: ").await;
    let junk = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while let Ok(len) = within(stream.write(&junk)).await {
        sent += len;
        assert!(sent < BOUND + BUFFERS, "it reads on");
    }
    assert!(sent >= BOUND, "cut off after {sent} bytes");
}

#[tokio::test]
async fn the_answer_to_a_head_that_is_too_large_arrives() {
    let gateway = Gateway::start(&[]).await;
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(4 << 20));
    let mut stream = gateway.connect(head).await;
    let answer = read_head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_take_its_refusal_is_idle() {
    let gateway = Gateway::start(&["--idle-timeout", "1", "--max-connections", "1"]).await;
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .http2_initial_stream_window_size(0)
        .build_http::<Empty<Bytes>>();
    let request = Request::get(gateway.url("/")).body(Empty::new()).unwrap();
    let response = within(client.request(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    // The only place is free again, though the refusal's text was never taken.
    let (status, _) = within(gateway.get("/")).await;
    assert_eq!(status, StatusCode::OK);
    drop(response);
}
