//! Limits how long the sender of a body may keep the gateway waiting, in either direction, and
//! records how long its receiver does.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, futures::Notified},
    time::{Sleep, sleep},
};

/// The slowest rate of a client's body. A limit of idle time alone would never end a body that is
/// sent one byte at a time.
const BYTES_A_SECOND: u64 = 1024;

/// Shows how long the gateway has been waiting for the receiver of a body, and whether its sender
/// was too slow.
#[derive(Clone)]
pub(crate) struct Taker(Arc<Shared>);

struct Shared {
    /// `None` while the gateway waits for the sender.
    waiting_since: Mutex<Option<Instant>>,
    over: Notify,
    too_slow: OnceLock<TooSlow>,
}

impl Taker {
    /// Returns when the body is dropped. Only one task can wait for it.
    pub(crate) fn over(&self) -> Notified<'_> {
        self.0.over.notified()
    }

    /// Returns the error if the body's sender was too slow.
    #[cfg_attr(
        not(feature = "digest"),
        allow(dead_code, reason = "other readers of a body see its error")
    )]
    pub(crate) fn too_slow(&self) -> Option<TooSlow> {
        self.0.too_slow.get().copied()
    }

    fn waiting_since(&self) -> MutexGuard<'_, Option<Instant>> {
        let since = self.0.waiting_since.lock();
        since.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns when the receiver has taken nothing for `limit`.
pub(crate) async fn takes_nothing(taker: &Taker, limit: Duration) {
    loop {
        let since = *taker.waiting_since();
        let waited = since.map_or(Duration::ZERO, |since| since.elapsed());
        match limit.checked_sub(waited) {
            None | Some(Duration::ZERO) => return,
            Some(left) => sleep(left).await,
        }
    }
}

/// The error for a body that was not sent in time. The field names the sender.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooSlow(&'static str);

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {}'s body came too slowly", self.0)
    }
}

impl Error for TooSlow {}

/// A body with a limit on the time that its sender may take. It also reports, for
/// [`takes_nothing`], whether the gateway waits for the sender or for the receiver.
pub(crate) struct Timed<B> {
    body: B,
    /// The sender's name, for [`TooSlow`].
    sender: &'static str,
    /// How long the gateway will still wait for the sender. Never more than `limit`.
    left: Duration,
    limit: Duration,
    /// The time that a frame of this many bytes adds to `left`.
    refill: fn(u64) -> Duration,
    /// When the current wait for the sender began, and the timer that ends it.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    taker: Taker,
    /// The request is in flight until both its bodies are dropped.
    _in_flight: Arc<OwnedSemaphorePermit>,
}

impl<B> Timed<B> {
    /// Wraps a client's body. The client has `limit`, and a second more for each [`BYTES_A_SECOND`]
    /// received. The time left never exceeds `limit`: otherwise a client could send much at first
    /// and then stay silent for long.
    pub(crate) fn upload(body: B, limit: Duration, in_flight: Arc<OwnedSemaphorePermit>) -> Self {
        let worth = |bytes: u64| {
            let micros = bytes.saturating_mul(1_000_000);
            Duration::from_micros(micros.checked_div(BYTES_A_SECOND).unwrap_or(0))
        };
        Self::new(body, "client", limit, worth, in_flight)
    }

    /// Wraps an upstream's body. Each frame may take `limit`.
    pub(crate) fn download(body: B, limit: Duration, in_flight: Arc<OwnedSemaphorePermit>) -> Self {
        Self::new(body, "upstream", limit, |_| Duration::MAX, in_flight)
    }

    fn new(
        body: B,
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
            taker: Taker(Arc::new(Shared {
                waiting_since: Mutex::new(Some(Instant::now())),
                over: Notify::new(),
                too_slow: OnceLock::new(),
            })),
            _in_flight: in_flight,
        }
    }

    pub(crate) fn taker(&self) -> Taker {
        self.taker.clone()
    }

    /// Sets the time without waking anyone. [`takes_nothing`] reads it again when its timer ends.
    fn taker_since(&self, since: Option<Instant>) {
        *self.taker.waiting_since() = since;
    }
}

impl<B> Drop for Timed<B> {
    fn drop(&mut self) {
        // The gateway no longer waits for the sender, so from now on the receiver's time counts.
        self.taker_since(Some(Instant::now()));
        self.taker.0.over.notify_one();
    }
}

impl<B> Body for Timed<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
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
            let error = TooSlow(this.sender);
            let _set_once = this.taker.0.too_slow.set(error);
            return Poll::Ready(Some(Err(error.into())));
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
