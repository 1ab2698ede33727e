//! A key store in memory.

mod table;

use std::fmt;

use self::table::KeyTable;
pub(super) use self::table::StoredKey;
use super::{KeyRef, KeyStore};
use crate::{
    Algorithm, KeyId, KeyPair, RequestHead,
    verify::{KeyLookup, VerifyingKey},
};

/// Holds key pairs in memory. Each may be used for every API.
///
/// While keys are rotated, the old and the new pair are both in it. If two pairs have the same id,
/// the later one replaces the earlier.
///
/// Lookup time depends neither on the number of keys nor on whether the id exists, except that a
/// key that was not used for a while is no longer in the processor's caches. Ids of at most 38
/// bytes are looked up fastest.
///
/// ```
/// use tower_hmac_auth::{KeyPair, StaticKeys, VerifyLayer};
///
/// let keys = StaticKeys::from_iter([
///     KeyPair::new("AKIDold", "the-old-secret")?,
///     KeyPair::new("AKIDnew", "the-new-secret")?,
/// ]);
/// assert_eq!(keys.len(), 2);
/// let layer = VerifyLayer::new(keys);
/// # Ok::<(), tower_hmac_auth::error::KeyError>(())
/// ```
#[derive(Clone, Default)]
pub struct StaticKeys {
    keys: KeyTable,
}

impl StaticKeys {
    /// Creates a store without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key pair. It replaces one with the same id.
    pub fn insert(&mut self, keys: &KeyPair) {
        self.insert_key(keys.id().clone(), keys.into());
    }

    /// Adds a key under an id, and replaces the key that the id had.
    ///
    /// It is for keys with two secrets:
    ///
    /// ```
    /// use tower_hmac_auth::{KeyId, SecretKey, StaticKeys, verify::VerifyingKey};
    ///
    /// let (new, old) = (SecretKey::new("the-new-secret")?, SecretKey::new("the-old-secret")?);
    /// let mut keys = StaticKeys::new();
    /// keys.insert_key(KeyId::new("billing")?, VerifyingKey::with_previous(&new, &old));
    /// # Ok::<(), tower_hmac_auth::error::KeyError>(())
    /// ```
    pub fn insert_key(&mut self, id: KeyId, key: VerifyingKey) {
        self.keys.insert(id, key);
    }

    /// [Prepares](crate::verify::VerifyingKey::prepare) each key for this algorithm, so that its
    /// first use takes no longer than a later one.
    ///
    /// It takes less than a microsecond for each key. Keys that are inserted later are not
    /// prepared, and inserting may make the store forget what was prepared.
    ///
    /// ```
    /// use tower_hmac_auth::{Algorithm, KeyPair, StaticKeys, Verifier, VerifyLayer};
    ///
    /// let keys = StaticKeys::from(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?);
    /// keys.prepare(Algorithm::HmacSha256);
    /// let verifier = Verifier::builder().algorithms([Algorithm::HmacSha256]).build()?;
    /// let layer = VerifyLayer::new(keys).verifier(verifier);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prepare(&self, algorithm: Algorithm) {
        for key in self.keys.iter() {
            key.keyed(algorithm);
        }
    }

    /// Returns the number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns `true` if there are no keys, so that every request is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.len() == 0
    }
}

impl KeyStore for StaticKeys {
    fn lookup<'s>(&'s self, key_id: &str, _: RequestHead<'_>) -> KeyLookup<KeyRef<'s>> {
        self.keys.get(key_id).map(KeyRef::stored).into()
    }
}

impl Extend<KeyPair> for StaticKeys {
    fn extend<I: IntoIterator<Item = KeyPair>>(&mut self, pairs: I) {
        for keys in pairs {
            self.insert(&keys);
        }
    }
}

impl FromIterator<KeyPair> for StaticKeys {
    fn from_iter<I: IntoIterator<Item = KeyPair>>(pairs: I) -> Self {
        let mut keys = Self::new();
        keys.extend(pairs);
        keys
    }
}

impl From<KeyPair> for StaticKeys {
    fn from(keys: KeyPair) -> Self {
        Self::from_iter([keys])
    }
}

impl fmt::Debug for StaticKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticKeys")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
