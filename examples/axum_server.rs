//! An axum server that verifies the requests to its API: `cargo run --example axum_server`.
//!
//! The API is a nested router, and only requests with a valid signature get into it. The handlers
//! find the verified key in the request's extensions. `/health` is outside of the layer, so it
//! needs no signature. The key store is a usage plan: it binds the key to `/api/v1/orders`, by the
//! path that the client sent, and the same key is refused at `/api/v1/invoices`. `DrainLayer` lets
//! a client whose large upload is refused receive the refusal instead of a connection error.
//!
//! The verifier speaks Tencent's scheme, whose signatures never cover the method, the path or the
//! query: only TLS protects those. For clients of your own, use
//! `Verifier::builder().scheme(Scheme::Kong).require(["@request-target"]).build().unwrap()` and
//! sign with `Scheme::Kong`, as in the example `quickstart`. The age of `Date` is checked.
//! Tencent's gateway does not check it; clients that rely on that need `DatePolicy::AnyAge`, under
//! which a request can be replayed forever.
//!
//! The program sends requests to its own server, and ends with an error if an answer is not as
//! expected. With `-- --serve`, it serves until it is stopped.

#![allow(clippy::print_stdout, reason = "this example prints its results")]

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
    KeyPair, RequestHead, SignLayer, Signer, VerifiedKey, Verifier, VerifyLayer,
    scheme::DatePolicy,
    verify::{DrainLayer, KeyAccess, KeyLookup, KeyStore, VerifyingKey},
};

const KEY_ID: &str = "AKIDexample";

/// The largest body that is accepted, and the most that is read of a refused one: 32 MiB.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// How long a refused client may continue to send.
const MAX_DRAIN: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new(KEY_ID, "known-to-both-sides-and-never-sent")?;

    let layer = VerifyLayer::new(key_store(&keys))
        .verifier(
            Verifier::builder()
                .date_policy(DatePolicy::CheckAge)
                .build()?,
        )
        // `nest` removes the prefix from the path. The key store needs the whole path.
        .original_target(|extensions| Some(&extensions.get::<OriginalUri>()?.0));
    let timer = || tokio::time::sleep(MAX_DRAIN);
    let api = Router::new()
        .route("/orders", get(orders).post(order))
        .route("/invoices", get(async || "the invoices"))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(layer)
        // axum's layers wrap what was added before them, so this one is outside of the verifier.
        .layer(DrainLayer::new(MAX_BODY as u64, timer, tokio::spawn));
    let router = Router::new()
        .nest("/api/v1", api)
        .route("/health", get(async || "ok"));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    if std::env::args().any(|argument| argument == "--serve") {
        println!("listening on {address}");
        return Ok(axum::serve(listener, router).await?);
    }
    tokio::spawn(async move { axum::serve(listener, router).await });

    let (orders, invoices) = ("/api/v1/orders", "/api/v1/invoices");
    let upload = || Body::from(vec![b'a'; 5 * 1024 * 1024]);
    for (path, body, signs, expected) in [
        ("/health", None, false, StatusCode::OK),
        (orders, None, false, StatusCode::UNAUTHORIZED),
        (orders, None, true, StatusCode::OK),
        // A valid signature, but the usage plan does not bind the key to this path.
        (invoices, None, true, StatusCode::UNAUTHORIZED),
        (orders, Some(upload()), false, StatusCode::UNAUTHORIZED),
        (orders, Some(upload()), true, StatusCode::OK),
    ] {
        let answered = send(address, path, body, signs.then(|| keys.clone())).await?;
        if answered != expected {
            return Err(format!("the status is {answered}, expected {expected}").into());
        }
    }
    Ok(())
}

/// The key is always there, as the layer refuses all other requests. Only the layer can insert it:
/// a client cannot set extensions.
async fn orders(Extension(key): Extension<VerifiedKey>) -> String {
    format!("the orders of {}", key.key_id())
}

async fn order(Extension(key): Extension<VerifiedKey>, body: Bytes) -> String {
    format!("{} bytes of {}", body.len(), key.key_id())
}

/// Returns a key store with a usage plan, which decides what a key may be used for.
fn key_store(keys: &KeyPair) -> impl KeyStore + use<> {
    let key = Arc::new(VerifyingKey::from(keys));
    move |key_id: &str, head: RequestHead<'_>| match (key_id, head.uri().path()) {
        (KEY_ID, "/api/v1/orders") => KeyLookup::Key(Arc::clone(&key), KeyAccess::Bound),
        (KEY_ID, _) => KeyLookup::Key(Arc::clone(&key), KeyAccess::NotBound),
        _ => KeyLookup::Unknown,
    }
}

/// Sends a request: `POST` if there is a body, and signed if there are keys.
async fn send(
    address: SocketAddr,
    path: &str,
    body: Option<Body>,
    keys: Option<KeyPair>,
) -> Result<StatusCode, BoxError> {
    let method = body.as_ref().map_or(Method::GET, |_| Method::POST);
    let how = keys.as_ref().map_or("unsigned", |_| "signed");
    println!("{method} {path}, {how}");
    let signer = |keys| {
        let builder = Signer::builder(keys);
        builder.allowed_hosts([address.to_string()]).build()
    };
    let client = ServiceBuilder::new()
        .option_layer(keys.map(signer).transpose()?.map(SignLayer::new))
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
