//! An echo service and its client, written by hand: one method for each kind of call.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::{Buf as _, BufMut as _};
use http::uri::PathAndQuery;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client::{Grpc, GrpcService},
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::{BoxFuture, BoxStream, StdError},
    server::{
        self, ClientStreamingService, NamedService, ServerStreamingService, StreamingService,
        UnaryService,
    },
};
use tower::Service;
use tower_hmac_auth::VerifiedKey;

/// The kinds of calls gRPC has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Unary,
    ServerStreaming,
    ClientStreaming,
    Bidirectional,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [
        Self::Unary,
        Self::ServerStreaming,
        Self::ClientStreaming,
        Self::Bidirectional,
    ];

    pub(crate) fn path(self) -> PathAndQuery {
        format!("/test.Echo/{self:?}").parse().unwrap()
    }
}

/// Messages are text.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Text;

impl Codec for Text {
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

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = src.copy_to_bytes(src.remaining());
        let text = String::from_utf8(bytes.into());
        text.map(Some)
            .map_err(|_| Status::data_loss("a message that is no text"))
    }
}

/// The service; it counts the calls that reach a handler.
#[derive(Debug, Default, Clone)]
pub(crate) struct Echo {
    pub(crate) calls: Arc<AtomicUsize>,
}

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let handler = Handler(Arc::clone(&self.calls));
        Box::pin(async move {
            let mut grpc = server::Grpc::new(Text);
            Ok(match request.uri().path() {
                "/test.Echo/Unary" => grpc.unary(handler, request).await,
                "/test.Echo/ServerStreaming" => grpc.server_streaming(handler, request).await,
                "/test.Echo/ClientStreaming" => grpc.client_streaming(handler, request).await,
                "/test.Echo/Bidirectional" => grpc.streaming(handler, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

/// Answers with the message that it got, after the key id.
struct Handler(Arc<AtomicUsize>);

impl Handler {
    fn enter<T>(&self, request: &Request<T>) -> Result<String, Status> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let key = request.extensions().get::<VerifiedKey>();
        key.map(|key| key.key_id().to_owned())
            .ok_or_else(|| Status::internal("no verified key among the extensions"))
    }
}

impl UnaryService<String> for Handler {
    type Response = String;
    type Future = BoxFuture<Response<String>, Status>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let key_id = self.enter(&request);
        Box::pin(async move { Ok(Response::new(format!("{}: {}", key_id?, request.get_ref()))) })
    }
}

impl ServerStreamingService<String> for Handler {
    type Response = String;
    type ResponseStream = BoxStream<String>;
    type Future = BoxFuture<Response<BoxStream<String>>, Status>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let key_id = self.enter(&request);
        Box::pin(async move {
            let key_id = key_id?;
            let words = request.get_ref().split(' ');
            let answers: Vec<_> = words.map(|word| Ok(format!("{key_id}: {word}"))).collect();
            let answers: BoxStream<String> = Box::pin(tokio_stream::iter(answers));
            Ok(Response::new(answers))
        })
    }
}

impl ClientStreamingService<String> for Handler {
    type Response = String;
    type Future = BoxFuture<Response<String>, Status>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        let key_id = self.enter(&request);
        Box::pin(async move {
            let key_id = key_id?;
            let words: Result<Vec<_>, _> = request.into_inner().collect().await;
            Ok(Response::new(format!("{key_id}: {}", words?.join(" "))))
        })
    }
}

impl StreamingService<String> for Handler {
    type Response = String;
    type ResponseStream = BoxStream<String>;
    type Future = BoxFuture<Response<BoxStream<String>>, Status>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        let key_id = self.enter(&request);
        Box::pin(async move {
            let key_id = key_id?;
            let words = request.into_inner();
            let answers = words.map(move |word| Ok(format!("{key_id}: {}", word?)));
            let answers: BoxStream<String> = Box::pin(answers);
            Ok(Response::new(answers))
        })
    }
}

/// Calls the method of this kind with the words "a" and "b" and returns all its answers.
///
/// A call that is refused has to fail at once: an error in a stream that had begun is a panic.
pub(crate) async fn call<S>(kind: Kind, service: S) -> Result<Vec<String>, Status>
where
    S: GrpcService<Body>,
    S::ResponseBody: http_body::Body + Send + 'static,
    <S::ResponseBody as http_body::Body>::Error: Into<StdError>,
{
    let mut grpc = Grpc::new(service);
    grpc.ready()
        .await
        .map_err(|error| Status::unknown(error.into().to_string()))?;
    let (words, path) = ("a b".to_owned(), kind.path());
    match kind {
        Kind::Unary => {
            let answer = grpc.unary(Request::new(words), path, Text).await?;
            Ok(vec![answer.into_inner()])
        }
        Kind::ServerStreaming => {
            let request = Request::new(words);
            let answers = grpc.server_streaming(request, path, Text).await?;
            let answers: Result<_, _> = answers.into_inner().collect().await;
            Ok(answers.expect("the stream had begun"))
        }
        Kind::ClientStreaming => {
            let words = tokio_stream::iter(["a".to_owned(), "b".to_owned()]);
            let answer = grpc
                .client_streaming(Request::new(words), path, Text)
                .await?;
            Ok(vec![answer.into_inner()])
        }
        Kind::Bidirectional => {
            // A word is said only when the one before was answered.
            let (say, words) = mpsc::channel(1);
            let request = Request::new(ReceiverStream::new(words));
            let mut heard = grpc.streaming(request, path, Text).await?.into_inner();
            let mut answers = Vec::new();
            for word in ["a", "b"] {
                say.send(word.to_owned()).await.expect("it is listening");
                let answer = heard.message().await.expect("the stream had begun");
                answers.push(answer.expect("an answer to each word"));
            }
            drop(say);
            assert_eq!(heard.message().await.expect("the stream had begun"), None);
            Ok(answers)
        }
    }
}

/// What [`call`] returns if the server accepted it with this key.
pub(crate) fn answers(kind: Kind, key_id: &str) -> Vec<String> {
    match kind {
        Kind::Unary | Kind::ClientStreaming => vec![format!("{key_id}: a b")],
        Kind::ServerStreaming | Kind::Bidirectional => {
            vec![format!("{key_id}: a"), format!("{key_id}: b")]
        }
    }
}
