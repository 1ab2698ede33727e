//! A key as the verifier uses it, and the answer of a look-up for one.

use std::fmt;

use crate::{Algorithm, KeyPair, SecretKey, algorithm::KeyedMac};

/// A secret key made ready to verify with: keyed once for every algorithm, then used for any number of requests.
///
/// As secret as the key it is made from: its `Debug` is redacted and its memory is overwritten when it is
/// dropped.
///
/// ```
/// use tower_hmac_auth::{SecretKey, VerifyingKey};
///
/// let key = VerifyingKey::new(&SecretKey::new("test-secret-key-0001")?);
/// assert_eq!(format!("{key:?}"), "VerifyingKey([redacted])");
/// # Ok::<(), tower_hmac_auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct VerifyingKey {
    macs: Box<[KeyedMac; Algorithm::ALL.len()]>,
}

impl VerifyingKey {
    /// Keys all algorithms with `secret`.
    #[must_use]
    pub fn new(secret: &SecretKey) -> Self {
        let macs = Algorithm::ALL.map(|algorithm| KeyedMac::new(algorithm, secret));
        Self {
            macs: Box::new(macs),
        }
    }

    /// A MAC state that has taken in the key and nothing else.
    pub(crate) fn start(&self, algorithm: Algorithm) -> KeyedMac {
        let [sha1, sha256, sha384, sha512] = self.macs.as_ref();
        match algorithm {
            Algorithm::HmacSha1 => sha1,
            Algorithm::HmacSha256 => sha256,
            Algorithm::HmacSha384 => sha384,
            Algorithm::HmacSha512 => sha512,
        }
        .clone()
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

/// What a look-up for a key id found.
///
/// `K` is anything that leads to a [`VerifyingKey`]: a reference, an [`Arc`](std::sync::Arc).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup<K> {
    /// The key, and whether it may be used for this request.
    Key(K, Binding),
    /// There is no key of this id, or it is disabled.
    Unknown,
    /// The store cannot tell: the request is refused with 503, and the client may try again.
    Unavailable,
}

/// Whether a key may be used for the API that the request is for.
///
/// The client hears of it only if its signature is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// It may.
    Bound,
    /// The key is not bound to this API.
    NotBound,
    /// The API has no usage plan to which keys could be bound.
    NoUsagePlan,
}
