//! Signs and verifies requests over loopback: `cargo run --example quickstart`.
//!
//! An axum server verifies every request with `VerifyLayer`. A hyper client signs its requests with
//! `SignLayer`. The client sends four requests and prints each answer:
//!
//! 1. An unsigned request is refused.
//! 2. A signed request is accepted.
//! 3. A request whose path is changed after signing is refused.
//! 4. A request with an old date is refused.
//!
//! Both sides use Kong's scheme, whose signatures cover the method, the path and the query.
//! Tencent's scheme, the default, cannot sign those: there, only TLS protects the request's target.
//! No scheme signs the body unless its digest is signed.
//!
//! The program ends with an error if an answer has another status than expected.

#![allow(clippy::print_stdout, reason = "this example prints its results")]

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use axum::{Extension, Router, routing::get};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, ServiceExt as _};
use tower_hmac_auth::{
    KeyPair, Rejection, Scheme, SignLayer, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
    clock::ManualClock,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    let address = start_server(keys.clone()).await?;

    let signer = Signer::builder(keys)
        .scheme(Scheme::Kong)
        .signed_headers([header::HOST])
        // Redirects and wrong URLs cannot make the client sign requests to other hosts.
        .allowed_hosts([address.to_string()])
        .build()?;
    let sign = SignLayer::new(signer.clone());
    let client = ServiceBuilder::new().service(Client::builder(TokioExecutor::new()).build_http());
    let request =
        || Request::get(format!("http://{address}/v1/orders")).body(Empty::<Bytes>::new());

    let signing_string = signer.signing_string(&request()?, SystemTime::now())?;
    println!("The signature covers (\\n is a line break): {signing_string}");

    println!("\n1. Unsigned:");
    let response = client.clone().oneshot(request()?).await?;
    expect(response, StatusCode::UNAUTHORIZED).await?;

    println!("\n2. Signed:");
    let signing = ServiceBuilder::new()
        .layer(sign.clone())
        .service(client.clone());
    let response = signing.oneshot(request()?).await?;
    expect(response, StatusCode::OK).await?;

    println!("\n3. Signed, then the path is changed:");
    let tampering = ServiceBuilder::new()
        .layer(sign.clone())
        .map_request(move |mut request: Request<_>| {
            *request.uri_mut() =
                Uri::try_from(format!("http://{address}/v1/refunds")).unwrap_or_default();
            request
        })
        .service(client.clone());
    let response = tampering.oneshot(request()?).await?;
    expect(response, StatusCode::UNAUTHORIZED).await?;

    println!("\n4. Signed with a date that is 10 minutes old:");
    let old = SystemTime::now() - Duration::from_secs(600);
    let late = ServiceBuilder::new()
        .layer(sign.clock(ManualClock::at(old)))
        .service(client);
    let response = late.oneshot(request()?).await?;
    expect(response, StatusCode::UNAUTHORIZED).await?;

    println!("\nAll four answers are as expected.");
    Ok(())
}

/// Serves on a free port until the program ends. Only requests with a valid signature get in.
async fn start_server(keys: KeyPair) -> Result<SocketAddr, BoxError> {
    // Without `require`, a client may sign as little as the date, and its signature is then valid
    // for any method and path.
    let verifier = Verifier::builder()
        .scheme(Scheme::Kong)
        .require(["@request-target", "host"])
        .build()?;
    let orders =
        async |Extension(key): Extension<VerifiedKey>| format!("orders of {}", key.key_id());
    let router = Router::new()
        .route("/v1/orders", get(orders))
        .route("/v1/refunds", get(async || "refunds"))
        .layer(VerifyLayer::new(StaticKeys::from(keys)).verifier(verifier));

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Prints the answer, and what to check after a refusal. Returns an error if the status differs.
async fn expect(response: Response<Incoming>, expected: StatusCode) -> Result<(), BoxError> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body);
    println!("   {status}: {body}");
    if let Some(kind) = Rejection::from_response_text(&body) {
        println!("   Hint: {}", kind.hint());
    }
    match status == expected {
        true => Ok(()),
        false => Err(format!("the status is {status}, expected {expected}").into()),
    }
}
