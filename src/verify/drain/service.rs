use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Method, Request, Response, Version, header};
use http_body::Body;
use tower_service::Service;

use super::{DrainBody, DrainFuture, body::Returned, future::Tracked, layer::Options};

/// Discards the rest of a request's body after the inner service's response.
///
/// [`DrainLayer`](crate::verify::DrainLayer) creates it.
///
/// Readiness, responses and errors are the inner service's, except for `Connection: close` (see
/// [`DrainLayer`](crate::verify::DrainLayer)). The body has to be `Unpin`, because it moves into
/// the task that discards the rest of it. It has to be `Send` and `'static`, because another thread
/// may run that task. The bodies of hyper and axum are all three.
#[derive(Clone)]
pub struct DrainService<S> {
    inner: S,
    options: Arc<Options>,
}

impl<S> DrainService<S> {
    pub(super) fn new(inner: S, options: Arc<Options>) -> Self {
        Self { inner, options }
    }

    /// Returns a reference to the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: fmt::Debug> fmt::Debug for DrainService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, RB> Service<Request<B>> for DrainService<S>
where
    S: Service<Request<DrainBody<B>>, Response = Response<RB>>,
    B: Body + Send + Unpin + 'static,
    RB: Body,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = DrainFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shares_a_connection = request.version() >= Version::HTTP_2;
        // The bytes after the head of a `CONNECT` belong to the tunnel: draining would take them
        // from it. Most requests have no body, and tracking them would cost an allocation each.
        if shares_a_connection
            || request.method() == Method::CONNECT
            || request.body().is_end_stream()
        {
            let request = request.map(DrainBody::untracked);
            return DrainFuture::new(self.inner.call(request), None);
        }
        let ends_with_connection = request.version() < Version::HTTP_11;
        let expects_continue = request.headers().contains_key(header::EXPECT);
        let returned = Returned::default();
        let request = request.map(|body| DrainBody::new(body, returned.clone(), expects_continue));
        let tracked = Tracked {
            returned,
            options: Arc::clone(&self.options),
            ends_with_connection,
        };
        DrainFuture::new(self.inner.call(request), Some(tracked))
    }
}
