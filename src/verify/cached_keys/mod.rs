//! A cache in front of an asynchronous source of keys.

mod builder;
mod entries;
mod fetch;
mod lookup;
mod source;
mod stats;

use std::{fmt, sync::Arc, time::SystemTime};

pub use self::{
    builder::CachedKeysBuilder, fetch::RefreshTask, lookup::CachedLookup, source::KeySource,
    stats::CacheStats,
};
use self::{
    builder::Options,
    entries::{Cached, Entries},
    fetch::{Asked, Fetches},
    source::AnySource,
    stats::Counters,
};
use super::{AsyncKeyStore, KeyLookup, VerifyingKey};
use crate::{
    RequestHead,
    clock::{Clock, SystemClock},
    limits::MAX_PARAMETER_LEN,
};

/// The result of a lookup.
type Found = KeyLookup<Arc<VerifyingKey>>;

/// Caches the keys of a source that has to be waited for, such as a database, Redis or a secrets
/// manager.
///
/// Requires the feature `cached-keys`.
///
/// It is an [`AsyncKeyStore`]: pass it to the layer inside [`AsyncKeys`]. Clones are cheap and
/// share the cache: keep one to call [`invalidate`](Self::invalidate). [`builder`](Self::builder)
/// has the options, with their defaults.
///
/// [`AsyncKeys`]: crate::verify::AsyncKeys
///
/// ```
/// use std::sync::Arc;
/// use tower_hmac_auth::{
///     SecretKey, VerifyLayer,
///     verify::{AsyncKeys, CachedKeys, KeyAccess, KeyLookup, VerifyingKey},
/// };
///
/// async fn secret_from_database(key_id: &str) -> Result<Option<SecretKey>, std::io::Error> {
///     // …
/// #   Ok(None)
/// }
///
/// let keys = CachedKeys::new(|key_id: String| async move {
///     match secret_from_database(&key_id).await {
///         Ok(Some(secret)) => {
///             KeyLookup::Key(Arc::new(VerifyingKey::new(&secret)), KeyAccess::Bound)
///         }
///         Ok(None) => KeyLookup::Unknown,
///         Err(_) => KeyLookup::Unavailable,
///     }
/// });
/// let layer = VerifyLayer::new(AsyncKeys(keys.clone()));
///
/// // Later, when the server is told that a key has changed:
/// keys.invalidate("billing");
/// ```
///
/// # What is cached
///
/// - **A key**, with the MAC states made of it, until its
///   [time to live](CachedKeysBuilder::time_to_live) is over. With
///   [`refresh_ahead`](CachedKeysBuilder::refresh_ahead) it is fetched again before that, while
///   requests go on with the old one. A replaced key's memory is overwritten when the last request
///   that uses it is done. An expired key stays in memory until it is fetched again, displaced or
///   [cleared](Self::clear).
/// - **That an id is unknown**, for a [shorter time](CachedKeysBuilder::negative_time_to_live) and
///   in a cache of its own. A flood of invented ids takes no more memory than that cache has, and
///   displaces no key.
/// - **That the source was unavailable**, for one second: until then it is not asked for this id
///   again. Such a lookup is answered with the last known key, if
///   [`stale_while_unavailable`](CachedKeysBuilder::stale_while_unavailable) allows it, otherwise
///   as [`KeyLookup::Unavailable`] at once.
///
/// # Fetches
///
/// Lookups of one id at the same time share one fetch. The requests that wait for it poll it
/// themselves, so it needs no task, and it goes on if the request that started it is cancelled. It
/// is dropped when all of them are. The number of fetches is
/// [limited](CachedKeysBuilder::max_fetches), their time is not: the source needs a timeout.
///
/// # Timing
///
/// A lookup that waits takes as long as the source takes, which should be the same for known and
/// unknown ids. One that is answered from the cache is much faster. So a client can tell from the
/// time whether an id was used on this server lately. An unknown id is answered from the cache too,
/// but, by default, for a shorter time: a patient client can tell that an id exists. Key ids are
/// sent in the clear with every request and are no secret; where they have to be, set
/// [`negative_time_to_live`](CachedKeysBuilder::negative_time_to_live) to the time to live of keys.
pub struct CachedKeys<C = SystemClock> {
    inner: Arc<Inner<C>>,
}

struct Inner<C> {
    source: AnySource,
    options: Options,
    clock: C,
    entries: Entries,
    fetches: Fetches,
    counters: Arc<Counters>,
}

impl CachedKeys {
    /// Creates a cache in front of this source, with the default options and the system's clock.
    pub fn new(source: impl KeySource + Send + Sync + 'static) -> Self {
        Self::builder(source).build()
    }

    /// Returns a builder for a cache in front of this source.
    pub fn builder(source: impl KeySource + Send + Sync + 'static) -> CachedKeysBuilder {
        CachedKeysBuilder::new(source)
    }
}

impl<C> CachedKeys<C> {
    fn from_builder(builder: CachedKeysBuilder<C>) -> Self {
        Self {
            inner: Arc::new(Inner {
                entries: Entries::new(&builder.options),
                fetches: Fetches::default(),
                counters: Arc::default(),
                source: builder.source,
                options: builder.options,
                clock: builder.clock,
            }),
        }
    }

    /// Removes what is cached of this id, for a server that is told that a key was changed, added
    /// or revoked.
    ///
    /// Every lookup that starts after this asks the source. A fetch that already runs still answers
    /// those who wait for it, but its result is not cached.
    pub fn invalidate(&self, key_id: &str) {
        self.inner.invalidate(key_id);
    }

    /// Removes everything that is cached, as [`invalidate`](Self::invalidate) does for one id.
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// Returns what the cache has done so far, and how much it holds.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let Inner {
            entries, counters, ..
        } = &*self.inner;
        CacheStats {
            hits: counters.hits.get(),
            misses: counters.misses.get(),
            fetches: counters.fetches.get(),
            unavailable: counters.unavailable.get(),
            stale: counters.stale.get(),
            keys: entries.keys(),
            ids_without_key: entries.ids_without_key(),
        }
    }
}

impl<C> AsyncKeyStore for CachedKeys<C>
where
    C: Clock + Send + Sync + 'static,
{
    type Future = CachedLookup;

    fn lookup(&self, key_id: &str, _: RequestHead<'_>) -> CachedLookup {
        // No key id is that long, and no verifier reads one that is.
        if key_id.len() > MAX_PARAMETER_LEN {
            return CachedLookup::found(KeyLookup::Unknown);
        }
        let inner = &self.inner;
        let now = inner.clock.now();
        let stale = match inner.entries.find(key_id, now, &inner.options) {
            Cached::Nothing { stale } => stale,
            cached => return inner.answer(key_id, now, cached),
        };
        match inner.ask(key_id, now, false) {
            Asked::Started(fetch) | Asked::Running(fetch) => {
                inner.counters.misses.increment();
                CachedLookup::fetching(fetch, Arc::clone(&inner.counters))
            }
            Asked::Cached(cached) => inner.answer(key_id, now, cached),
            Asked::TooMany => inner.answer_without_source(stale),
        }
    }
}

impl<C> Inner<C>
where
    C: Clock + Send + Sync + 'static,
{
    /// Answers a lookup from the cache.
    fn answer(self: &Arc<Self>, key_id: &str, now: SystemTime, cached: Cached) -> CachedLookup {
        match cached {
            Cached::Key {
                found,
                refresh_is_due,
            } => {
                self.counters.hits.increment();
                if refresh_is_due {
                    self.refresh(key_id, now);
                }
                CachedLookup::found(found)
            }
            Cached::Unknown => {
                self.counters.hits.increment();
                CachedLookup::found(KeyLookup::Unknown)
            }
            Cached::Paused { stale } | Cached::Nothing { stale } => {
                self.answer_without_source(stale)
            }
        }
    }

    fn answer_without_source(&self, stale: Option<Found>) -> CachedLookup {
        match stale {
            Some(key) => {
                self.counters.stale.increment();
                CachedLookup::found(key)
            }
            None => {
                self.counters.unavailable.increment();
                CachedLookup::found(KeyLookup::Unavailable)
            }
        }
    }

    /// Starts to fetch a key again in a task, unless it is being fetched.
    #[cold]
    fn refresh(self: &Arc<Self>, key_id: &str, now: SystemTime) {
        let Some(refresh_ahead) = &self.options.refresh_ahead else {
            return;
        };
        if let Asked::Started(fetch) = self.ask(key_id, now, true) {
            (refresh_ahead.spawn)(RefreshTask::new(fetch));
        }
    }
}

impl<C> Clone for CachedKeys<C> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<C> fmt::Debug for CachedKeys<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedKeys")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
