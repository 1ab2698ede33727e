//! A tonic client that signs its calls, unary and streaming: `cargo run --example tonic_client`.
//!
//! The program starts a server on loopback that requires a signed target and host, and calls it in
//! both ways. It ends with an error if an answer is not as expected.
//!
//! tonic's channel adds the host to requests after the layer has signed them. Set
//! `SignerBuilder::authority`, so that the layer can sign the host and compare it with
//! `allowed_hosts`.

#![allow(clippy::print_stdout, reason = "this example prints its results")]

use std::net::SocketAddr;

use http::header;
use tokio::net::TcpListener;
use tokio_stream::{StreamExt as _, wrappers::TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream, transport};
use tower::{BoxError, ServiceBuilder};
use tower_hmac_auth::{
    KeyPair, Scheme, SignLayer, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
};

use self::greeter::{Greeter, GreeterClient, GreeterServer};

#[path = "support/greeter.rs"]
mod greeter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    let address = start_server(keys.clone()).await?;

    let signer = Signer::builder(keys)
        .scheme(Scheme::Kong)
        .signed_headers([header::HOST])
        .authority(address.to_string().parse()?)
        .allowed_hosts([address.to_string()])
        .build()?;
    let channel = transport::Channel::from_shared(format!("http://{address}"))?;
    let channel = ServiceBuilder::new()
        .layer(SignLayer::new(signer))
        .service(channel.connect().await?);
    let mut client = GreeterClient::new(channel);

    let greeting = client.greet("Ada").await?.into_inner();
    println!("unary: {greeting}");
    expect(greeting == "hello Ada, signed by AKIDexample")?;

    let names = tokio_stream::iter(["Ada", "Grace"].map(String::from));
    let answer = client.greet_all(names).await?.into_inner();
    let greetings: Vec<_> = answer.collect::<Result<_, _>>().await?;
    println!("streaming: {}", greetings.join(" / "));
    let expected = ["Ada", "Grace"].map(|name| format!("hello {name}, signed by AKIDexample"));
    expect(greetings == expected)
}

fn expect(is_expected: bool) -> Result<(), BoxError> {
    match is_expected {
        true => Ok(()),
        false => Err("the answer is not the expected one".into()),
    }
}

async fn start_server(keys: KeyPair) -> Result<SocketAddr, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let verifier = Verifier::builder()
        .scheme(Scheme::Kong)
        .require(["@request-target", "host"])
        .build()?;
    let server = transport::Server::builder()
        .layer(VerifyLayer::new(StaticKeys::from(keys)).verifier(verifier))
        .add_service(GreeterServer::new(Hello))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);
    Ok(address)
}

struct Hello;

impl Greeter for Hello {
    async fn greet(&self, request: Request<String>) -> Result<Response<String>, Status> {
        let key_id = key_id(&request)?;
        let name = request.into_inner();
        Ok(Response::new(format!("hello {name}, signed by {key_id}")))
    }

    async fn greet_all(
        &self,
        request: Request<Streaming<String>>,
    ) -> Result<Response<BoxStream<String>>, Status> {
        let key_id = key_id(&request)?;
        let names = request.into_inner();
        let greetings =
            names.map(move |name| name.map(|name| format!("hello {name}, signed by {key_id}")));
        Ok(Response::new(Box::pin(greetings)))
    }
}

fn key_id<T>(request: &Request<T>) -> Result<String, Status> {
    let key = request.extensions().get::<VerifiedKey>();
    let key = key.ok_or_else(|| Status::internal("the request was not verified"))?;
    Ok(key.key_id().to_owned())
}
