//! A key as the verifier uses it, and the result of a lookup.

use std::{fmt, sync::Arc};

use crate::{
    Algorithm, KeyPair, SecretKey,
    mac::{KeyedMacs, MacCache},
};

/// Holds a secret key for verifying any number of requests.
///
/// The first use with an algorithm creates the key's MAC state for it, which takes two compressions
/// of the hash and an allocation; [`prepare`](Self::prepare) does that earlier. So keep the
/// `VerifyingKey` instead of creating one for each request.
///
/// It is as secret as its key: its `Debug` is redacted, and its memory is overwritten when it is
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
    pub(super) macs: MacCache,
    /// The secret that is valid beside the current one. Boxed, because most keys have none.
    pub(super) previous: Option<Box<MacCache>>,
}

impl VerifyingKey {
    /// Creates a verifying key from a secret key.
    #[must_use]
    pub fn new(secret: &SecretKey) -> Self {
        Self {
            macs: MacCache::new(secret.clone()),
            previous: None,
        }
    }

    /// Creates a key from two secrets that are valid at the same time, for a change of the secret
    /// under one key id.
    ///
    /// A signature with either secret is accepted. Both MACs are always computed and compared, so
    /// the time does not tell which one matched, and a wrong signature takes as long. It does tell
    /// that the id has two secrets: verification takes one MAC longer than for an id with one, 0.1
    /// microseconds for a short signing string and HMAC-SHA1.
    /// [`VerifiedKey::used_previous_secret`] tells the server when clients still use the previous
    /// secret.
    ///
    /// Every key store can return such a key: see [`StaticKeys::insert_key`] and
    /// [`SharedKeys`](crate::verify::SharedKeys).
    ///
    /// [`VerifiedKey::used_previous_secret`]: crate::VerifiedKey::used_previous_secret
    /// [`StaticKeys::insert_key`]: crate::StaticKeys::insert_key
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use http::Request;
    /// use tower_hmac_auth::{
    ///     KeyPair, SecretKey, Signer, Verifier,
    ///     verify::{KeyAccess, KeyLookup, VerifyingKey},
    /// };
    ///
    /// let (new, old) = (SecretKey::new("the-new-secret")?, SecretKey::new("the-old-secret")?);
    /// let key = VerifyingKey::with_previous(&new, &old);
    ///
    /// let client = KeyPair::new("billing", "the-old-secret")?;
    /// let mut request = Request::get("/").body(())?;
    /// let now = SystemTime::now();
    /// Signer::new(client).sign_request(&mut request, now)?;
    ///
    /// let verifier = Verifier::new();
    /// let credentials = verifier.read(&request, now)?;
    /// let verified = verifier.verify(credentials, KeyLookup::Key(&key, KeyAccess::Bound))?;
    /// assert!(verified.used_previous_secret());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_previous(current: &SecretKey, previous: &SecretKey) -> Self {
        Self {
            macs: MacCache::new(current.clone()),
            previous: Some(Box::new(MacCache::new(previous.clone()))),
        }
    }

    /// Creates the MAC state for this algorithm, so that the first request that uses it takes no
    /// longer than a later one, or than one with an unknown key id.
    ///
    /// The state of the key's first algorithm takes 96 bytes, with SHA-384 and SHA-512 256 bytes.
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

    /// Returns the MAC states for this algorithm.
    pub(super) fn keyed(&self, algorithm: Algorithm) -> KeyedMacs<'_> {
        let previous = self.previous.as_ref();
        KeyedMacs {
            current: self.macs.keyed(algorithm),
            previous: previous.map(|macs| macs.keyed(algorithm)),
        }
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

/// Keys to compute a MAC with if no key was found, so that it takes the same work.
///
/// There is one for each algorithm, prepared when the verifier is built. A single key would take
/// the slower path of a key that is used with several algorithms, which few real keys are.
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

/// The result of a lookup for a key id.
///
/// `K` is a reference to a [`VerifyingKey`], an [`Arc`] of one, or a
/// [`KeyRef`](crate::verify::KeyRef).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLookup<K> {
    /// The key was found. It may be used for this request, or not.
    Key(K, KeyAccess),
    /// No key has this id, or it is disabled.
    Unknown,
    /// The store could not be reached. The request is refused with 503, and the client may try
    /// again.
    Unavailable,
}

/// Converts a key that may be used for every request, or `None`.
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

/// Says whether a key may be used for the API that the request is for.
///
/// The client learns it only if its signature is valid. A store that decides by the path sees the
/// path as the client sent it: see
/// [`VerifyLayer::original_target`](crate::VerifyLayer::original_target).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyAccess {
    /// The key may be used.
    Bound,
    /// The key is not bound to this API.
    NotBound,
    /// The API has no usage plan to which keys could be bound.
    NoUsagePlan,
}
