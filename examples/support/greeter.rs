//! Stands in for what `tonic-prost-build` generates from a `.proto` file, with plain text as
//! messages:
//!
//! ```proto
//! package example;
//!
//! service Greeter {
//!     rpc Greet (Name) returns (Greeting);
//!     rpc GreetAll (stream Name) returns (stream Greeting);
//! }
//! ```

#![allow(dead_code, reason = "each example uses a part of it")]

use std::{
    convert::Infallible,
    future::ready,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use http_body::Body as HttpBody;
use tokio_stream::Stream;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client, codec,
    codegen::{BoxFuture, BoxStream, StdError},
    server,
};
use tower::{Service, service_fn};

const GREET: &str = "/example.Greeter/Greet";
const GREET_ALL: &str = "/example.Greeter/GreetAll";

pub(crate) struct GreeterClient<C>(client::Grpc<C>);

impl<C> GreeterClient<C>
where
    C: client::GrpcService<Body>,
    C::ResponseBody: HttpBody<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
{
    pub(crate) fn new(channel: C) -> Self {
        Self(client::Grpc::new(channel))
    }

    pub(crate) async fn greet(&mut self, name: &str) -> Result<Response<String>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static(GREET);
        self.0
            .unary(Request::new(name.to_owned()), path, Text)
            .await
    }

    pub(crate) async fn greet_all(
        &mut self,
        names: impl Stream<Item = String> + Send + 'static,
    ) -> Result<Response<Streaming<String>>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static(GREET_ALL);
        self.0.streaming(Request::new(names), path, Text).await
    }

    async fn ready(&mut self) -> Result<(), Status> {
        let ready = self.0.ready().await;
        ready.map_err(|error| Status::unavailable(error.into().to_string()))
    }
}

pub(crate) trait Greeter: Send + Sync + 'static {
    fn greet(
        &self,
        request: Request<String>,
    ) -> impl Future<Output = Result<Response<String>, Status>> + Send;

    fn greet_all(
        &self,
        _request: Request<Streaming<String>>,
    ) -> impl Future<Output = Result<Response<BoxStream<String>>, Status>> + Send {
        ready(Err(Status::unimplemented("GreetAll is not implemented")))
    }
}

pub(crate) struct GreeterServer<G>(Arc<G>);

impl<G: Greeter> GreeterServer<G> {
    pub(crate) fn new(greeter: G) -> Self {
        Self(Arc::new(greeter))
    }
}

impl<G> Clone for GreeterServer<G> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<G> server::NamedService for GreeterServer<G> {
    const NAME: &'static str = "example.Greeter";
}

impl<G: Greeter> Service<http::Request<Body>> for GreeterServer<G> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let greeter = Arc::clone(&self.0);
        let mut grpc = server::Grpc::new(Text);
        Box::pin(async move {
            let response = match request.uri().path() {
                GREET => {
                    let greet = move |request| {
                        let greeter = Arc::clone(&greeter);
                        async move { greeter.greet(request).await }
                    };
                    grpc.unary(service_fn(greet), request).await
                }
                GREET_ALL => {
                    let greet_all = move |request| {
                        let greeter = Arc::clone(&greeter);
                        async move { greeter.greet_all(request).await }
                    };
                    grpc.streaming(service_fn(greet_all), request).await
                }
                path => Status::unimplemented(format!("there is no method {path}")).into_http(),
            };
            Ok(response)
        })
    }
}

/// Encodes messages as plain text.
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
