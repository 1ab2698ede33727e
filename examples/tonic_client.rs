//! A tonic client behind `SignLayer`, unary and streaming: `cargo run --example tonic_client`.
//!
//! Starts a gRPC server on loopback behind `VerifyLayer` that wants the host signed, and calls it both ways; ends with an
//! error if an answer is not as expected. A layer over a tonic channel sees no host in the requests, so it is told
//! where they go. The client, the service and the codec are written by hand where code is generated otherwise.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _};
use http::{HeaderValue, header, uri::PathAndQuery};
use tokio::net::TcpListener;
use tokio_stream::{StreamExt as _, wrappers::TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client, codec,
    codegen::{BoxFuture, BoxStream},
    server, transport,
};
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_hmac_auth::{KeyPair, SignLayer, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer};

const GREET: &str = "/example.Greeter/Greet";
const GREET_ALL: &str = "/example.Greeter/GreetAll";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let verify = VerifyLayer::new(StaticKeys::from(keys.clone()))
        .verifier(Verifier::new().require([header::HOST])?);
    let server = transport::Server::builder()
        .layer(verify)
        .add_service(Greeter)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);

    let signer = Signer::builder(keys)
        .signed_headers([header::HOST])
        .build()?;
    let sign = SignLayer::from(signer)
        .source(HeaderValue::from_static("billing"))
        .authority(address.to_string().parse()?)
        .allowed_hosts([address.to_string()])?;
    let channel = transport::Channel::from_shared(format!("http://{address}"))?;
    let channel = ServiceBuilder::new()
        .layer(sign)
        .service(channel.connect().await?);

    let mut client = client::Grpc::new(channel);
    client.ready().await?;
    let path = PathAndQuery::from_static(GREET);
    let answer = client.unary(Request::new("Ada".into()), path, Text).await?;
    let greeting = answer.into_inner();
    println!("unary: {greeting}");
    expect(greeting == "hello Ada, says AKIDexample")?;

    client.ready().await?;
    let names = tokio_stream::iter(["Ada", "Grace"].map(String::from));
    let path = PathAndQuery::from_static(GREET_ALL);
    let answer = client.streaming(Request::new(names), path, Text).await?;
    let greetings: Vec<_> = answer.into_inner().collect::<Result<_, _>>().await?;
    println!("streaming: {}", greetings.join(" / "));
    expect(
        greetings
            == [
                "hello Ada, says AKIDexample",
                "hello Grace, says AKIDexample",
            ],
    )
}

fn expect(is_expected: bool) -> Result<(), BoxError> {
    match is_expected {
        true => Ok(()),
        false => Err("not the answer that was expected".into()),
    }
}

fn key_id<T>(request: &Request<T>) -> Result<String, Status> {
    let key = request.extensions().get::<VerifiedKey>();
    let key = key.ok_or_else(|| Status::internal("not behind the layer"))?;
    Ok(key.key_id().to_owned())
}

async fn greet(request: Request<String>) -> Result<Response<String>, Status> {
    let key_id = key_id(&request)?;
    let name = request.into_inner();
    Ok(Response::new(format!("hello {name}, says {key_id}")))
}

async fn greet_all(
    request: Request<Streaming<String>>,
) -> Result<Response<BoxStream<String>>, Status> {
    let key_id = key_id(&request)?;
    let names = request.into_inner();
    let greetings = names.map(move |name| name.map(|name| format!("hello {name}, says {key_id}")));
    Ok(Response::new(Box::pin(greetings)))
}

#[derive(Clone)]
struct Greeter;

impl server::NamedService for Greeter {
    const NAME: &'static str = "example.Greeter";
}

impl Service<http::Request<Body>> for Greeter {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut grpc = server::Grpc::new(Text);
        Box::pin(async move {
            Ok(match request.uri().path() {
                GREET => grpc.unary(service_fn(greet), request).await,
                GREET_ALL => grpc.streaming(service_fn(greet_all), request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

/// Messages are plain text.
#[derive(Clone, Copy)]
struct Text;

impl codec::Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        *self
    }
    fn decoder(&mut self) -> Self {
        *self
    }
}

impl codec::Encoder for Text {
    type Item = String;
    type Error = Status;
    fn encode(&mut self, text: String, to: &mut codec::EncodeBuf<'_>) -> Result<(), Status> {
        to.put(text.as_bytes());
        Ok(())
    }
}

impl codec::Decoder for Text {
    type Item = String;
    type Error = Status;
    fn decode(&mut self, from: &mut codec::DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}
