//! reqwest behind `SignLayer`, with reqwest-retry: `cargo run --example reqwest_client --features reqwest-middleware`.
//!
//! Starts a gateway on loopback that is out of service for the first signed request, and sends it an unsigned and a
//! signed one; ends with an error if an answer is not as expected. With a URL, sends one signed request there instead,
//! with the keys of the environment variables `HMAC_KEY_ID` and `HMAC_SECRET_KEY`, and ends with an error if it is
//! refused. With the example `gateway` listening:
//!
//! ```console
//! $ cargo run --example reqwest_client --features reqwest-middleware -- http://127.0.0.1:8080/v1/orders
//! ```
//!
//! (reqwest is built without TLS here; an `https` URL needs one of its features for that.)

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    env,
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::{Router, routing::get};
use http::{HeaderValue, StatusCode};
use reqwest::{ClientBuilder, Url};
use reqwest_middleware::ClientWithMiddleware;
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use tokio::net::TcpListener;
use tower_hmac_auth::{KeyPair, SignLayer, StaticKeys, VerifyLayer};

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let builder = ClientBuilder::new().connect_timeout(Duration::from_secs(5));
    if let Some(url) = env::args().nth(1) {
        let keys = KeyPair::new(env::var("HMAC_KEY_ID")?, env::var("HMAC_SECRET_KEY")?)?;
        let url = Url::parse(&url)?;
        let client = signing(keys, &url, builder)?;
        return expect(send(&client, &url).await?, StatusCode::is_success);
    }

    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    let url = start_gateway(&keys).await?;
    // Nothing on loopback goes through a proxy.
    let builder = builder.no_proxy();

    println!("GET {url}, unsigned");
    let unsigned = reqwest::Client::builder().no_proxy().build()?;
    let answer = unsigned.get(url.clone()).send().await?;
    println!("  {}", answer.status());
    expect(answer.status(), |status| {
        *status == StatusCode::UNAUTHORIZED
    })?;

    let client = signing(keys, &url, builder)?;
    expect(send(&client, &url).await?, |status| {
        *status == StatusCode::OK
    })
}

/// A client that signs for the host of this URL and for no other, anew for every attempt, and follows no redirects.
fn signing(
    keys: KeyPair,
    gateway: &Url,
    builder: ClientBuilder,
) -> Result<ClientWithMiddleware, BoxError> {
    let backoff = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(50), Duration::from_secs(1))
        .build_with_max_retries(3);
    let client = SignLayer::new(keys)
        .source(HeaderValue::from_static("billing"))
        .allowed_hosts(gateway.host_str())?
        .reqwest_middleware(builder, |outer| {
            outer.with(RetryTransientMiddleware::new_with_policy(backoff))
        })?;
    Ok(client)
}

async fn send(client: &ClientWithMiddleware, url: &Url) -> Result<StatusCode, BoxError> {
    println!("GET {url}, signed");
    let answer = client.get(url.clone()).send().await?;
    let status = answer.status();
    println!("  {status}  {}", answer.text().await?);
    Ok(status)
}

/// Lets signed requests pass; behind it is a service that answers 503 before it answers 200.
async fn start_gateway(keys: &KeyPair) -> Result<Url, BoxError> {
    static IS_UP: AtomicBool = AtomicBool::new(false);
    let orders = async || match IS_UP.swap(true, Ordering::Relaxed) {
        false => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        true => (StatusCode::OK, "no orders yet"),
    };
    let router = Router::new()
        .route("/v1/orders", get(orders))
        .layer(VerifyLayer::new(StaticKeys::from(keys.clone())));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(Url::parse(&format!("http://{address}/v1/orders"))?)
}

fn expect(answered: StatusCode, is_expected: fn(&StatusCode) -> bool) -> Result<(), BoxError> {
    if !is_expected(&answered) {
        return Err(format!("answered {answered}").into());
    }
    Ok(())
}
