//! WebSocket handshakes that are signed, over a real connection.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use axum::{
    Extension, Router,
    extract::ws::{Message as Sent, WebSocket, WebSocketUpgrade},
    routing::get,
};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, StatusCode};
use tokio::net::TcpListener;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};
use tower_hmac_auth::{
    KeyPair, Rejection, Scheme, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
    error::RejectionKind, sign::SignerBuilder,
};

use crate::common::{KEY_ID, keys};

/// A server whose route first sends the id of the key, then what it receives.
async fn server(scheme: Scheme, required: &[&str]) -> SocketAddr {
    async fn echo(mut socket: WebSocket, key: VerifiedKey) {
        let id = Sent::text(key.key_id());
        let mut message = Some(Ok(id));
        while let Some(Ok(sent)) = message {
            if socket.send(sent).await.is_err() {
                return;
            }
            message = socket.recv().await;
        }
    }
    let route = async |upgrade: WebSocketUpgrade, Extension(key): Extension<VerifiedKey>| {
        upgrade.on_upgrade(|socket| echo(socket, key))
    };
    let verifier = Verifier::builder().scheme(scheme).require(required);
    let layer = VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier.build().unwrap());
    let router = Router::new().route("/v2/iat", get(route)).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn signer(pair: KeyPair) -> SignerBuilder {
    let builder = Signer::builder(pair).scheme(Scheme::Iflytek);
    builder.credentials_in_query(true)
}

fn handshake(address: SocketAddr) -> Request<()> {
    let url = format!("ws://{address}/v2/iat?lang=zh");
    url.into_client_request().unwrap()
}

#[track_caller]
fn assert_refused(error: Error, status: u16, kind: RejectionKind) {
    let Error::Http(answer) = error else {
        panic!("{error}");
    };
    assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap());
    let text = String::from_utf8(answer.into_body().unwrap()).unwrap();
    let understood = Rejection::from_response_text(&text).expect(&text);
    assert_eq!(understood, kind, "{text}");
    assert!(!understood.hint().is_empty());
}

#[tokio::test]
async fn a_signed_handshake_is_answered_101_and_messages_pass() {
    let required = ["host", "date", "request-line"];
    let iflytek = server(Scheme::Iflytek, &required).await;
    let market = server(Scheme::TencentMarket, &[]).await;
    let kong = server(Scheme::Kong, &["@request-target"]).await;
    let headers = |scheme| Signer::builder(keys()).scheme(scheme).build().unwrap();
    for (address, signer) in [
        (iflytek, signer(keys()).build().unwrap()),
        (iflytek, headers(Scheme::Iflytek)),
        (market, headers(Scheme::TencentMarket)),
        (kong, headers(Scheme::Kong)),
    ] {
        let mut handshake = handshake(address);
        signer
            .sign_request(&mut handshake, SystemTime::now())
            .unwrap();
        let (mut socket, response) = connect_async(handshake).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let id = socket.next().await.unwrap().unwrap();
        assert_eq!(id.into_text().unwrap(), KEY_ID);
        for text in ["audio", ""] {
            socket.send(Message::text(text)).await.unwrap();
            let echoed = socket.next().await.unwrap().unwrap();
            assert_eq!(echoed.into_text().unwrap(), text);
        }
        socket.close(None).await.unwrap();
    }
}

#[tokio::test]
async fn the_answer_to_a_refused_handshake_says_what_to_check() {
    let address = server(Scheme::Iflytek, &["host", "request-line"]).await;
    let now = SystemTime::now();
    let old = now - Duration::from_secs(3600);
    let wrong = KeyPair::new(KEY_ID, "another-secret").unwrap();
    let unknown = KeyPair::new("unknown", "another-secret").unwrap();
    for (pair, time, status, kind) in [
        (wrong, now, 401, RejectionKind::SignatureMismatch),
        (unknown, now, 401, RejectionKind::KeyUnknown),
        // Kong's text for a wrong clock, with the status that iFlytek documents.
        (keys(), old, 403, RejectionKind::DateMissing),
    ] {
        let mut handshake = handshake(address);
        let signer = signer(pair).build().unwrap();
        signer.sign_request(&mut handshake, time).unwrap();
        let error = connect_async(handshake).await.unwrap_err();
        assert_refused(error, status, kind);
    }
    let error = connect_async(handshake(address)).await.unwrap_err();
    assert_refused(error, 401, RejectionKind::AuthorizationMissing);

    let mut covers_less = handshake(address);
    let signer = signer(keys()).components(["host", "date"]).build().unwrap();
    signer.sign_request(&mut covers_less, now).unwrap();
    let error = connect_async(covers_less).await.unwrap_err();
    assert_refused(error, 401, RejectionKind::KeyUnknown);
}

#[tokio::test]
async fn a_handshake_to_another_host_carries_no_credentials() {
    let address = server(Scheme::Iflytek, &[]).await;
    let signer = signer(keys())
        .allowed_hosts(["iat-api.xfyun.cn"])
        .build()
        .unwrap();
    let mut handshake = handshake(address);
    signer
        .sign_request(&mut handshake, SystemTime::now())
        .unwrap_err();
    assert_eq!(handshake.uri().query(), Some("lang=zh"));
    let error = connect_async(handshake).await.unwrap_err();
    assert_refused(error, 401, RejectionKind::AuthorizationMissing);
}
