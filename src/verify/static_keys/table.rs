//! The hash table of [`StaticKeys`](super::StaticKeys).
//!
//! In a standard map the key id, the entry and the MAC state are in three places of memory, and the
//! address of each is read from the one before. With a million keys none of them is in the
//! processor's caches. Here one slot holds the key id and the state, so both are read at once: an
//! accepted request with another key each time takes two thirds of the time.

use std::{
    hash::{BuildHasher, RandomState},
    iter,
    sync::OnceLock,
};

use crate::{
    Algorithm, KeyId,
    mac::{KeyedMac, KeyedMacs, MacCache},
    verify::VerifyingKey,
};

/// The longest key id that a slot holds itself, in bytes. Tencent Cloud's have 36. With this length
/// the id takes 40 of a slot's 152 bytes.
const INLINE_ID_LEN: usize = 38;

/// Open addressing with linear probing. At most two thirds of the slots are full, so a probe ends
/// after few steps.
#[derive(Default)]
pub(super) struct KeyTable {
    slots: Box<[Option<StoredKey>]>,
    len: usize,
    hasher: RandomState,
}

/// A key in its slot.
pub(crate) struct StoredKey {
    id: StoredId,
    /// The MAC state of the algorithm that was used first. It is created in the slot and dropped
    /// there, never moved: a move would leave a copy that nothing overwrites.
    first: OnceLock<KeyedMac>,
    /// The secret key, and the states of the other algorithms.
    macs: Box<MacCache>,
    /// The previous secret. It is here and not in the box of `macs`, which is elsewhere in memory
    /// and is not read for each request.
    previous: Option<Box<MacCache>>,
}

#[derive(Clone)]
enum StoredId {
    Inline { len: u8, bytes: [u8; INLINE_ID_LEN] },
    Boxed(KeyId),
}

impl StoredId {
    fn new(id: KeyId) -> Self {
        let text = id.as_str().as_bytes();
        let mut bytes = [0; INLINE_ID_LEN];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(text);
                Self::Inline { len, bytes }
            }
            _ => Self::Boxed(id),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Boxed(id) => id.as_str().as_bytes(),
        }
    }
}

impl StoredKey {
    /// Returns the MAC states for this algorithm.
    pub(in crate::verify) fn keyed(&self, algorithm: Algorithm) -> KeyedMacs<'_> {
        let first = self.first.get_or_init(|| self.macs.new_keyed(algorithm));
        let current = if first.algorithm() == algorithm {
            first
        } else {
            self.macs.keyed(algorithm)
        };
        let previous = self.previous.as_ref();
        KeyedMacs {
            current,
            previous: previous.map(|macs| macs.keyed(algorithm)),
        }
    }
}

impl KeyTable {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &StoredKey> {
        self.slots.iter().flatten()
    }

    pub(super) fn get(&self, key_id: &str) -> Option<&StoredKey> {
        let (before, after) = self.slots.split_at_checked(self.start(key_id.as_bytes()))?;
        let mut probe = after.iter().chain(before).map_while(Option::as_ref);
        probe.find(|stored| stored.id.as_bytes() == key_id.as_bytes())
    }

    pub(super) fn insert(&mut self, id: KeyId, key: VerifyingKey) {
        let VerifyingKey { macs, previous } = key;
        self.put(StoredKey {
            id: StoredId::new(id),
            first: OnceLock::new(),
            macs: Box::new(macs),
            previous,
        });
    }

    fn put(&mut self, stored: StoredKey) {
        if 3 * (self.len + 1) > 2 * self.slots.len() {
            self.grow();
        }
        let Some(slot) = self.slot_for(stored.id.as_bytes()) else {
            // A third of the slots is empty.
            debug_assert!(false, "no empty slot");
            return;
        };
        let is_new = slot.is_none();
        // The assignment drops the key that was there in its place, which overwrites its state.
        *slot = Some(stored);
        self.len += usize::from(is_new);
    }

    /// Moves the keys to twice as many slots as there are keys, without the MAC states, which are
    /// created again when they are next used. Keys are inserted before a server starts, so few have
    /// any.
    fn grow(&mut self) {
        let count = 2 * self.len + 8;
        let mut old: Box<[_]> = iter::repeat_with(|| None).take(count).collect();
        std::mem::swap(&mut old, &mut self.slots);
        for slot in &mut old {
            if let Some(stored) = slot {
                // Drops the state in its place. Moved with the rest, it would leave a copy here.
                stored.first = OnceLock::new();
            }
            let Some(stored) = slot.take() else {
                continue;
            };
            if let Some(free) = self.slot_for(stored.id.as_bytes()) {
                *free = Some(stored);
            }
        }
    }

    /// Returns the slot that holds this id, or the empty one that it belongs into.
    fn slot_for(&mut self, key_id: &[u8]) -> Option<&mut Option<StoredKey>> {
        let start = self.start(key_id);
        let (before, after) = self.slots.split_at_mut_checked(start)?;
        let mut probe = after.iter_mut().chain(before);
        probe.find(|slot| match slot {
            Some(stored) => stored.id.as_bytes() == key_id,
            None => true,
        })
    }

    /// Returns the position at which the probe for this id begins: the hash, scaled from 64 bits to
    /// the number of slots.
    fn start(&self, key_id: &[u8]) -> usize {
        let hash = u128::from(self.hasher.hash_one(key_id));
        let scaled = (hash * self.slots.len() as u128) >> u64::BITS;
        usize::try_from(scaled).unwrap_or_default()
    }
}

/// Clones the keys. Their MAC states are created again when they are used.
impl Clone for KeyTable {
    fn clone(&self) -> Self {
        let mut clone = Self::default();
        for stored in self.iter() {
            clone.put(StoredKey {
                id: stored.id.clone(),
                first: OnceLock::new(),
                macs: stored.macs.clone(),
                previous: stored.previous.clone(),
            });
        }
        clone
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::SecretKey;

    fn table(count: usize) -> KeyTable {
        let mut table = KeyTable::default();
        for number in 0..count {
            let secret = SecretKey::new(format!("secret-{number}")).unwrap();
            let id = KeyId::new(id(number)).unwrap();
            table.insert(id, VerifyingKey::new(&secret));
        }
        table
    }

    /// Every other id is longer than a slot.
    fn id(number: usize) -> String {
        let suffix = "-with-more-bytes-than-a-slot-has".repeat(number % 2);
        format!("key-{number}{suffix}")
    }

    #[test]
    fn every_key_is_found_by_its_id_and_no_other() {
        for count in [0, 1, 5, 6, 7, 100, 1_000] {
            let table = table(count);
            assert_eq!((table.len(), table.iter().count()), (count, count));
            for number in 0..count {
                let found = table.get(&id(number)).unwrap();
                assert_eq!(found.id.as_bytes(), id(number).as_bytes());
            }
            assert!(table.get(&id(count)).is_none());
            assert!(table.get("").is_none());
        }
    }

    #[test]
    fn a_third_of_the_slots_is_empty() {
        let mut table = KeyTable::default();
        for number in 0..1_000 {
            let secret = SecretKey::new("secret").unwrap();
            let id = KeyId::new(id(number)).unwrap();
            table.insert(id, VerifyingKey::new(&secret));
            assert!(3 * table.len() <= 2 * table.slots.len());
        }
    }

    #[test]
    fn no_mac_state_is_moved_when_the_table_grows() {
        let mut table = table(5);
        for stored in table.iter() {
            stored.keyed(Algorithm::HmacSha256);
        }
        table.grow();
        assert!(table.iter().all(|stored| stored.first.get().is_none()));
        assert_eq!(table.iter().count(), 5);
    }

    #[test]
    fn the_last_key_of_an_id_counts() {
        let mut table = table(3);
        let id = KeyId::new(id(1)).unwrap();
        let old = table.get(id.as_str()).unwrap();
        let old = old
            .keyed(Algorithm::HmacSha1)
            .current
            .tag(b"message")
            .as_bytes()
            .to_vec();
        let secret = SecretKey::new("another").unwrap();
        table.insert(id.clone(), VerifyingKey::new(&secret));
        let new = table.get(id.as_str()).unwrap();
        assert_eq!(table.len(), 3);
        let matched = new.keyed(Algorithm::HmacSha1).check(b"message", &old);
        assert_eq!(matched, None);
    }
}
