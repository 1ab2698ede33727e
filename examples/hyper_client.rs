//! A hyper client that signs its requests and tries again: `cargo run --example hyper_client`.
//!
//! The program starts a gateway on loopback that answers the first request with 503, and sends it a
//! request over HTTP/1.1 and one over HTTP/2. The retry layer is outside of `SignLayer`, so every
//! attempt has a new date and signature. The program ends with an error if a request fails.
//!
//! With a URL, it sends one signed request there instead, with the key pair in the environment
//! variables `HMAC_KEY_ID` and `HMAC_SECRET_KEY`:
//!
//! ```console
//! $ cargo run --example hyper_client -- http://127.0.0.1:8080/v1/orders
//! ```

#![allow(clippy::print_stdout, reason = "this example prints its results")]

use std::{
    env,
    future::{Ready, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{BoxError, Service as _, ServiceBuilder, ServiceExt as _, retry::Policy};
use tower_hmac_auth::{KeyPair, SignLayer, Signer};

#[path = "support/loopback.rs"]
mod loopback;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    if let Some(url) = env::args().nth(1) {
        let keys = KeyPair::new(env::var("HMAC_KEY_ID")?, env::var("HMAC_SECRET_KEY")?)?;
        return send(keys, url.parse()?, Version::HTTP_11).await;
    }
    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let gateway = loopback::start_gateway(keys.clone()).await?;
        let url = format!("http://{gateway}/v1/orders").parse()?;
        send(keys.clone(), url, version).await?;
    }
    Ok(())
}

async fn send(keys: KeyPair, url: Uri, version: Version) -> Result<(), BoxError> {
    println!("GET {url}, signed, {version:?}");
    let client = Client::builder(TokioExecutor::new())
        .http2_only(version == Version::HTTP_2)
        .build_http();
    let signer = Signer::builder(keys)
        .source(HeaderValue::from_static("billing"))
        // Redirects and wrong URLs cannot make the client sign requests to other hosts.
        .allowed_hosts(url.host())
        .build()?;
    let mut service = ServiceBuilder::new()
        // Outside of `SignLayer`, so that every attempt gets a new date and signature.
        .retry(WhileUnavailable { left: 3 })
        .timeout(Duration::from_secs(5))
        .layer(SignLayer::new(signer))
        .service(client);

    let request = Request::get(url).body(Empty::<Bytes>::new())?;
    let response = service.ready().await?.call(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("  {status}  {}", String::from_utf8_lossy(&body));
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("the gateway answered {status}").into()),
    }
}

/// Tries again while the answer is 503.
#[derive(Clone)]
struct WhileUnavailable {
    left: usize,
}

impl<B: Clone, E> Policy<Request<B>, Response<Incoming>, E> for WhileUnavailable {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<B>,
        result: &mut Result<Response<Incoming>, E>,
    ) -> Option<Ready<()>> {
        let status = result.as_ref().ok()?.status();
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        println!("  {status}, tried again");
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}
