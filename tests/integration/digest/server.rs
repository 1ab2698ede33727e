//! Services inside `VerifyLayer` and `VerifyDigestLayer`.

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
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_hmac_auth::{
    Scheme,
    digest::{CheckedBody, VerifyDigestLayer},
    verify::VerifyBody,
};

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
    let service = ServiceBuilder::new()
        .layer(verifying(scheme))
        .layer(layer)
        .service(handler);
    (service, calls)
}

pub(crate) async fn text(answer: Answer) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}
