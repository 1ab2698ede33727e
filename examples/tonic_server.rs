//! tonic behind `VerifyLayer`, on loopback: `cargo run --example tonic_server`.
//!
//! The layer is the server's, so every service is behind it; the handler finds who signed among the request's
//! extensions. The server calls itself unsigned, which ends as `Unauthenticated`, and signed; ends with an error if
//! an answer is not as expected. The service and its codec are written by hand where code is generated otherwise.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code, Request, Response, Status, body::Body, client, codec, codegen::BoxFuture, server,
    transport,
};
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_hmac_auth::{KeyPair, SignLayer, StaticKeys, VerifiedKey, VerifyLayer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new("AKIDexample", "known-to-both-sides-and-never-sent")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = transport::Server::builder()
        .layer(VerifyLayer::new(StaticKeys::from(keys.clone())))
        .add_service(Greeter)
        .serve_with_incoming(TcpListenerStream::new(listener));
    tokio::spawn(server);

    let channel = transport::Channel::from_shared(url)?.connect().await?;
    match greet(channel.clone(), None).await {
        Err(status) if status.code() == Code::Unauthenticated => println!("unsigned: {status}"),
        other => return Err(format!("the unsigned call should be refused: {other:?}").into()),
    }
    match greet(channel, Some(keys)).await {
        Ok(greeting) if greeting == "hello AKIDexample" => println!("signed: {greeting}"),
        other => return Err(format!("the signed call should be accepted: {other:?}").into()),
    }
    Ok(())
}

/// The handler. What the layer let pass has a key.
async fn hello(request: Request<String>) -> Result<Response<String>, Status> {
    let key = request.extensions().get::<VerifiedKey>();
    let key = key.ok_or_else(|| Status::internal("not behind the layer"))?;
    Ok(Response::new(format!("hello {}", key.key_id())))
}

/// The client: signs if there are keys to sign with.
async fn greet(channel: transport::Channel, keys: Option<KeyPair>) -> Result<String, Status> {
    let signing = keys.map(SignLayer::new);
    let service = ServiceBuilder::new().option_layer(signing).service(channel);
    let mut client = client::Grpc::new(service);
    let ready = client.ready().await;
    ready.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = http::uri::PathAndQuery::from_static("/example.Greeter/Greet");
    let answer = client.unary(Request::new("hi".into()), path, Text).await;
    answer.map(Response::into_inner)
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
        Box::pin(async move { Ok(grpc.unary(service_fn(hello), request).await) })
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
