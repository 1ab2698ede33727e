//! A real HTTP server inside `VerifyLayer`, and a client that can send any bytes.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::SocketAddr,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::{Layer, Service};
use tower_hmac_auth::{VerifiedKey, verify::VerifyBody};

use super::{loopback::serve, within};

/// A server on a free port of loopback.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
}

/// What an HTTP/1.1 server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `name: value` lines, names in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

/// The handler: answers the key id and what was covered, or that nothing was verified.
#[derive(Debug, Clone)]
pub(crate) struct Greeter;

impl<B> Service<Request<B>> for Greeter {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let text = match request.extensions().get::<VerifiedKey>() {
            Some(key) => {
                let covered: Vec<_> = key.covered().collect();
                format!("{} {} {covered:?}", key.key_id(), key.algorithm())
            }
            None => "not verified".to_owned(),
        };
        ready(Ok(Response::new(text.into())))
    }
}

impl RawServer {
    pub(crate) async fn start<L, S>(layer: L) -> Self
    where
        L: Layer<Greeter, Service = S>,
        S: Service<
                Request<Incoming>,
                Response = Response<VerifyBody<Full<Bytes>>>,
                Error = Infallible,
                Future: Send,
            > + Clone
            + Send
            + 'static,
    {
        let address = serve(layer.layer(Greeter)).await;
        Self { address }
    }

    /// Sends these header lines, byte for byte, after a request line and `Host`.
    pub(crate) async fn ask(&self, lines: &[&[u8]]) -> Answer {
        let mut head = format!("GET /a HTTP/1.1\r\nhost: {}\r\n", self.address).into_bytes();
        for line in lines {
            head.extend_from_slice(line);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"connection: close\r\n\r\n");
        self.exchange(&head).await
    }

    /// Sends these bytes and reads until the server closes the connection.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> Answer {
        let mut answer = Vec::new();
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            stream.read_to_end(&mut answer).await.unwrap();
        };
        within(exchange).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        Answer {
            status,
            headers: lines.map(str::to_owned).collect(),
            body: body.to_owned(),
        }
    }
}
