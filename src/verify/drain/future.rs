use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body;
use pin_project_lite::pin_project;

use super::{body::Returned, layer::Options, task::discard};

/// What is needed to drain a request's body, if it is put back.
pub(super) struct Tracked<B> {
    pub(super) returned: Returned<B>,
    pub(super) options: Arc<Options>,
    /// Whether the client sees the end of a response of unknown length only when the connection is
    /// closed.
    pub(super) ends_with_connection: bool,
}

pin_project! {
    /// Resolves to the inner service's response.
    ///
    /// This is the response future of [`DrainService`](crate::verify::DrainService).
    pub struct DrainFuture<F, B> {
        // `None` after it completed.
        #[pin]
        inner: Option<F>,
        tracked: Option<Tracked<B>>,
    }
}

impl<F, B> DrainFuture<F, B> {
    pub(super) fn new(inner: F, tracked: Option<Tracked<B>>) -> Self {
        let inner = Some(inner);
        Self { inner, tracked }
    }
}

impl<F, B, RB, E> Future for DrainFuture<F, B>
where
    F: Future<Output = Result<Response<RB>, E>>,
    B: Body + Send + Unpin + 'static,
    RB: Body,
{
    type Output = Result<Response<RB>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // `None` if the future is polled again after it completed, which its contract leaves open:
        // it stays pending instead of panicking.
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let answered = ready!(inner.poll(cx));
        // The inner future may still own the body. It is put back only when it is dropped, so drop
        // the future before taking it.
        this.inner.set(None);
        let mut response = answered?;
        if let Some(tracked) = this.tracked.take() {
            let is_unbounded = response.body().size_hint().exact().is_none();
            if tracked.ends_with_connection && is_unbounded {
                return Poll::Ready(Ok(response));
            }
            // `None` if it was read to its end, or if something still uses it.
            if let Some(body) = tracked.returned.take() {
                tracked.options.drain(body, &mut response);
            }
        }
        Poll::Ready(Ok(response))
    }
}

impl Options {
    /// Starts to discard the rest of the body. Adds `Connection: close` to the response if more is
    /// left than will be discarded.
    fn drain<B, RB>(&self, body: B, response: &mut Response<RB>)
    where
        B: Body + Send + Unpin + 'static,
    {
        // After a 101 the next bytes belong to a new protocol: draining would take them from it.
        if body.is_end_stream() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        if body.size_hint().lower() > self.max_bytes {
            let close = HeaderValue::from_static("close");
            // If the map is full, the header is left out. The server still closes the connection
            // when the body is dropped before its end.
            let _full = response.headers_mut().try_append(header::CONNECTION, close);
        }
        (self.start)(discard(body, self.max_bytes));
    }
}

impl<F: fmt::Debug, B> fmt::Debug for DrainFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainFuture")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
