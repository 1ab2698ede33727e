//! axum behind `VerifyLayer`, on loopback: `cargo run --example axum_server`.
//!
//! The API is a nested router that only signed requests enter; the handler is told who signed. `/health` is outside
//! the layer and open. The key may be used for `/api/v1/orders` and nothing else, which the key store decides by the
//! path as the client sent it. The server sends itself an unsigned and a signed request; ends with an error if an
//! answer is not as expected.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{net::SocketAddr, sync::Arc};

use axum::{Extension, Router, body::Body, extract::OriginalUri, routing::get};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, ServiceExt as _};
use tower_hmac_auth::{
    Binding, KeyPair, KeyStore, Lookup, RequestHead, SignLayer, VerifiedKey, VerifyLayer,
    VerifyingKey,
};

const KEY_ID: &str = "AKIDexample";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new(KEY_ID, "known-to-both-sides-and-never-sent")?;

    let layer = VerifyLayer::new(key_store(&keys))
        // `nest` takes the prefix off the path; the key store is to see the whole of it.
        .original_target(|extensions| Some(&extensions.get::<OriginalUri>()?.0));
    let api = Router::new().route("/orders", get(orders)).layer(layer);
    let router = Router::new()
        .nest("/api/v1", api)
        .route("/health", get(async || "well"));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });

    let orders = "/api/v1/orders";
    expect(send(address, "/health", None).await?, StatusCode::OK)?;
    expect(send(address, orders, None).await?, StatusCode::UNAUTHORIZED)?;
    expect(send(address, orders, Some(keys)).await?, StatusCode::OK)
}

/// The layer let it pass, so there is a key. Extractors cannot be fooled by anything a client sends.
async fn orders(Extension(key): Extension<VerifiedKey>) -> String {
    format!("the orders of {}", key.key_id())
}

/// A usage plan: which key may be used for what.
fn key_store(keys: &KeyPair) -> impl KeyStore + use<> {
    let key = Arc::new(VerifyingKey::from(keys));
    move |key_id: &str, head: RequestHead<'_>| match (key_id, head.uri().path()) {
        (KEY_ID, "/api/v1/orders") => Lookup::Key(Arc::clone(&key), Binding::Bound),
        (KEY_ID, _) => Lookup::Key(Arc::clone(&key), Binding::NotBound),
        _ => Lookup::Unknown,
    }
}

/// Sends a request, signed if there are keys to sign with.
async fn send(
    address: SocketAddr,
    path: &str,
    keys: Option<KeyPair>,
) -> Result<StatusCode, BoxError> {
    println!(
        "GET {path}, {}",
        keys.as_ref().map_or("unsigned", |_| "signed")
    );
    let client = ServiceBuilder::new()
        .option_layer(keys.map(SignLayer::new))
        .service(Client::builder(TokioExecutor::new()).build_http());
    let request = Request::get(format!("http://{address}{path}")).body(Body::empty())?;
    let response = client.oneshot(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("  {status}  {}", String::from_utf8_lossy(&body));
    Ok(status)
}

fn expect(answered: StatusCode, expected: StatusCode) -> Result<(), BoxError> {
    if answered != expected {
        return Err(format!("answered {answered}, expected {expected}").into());
    }
    Ok(())
}
