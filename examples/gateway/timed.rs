//! Bodies on their way through the gateway, in either direction: neither side may keep the other
//! waiting for ever.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Sleep, sleep},
};

/// A client's body may take a second for so many bytes. A limit of idle time alone would not end a
/// body that is sent one byte at a time.
const BYTES_A_SECOND: u64 = 1024;

/// Since when the side that takes a body has been waited for, and `None` while it waits itself.
pub(crate) type Taker = watch::Receiver<Option<Instant>>;

/// Returns when the taker has taken nothing for so long.
pub(crate) async fn takes_nothing(taker: &Taker, limit: Duration) {
    loop {
        let since = *taker.borrow();
        let waited = since.map_or(Duration::ZERO, |since| since.elapsed());
        match limit.checked_sub(waited) {
            None | Some(Duration::ZERO) => return,
            Some(left) => sleep(left).await,
        }
    }
}

/// Whose body was not sent in time.
#[derive(Debug)]
pub(crate) struct TooSlow(&'static str);

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {}'s body came too slowly", self.0)
    }
}

impl Error for TooSlow {}

/// A body that is waited for within limits, and that says whose turn it is: the sender's while a
/// frame is waited for, else the taker's.
pub(crate) struct Timed {
    body: Incoming,
    /// Who sends it.
    sender: &'static str,
    /// How long the sender may still be waited for, and how long at most.
    left: Duration,
    limit: Duration,
    /// How much of it a frame of so many bytes gives back.
    refill: fn(u64) -> Duration,
    /// Since when the sender has been waited for, and until when it will be.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    taker: watch::Sender<Option<Instant>>,
    /// The request is in flight until its last body is gone.
    _in_flight: Arc<OwnedSemaphorePermit>,
}

impl Timed {
    /// A client's body: waited for during `limit` and the time that its bytes are worth. No more
    /// than `limit` is saved up, so that a fast begin does not allow a long silence.
    pub(crate) fn upload(
        body: Incoming,
        limit: Duration,
        in_flight: Arc<OwnedSemaphorePermit>,
    ) -> Self {
        let worth = |bytes: u64| {
            let micros = bytes.saturating_mul(1_000_000);
            Duration::from_micros(micros.checked_div(BYTES_A_SECOND).unwrap_or(0))
        };
        Self::new(body, "client", limit, worth, in_flight)
    }

    /// An upstream's body: each of its frames is waited for during `limit`.
    pub(crate) fn download(
        body: Incoming,
        limit: Duration,
        in_flight: Arc<OwnedSemaphorePermit>,
    ) -> Self {
        Self::new(body, "upstream", limit, |_| Duration::MAX, in_flight)
    }

    fn new(
        body: Incoming,
        sender: &'static str,
        limit: Duration,
        refill: fn(u64) -> Duration,
        in_flight: Arc<OwnedSemaphorePermit>,
    ) -> Self {
        Self {
            body,
            sender,
            left: limit,
            limit,
            refill,
            waiting: None,
            taker: watch::Sender::new(Some(Instant::now())),
            _in_flight: in_flight,
        }
    }

    pub(crate) fn taker(&self) -> Taker {
        self.taker.subscribe()
    }

    /// Nobody is woken: whoever watches the taker looks again when the time is up.
    fn taker_since(&self, since: Option<Instant>) {
        self.taker.send_if_modified(|taker| {
            *taker = since;
            false
        });
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        // No frame is waited for any more, so the sender can no longer be an excuse.
        self.taker_since(Some(Instant::now()));
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            if this.waiting.is_none() {
                this.taker_since(None);
            }
            let left = this.left;
            let begin = || (Instant::now(), Box::pin(sleep(left)));
            let (_, until) = this.waiting.get_or_insert_with(begin);
            ready!(until.as_mut().poll(cx));
            return Poll::Ready(Some(Err(TooSlow(this.sender).into())));
        };
        if let Some((since, _)) = this.waiting.take() {
            this.left = this.left.saturating_sub(since.elapsed());
        }
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            let worth = (this.refill)(u64::try_from(bytes).unwrap_or(u64::MAX));
            this.left = this.left.saturating_add(worth).min(this.limit);
        }
        this.taker_since(Some(Instant::now()));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
