use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Buf as _;
use http_body::Body;

/// The future that discards a body, with the body's type erased.
pub(super) type Discarding = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How many frames are discarded in one poll, before other tasks on the thread get their turn.
const FRAMES_A_POLL: u32 = 32;

/// Discards the rest of a body until a limit is reached.
///
/// [`DrainLayer`](crate::verify::DrainLayer) creates this future for the caller's runtime to run.
#[must_use = "futures do nothing unless polled"]
pub struct DrainTask {
    discarding: Discarding,
    timer: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl DrainTask {
    pub(super) fn new(
        discarding: Discarding,
        timer: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Self {
        Self { discarding, timer }
    }
}

impl Future for DrainTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The timer is polled first. A body that always has another frame ready would otherwise run
        // past it.
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        self.discarding.as_mut().poll(cx)
    }
}

impl fmt::Debug for DrainTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainTask").finish_non_exhaustive()
    }
}

/// Discards up to `max_bytes` bytes of the body, then drops it.
pub(super) fn discard<B>(body: B, max_bytes: u64) -> Discarding
where
    B: Body + Send + Unpin + 'static,
{
    let left = max_bytes;
    Box::pin(Discard { body, left })
}

struct Discard<B> {
    body: B,
    left: u64,
}

impl<B: Body + Unpin> Future for Discard<B> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..FRAMES_A_POLL {
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame,
                // The body ended or failed.
                Poll::Ready(None | Some(Err(_))) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            };
            let len = frame.data_ref().map_or(0, |data| data.remaining() as u64);
            match self.left.checked_sub(len) {
                Some(left) => self.left = left,
                None => return Poll::Ready(()),
            }
        }
        // The body did not return `Pending`, so it has registered no waker. Without this line the
        // task would never be polled again.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
