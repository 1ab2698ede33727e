//! One part of a guard's memory: a hash table whose entries expire.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::ClaimOutcome;

/// The hashes of a claim.
#[derive(Clone, Copy)]
pub(super) struct Hashed {
    pub(super) claim: u64,
    pub(super) key_id: u64,
}

impl Hashed {
    /// Returns the bits that choose a shard. [`candidates`](Self::candidates) uses others.
    pub(super) fn shard_bits(self) -> usize {
        usize::from(self.claim.to_be_bytes()[0])
    }

    /// Returns the two buckets in which the claim can be.
    fn candidates(self, buckets: usize) -> [usize; 2] {
        let [_, second @ .., d, c, b, a] = self.claim.to_be_bytes();
        let position = |bytes: [u8; 4]| {
            usize::try_from(u32::from_be_bytes(bytes)).unwrap_or_default() & (buckets - 1)
        };
        let [g, f, e] = second;
        [position([d, c, b, a]), position([0, g, f, e])]
    }

    /// Key ids with the same 32 bits are counted together.
    fn key_id_bits(self) -> u32 {
        u32::try_from(self.key_id >> 32).unwrap_or_default()
    }
}

/// The times of a claim, in seconds. 0 is before all of them.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) until: u32,
    pub(super) now: u32,
}

/// How many claims a shard keeps.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) claims: usize,
    pub(super) claims_of_key: u32,
}

/// A claim in memory. One whose time is over is a free place.
#[derive(Clone, Copy, Default)]
struct Entry {
    hash: u64,
    /// 0 if there has been no claim in this place.
    until: u32,
    key_id: u32,
}

/// The hasher for numbers that are hashes already.
#[derive(Default)]
struct Unhashed(u64);

impl Hasher for Unhashed {
    fn finish(&self) -> u64 {
        // The map uses the lowest and the highest bits.
        self.0 << 32 | self.0
    }

    fn write_u32(&mut self, hash: u32) {
        self.0 = hash.into();
    }

    fn write(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.is_empty(), "only `u32`s are hashed");
    }
}

const ENTRIES: usize = 4;

/// Exactly one cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket([Entry; ENTRIES]);

impl Bucket {
    fn free(&self, now: u32) -> usize {
        self.0.iter().filter(|entry| entry.until <= now).count()
    }

    fn has(&self, hash: u64, now: u32) -> bool {
        let mut entries = self.0.iter();
        entries.any(|entry| entry.hash == hash && entry.until > now)
    }
}

/// The number of buckets that a shard begins with.
const FEWEST: usize = 8;

/// A hash table with two candidate buckets for each claim, of which the emptier one gets it. So a
/// lookup is two cache lines at most, and an entry whose time is over can be replaced in its place:
/// no lookup depends on what stands before another.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Shard {
    /// Empty, or a power of two of them.
    buckets: Vec<Bucket>,
    /// Claims for which both buckets were full although the table has room. There are next to none.
    overflow: Vec<Entry>,
    /// The entries that are not empty, over or not.
    len: usize,
    /// The claims among them of each key id.
    of_key: HashMap<u32, u32, BuildHasherDefault<Unhashed>>,
    /// The latest time of all claims. Claims that were over by then can have been replaced.
    latest: u32,
    /// When the entries that were over were removed last.
    swept_at: u32,
}

impl Shard {
    pub(super) fn claim(&mut self, hashed: Hashed, times: Times, limits: Limits) -> ClaimOutcome {
        self.latest = self.latest.max(times.now);
        // The clock was set back since, or another thread was faster by a whole window: an equal
        // claim can have been here and made room already.
        if times.until <= self.latest {
            return ClaimOutcome::Lost;
        }
        if self.has(hashed) {
            return ClaimOutcome::Seen;
        }
        let key_id = hashed.key_id_bits();
        if self.is_full(key_id, limits) {
            self.sweep();
            if self.is_full(key_id, limits) {
                return ClaimOutcome::Full;
            }
        }
        let entry = Entry {
            hash: hashed.claim,
            until: times.until,
            key_id,
        };
        if !self.place(entry, hashed) {
            let has_room = self.buckets.len() * ENTRIES >= limits.claims.saturating_mul(2);
            if !has_room {
                self.grow();
            }
            if has_room || !self.place(entry, hashed) {
                self.overflow.push(entry);
            }
        }
        self.len += 1;
        *self.of_key.entry(key_id).or_default() += 1;
        ClaimOutcome::New
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
            + self.overflow.capacity() * size_of::<Entry>()
            + self.of_key.capacity() * (size_of::<(u32, u32)>() + 1)
    }

    fn has(&self, hashed: Hashed) -> bool {
        let [first, second] = hashed.candidates(self.buckets.len().max(1));
        let bucket = |position| self.buckets.get(position);
        let (Some(first), Some(second)) = (bucket(first), bucket(second)) else {
            return false;
        };
        // Both are asked, without a branch between them, so that the two cache lines are fetched at
        // the same time.
        let (now, hash) = (self.latest, hashed.claim);
        let is_there = first.has(hash, now) | second.has(hash, now);
        let mut overflow = self.overflow.iter();
        is_there || overflow.any(|entry| entry.hash == hash && entry.until > now)
    }

    fn is_full(&self, key_id: u32, limits: Limits) -> bool {
        let of_key = self.of_key.get(&key_id);
        self.len >= limits.claims || of_key.is_some_and(|count| *count >= limits.claims_of_key)
    }

    /// Puts the entry into the emptier one of its buckets. Returns `false` if both are full.
    fn place(&mut self, entry: Entry, hashed: Hashed) -> bool {
        let now = self.latest;
        let [first, second] = hashed.candidates(self.buckets.len().max(1));
        let free = |position| {
            self.buckets
                .get(position)
                .map_or(0, |bucket: &Bucket| bucket.free(now))
        };
        let position = match free(second) > free(first) {
            true => second,
            false => first,
        };
        let Some(bucket) = self.buckets.get_mut(position) else {
            return false;
        };
        let Some(place) = bucket.0.iter_mut().find(|place| place.until <= now) else {
            return false;
        };
        let before = std::mem::replace(place, entry);
        if before.until > 0 {
            self.forget(before.key_id);
        }
        true
    }

    /// Counts one claim less.
    fn forget(&mut self, key_id: u32) {
        self.len = self.len.saturating_sub(1);
        if let Some(count) = self.of_key.get_mut(&key_id) {
            *count -= 1;
            if *count == 0 {
                self.of_key.remove(&key_id);
            }
        }
    }

    /// Removes all entries that are over, at most once a second: a shard that is full of others
    /// would be searched for each request.
    fn sweep(&mut self) {
        if self.swept_at == self.latest {
            return;
        }
        self.swept_at = self.latest;
        let now = self.latest;
        let entries = self.buckets.iter_mut().flat_map(|bucket| &mut bucket.0);
        for entry in entries {
            if entry.until <= now {
                *entry = Entry::default();
            }
        }
        self.overflow.retain(|entry| entry.until > now);
        self.count();
    }

    /// Counts the entries again.
    fn count(&mut self) {
        self.of_key.clear();
        self.len = 0;
        let entries = self.buckets.iter().flat_map(|bucket| &bucket.0);
        for entry in entries.chain(&self.overflow) {
            if entry.until > 0 {
                self.len += 1;
                *self.of_key.entry(entry.key_id).or_default() += 1;
            }
        }
    }

    /// Doubles the number of buckets. Entries that are over are not moved.
    fn grow(&mut self) {
        let buckets = (self.buckets.len() * 2).max(FEWEST);
        let before = std::mem::replace(&mut self.buckets, vec![Bucket::default(); buckets]);
        let overflow = std::mem::take(&mut self.overflow);
        let now = self.latest;
        let entries = before.iter().flat_map(|bucket| &bucket.0).chain(&overflow);
        for entry in entries.filter(|entry| entry.until > now) {
            let hashed = Hashed {
                claim: entry.hash,
                key_id: 0,
            };
            if !self.place(*entry, hashed) {
                self.overflow.push(*entry);
            }
        }
        self.count();
    }
}
