//! A WebSocket handshake and a POST, signed for iFlytek: `cargo run --example websocket`.
//!
//! The credentials of the handshake are in the query of its URL, and those of the POST in
//! `Authorization`, with the digest of the body under the signature. The program sends both to a
//! server of its own, which verifies them, and ends with an error if an answer is not as expected.
//! It also shows what a client sees of a handshake that is refused: `connect_async` returns an
//! error with the server's answer, and the answer's text says what to check. With `-- --serve`, it
//! only serves, until it is stopped.
//!
//! For the real service, take its URL (`wss://iat-api.xfyun.cn/v2/iat`) and your key pair (APIKey
//! is the key id, APISecret the secret key), and enable a TLS feature of `tokio-tungstenite`. Sign
//! each handshake right before it is sent: the signature is valid for five minutes.

#![allow(clippy::print_stdout, reason = "this example prints its results")]

use std::{net::SocketAddr, time::SystemTime};

use axum::{
    Router,
    body::Body,
    extract::ws::{WebSocket, WebSocketUpgrade},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};
use tower::{BoxError, Layer as _, ServiceExt as _};
use tower_hmac_auth::{
    KeyPair, Rejection, Scheme, SignLayer, Signer, StaticKeys, Verifier, VerifyLayer,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new(
        "0123456789abcdef0123456789abcdef",
        "fedcba9876543210fedcba9876543210",
    )?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = router(&keys)?;
    if std::env::args().any(|argument| argument == "--serve") {
        println!("listening on {address}");
        return Ok(axum::serve(listener, router).await?);
    }
    tokio::spawn(async move { axum::serve(listener, router).await });

    let answer = recognize(address, &keys).await?;
    println!("WebSocket: {answer}");

    let wrong = KeyPair::new(keys.id().as_str(), "another-secret")?;
    match recognize(address, &wrong).await {
        Ok(_) => return Err("a wrong secret was accepted".into()),
        Err(refused) => println!("refused: {refused}"),
    }

    let answer = translate(address, keys).await?;
    println!("POST: {answer}");
    Ok(())
}

/// Opens a WebSocket, sends a message and returns the answer.
async fn recognize(address: SocketAddr, keys: &KeyPair) -> Result<String, BoxError> {
    let signer = Signer::builder(keys.clone())
        .scheme(Scheme::Iflytek)
        .credentials_in_query(true)
        .allowed_hosts([address.to_string()])
        .build()?;
    let mut handshake = format!("ws://{address}/v2/iat").into_client_request()?;
    signer.sign_request(&mut handshake, SystemTime::now())?;

    let (mut socket, _) = match connect_async(handshake).await {
        Ok(connected) => connected,
        Err(tungstenite::Error::Http(answer)) => return Err(explained(&answer).into()),
        Err(other) => return Err(other.into()),
    };
    socket.send(Message::text("audio")).await?;
    let answer = socket.next().await.ok_or("no answer")??.into_text()?;
    socket.close(None).await?;
    Ok(answer.to_string())
}

/// Returns the text of a refused handshake, and what to check.
fn explained(answer: &http::Response<Option<Vec<u8>>>) -> String {
    let body = answer.body().as_deref().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let hint = Rejection::from_response_text(&text).map_or("", |kind| kind.hint());
    format!("{} {text} {hint}", answer.status())
}

/// Sends a POST whose body is covered by the signature, and returns the answer.
async fn translate(address: SocketAddr, keys: KeyPair) -> Result<String, BoxError> {
    let signer = Signer::builder(keys)
        .scheme(Scheme::Iflytek)
        .allowed_hosts([address.to_string()])
        .build()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let client = SignLayer::new(signer).layer(client);

    // With the feature `digest`, `DigestLayer` does this for every request.
    let body = r#"{"common":{"app_id":"00000000"}}"#;
    let digest = STANDARD.encode(Sha256::digest(body));
    let request = Request::post(format!("http://{address}/v2/itr"))
        .header("digest", format!("SHA-256={digest}"))
        .body(Body::from(body))?;
    let response = client.oneshot(request).await?;
    let status = response.status();
    let text = response.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    match status {
        StatusCode::OK => Ok(text),
        _ => Err(format!("{status} {text}").into()),
    }
}

/// Returns a server's routes, in the service's place.
fn router(keys: &KeyPair) -> Result<Router, BoxError> {
    let layer = |required: &[&str]| -> Result<_, BoxError> {
        let verifier = Verifier::builder()
            .scheme(Scheme::Iflytek)
            .require(required);
        Ok(VerifyLayer::new(StaticKeys::from(keys.clone())).verifier(verifier.build()?))
    };
    let iat = get(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo));
    // `VerifyDigestLayer` of the feature `digest` compares the digest with the body.
    let itr = post(async |body: String| format!("{} bytes", body.len()));
    Ok(Router::new()
        .route("/v2/iat", iat.layer(layer(&["host", "request-line"])?))
        .route(
            "/v2/itr",
            itr.layer(layer(&["host", "request-line", "digest"])?),
        ))
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}
