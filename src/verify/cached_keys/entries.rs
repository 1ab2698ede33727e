use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use quick_cache::sync::Cache;

use super::{Found, builder::Options};
use crate::verify::{KeyAccess, KeyLookup, VerifyingKey};

/// How long the source is not asked again for an id after it was unavailable.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest id that is held without a key. Anyone can send such ids, of up to 8 KiB, so the
/// number of ids alone would not bound their memory.
const MAX_ID_WITHOUT_KEY: usize = 256;

/// The cached keys, and the ids for which there are none.
pub(super) struct Entries {
    keys: Cache<Box<str>, CachedKey>,
    /// Apart from the keys, so that ids that anyone can invent do not displace keys.
    without_key: Cache<Box<str>, WithoutKey>,
}

#[derive(Clone)]
struct CachedKey {
    key: Arc<VerifyingKey>,
    access: KeyAccess,
    asked_at: SystemTime,
}

#[derive(Clone, Copy)]
enum WithoutKey {
    /// The source was asked then, and does not know the id.
    Unknown { asked_at: SystemTime },
    /// The source was unavailable then. The id may have a key in the other cache.
    Unavailable { at: SystemTime },
}

/// What the cache has for an id.
pub(super) enum Cached {
    /// A key that has not expired.
    Key { found: Found, refresh_is_due: bool },
    /// The source does not know the id.
    Unknown,
    /// The source was unavailable a moment ago, and is not to be asked now.
    Paused { stale: Option<Found> },
    /// The source is to be asked.
    Nothing { stale: Option<Found> },
}

impl Entries {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            keys: Cache::new(options.capacity),
            without_key: Cache::new(options.negative_capacity),
        }
    }

    pub(super) fn find(&self, key_id: &str, now: SystemTime, options: &Options) -> Cached {
        let mut stale = None;
        if let Some(key) = self.keys.get(key_id) {
            let age = distance(now, key.asked_at);
            if age < options.time_to_live {
                let refresh_is_due = match &options.refresh_ahead {
                    Some(refresh) => age >= refresh.age && !self.is_paused(key_id, now),
                    None => false,
                };
                return Cached::Key {
                    found: key.into_found(),
                    refresh_is_due,
                };
            }
            stale = key.into_stale(now, options);
        }
        match self.without_key.get(key_id) {
            Some(WithoutKey::Unknown { asked_at })
                if distance(now, asked_at) < options.negative_time_to_live =>
            {
                Cached::Unknown
            }
            Some(WithoutKey::Unavailable { at }) if distance(now, at) < PAUSE => {
                Cached::Paused { stale }
            }
            _ => Cached::Nothing { stale },
        }
    }

    fn is_paused(&self, key_id: &str, now: SystemTime) -> bool {
        match self.without_key.get(key_id) {
            Some(WithoutKey::Unavailable { at }) => distance(now, at) < PAUSE,
            Some(WithoutKey::Unknown { .. }) | None => false,
        }
    }

    /// Returns the last known key, if it may be used while the source is unavailable.
    pub(super) fn stale(&self, key_id: &str, now: SystemTime, options: &Options) -> Option<Found> {
        self.keys.get(key_id)?.into_stale(now, options)
    }

    pub(super) fn insert_key(
        &self,
        key_id: &str,
        key: Arc<VerifyingKey>,
        access: KeyAccess,
        asked_at: SystemTime,
    ) {
        self.without_key.remove(key_id);
        let key = CachedKey {
            key,
            access,
            asked_at,
        };
        self.keys.insert(key_id.into(), key);
    }

    pub(super) fn insert_unknown(&self, key_id: &str, asked_at: SystemTime) {
        self.keys.remove(key_id);
        self.insert_without_key(key_id, WithoutKey::Unknown { asked_at });
    }

    /// Keeps the key, which may still be used.
    pub(super) fn insert_unavailable(&self, key_id: &str, now: SystemTime) {
        self.insert_without_key(key_id, WithoutKey::Unavailable { at: now });
    }

    fn insert_without_key(&self, key_id: &str, entry: WithoutKey) {
        if key_id.len() <= MAX_ID_WITHOUT_KEY {
            self.without_key.insert(key_id.into(), entry);
        }
    }

    pub(super) fn remove(&self, key_id: &str) {
        self.keys.remove(key_id);
        self.without_key.remove(key_id);
    }

    pub(super) fn clear(&self) {
        self.keys.clear();
        self.without_key.clear();
    }

    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn ids_without_key(&self) -> usize {
        self.without_key.len()
    }
}

impl CachedKey {
    fn into_found(self) -> Found {
        KeyLookup::Key(self.key, self.access)
    }

    /// Returns the key, if it may be used while the source is unavailable.
    fn into_stale(self, now: SystemTime, options: &Options) -> Option<Found> {
        let is_usable = distance(now, self.asked_at) < options.stale_age();
        is_usable.then(|| self.into_found())
    }
}

/// Returns the time between two readings of a clock, whichever is earlier.
///
/// If a clock is set back by an hour, its readings are earlier than those before for an hour. An
/// age of zero for all of them would keep entries for an hour and their time to live.
fn distance(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other)
        .unwrap_or_else(|error| error.duration())
}
