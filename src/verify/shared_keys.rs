//! A key store in memory that changes while a server runs.

use std::{
    borrow::Borrow,
    collections::{HashSet, hash_map::RandomState},
    fmt,
    hash::{BuildHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;

use super::{KeyLookup, KeyRef, KeyStore, VerifyingKey};
use crate::{KeyId, KeyPair, RequestHead};

/// The number of shards. A change of the set of ids copies one shard, so the cost of a change is
/// that of a 256th of the ids. An empty store takes about 40 KiB.
const SHARDS: usize = 256;

/// Holds keys in memory, and can change them while services run.
///
/// Clones are cheap and share the keys: keep one, and give the others to layers. Each key is good
/// for every API, as with [`StaticKeys`](crate::StaticKeys).
///
/// - A change counts for every request whose key is looked up after the method has returned. A
///   request that has its key already is verified with it.
/// - No lock is held while a key is looked up or a request is verified, and threads that verify
///   share no reference count.
/// - [`insert`](Self::insert) of a new id and [`remove`](Self::remove) copy the references of one
///   256th of the ids: about 0.1 milliseconds with 1,000,000 keys. A new key under an existing id
///   copies nothing. Use [`replace_all`](Self::replace_all) for many changes at once.
/// - A lookup of an existing id also reads the place of its key, which that of an unknown id does
///   not: it takes about 20 nanoseconds longer.
/// - A removed key's memory is overwritten when the last request that uses it is done.
///
/// ```
/// use tower_hmac_auth::{KeyPair, VerifyLayer, verify::SharedKeys};
///
/// let keys = SharedKeys::new();
/// keys.insert(&KeyPair::new("billing", "the-old-secret")?);
/// let layer = VerifyLayer::new(keys.clone());
///
/// // Later, while services made from the layer run:
/// keys.insert(&KeyPair::new("billing", "the-new-secret")?);
/// keys.insert(&KeyPair::new("orders", "another-secret")?);
/// assert!(keys.remove("billing"));
/// assert_eq!(keys.len(), 1);
/// # Ok::<(), tower_hmac_auth::error::KeyError>(())
/// ```
#[derive(Clone)]
pub struct SharedKeys {
    inner: Arc<Inner>,
}

struct Inner {
    hasher: RandomState,
    shards: Box<[ArcSwap<Shard>]>,
    /// Held by whoever changes the keys. Without it, two changes of one shard would copy the same
    /// set, and the second would undo the first.
    writing: Mutex<()>,
}

/// The keys of one shard. The set is never changed, only replaced by a changed copy.
type Shard = HashSet<Slot, RandomState>;

/// A key id and its key, which can be replaced without copying the shard.
#[derive(Clone)]
struct Slot(Arc<(KeyId, ArcSwap<VerifyingKey>)>);

impl Slot {
    fn new(id: KeyId, key: VerifyingKey) -> Self {
        Self(Arc::new((id, ArcSwap::from_pointee(key))))
    }

    fn id(&self) -> &str {
        self.0.0.as_str()
    }

    fn key(&self) -> &ArcSwap<VerifyingKey> {
        &self.0.1
    }
}

/// `Eq` and `Hash` are those of the id's text, as `Borrow` requires.
impl Borrow<str> for Slot {
    fn borrow(&self) -> &str {
        self.id()
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Slot {}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

#[allow(
    clippy::mutable_key_type,
    reason = "a slot is hashed and compared by its id, which never changes"
)]
impl SharedKeys {
    /// Creates a store without keys. Every request is refused until one is inserted.
    #[must_use]
    pub fn new() -> Self {
        let hasher = RandomState::new();
        let empty = || ArcSwap::from_pointee(Shard::with_hasher(hasher.clone()));
        let shards = (0..SHARDS).map(|_| empty()).collect();
        Self {
            inner: Arc::new(Inner {
                hasher,
                shards,
                writing: Mutex::new(()),
            }),
        }
    }

    /// Adds a key pair, and replaces the key that its id had.
    pub fn insert(&self, keys: &KeyPair) {
        self.insert_key(keys.id().clone(), keys.into());
    }

    /// Adds a key under an id, and replaces the key that the id had.
    ///
    /// It is for keys that are more than one secret: see [`VerifyingKey::with_previous`].
    ///
    /// ```
    /// use tower_hmac_auth::{KeyId, SecretKey, verify::{SharedKeys, VerifyingKey}};
    ///
    /// let keys = SharedKeys::new();
    /// let id = KeyId::new("billing")?;
    /// let (old, new) = (SecretKey::new("the-old-secret")?, SecretKey::new("the-new-secret")?);
    ///
    /// // Clients change from the old secret to the new one, then the old one is removed.
    /// keys.insert_key(id.clone(), VerifyingKey::with_previous(&new, &old));
    /// keys.insert_key(id, VerifyingKey::new(&new));
    /// # Ok::<(), tower_hmac_auth::error::KeyError>(())
    /// ```
    pub fn insert_key(&self, id: KeyId, key: VerifyingKey) {
        let _writing = self.inner.write();
        let Some(shard) = self.inner.shard(id.as_str()) else {
            return;
        };
        let slots = shard.load();
        match slots.get(id.as_str()) {
            Some(slot) => slot.key().store(Arc::new(key)),
            None => {
                let mut changed = Shard::clone(&slots);
                changed.insert(Slot::new(id, key));
                shard.store(Arc::new(changed));
            }
        }
    }

    /// Removes the key of an id, and returns whether there was one.
    ///
    /// Every request whose key is looked up after that is refused.
    #[allow(
        clippy::must_use_candidate,
        reason = "most callers want it removed in any case"
    )]
    pub fn remove(&self, key_id: &str) -> bool {
        let _writing = self.inner.write();
        let Some(shard) = self.inner.shard(key_id) else {
            return false;
        };
        let slots = shard.load();
        if !slots.contains(key_id) {
            return false;
        }
        let mut changed = Shard::clone(&slots);
        changed.remove(key_id);
        shard.store(Arc::new(changed));
        true
    }

    /// Replaces all keys by these. If an id is among them twice, the later key counts.
    ///
    /// An id that is among the old and the new keys is found all the time. The ids do not change in
    /// one step: for a moment, one id may have its new key already while another still has its old
    /// one.
    ///
    /// ```
    /// use tower_hmac_auth::{KeyPair, verify::{SharedKeys, VerifyingKey}};
    ///
    /// let keys = SharedKeys::from_iter([KeyPair::new("billing", "a-secret")?]);
    ///
    /// let from_file = [
    ///     KeyPair::new("billing", "a-new-secret")?,
    ///     KeyPair::new("orders", "another-secret")?,
    /// ];
    /// let with_id = |pair: &KeyPair| (pair.id().clone(), VerifyingKey::from(pair));
    /// keys.replace_all(from_file.iter().map(with_id));
    /// assert_eq!(keys.len(), 2);
    /// # Ok::<(), tower_hmac_auth::error::KeyError>(())
    /// ```
    pub fn replace_all(&self, keys: impl IntoIterator<Item = (KeyId, VerifyingKey)>) {
        let inner = &*self.inner;
        let mut shards: Vec<Shard> = (0..SHARDS)
            .map(|_| Shard::with_hasher(inner.hasher.clone()))
            .collect();
        for (id, key) in keys {
            if let Some(shard) = shards.get_mut(inner.position(id.as_str())) {
                // `insert` would keep the earlier key of the id.
                shard.replace(Slot::new(id, key));
            }
        }
        let _writing = inner.write();
        for (shard, new) in inner.shards.iter().zip(shards) {
            shard.store(Arc::new(new));
        }
    }

    /// Returns the number of key ids. It reads every shard.
    #[must_use]
    pub fn len(&self) -> usize {
        let shards = self.inner.shards.iter();
        shards.map(|shard| shard.load().len()).sum()
    }

    /// Returns whether there are no keys, so that every request is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    /// Waits for other changes to end. The lock protects no value, so one that is poisoned is as
    /// good as another.
    fn write(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the position of the shard that an id belongs to.
    fn position(&self, key_id: &str) -> usize {
        // The set of a shard uses the lowest and the highest bits of the same hash, so the shard is
        // chosen by bits between them. Otherwise the ids of a shard would collide in its set.
        let [_, _, _, _, middle, ..] = self.hasher.hash_one(key_id).to_le_bytes();
        usize::from(middle)
    }

    fn shard(&self, key_id: &str) -> Option<&ArcSwap<Shard>> {
        self.shards.get(self.position(key_id))
    }
}

impl KeyStore for SharedKeys {
    fn lookup<'s>(&'s self, key_id: &str, _: RequestHead<'_>) -> KeyLookup<KeyRef<'s>> {
        let Some(shard) = self.inner.shard(key_id) else {
            return KeyLookup::Unknown;
        };
        let slots = shard.load();
        let slot = slots.get(key_id);
        slot.map(|slot| KeyRef::guarded(slot.key().load())).into()
    }
}

impl Default for SharedKeys {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<KeyPair> for SharedKeys {
    fn from_iter<I: IntoIterator<Item = KeyPair>>(pairs: I) -> Self {
        let keys = Self::new();
        keys.replace_all(pairs.into_iter().map(|pair| {
            let key = VerifyingKey::from(&pair);
            (pair.into_parts().0, key)
        }));
        keys
    }
}

impl fmt::Debug for SharedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedKeys")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
