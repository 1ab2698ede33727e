//! Large uploads that are refused, with `DrainLayer` outside of `VerifyLayer`.

use std::future::pending;

use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    routing::{post, put},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tower_hmac_auth::{Signer, StaticKeys, VerifyLayer, verify::DrainLayer};

use super::{
    UNSIGNED,
    server::{Server, VERSIONS, client, send, within},
};
use crate::common::keys;

const MIB: usize = 1024 * 1024;

async fn server() -> Server {
    let router = Router::new()
        .route("/len", post(async |body: Bytes| body.len().to_string()))
        .route("/unread", put(async || "unread"))
        .layer(DefaultBodyLimit::max(32 * MIB))
        .layer(VerifyLayer::new(StaticKeys::from(keys())))
        .layer(DrainLayer::new(32 * MIB as u64, pending, tokio::spawn));
    Server::start(router).await
}

/// Sends all of an upload, then reads until the server closes the connection.
async fn upload_first(server: &Server, request_line: &str, fields: &str, len: usize) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "{request_line} HTTP/1.1\r\nhost: {}\r\n{fields}content-length: {len}\r\nconnection: close\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'a'; len]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_a_whole_upload_before_it_reads_gets_the_refusal_each_time() {
    let server = server().await;
    for len in [5 * MIB, 20 * MIB] {
        for _ in 0..10 {
            let answer = within(upload_first(&server, "POST /len", "", len)).await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
            assert!(answer.ends_with(UNSIGNED), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_other_than_a_refusal_is_not_lost_either() {
    let server = server().await;
    let mut request = http::Request::new(());
    let signer = Signer::new(keys());
    signer
        .sign_request(&mut request, std::time::SystemTime::now())
        .unwrap();
    let mut fields = String::new();
    for (name, value) in request.headers() {
        fields += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    for (request_line, text) in [
        ("PUT /unread", "200 unread"),
        ("POST /unread", "405 "),
        ("POST /nowhere", "404 "),
    ] {
        let answer = within(upload_first(&server, request_line, &fields, 5 * MIB)).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        assert_eq!(format!("{status} {body}"), text);
    }
}

#[tokio::test]
async fn a_signed_upload_reaches_the_handler_whole_and_an_unsigned_one_is_refused_on_each_version()
{
    let server = server().await;
    for version in VERSIONS {
        let client = client(version);
        for keys in [None, Some(keys())] {
            let mut request = server.request(http::Method::POST, "/len");
            *request.body_mut() = vec![b'a'; 5 * MIB].into();
            let expected = match keys {
                Some(_) => (5 * MIB).to_string(),
                None => UNSIGNED.to_owned(),
            };
            let answer = send(&client, keys, request).await;
            assert_eq!(answer.text, expected, "{version:?}");
        }
    }
}
