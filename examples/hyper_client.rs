//! hyper's client behind `SignLayer`, over HTTP/1.1 and HTTP/2: `cargo run --example hyper_client`.
//!
//! Starts a gateway on loopback that is out of service for every first request, and sends it a request over either
//! version; each is tried again and signed anew. Ends with an error if an answer is not as expected. With a URL, sends
//! one signed request there instead, with the keys of the environment variables `HMAC_KEY_ID` and `HMAC_SECRET_KEY`:
//!
//! ```console
//! $ cargo run --example hyper_client -- http://127.0.0.1:8080/v1/orders
//! ```

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    env,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower::{BoxError, Service as _, ServiceBuilder, ServiceExt as _, retry::Policy};
use tower_hmac_auth::{KeyPair, SignLayer, StaticKeys, VerifyLayer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    if let Some(url) = env::args().nth(1) {
        let keys = KeyPair::new(env::var("HMAC_KEY_ID")?, env::var("HMAC_SECRET_KEY")?)?;
        let answer = send(keys, url.parse()?, Version::HTTP_11).await?;
        return expect(answer.status(), StatusCode::is_success);
    }
    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let url = start_gateway(&keys).await?;
        let answer = send(keys.clone(), url, version).await?;
        expect(answer.status(), |status| *status == StatusCode::OK)?;
        if answer.version() != version {
            return Err(format!("answered over {:?}", answer.version()).into());
        }
    }
    Ok(())
}

async fn send(keys: KeyPair, url: Uri, version: Version) -> Result<Response<Bytes>, BoxError> {
    println!("GET {url}, signed, {version:?}");
    let client = Client::builder(TokioExecutor::new())
        .http2_only(version == Version::HTTP_2)
        .build_http();
    let mut service = ServiceBuilder::new()
        // Outside, so that every attempt is signed anew.
        .retry(WhileUnavailable { left: 3 })
        .timeout(Duration::from_secs(5))
        .layer(
            SignLayer::new(keys)
                .source(HeaderValue::from_static("billing"))
                .allowed_hosts(url.host())?,
        )
        .service(client);

    let request = Request::get(url).body(Empty::<Bytes>::new())?;
    let answer = service.ready().await?.call(request).await?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    println!("  {}  {}", head.status, String::from_utf8_lossy(&body));
    Ok(Response::from_parts(head, body))
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
        self.left = self.left.checked_sub(1)?;
        (status == StatusCode::SERVICE_UNAVAILABLE).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

/// Lets signed requests pass; behind it is a service that answers 503 before it answers 200.
async fn start_gateway(keys: &KeyPair) -> Result<Uri, BoxError> {
    let is_up = Arc::new(AtomicBool::new(false));
    let orders = async move || match is_up.swap(true, Ordering::Relaxed) {
        false => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        true => (StatusCode::OK, "no orders yet"),
    };
    let router = Router::new()
        .route("/v1/orders", get(orders))
        .layer(VerifyLayer::new(StaticKeys::from(keys.clone())));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}/v1/orders").parse()?)
}

fn expect(answered: StatusCode, is_expected: fn(&StatusCode) -> bool) -> Result<(), BoxError> {
    if !is_expected(&answered) {
        return Err(format!("answered {answered}").into());
    }
    Ok(())
}
