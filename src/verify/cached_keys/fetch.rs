use std::{
    collections::HashMap,
    fmt,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::SystemTime,
};

use futures_util::{
    FutureExt as _,
    future::{Shared, WeakShared},
};

use super::{Found, Inner, entries::Cached};
use crate::{clock::Clock, verify::KeyLookup};

/// A fetch that any number of lookups wait for. Each of them polls it, so it goes on as long as one
/// of them is there. When the last one is dropped, so is the fetch.
pub(super) type SharedFetch = Shared<Pin<Box<dyn Future<Output = Fetched> + Send>>>;

/// The result of a fetch, for all who wait for it.
#[derive(Clone)]
pub(super) struct Fetched {
    pub(super) found: Found,
    /// Whether the source was unavailable, and the key is the last known one.
    pub(super) is_stale: bool,
}

/// The fetches that run.
#[derive(Default)]
pub(super) struct Fetches(Mutex<Running>);

#[derive(Default)]
struct Running {
    by_id: HashMap<Arc<str>, Registered>,
    /// How many run, also of those that are no longer registered.
    count: usize,
    /// The number of the last fetch.
    last: u64,
}

struct Registered {
    /// Tells this fetch from an earlier or later one of the same id.
    number: u64,
    /// Weak, because the table must not keep a fetch that nobody waits for: nobody would poll it.
    fetch: WeakShared<Pin<Box<dyn Future<Output = Fetched> + Send>>>,
}

impl Fetches {
    /// The lock is held for changes of the table and of the entries, never while a future is polled
    /// or dropped.
    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn is_registered(&self, key_id: &str, number: u64) -> bool {
        let registered = self.by_id.get(key_id);
        registered.is_some_and(|registered| registered.number == number)
    }
}

/// What came of asking the source.
pub(super) enum Asked {
    /// A fetch was started.
    Started(SharedFetch),
    /// A fetch runs already.
    Running(SharedFetch),
    /// A fetch has ended meanwhile.
    Cached(Cached),
    /// Too many fetches run.
    TooMany,
}

impl<C> Inner<C>
where
    C: Clock + Send + Sync + 'static,
{
    /// Finds the fetch of an id or starts one, unless the cache has meanwhile what is needed: a
    /// key, or, `for_refresh`, a key that need not be refreshed.
    pub(super) fn ask(self: &Arc<Self>, key_id: &str, now: SystemTime, for_refresh: bool) -> Asked {
        let mut running = self.fetches.lock();
        if let Some(registered) = running.by_id.get(key_id)
            && let Some(fetch) = registered.fetch.upgrade()
        {
            return Asked::Running(fetch);
        }
        // The caller has found nothing before the lock was taken. A fetch that ended in between has
        // stored its result before it left the table.
        let cached = self.entries.find(key_id, now, &self.options);
        let is_needed = match &cached {
            Cached::Nothing { .. } => true,
            Cached::Key { refresh_is_due, .. } => for_refresh && *refresh_is_due,
            Cached::Unknown | Cached::Paused { .. } => false,
        };
        if !is_needed {
            return Asked::Cached(cached);
        }
        if running.count >= self.options.max_fetches {
            return Asked::TooMany;
        }
        running.count += 1;
        running.last += 1;
        let number = running.last;
        let key_id: Arc<str> = key_id.into();
        let fetch = Fetch {
            inner: Arc::clone(self),
            key_id: Arc::clone(&key_id),
            number,
            asked_at: now,
        };
        let shared = (Box::pin(fetch.run()) as Pin<Box<dyn Future<Output = _> + Send>>).shared();
        // Always `Some`: it has not completed.
        if let Some(fetch) = shared.downgrade() {
            running.by_id.insert(key_id, Registered { number, fetch });
        }
        self.counters.fetches.increment();
        Asked::Started(shared)
    }
}

impl<C> Inner<C> {
    /// Removes what is known of an id. A fetch that runs still answers those who wait for it, but
    /// its result, which may be from before the change, is not stored.
    pub(super) fn invalidate(&self, key_id: &str) {
        let mut running = self.fetches.lock();
        running.by_id.remove(key_id);
        self.entries.remove(key_id);
    }

    /// Does for all ids what [`invalidate`](Self::invalidate) does for one.
    pub(super) fn clear(&self) {
        let mut running = self.fetches.lock();
        running.by_id.clear();
        self.entries.clear();
    }
}

/// A fetch that runs, or that waits to be polled first. It is counted until it is dropped.
struct Fetch<C> {
    inner: Arc<Inner<C>>,
    key_id: Arc<str>,
    number: u64,
    asked_at: SystemTime,
}

impl<C: Clock> Fetch<C> {
    async fn run(self) -> Fetched {
        // The source's `fetch` is called in here too: outside of the lock, and where a panic is
        // caught. A panic that went on would end the request that happens to poll, and all others
        // would find a future that can never complete.
        let fetch = async { self.inner.source.fetch(self.key_id.to_string()).await };
        let found = AssertUnwindSafe(fetch).catch_unwind().await;
        self.store(found.unwrap_or(KeyLookup::Unavailable))
    }

    /// Stores what the source has answered, unless the id was invalidated meanwhile.
    fn store(&self, found: Found) -> Fetched {
        let Inner {
            entries,
            options,
            clock,
            fetches,
            ..
        } = &*self.inner;
        let key_id = &*self.key_id;
        let now = clock.now();
        let running = fetches.lock();
        if running.is_registered(key_id, self.number) {
            match &found {
                KeyLookup::Key(key, access) => {
                    entries.insert_key(key_id, Arc::clone(key), *access, self.asked_at);
                }
                KeyLookup::Unknown => entries.insert_unknown(key_id, self.asked_at),
                KeyLookup::Unavailable => entries.insert_unavailable(key_id, now),
            }
        }
        let stale = match &found {
            KeyLookup::Unavailable => entries.stale(key_id, now, options),
            KeyLookup::Key(..) | KeyLookup::Unknown => None,
        };
        let is_stale = stale.is_some();
        Fetched {
            found: stale.unwrap_or(found),
            is_stale,
        }
    }
}

impl<C> Drop for Fetch<C> {
    fn drop(&mut self) {
        let mut running = self.inner.fetches.lock();
        running.count = running.count.saturating_sub(1);
        if running.is_registered(&self.key_id, self.number) {
            running.by_id.remove(&*self.key_id);
        }
    }
}

/// Fetches a key again before it expires.
///
/// Requires the feature `cached-keys`.
///
/// [`refresh_ahead`](crate::verify::CachedKeysBuilder::refresh_ahead) passes it to the caller's
/// runtime.
#[must_use = "futures do nothing unless polled"]
pub struct RefreshTask(Option<SharedFetch>);

impl RefreshTask {
    pub(super) fn new(fetch: SharedFetch) -> Self {
        Self(Some(fetch))
    }
}

impl Future for RefreshTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // `None` after it completed: polled again, it is still complete.
        if let Some(fetch) = &mut self.0 {
            if fetch.poll_unpin(cx).is_pending() {
                return Poll::Pending;
            }
            self.0 = None;
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for RefreshTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTask").finish_non_exhaustive()
    }
}
