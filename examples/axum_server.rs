//! axum behind `VerifyLayer`, on loopback: `cargo run --example axum_server`.
//!
//! The API is a nested router that only signed requests enter; the handler is told who signed. `/health` is outside
//! the layer and open. The key may be used for `/api/v1/orders` and nothing else, which the key store decides by the
//! path as the client sent it. A client whose large upload is refused gets the refusal and not a broken connection.
//!
//! The server sends itself an unsigned and a signed request; ends with an error if an answer is not as expected. With
//! `-- --serve` it serves others, until it is stopped.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, OriginalUri},
    routing::get,
};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, ServiceExt as _};
use tower_hmac_auth::{
    KeyPair, RequestHead, SignLayer, VerifiedKey, VerifyLayer,
    verify::{DrainLayer, KeyAccess, KeyLookup, KeyStore, VerifyingKey},
};

const KEY_ID: &str = "AKIDexample";

/// The longest body that is taken, and the most of one that is read for nothing when it is refused: 32 MiB.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// How long a refused client may go on sending.
const MAX_DRAIN: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new(KEY_ID, "known-to-both-sides-and-never-sent")?;

    let layer = VerifyLayer::new(key_store(&keys))
        // `nest` takes the prefix off the path; the key store is to see the whole of it.
        .original_target(|extensions| Some(&extensions.get::<OriginalUri>()?.0));
    let timer = || tokio::time::sleep(MAX_DRAIN);
    let api = Router::new()
        .route("/orders", get(orders).post(order))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(layer)
        // axum's layers wrap what was added before them, so this one is outside.
        .layer(DrainLayer::new(MAX_BODY as u64, timer, tokio::spawn));
    let router = Router::new()
        .nest("/api/v1", api)
        .route("/health", get(async || "well"));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    if std::env::args().any(|argument| argument == "--serve") {
        println!("listening on {address}");
        return Ok(axum::serve(listener, router).await?);
    }
    tokio::spawn(async move { axum::serve(listener, router).await });

    let orders = "/api/v1/orders";
    let upload = || Body::from(vec![b'a'; 5 * 1024 * 1024]);
    for (path, body, signs, expected) in [
        ("/health", None, false, StatusCode::OK),
        (orders, None, false, StatusCode::UNAUTHORIZED),
        (orders, None, true, StatusCode::OK),
        (orders, Some(upload()), false, StatusCode::UNAUTHORIZED),
        (orders, Some(upload()), true, StatusCode::OK),
    ] {
        let answered = send(address, path, body, signs.then(|| keys.clone())).await?;
        if answered != expected {
            return Err(format!("answered {answered}, expected {expected}").into());
        }
    }
    Ok(())
}

/// The layer let it pass, so there is a key. Extractors cannot be fooled by anything a client sends.
async fn orders(Extension(key): Extension<VerifiedKey>) -> String {
    format!("the orders of {}", key.key_id())
}

async fn order(Extension(key): Extension<VerifiedKey>, body: Bytes) -> String {
    format!("{} bytes of {}", body.len(), key.key_id())
}

/// A usage plan: which key may be used for what.
fn key_store(keys: &KeyPair) -> impl KeyStore + use<> {
    let key = Arc::new(VerifyingKey::from(keys));
    move |key_id: &str, head: RequestHead<'_>| match (key_id, head.uri().path()) {
        (KEY_ID, "/api/v1/orders") => KeyLookup::Key(Arc::clone(&key), KeyAccess::Bound),
        (KEY_ID, _) => KeyLookup::Key(Arc::clone(&key), KeyAccess::NotBound),
        _ => KeyLookup::Unknown,
    }
}

/// Sends a request, a `POST` if there is a body, and signed if there are keys to sign with.
async fn send(
    address: SocketAddr,
    path: &str,
    body: Option<Body>,
    keys: Option<KeyPair>,
) -> Result<StatusCode, BoxError> {
    let method = body.as_ref().map_or(Method::GET, |_| Method::POST);
    let how = keys.as_ref().map_or("unsigned", |_| "signed");
    println!("{method} {path}, {how}");
    let client = ServiceBuilder::new()
        .option_layer(keys.map(SignLayer::new))
        .service(Client::builder(TokioExecutor::new()).build_http());
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .body(body.unwrap_or_default())?;
    let response = client.oneshot(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("  {status}  {}", String::from_utf8_lossy(&body));
    Ok(status)
}
