use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::{body::Returned, layer::Options};

/// A request whose body is drained, if it comes back.
pub(super) struct Tracked<B> {
    pub(super) returned: Returned<B>,
    pub(super) options: Arc<Options>,
    /// Whether the client sees the end of an answer of unknown length only when the connection is closed.
    pub(super) ends_with_connection: bool,
}

pin_project! {
    /// The inner service's answer: the future of [`DrainService`](crate::verify::DrainService).
    pub struct DrainFuture<F, B> {
        // None when it is done.
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
        // Polled again after it was done, it waits for ever: the contract allows anything but unsoundness.
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let answered = ready!(inner.poll(cx));
        // It may have kept the body, which comes back only when it is dropped.
        this.inner.set(None);
        let mut response = answered?;
        if let Some(tracked) = this.tracked.take() {
            let is_unbounded = response.body().size_hint().exact().is_none();
            if tracked.ends_with_connection && is_unbounded {
                return Poll::Ready(Ok(response));
            }
            // None if it was read to its end, or if somebody still reads it.
            if let Some(body) = tracked.returned.take() {
                tracked.options.drain(body, &mut response);
            }
        }
        Poll::Ready(Ok(response))
    }
}

impl<F: fmt::Debug, B> fmt::Debug for DrainFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainFuture")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
