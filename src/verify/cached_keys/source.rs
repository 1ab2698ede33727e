use std::{pin::Pin, sync::Arc};

use crate::verify::{KeyLookup, VerifyingKey};

/// Fetches the key of a key id from where keys are kept, for [`CachedKeys`].
///
/// Requires the feature `cached-keys`.
///
/// Any closure or `async fn` with the signature of [`fetch`](Self::fetch) is one.
///
/// - It is asked by the id alone, so that the answer can be cached. Which key may call which path
///   is decided in front of the cache: see [the guide](crate::guide::keys).
/// - **It must compare ids byte for byte**, as an
///   [`AsyncKeyStore`](crate::verify::AsyncKeyStore) must: with MySQL, in a `VARBINARY` column or
///   with the collation `utf8mb4_0900_bin`.
/// - **It needs a timeout of its own.** All requests for the id wait as long as it does.
/// - A future may be dropped before it completes: when all requests that wait for it are gone.
/// - A panic in it counts as [`KeyLookup::Unavailable`].
///
/// [`CachedKeys`]: crate::verify::CachedKeys
///
/// ```
/// use std::{io, sync::Arc};
/// use tower_hmac_auth::{
///     SecretKey,
///     verify::{CachedKeys, KeyAccess, KeyLookup, VerifyingKey},
/// };
///
/// async fn secret_from_database(key_id: &str) -> Result<Option<SecretKey>, io::Error> {
///     // …
/// #   Ok(None)
/// }
///
/// async fn fetch(key_id: String) -> KeyLookup<Arc<VerifyingKey>> {
///     match secret_from_database(&key_id).await {
///         Ok(Some(secret)) => {
///             KeyLookup::Key(Arc::new(VerifyingKey::new(&secret)), KeyAccess::Bound)
///         }
///         Ok(None) => KeyLookup::Unknown,
///         Err(_) => KeyLookup::Unavailable,
///     }
/// }
///
/// let keys = CachedKeys::new(fetch);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of keys",
    label = "not a source of keys",
    note = "a closure takes the key id as a `String` and returns a future of \
            `KeyLookup<Arc<VerifyingKey>>` that is `Send` and borrows nothing: \
            `|key_id: String| async move {{ … }}`"
)]
pub trait KeySource {
    /// The future of a fetch. It cannot borrow from the source.
    type Future: Future<Output = KeyLookup<Arc<VerifyingKey>>> + Send + 'static;

    /// Starts to fetch the key of this id.
    fn fetch(&self, key_id: String) -> Self::Future;
}

// Otherwise the compiler asks for a closure, and does not show the notes above.
#[diagnostic::do_not_recommend]
impl<F, Fut> KeySource for F
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = KeyLookup<Arc<VerifyingKey>>> + Send + 'static,
{
    type Future = Fut;

    fn fetch(&self, key_id: String) -> Fut {
        self(key_id)
    }
}

type BoxFetch = Pin<Box<dyn Future<Output = KeyLookup<Arc<VerifyingKey>>> + Send>>;

/// A source whose type is erased, so that [`CachedKeys`](crate::verify::CachedKeys) can be named in
/// the state of a server.
pub(super) struct AnySource(Box<dyn Fn(String) -> BoxFetch + Send + Sync>);

impl AnySource {
    pub(super) fn new(source: impl KeySource + Send + Sync + 'static) -> Self {
        Self(Box::new(move |key_id| Box::pin(source.fetch(key_id))))
    }

    pub(super) fn fetch(&self, key_id: String) -> BoxFetch {
        (self.0)(key_id)
    }
}
