//! A reqwest client that signs its requests, with reqwest-retry:
//! `cargo run --example reqwest_client --features reqwest-middleware`.
//!
//! The program starts a gateway on loopback that answers the first signed request with 503, and
//! sends it an unsigned and a signed request. It ends with an error if an answer is not as
//! expected.
//!
//! With a URL, it sends one signed request there instead, with the key pair in the environment
//! variables `HMAC_KEY_ID` and `HMAC_SECRET_KEY`. For the example `gateway`:
//!
//! ```console
//! $ url=http://127.0.0.1:8080/v1/orders
//! $ cargo run --example reqwest_client --features reqwest-middleware -- "$url"
//! ```
//!
//! This example builds reqwest without TLS. For an `https` URL, enable one of reqwest's TLS
//! features.

#![allow(clippy::print_stdout, reason = "this example prints its results")]

use std::{env, error::Error, time::Duration};

use http::{HeaderValue, StatusCode};
use reqwest::{ClientBuilder, Url};
use reqwest_middleware::ClientWithMiddleware;
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use tower_hmac_auth::{KeyPair, SignLayer, Signer};

#[path = "support/loopback.rs"]
mod loopback;

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let builder = ClientBuilder::new().connect_timeout(Duration::from_secs(5));
    if let Some(url) = env::args().nth(1) {
        let keys = KeyPair::new(env::var("HMAC_KEY_ID")?, env::var("HMAC_SECRET_KEY")?)?;
        let url = Url::parse(&url)?;
        return send(&signing(keys, &url, builder)?, &url).await;
    }

    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    let gateway = loopback::start_gateway(keys.clone()).await?;
    let url = Url::parse(&format!("http://{gateway}/v1/orders"))?;
    // A proxy of the environment cannot reach this machine's loopback.
    let builder = builder.no_proxy();

    println!("GET {url}, unsigned");
    let unsigned = reqwest::Client::builder().no_proxy().build()?;
    let status = unsigned.get(url.clone()).send().await?.status();
    println!("  {status}");
    if status != StatusCode::UNAUTHORIZED {
        return Err(format!("the gateway answered {status} to an unsigned request").into());
    }
    send(&signing(keys, &url, builder)?, &url).await
}

/// Returns a client that signs requests to this URL's host only, signs every attempt again, and
/// follows no redirects.
fn signing(
    keys: KeyPair,
    gateway: &Url,
    builder: ClientBuilder,
) -> Result<ClientWithMiddleware, BoxError> {
    let backoff = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(50), Duration::from_secs(1))
        .build_with_max_retries(3);
    let signer = Signer::builder(keys)
        .source(HeaderValue::from_static("billing"))
        .allowed_hosts(gateway.host_str())
        .build()?;
    let client = SignLayer::new(signer)
        // Middleware added here is outside of the signing, so every attempt gets a new date.
        .reqwest_middleware(builder, |outer| {
            outer.with(RetryTransientMiddleware::new_with_policy(backoff))
        })?;
    Ok(client)
}

async fn send(client: &ClientWithMiddleware, url: &Url) -> Result<(), BoxError> {
    println!("GET {url}, signed");
    let response = client.get(url.clone()).send().await?;
    let status = response.status();
    println!("  {status}  {}", response.text().await?);
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("the gateway answered {status}").into()),
    }
}
