use std::{fmt, time::Duration};

use super::{CachedKeys, KeySource, RefreshTask, source::AnySource};
use crate::clock::SystemClock;

/// Builds a [`CachedKeys`].
///
/// Requires the feature `cached-keys`.
///
/// [`CachedKeys::builder`] creates it. Setters can be called in any order.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tower_hmac_auth::verify::{CachedKeys, KeyLookup, VerifyingKey};
///
/// async fn fetch(key_id: String) -> KeyLookup<Arc<VerifyingKey>> {
///     // …
/// #   KeyLookup::Unknown
/// }
///
/// let keys = CachedKeys::builder(fetch)
///     .time_to_live(Duration::from_secs(10 * 60))
///     .refresh_ahead(Duration::from_secs(8 * 60), tokio::spawn)
///     .stale_while_unavailable(Duration::from_secs(60 * 60))
///     .build();
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct CachedKeysBuilder<C = SystemClock> {
    pub(super) source: AnySource,
    pub(super) options: Options,
    pub(super) clock: C,
}

pub(super) struct Options {
    pub(super) time_to_live: Duration,
    pub(super) negative_time_to_live: Duration,
    pub(super) stale_while_unavailable: Duration,
    pub(super) capacity: usize,
    pub(super) negative_capacity: usize,
    pub(super) max_fetches: usize,
    pub(super) refresh_ahead: Option<RefreshAhead>,
}

pub(super) struct RefreshAhead {
    /// The age of a key from which it is refreshed.
    pub(super) age: Duration,
    pub(super) spawn: Box<dyn Fn(RefreshTask) + Send + Sync>,
}

impl Options {
    /// Returns the age to which a key may be used while the source is unavailable.
    pub(super) fn stale_age(&self) -> Duration {
        self.time_to_live
            .saturating_add(self.stale_while_unavailable)
    }
}

impl CachedKeysBuilder {
    pub(super) fn new(source: impl KeySource + Send + Sync + 'static) -> Self {
        Self {
            source: AnySource::new(source),
            options: Options {
                time_to_live: Duration::from_secs(5 * 60),
                negative_time_to_live: Duration::from_secs(10),
                stale_while_unavailable: Duration::ZERO,
                capacity: 100_000,
                negative_capacity: 10_000,
                max_fetches: 1_024,
                refresh_ahead: None,
            },
            clock: SystemClock,
        }
    }
}

impl<C> CachedKeysBuilder<C> {
    /// Sets how long a key is used after it was fetched. Default: 5 minutes.
    ///
    /// A key that is changed or revoked at the source may be used for so long, unless
    /// [`CachedKeys::invalidate`] is called. The time counts from when the source was asked. With
    /// zero, every lookup asks the source, but lookups of one id at the same time still share a
    /// fetch.
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.options.time_to_live = time;
        self
    }

    /// Sets how long an id that the source does not know is answered without asking again. Default:
    /// 10 seconds.
    ///
    /// A new key may be refused for so long if it is used before it is at the source.
    pub fn negative_time_to_live(mut self, time: Duration) -> Self {
        self.options.negative_time_to_live = time;
        self
    }

    /// Refreshes keys before they expire: the first lookup of a key that is at least this old is
    /// answered at once with the key, and starts a fetch in a task. Default: keys are fetched by
    /// the first lookup after they have expired, which waits for it.
    ///
    /// Set the age to a part of the [`time_to_live`](Self::time_to_live), such as 80 %. Keys that
    /// are not used are not refreshed.
    ///
    /// The crate does not depend on an async runtime, so `spawn` comes from yours, as
    /// `tokio::spawn`. It is called in the task that polls the service, and what it returns is
    /// dropped. If it drops the [`RefreshTask`], the key is not refreshed.
    pub fn refresh_ahead<P, O>(mut self, age: Duration, spawn: P) -> Self
    where
        P: Fn(RefreshTask) -> O + Send + Sync + 'static,
    {
        self.options.refresh_ahead = Some(RefreshAhead {
            age,
            spawn: Box::new(move |task| {
                let _handle = spawn(task);
            }),
        });
        self
    }

    /// Sets how long after its time to live the last known key is still used while the source is
    /// unavailable. Default: zero, so that the request is refused with 503.
    ///
    /// An hour lets a server outlive a restart of its database. In exchange, a key that is revoked
    /// during an outage is accepted until the outage is over, and whoever can cause an outage can
    /// prolong it. So this is off by default. A source that answers is always trusted: a key that
    /// it no longer knows is refused at once.
    pub fn stale_while_unavailable(mut self, time: Duration) -> Self {
        self.options.stale_while_unavailable = time;
        self
    }

    /// Sets about how many keys are cached. Default: 100,000.
    ///
    /// A key with an id of 36 bytes and one MAC state takes about 350 bytes. Memory is taken as
    /// keys come. If there are more, those that are used least are dropped. The cache has parts
    /// with a share of the capacity each, so a full part drops keys a little earlier.
    pub fn capacity(mut self, keys: usize) -> Self {
        self.options.capacity = keys;
        self
    }

    /// Sets about how many ids without a key are cached. Default: 10,000.
    ///
    /// They have a cache of their own, so requests with invented ids cannot displace keys. It holds
    /// unknown ids, and those for which the source was unavailable in the last second. Ids longer
    /// than 256 bytes are not held.
    pub fn negative_capacity(mut self, ids: usize) -> Self {
        self.options.negative_capacity = ids;
        self
    }

    /// Sets how many fetches may run at the same time. Default: 1,024.
    ///
    /// A lookup that would start another one is answered as unavailable, or with the last known key
    /// (see [`stale_while_unavailable`](Self::stale_while_unavailable)). Lookups that wait for the
    /// fetch of another lookup are not limited.
    pub fn max_fetches(mut self, fetches: usize) -> Self {
        self.options.max_fetches = fetches;
        self
    }

    /// Sets the clock that ages are measured with. Default: [`SystemClock`].
    ///
    /// The age of an entry is the distance between two readings, also if the second is earlier. So
    /// after the clock was set back, an entry lives at most once more as long.
    pub fn clock<D>(self, clock: D) -> CachedKeysBuilder<D> {
        CachedKeysBuilder {
            source: self.source,
            options: self.options,
            clock,
        }
    }

    /// Creates the cache, which is empty.
    pub fn build(self) -> CachedKeys<C> {
        CachedKeys::from_builder(self)
    }
}

impl<C> fmt::Debug for CachedKeysBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        f.debug_struct("CachedKeysBuilder")
            .field("time_to_live", &options.time_to_live)
            .field("negative_time_to_live", &options.negative_time_to_live)
            .field("stale_while_unavailable", &options.stale_while_unavailable)
            .field("capacity", &options.capacity)
            .field("negative_capacity", &options.negative_capacity)
            .field("max_fetches", &options.max_fetches)
            .finish_non_exhaustive()
    }
}
