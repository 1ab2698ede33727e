//! The handle that rotates a key pair while services run.

use std::{fmt, sync::Arc};

use arc_swap::{ArcSwap, Guard};

use super::cache;
use crate::{KeyId, KeyPair, mac::MacCache};

/// Holds the key pair that signers sign with, and can replace it while they run.
///
/// Clones are cheap and share the pair: keep one, and give the others to layers. A request is
/// signed with the old pair or the new one, never with the id of one and the key of the other. No
/// lock is held while signing. The old secret's memory is overwritten when the last request that is
/// being signed with it is done.
///
/// ```
/// use tower_hmac_auth::{KeyPair, SignLayer, sign::RotatingKeyPair};
///
/// let keys = RotatingKeyPair::new(KeyPair::new("AKIDold", "the-old-secret")?);
/// let layer = SignLayer::new(keys.clone());
///
/// // Later, while services made from the layer run:
/// keys.rotate(KeyPair::new("AKIDnew", "the-new-secret")?);
/// assert_eq!(keys.key_id().as_str(), "AKIDnew");
/// # Ok::<(), tower_hmac_auth::error::KeyError>(())
/// ```
///
/// While clients change to the new pair, a server accepts both: see
/// [`StaticKeys`](crate::StaticKeys).
#[derive(Clone)]
pub struct RotatingKeyPair {
    active: Arc<ArcSwap<ActiveKey>>,
}

/// One pair, and the MAC states computed from it.
pub(crate) struct ActiveKey {
    /// A number that no other pair has, nor the same pair when it is rotated in again.
    pub(crate) pair_id: u64,
    pub(crate) id: KeyId,
    pub(crate) macs: MacCache,
}

impl RotatingKeyPair {
    /// Creates a handle that holds this pair.
    #[must_use]
    pub fn new(pair: KeyPair) -> Self {
        Self {
            active: Arc::new(ArcSwap::from_pointee(pair.into())),
        }
    }

    /// Replaces the pair. Every clone of every service signs its next request with the new one.
    pub fn rotate(&self, pair: KeyPair) {
        self.active.store(Arc::new(pair.into()));
    }

    /// Returns the id of the current pair.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.load().id.clone()
    }

    pub(crate) fn load(&self) -> Guard<Arc<ActiveKey>> {
        self.active.load()
    }
}

impl From<KeyPair> for RotatingKeyPair {
    fn from(pair: KeyPair) -> Self {
        Self::new(pair)
    }
}

impl From<KeyPair> for ActiveKey {
    fn from(pair: KeyPair) -> Self {
        let (id, secret) = pair.into_parts();
        Self {
            pair_id: cache::next_id(),
            id,
            macs: MacCache::new(secret),
        }
    }
}

impl fmt::Debug for RotatingKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotatingKeyPair")
            .field("id", &self.load().id)
            .field("secret", &format_args!("[redacted]"))
            .finish()
    }
}
