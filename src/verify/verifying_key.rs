//! A key as the verifier uses it, and the answer of a look-up for one.

use std::{fmt, sync::Arc};

use crate::{
    Algorithm, KeyPair, SecretKey,
    mac::{KeyedMac, LazyMacs},
};

/// A secret key made ready to verify with: keyed once for each algorithm that is used, for any number of requests.
///
/// It is keyed when an algorithm is first used with it, which costs that request two compressions of the hash and an
/// allocation, or before by [`prepare`](Self::prepare). So keep it, rather than make it again for each request.
///
/// As secret as the key it is made from: its `Debug` is redacted and its memory is overwritten when it is
/// dropped.
///
/// ```
/// use tower_hmac_auth::{SecretKey, verify::VerifyingKey};
///
/// let key = VerifyingKey::new(&SecretKey::new("test-secret-key-0001")?);
/// assert_eq!(format!("{key:?}"), "VerifyingKey([redacted])");
/// # Ok::<(), tower_hmac_auth::error::KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey {
    macs: LazyMacs,
}

impl VerifyingKey {
    /// Takes a secret key.
    #[must_use]
    pub fn new(secret: &SecretKey) -> Self {
        Self {
            macs: LazyMacs::new(secret.clone()),
        }
    }

    /// Keys the MAC with this algorithm now, so that the first request that uses it takes no more work than a later one, or
    /// than one with an unknown key id. The first algorithm of a key takes 96 bytes, or 256 with SHA-384 and SHA-512.
    ///
    /// ```
    /// use tower_hmac_auth::{Algorithm, SecretKey, verify::VerifyingKey};
    ///
    /// let key = VerifyingKey::new(&SecretKey::new("test-secret-key-0001")?);
    /// key.prepare(Algorithm::HmacSha256);
    /// # Ok::<(), tower_hmac_auth::error::KeyError>(())
    /// ```
    pub fn prepare(&self, algorithm: Algorithm) {
        self.keyed(algorithm);
    }

    /// A MAC state that has taken in the key and nothing else.
    pub(crate) fn keyed(&self, algorithm: Algorithm) -> &KeyedMac {
        self.macs.keyed(algorithm)
    }
}

impl From<&KeyPair> for VerifyingKey {
    fn from(keys: &KeyPair) -> Self {
        Self::new(keys.secret())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey([redacted])")
    }
}

/// Stand in for keys that were not found, so that these take the same work as others.
///
/// There is one for each algorithm, prepared for it when the verifier is built. A single key would take the path of a key
/// that is used with several algorithms, which few real ones are, and be keyed by the first request with an unknown id.
#[derive(Clone)]
pub(super) struct DummyKeys(Arc<[VerifyingKey; Algorithm::ALL.len()]>);

impl DummyKeys {
    pub(super) fn new() -> Self {
        let secret = SecretKey::dummy();
        Self(Arc::new(Algorithm::ALL.map(|algorithm| {
            let key = VerifyingKey::new(&secret);
            key.prepare(algorithm);
            key
        })))
    }

    pub(super) fn of(&self, algorithm: Algorithm) -> &VerifyingKey {
        let [sha1, sha256, sha384, sha512] = &*self.0;
        match algorithm {
            Algorithm::HmacSha1 => sha1,
            Algorithm::HmacSha256 => sha256,
            Algorithm::HmacSha384 => sha384,
            Algorithm::HmacSha512 => sha512,
        }
    }
}

impl fmt::Debug for DummyKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DummyKeys")
    }
}

/// What a look-up for a key id found.
///
/// `K` is anything that leads to a [`VerifyingKey`]: a reference, an [`Arc`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLookup<K> {
    /// The key, and whether it may be used for this request.
    Key(K, KeyAccess),
    /// There is no key of this id, or it is disabled.
    Unknown,
    /// The store cannot tell: the request is refused with 503, and the client may try again.
    Unavailable,
}

/// A key that may be used for every request, or none.
///
/// ```
/// use std::collections::HashMap;
/// use tower_hmac_auth::{KeyPair, verify::{KeyAccess, KeyLookup, VerifyingKey}};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let map = HashMap::from([("AKIDtestkey0001", VerifyingKey::from(&keys))]);
/// let found = KeyLookup::from(map.get("AKIDtestkey0001"));
/// assert!(matches!(found, KeyLookup::Key(_, KeyAccess::Bound)));
/// assert!(matches!(KeyLookup::from(map.get("another")), KeyLookup::Unknown));
/// # Ok::<(), tower_hmac_auth::error::KeyError>(())
/// ```
impl<K> From<Option<K>> for KeyLookup<K> {
    fn from(found: Option<K>) -> Self {
        found.map_or(Self::Unknown, |key| Self::Key(key, KeyAccess::Bound))
    }
}

/// Whether a key may be used for the API that the request is for.
///
/// The client hears of it only if its signature is right. A store that decides by the path sees it as the client sent it:
/// see [`VerifyLayer::original_target`](crate::VerifyLayer::original_target).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyAccess {
    /// It may.
    Bound,
    /// The key is not bound to this API.
    NotBound,
    /// The API has no usage plan to which keys could be bound.
    NoUsagePlan,
}
