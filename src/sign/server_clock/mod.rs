//! A clock that learns a gateway's time from its refusals.

mod observe;
#[cfg(feature = "retry")]
mod retry;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;

pub use self::observe::{ServerClockFuture, ServerClockLayer, ServerClockService};
#[cfg(feature = "retry")]
pub use self::retry::RetryOnClockSkew;
use crate::{
    RequestHead,
    clock::{Clock, SystemClock},
    wire::authority::sent_authority,
};

/// Shows each gateway's own time, which it learns from the `Date` of the gateway's refusals.
///
/// It is for machines whose clocks are wrong and cannot be set.
///
/// Pass it to [`SignLayer::clock`](crate::SignLayer::clock), put the layer of
/// [`observe`](Self::observe) below, and retry after a refusal:
#[cfg_attr(feature = "retry", doc = "```")]
#[cfg_attr(not(feature = "retry"), doc = "```text")]
/// use tower::{ServiceBuilder, service_fn};
/// use tower_hmac_auth::{KeyPair, SignLayer, Signer, sign::{RetryOnClockSkew, ServerClock}};
/// # let client = service_fn(|_: http::Request<()>| async {
/// #     Ok::<_, std::io::Error>(http::Response::new(()))
/// # });
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let signer = Signer::builder(keys).allowed_hosts(["api.example.com"]).build()?;
/// let clock = ServerClock::new();
/// let service = ServiceBuilder::new()
///     .retry(RetryOnClockSkew::new(clock.clone()))
///     .layer(SignLayer::new(signer).clock(clock.clone()))
///     .layer(clock.observe())
///     .service(client);
/// # let _: tower::retry::Retry<_, _> = service;
/// # fn is_service<S: tower::Service<http::Request<()>>>(_: &S) {}
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The risk
///
/// Whoever can answer in the gateway's name can choose the date of the next signature, up to
/// [`max_offset`](Self::max_offset) ahead. A captured request is then valid for that much longer.
/// So nothing is learnt unless this clock is used, and then only
///
/// - from a 401 or 403 to a request with an `Authorization` of one of the schemes: set
///   [`allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts), so that other hosts receive
///   none;
/// - over `https` or from a loopback address;
/// - for the authority that answered; the last 64 authorities are kept;
/// - if there is no `Age`, which would mark a cache's answer from an earlier time, and `Date` is an
///   HTTP date;
/// - if the offset is at most [`max_offset`](Self::max_offset).
///
/// # How it learns
///
/// The gateway wrote its `Date` at some time between the sending of the request and the arrival of
/// the answer, and cut it to the second. So the true offset lies between `Date` − received and
/// `Date` + 1 s − sent. The present offset is kept if it lies there, or if it differs by less than
/// [`threshold`](Self::threshold) from the middle.
///
/// With the feature `tracing`, an event reports the authority and what was learnt: see
/// [`events`](crate::events).
///
/// # Delayed requests
///
/// If a process is suspended between signing and sending, or a request waits below
/// [`SignLayer`](crate::SignLayer), the request is refused for its age although this clock is
/// right. There is nothing to learn from that.
#[cfg_attr(feature = "retry", doc = "[`RetryOnClockSkew`]")]
#[cfg_attr(not(feature = "retry"), doc = "`RetryOnClockSkew`")]
/// sends such a request once more if, by the rules above, its answer is trusted, and if a date of
/// now is nearer to the answer's `Date` than the date that was sent, by 300 seconds and by
/// [`threshold`](Self::threshold) at least.
///
/// Clones share what was learnt. The authority is that of the request's target, so a client whose
/// layers do not see it (tonic's) learns nothing. The layer and the policy are for `http::Request`s
/// only, not for reqwest's own.
#[derive(Clone)]
pub struct ServerClock<C = SystemClock> {
    base: C,
    max_offset: Duration,
    threshold: Duration,
    /// The offsets, in the order in which they were learnt.
    learnt: Arc<ArcSwap<Vec<Offset>>>,
}

/// The most authorities whose offsets are kept. Without a limit, a client that calls many hosts
/// would use more and more memory.
const MAX_AUTHORITIES: usize = 64;

/// An authority, and how far its clock is off.
#[derive(Clone)]
struct Offset {
    authority: Box<str>,
    by: SignedDuration,
    /// The number of this offset, greater than that of every earlier one.
    number: u64,
}

impl Offset {
    fn is_of(&self, authority: &str) -> bool {
        self.authority.eq_ignore_ascii_case(authority)
    }
}

/// How far a gateway's clock is ahead of this one, or behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SignedDuration {
    Ahead(Duration),
    Behind(Duration),
}

impl SignedDuration {
    const ZERO: Self = Self::Ahead(Duration::ZERO);

    /// Returns the duration by which `from` must be moved to show `to`.
    fn between(from: SystemTime, to: SystemTime) -> Self {
        match to.duration_since(from) {
            Ok(ahead) => Self::Ahead(ahead),
            Err(error) => Self::Behind(error.duration()),
        }
    }

    fn length(self) -> Duration {
        match self {
            Self::Ahead(by) | Self::Behind(by) => by,
        }
    }

    /// Returns the whole seconds, negative if it is behind.
    #[cfg(feature = "tracing")]
    fn seconds(self) -> i64 {
        let seconds = i64::try_from(self.length().as_secs()).unwrap_or(i64::MAX);
        match self {
            Self::Ahead(_) => seconds,
            Self::Behind(_) => -seconds,
        }
    }

    fn moved(self, time: SystemTime) -> SystemTime {
        match self {
            Self::Ahead(by) => time.checked_add(by),
            Self::Behind(by) => time.checked_sub(by),
        }
        .unwrap_or(time)
    }
}

impl ServerClock {
    /// Creates a clock that shows the system's time until it learns another.
    #[must_use]
    pub fn new() -> Self {
        Self::with_base(SystemClock)
    }
}

impl Default for ServerClock {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock> ServerClock<C> {
    /// Creates a clock that shows the time of `base` until it learns another.
    #[must_use]
    pub fn with_base(base: C) -> Self {
        Self {
            base,
            max_offset: observe::DEFAULT_MAX_OFFSET,
            threshold: observe::DEFAULT_THRESHOLD,
            learnt: Arc::default(),
        }
    }

    /// Sets the greatest offset that is trusted, ahead or behind. Default: 24 hours.
    #[must_use]
    pub fn max_offset(mut self, max_offset: Duration) -> Self {
        self.max_offset = max_offset;
        self
    }

    /// Sets the smallest change of an offset that is learnt. Default: 10 seconds.
    #[must_use]
    pub fn threshold(mut self, threshold: Duration) -> Self {
        self.threshold = threshold;
        self
    }

    /// Returns the layer that reads the gateways' answers. Put it below
    /// [`SignLayer`](crate::SignLayer).
    pub fn observe(&self) -> ServerClockLayer<C>
    where
        C: Clone,
    {
        ServerClockLayer::new(self.clone())
    }

    #[cfg(feature = "retry")]
    fn last_learnt(&self, authority: &str) -> u64 {
        self.learnt_of(authority, |offset| offset.number)
            .unwrap_or(0)
    }

    fn offset(&self, authority: &str) -> SignedDuration {
        self.learnt_of(authority, |offset| offset.by)
            .unwrap_or(SignedDuration::ZERO)
    }

    fn learnt_of<T>(&self, authority: &str, part: impl FnOnce(&Offset) -> T) -> Option<T> {
        let offsets = self.learnt.load();
        let offset = offsets.iter().find(|offset| offset.is_of(authority));
        offset.map(part)
    }

    /// Keeps this offset of the authority's clock instead of an earlier one.
    fn set_offset(&self, authority: &str, by: SignedDuration) {
        self.learnt.rcu(|offsets| {
            let mut offsets = Vec::clone(offsets);
            let last = offsets.last().map_or(0, |offset| offset.number);
            offsets.retain(|offset| !offset.is_of(authority));
            if offsets.len() == MAX_AUTHORITIES {
                // The oldest is removed to make room.
                offsets.remove(0);
            }
            offsets.push(Offset {
                authority: authority.into(),
                by,
                number: last + 1,
            });
            offsets
        });
    }
}

impl<C: Clock> Clock for ServerClock<C> {
    /// Returns the time of `base`, because the authority is not known here.
    fn now(&self) -> SystemTime {
        self.base.now()
    }

    fn now_for(&self, head: RequestHead<'_>) -> SystemTime {
        let now = self.base.now();
        match sent_authority(head.uri()) {
            Some(authority) => self.offset(authority).moved(now),
            None => now,
        }
    }
}

impl<C> fmt::Debug for ServerClock<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offsets = self.learnt.load();
        let offsets = offsets.iter().map(|offset| (&offset.authority, offset.by));
        f.debug_struct("ServerClock")
            .field("offsets", &offsets.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
