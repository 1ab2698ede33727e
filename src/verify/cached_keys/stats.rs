use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`CachedKeys`](crate::verify::CachedKeys) has done since it was created, and what it
/// holds.
///
/// Requires the feature `cached-keys`.
///
/// The counts are read one after the other while lookups go on, so they need not add up exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Lookups that were answered from the cache: with a key, or as unknown.
    pub hits: u64,
    /// Lookups that waited for the source.
    pub misses: u64,
    /// Times that the source was asked, refreshes included.
    pub fetches: u64,
    /// Lookups that were answered as unavailable.
    pub unavailable: u64,
    /// Lookups that were answered with a key whose time to live is over, because the source was
    /// unavailable.
    pub stale: u64,
    /// The number of keys in the cache, expired ones included.
    pub keys: usize,
    /// The number of ids in the cache for which there was no key, or no answer.
    pub ids_without_key: usize,
}

/// The counts. They are only statistics, so their order relative to other writes does not matter.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) fetches: Counter,
    pub(super) unavailable: Counter,
    pub(super) stale: Counter,
}

#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
