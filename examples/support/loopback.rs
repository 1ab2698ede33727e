//! A gateway on loopback, for client examples that are run without the URL of a real one.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, routing::get};
use http::StatusCode;
use tokio::net::TcpListener;
use tower::BoxError;
use tower_hmac_auth::{KeyPair, StaticKeys, Verifier, VerifyLayer, scheme::DatePolicy};

/// Starts a gateway that accepts requests signed with `keys`. The service that it protects answers
/// the first request with 503 and later ones with 200, so that clients have to try again.
///
/// It verifies Tencent's scheme, which the clients use. That scheme cannot sign the target.
pub(crate) async fn start_gateway(keys: KeyPair) -> Result<SocketAddr, BoxError> {
    // `Verifier::new()` would accept a signed `Date` of any age.
    let verifier = Verifier::builder()
        .date_policy(DatePolicy::CheckAge)
        .build()?;
    let is_up = Arc::new(AtomicBool::new(false));
    let orders = async move || match is_up.swap(true, Ordering::Relaxed) {
        false => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        true => (StatusCode::OK, "no orders yet"),
    };
    let router = Router::new()
        .route("/v1/orders", get(orders))
        .layer(VerifyLayer::new(StaticKeys::from(keys)).verifier(verifier));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
