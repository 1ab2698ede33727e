//! The handle that rotates a key pair while services run.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::{ArcSwap, Guard};

use super::cache;
use crate::{KeyId, KeyPair, mac::LazyMacs};

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
    shared: Arc<Shared>,
}

struct Shared {
    current: ArcSwap<ActiveKey>,
    /// The number of the current pair, which can be read without taking a reference to the pair.
    /// During a rotation it is still that of the earlier pair for a moment.
    generation: AtomicU64,
}

/// One pair, and the MAC states computed from it.
pub(crate) struct ActiveKey {
    /// A number that no other pair has.
    pub(crate) generation: u64,
    pub(crate) id: KeyId,
    pub(crate) macs: LazyMacs,
}

impl RotatingKeyPair {
    /// Creates a handle that holds this pair.
    #[must_use]
    pub fn new(pair: KeyPair) -> Self {
        let current = ActiveKey::from(pair);
        Self {
            shared: Arc::new(Shared {
                generation: AtomicU64::new(current.generation),
                current: ArcSwap::from_pointee(current),
            }),
        }
    }

    /// Replaces the pair. Every clone of every service signs its next request with the new one.
    pub fn rotate(&self, pair: KeyPair) {
        let current = Arc::new(ActiveKey::from(pair));
        let generation = current.generation;
        // The pair first, then its number. A thread that reads the new number then also sees this
        // pair or a later one. In the other order, it could sign with the old pair, cache that
        // signature under the new number, and send the old id until the second is over. `swap`
        // instead of `store`, so that two rotations at once are ordered too: a reader of the second
        // number also sees the pair of the first.
        self.shared.current.store(current);
        let _earlier = self.shared.generation.swap(generation, Ordering::AcqRel);
    }

    /// Returns the id of the current pair.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.load().id.clone()
    }

    pub(crate) fn load(&self) -> Guard<Arc<ActiveKey>> {
        self.shared.current.load()
    }

    /// Returns the number of the current pair.
    pub(crate) fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
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
            generation: cache::next_id(),
            id,
            macs: LazyMacs::new(secret),
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
