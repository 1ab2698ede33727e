use std::{collections::HashMap, fmt};

use super::{KeyRef, KeyStore};
use crate::{
    Algorithm, KeyId, KeyPair, RequestHead,
    verify::{KeyAccess, KeyLookup, VerifyingKey},
};

/// Key pairs in memory, each good for every API: old and new ones side by side while keys are being rotated.
///
/// A look-up takes the same number of steps however many keys there are, and whether the id exists or not, but for the
/// comparison with the one id that is found. Of two pairs with the same id, the later one counts.
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
    keys: HashMap<KeyId, VerifyingKey>,
}

impl StaticKeys {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key pair; one with the same id is replaced.
    pub fn insert(&mut self, keys: &KeyPair) {
        self.keys.insert(keys.id().clone(), keys.into());
    }

    /// Adds a key under an id, and replaces the key that the id had.
    ///
    /// It is for keys that are more than one secret:
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

    /// [Prepares](VerifyingKey::prepare) each of the keys for this algorithm, so that no first use differs from a later one. It
    /// takes less than a microsecond a key, and as much memory as [there](VerifyingKey::prepare). Keys that are inserted later are not prepared.
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
        for key in self.keys.values() {
            key.prepare(algorithm);
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none, so that every request is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl KeyStore for StaticKeys {
    fn lookup<'s>(&'s self, key_id: &str, _: RequestHead<'_>) -> KeyLookup<KeyRef<'s>> {
        match self.keys.get(key_id) {
            Some(key) => KeyLookup::Key(KeyRef::Borrowed(key), KeyAccess::Bound),
            None => KeyLookup::Unknown,
        }
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
