use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};

/// The place where a body is put if it is dropped before its end. It is only locked to put the body
/// in or take it out.
pub(super) struct Returned<B>(Arc<Mutex<Option<B>>>);

impl<B> Returned<B> {
    /// Takes the body, if it was dropped before its end.
    pub(super) fn take(&self) -> Option<B> {
        self.0.lock().ok()?.take()
    }
}

impl<B> Clone for Returned<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Default for Returned<B> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Wraps a request's body, and gives the rest of it to [`DrainLayer`](crate::verify::DrainLayer) if
/// it is dropped before its end.
#[derive(Debug)]
pub struct DrainBody<B> {
    /// `Some` until this is dropped.
    body: Option<B>,
    /// `None` if nothing is to be drained.
    returned: Option<Returned<B>>,
    /// Whether the client still waits for `100 Continue`, which the first poll makes hyper send.
    waits_for_poll: bool,
}

impl<B> DrainBody<B> {
    pub(super) fn new(body: B, returned: Returned<B>, waits_for_poll: bool) -> Self {
        Self {
            body: Some(body),
            returned: Some(returned),
            waits_for_poll,
        }
    }

    pub(super) fn untracked(body: B) -> Self {
        Self {
            body: Some(body),
            returned: None,
            waits_for_poll: false,
        }
    }
}

impl<B: Body + Unpin> Body for DrainBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.waits_for_poll = false;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            // The body ended or failed: nothing is left to discard.
            self.returned = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> Drop for DrainBody<B> {
    fn drop(&mut self) {
        let returned = self.returned.take().filter(|_| !self.waits_for_poll);
        // The lock cannot be poisoned, because nothing panics while it is held. If it ever were,
        // the body would be dropped, as without this layer.
        if let Some(Ok(mut place)) = returned.as_ref().map(|returned| returned.0.lock()) {
            *place = self.body.take();
        }
    }
}

impl<B> std::fmt::Debug for Returned<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Returned").finish_non_exhaustive()
    }
}
