use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};

/// Where a body goes that is dropped before its end. Locked only to put it in or take it out.
pub(super) struct Returned<B>(Arc<Mutex<Option<B>>>);

impl<B> Returned<B> {
    /// The body, if it has been dropped, and before its end.
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

/// A request's body, of which [`DrainLayer`](crate::verify::DrainLayer) gets the rest if it is dropped before its end.
#[derive(Debug)]
pub struct DrainBody<B> {
    /// There until it is dropped.
    body: Option<B>,
    /// None where nothing is to be drained.
    returned: Option<Returned<B>>,
    /// Whether the client waits to be asked for the body, which the first poll does.
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
            // Over, or broken: there is nothing left to be discarded.
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
        // Whoever waits for it has given up if the lock is poisoned, which nothing that is done under it can do.
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
