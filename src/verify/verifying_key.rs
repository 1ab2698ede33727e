//! A key as the verifier uses it, and the answer of a look-up for one.

use std::{fmt, sync::Arc};

use crate::{Algorithm, KeyPair, SecretKey, mac::LazyMacs};

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
    /// The secret that is valid beside the current one. Boxed, because most keys have none.
    previous: Option<Box<LazyMacs>>,
}

impl VerifyingKey {
    /// Takes a secret key.
    #[must_use]
    pub fn new(secret: &SecretKey) -> Self {
        Self {
            macs: LazyMacs::new(secret.clone()),
            previous: None,
        }
    }

    /// Creates a key from two secrets that are valid at the same time, for a change of the secret
    /// under one key id.
    ///
    /// A signature with either secret is accepted. Both MACs are always computed and compared, so
    /// the time does not tell which one matched, and a wrong signature takes as long. It does tell
    /// that the id has two secrets: verification takes one MAC longer than for an id with one, 0.1
    /// microseconds for a short signing string and HMAC-SHA1. [`VerifiedKey::used_previous_secret`] tells the server when clients still
    /// use the previous secret.
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
            macs: LazyMacs::new(current.clone()),
            previous: Some(Box::new(LazyMacs::new(previous.clone()))),
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
        self.macs.keyed(algorithm);
        if let Some(previous) = &self.previous {
            previous.keyed(algorithm);
        }
    }

    /// Returns which of the secrets `signature` was made with, if any.
    #[inline]
    pub(super) fn check(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Option<MatchedSecret> {
        let is_current = self.macs.keyed(algorithm).verify(message, signature);
        // Computed even if the current secret matched. Otherwise the shorter time would tell a
        // client which of the secrets it holds.
        let is_previous = match &self.previous {
            Some(previous) => previous.keyed(algorithm).verify(message, signature),
            None => false,
        };
        match (is_current, is_previous) {
            (true, _) => Some(MatchedSecret::Current),
            (false, true) => Some(MatchedSecret::Previous),
            (false, false) => None,
        }
    }
}

/// The secret that a valid signature was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchedSecret {
    Current,
    Previous,
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
