//! Servers behind `VerifyLayer` and `VerifyDigestLayer`, and what serves them on loopback.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::{BoxError, Layer as _, Service, service_fn};
use tower_hmac_auth::{CheckedBody, Scheme, VerifyBody, VerifyDigestLayer};

use super::verifying;

/// How often the handler was called.
pub(crate) type Calls = Arc<AtomicUsize>;

type Answer = Response<VerifyBody<VerifyBody<Full<Bytes>>>>;

/// A handler that reads the body, and answers what it has read.
pub(crate) fn server<B>(
    scheme: Scheme,
    layer: VerifyDigestLayer,
) -> (
    impl Service<Request<B>, Response = Answer, Error = Infallible, Future: Send> + Clone,
    Calls,
)
where
    B: Body<Data: Send, Error: Into<BoxError> + Send> + Send + Unpin + 'static,
{
    let calls = Calls::default();
    let count = calls.clone();
    let handler = service_fn(move |request: Request<CheckedBody<B>>| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            // What a handler makes of a body that ends with an error.
            let text = match request.into_body().collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => format!("error: {error}").into(),
            };
            Ok::<_, Infallible>(Response::new(Full::from(text)))
        }
    });
    (verifying(scheme).layer(layer.layer(handler)), calls)
}

pub(crate) async fn text(answer: Answer) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Serves HTTP/1.1 and h2c until the test ends; returns the URL of the root.
pub(crate) async fn serve<S, B>(service: S) -> String
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await
            });
        }
    });
    url
}
