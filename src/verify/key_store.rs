//! Key stores.

use std::{fmt, sync::Arc};

use arc_swap::Guard;

use super::static_keys::StoredKey;
use crate::{
    Algorithm, RequestHead,
    mac::KeyedMacs,
    verify::{KeyLookup, VerifyingKey},
};

/// Finds the key of a key id without waiting, in memory.
///
/// [`StaticKeys`](crate::StaticKeys) is one. So is any closure `Fn(&str, RequestHead<'_>) ->
/// KeyLookup<Arc<VerifyingKey>>`, and an [`Arc`] of a key store. For keys in a database or another
/// service, see [`AsyncKeyStore`].
///
/// The request's head is for usage plans, which say which key may call which API. **Nothing in it
/// is verified yet**, so a store must not trust it, count requests by it, or write anything because
/// of it.
///
/// Ids must be compared byte for byte. The claim of a
/// [`ReplayGuard`](crate::verify::ReplayGuard) has the id as it was sent, so with a store that
/// ignores case or trailing spaces, a request can be sent again under another spelling of its id.
///
/// Lookup time should not depend on whether the id exists; otherwise timing reveals valid ids. The
/// [verifier](crate::Verifier#timing) only takes care of its own part of the time.
///
/// The path is as the client sent it, neither decoded nor normalized: compare all of it. Below a
/// router that rewrites it (axum's `nest`), see
/// [`VerifyLayer::original_target`](crate::VerifyLayer::original_target).
///
/// A closure needs explicit types for both arguments. Otherwise the compiler says that it is "not
/// general enough".
///
/// ```
/// use std::sync::Arc;
/// use tower_hmac_auth::{
///     RequestHead, SecretKey, VerifyLayer,
///     verify::{KeyAccess, KeyLookup, VerifyingKey},
/// };
///
/// let billing = Arc::new(VerifyingKey::new(&SecretKey::new("test-secret-key-0001")?));
/// let layer = VerifyLayer::new(move |key_id: &str, head: RequestHead<'_>| match key_id {
///     "billing" if head.uri().path() == "/invoices" => {
///         KeyLookup::Key(billing.clone(), KeyAccess::Bound)
///     }
///     "billing" => KeyLookup::Key(billing.clone(), KeyAccess::NotBound),
///     _ => KeyLookup::Unknown,
/// });
/// # Ok::<(), tower_hmac_auth::error::KeyError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key store",
    label = "not a key store",
    note = "keys in memory: `StaticKeys::from(key_pair)`, or `StaticKeys::from_iter(key_pairs)`",
    note = "a closure needs explicit argument types and returns the key at once: \
            `|key_id: &str, head: RequestHead<'_>| -> KeyLookup<Arc<VerifyingKey>>`",
    note = "a closure that returns a future, or another `AsyncKeyStore`, goes inside `AsyncKeys`"
)]
pub trait KeyStore {
    /// Finds the key. The result is borrowed from the store or shared with it.
    fn lookup<'s>(&'s self, key_id: &str, head: RequestHead<'_>) -> KeyLookup<KeyRef<'s>>;
}

// Otherwise the compiler asks for a closure, and does not show the notes above.
#[diagnostic::do_not_recommend]
impl<F> KeyStore for F
where
    F: Fn(&str, RequestHead<'_>) -> KeyLookup<Arc<VerifyingKey>>,
{
    fn lookup<'s>(&'s self, key_id: &str, head: RequestHead<'_>) -> KeyLookup<KeyRef<'s>> {
        match self(key_id, head) {
            KeyLookup::Key(key, access) => KeyLookup::Key(key.into(), access),
            KeyLookup::Unknown => KeyLookup::Unknown,
            KeyLookup::Unavailable => KeyLookup::Unavailable,
        }
    }
}

impl<K: KeyStore + ?Sized> KeyStore for Arc<K> {
    fn lookup<'s>(&'s self, key_id: &str, head: RequestHead<'_>) -> KeyLookup<KeyRef<'s>> {
        (**self).lookup(key_id, head)
    }
}

/// Refers to a key that was found in a key store: borrowed from the store, or shared with it.
///
/// It is made from a `&VerifyingKey` or an `Arc<VerifyingKey>`.
///
/// ```
/// use tower_hmac_auth::{
///     RequestHead, SecretKey,
///     verify::{KeyLookup, KeyRef, KeyStore, VerifyingKey},
/// };
///
/// struct OneKey(VerifyingKey);
///
/// impl KeyStore for OneKey {
///     fn lookup<'s>(&'s self, key_id: &str, _: RequestHead<'_>) -> KeyLookup<KeyRef<'s>> {
///         let found = (key_id == "AKIDtestkey0001").then_some(&self.0);
///         KeyLookup::from(found.map(KeyRef::from))
///     }
/// }
/// ```
#[derive(Clone)]
pub struct KeyRef<'s>(Kind<'s>);

#[derive(Clone)]
enum Kind<'s> {
    Borrowed(&'s VerifyingKey),
    Shared(Arc<VerifyingKey>),
    Stored(&'s StoredKey),
    /// From [`SharedKeys`](crate::verify::SharedKeys). Unlike a clone of an [`Arc`], it changes no
    /// reference count that threads share.
    Guarded(Guarded),
}

struct Guarded(Guard<Arc<VerifyingKey>>);

impl Clone for Guarded {
    fn clone(&self) -> Self {
        Self(Guard::from_inner(Arc::clone(&self.0)))
    }
}

impl<'s> KeyRef<'s> {
    pub(super) fn stored(key: &'s StoredKey) -> Self {
        Self(Kind::Stored(key))
    }

    pub(super) fn guarded(key: Guard<Arc<VerifyingKey>>) -> Self {
        Self(Kind::Guarded(Guarded(key)))
    }

    /// Returns the MAC states for this algorithm.
    pub(super) fn keyed(&self, algorithm: Algorithm) -> KeyedMacs<'_> {
        match &self.0 {
            Kind::Borrowed(key) => key.keyed(algorithm),
            Kind::Shared(key) => key.keyed(algorithm),
            Kind::Stored(key) => key.keyed(algorithm),
            Kind::Guarded(key) => key.0.keyed(algorithm),
        }
    }
}

impl<'s> From<&'s VerifyingKey> for KeyRef<'s> {
    fn from(key: &'s VerifyingKey) -> Self {
        Self(Kind::Borrowed(key))
    }
}

impl From<Arc<VerifyingKey>> for KeyRef<'_> {
    fn from(key: Arc<VerifyingKey>) -> Self {
        Self(Kind::Shared(key))
    }
}

impl fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRef([redacted])")
    }
}

/// Finds the key of a key id asynchronously, for example in a database or a secrets manager.
///
/// Pass it to the layer inside [`AsyncKeys`]. Any closure with the signature of
/// [`lookup`](Self::lookup) is one. `CachedKeys` is one that caches
/// what it fetches. Compared to a [`KeyStore`]:
///
/// - The inner service has to be `Clone`: the one that was polled ready is kept until the key is
///   found, as in
///   [`tower::filter::AsyncFilter`](https://docs.rs/tower/latest/tower/filter/struct.AsyncFilter.html).
/// - The `Authorization` header is read twice, before and after the wait, because nothing can
///   borrow from the request during it. The time is read once, so a slow store does not make a
///   request too old.
/// - The number of waiting requests is not limited: put a concurrency limit and a timeout around
///   the layer.
/// - Servers that run requests on several threads, such as axum's and tonic's, need the future to
///   be `Send` and `'static`.
/// - Ids must be compared byte for byte, as in a [`KeyStore`]. With MySQL, the column has to be
///   `VARBINARY` or have the collation `utf8mb4_0900_bin`: by default case is ignored, and with
///   `utf8mb4_bin` trailing spaces still are.
/// - The store has to take equally long for unknown and known ids. That includes the MAC state of a
///   [`VerifyingKey`] that is created for one request. The [verifier](crate::Verifier#timing) does
///   the same work for both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an asynchronous key store",
    label = "not an asynchronous key store",
    note = "a closure inside `AsyncKeys` needs explicit argument types and returns a future of \
            `KeyLookup<Arc<VerifyingKey>>`: `|key_id: &str, head: RequestHead<'_>|`",
    note = "a store that need not wait, such as `StaticKeys`, is passed without `AsyncKeys`"
)]
pub trait AsyncKeyStore {
    /// The future of a lookup. It cannot borrow from the store or the request.
    type Future: Future<Output = KeyLookup<Arc<VerifyingKey>>>;

    /// Starts a lookup.
    fn lookup(&self, key_id: &str, head: RequestHead<'_>) -> Self::Future;
}

// Otherwise the compiler asks for a closure, and does not show the notes above.
#[diagnostic::do_not_recommend]
impl<F, Fut> AsyncKeyStore for F
where
    F: Fn(&str, RequestHead<'_>) -> Fut,
    Fut: Future<Output = KeyLookup<Arc<VerifyingKey>>>,
{
    type Future = Fut;

    fn lookup(&self, key_id: &str, head: RequestHead<'_>) -> Fut {
        self(key_id, head)
    }
}

/// Marks a key store as an [`AsyncKeyStore`].
///
/// ```
/// use std::sync::Arc;
/// use tower_hmac_auth::{
///     RequestHead, SecretKey, VerifyLayer,
///     verify::{AsyncKeys, KeyAccess, KeyLookup, VerifyingKey},
/// };
///
/// async fn secret_from_database(key_id: &str) -> Result<Option<SecretKey>, std::io::Error> {
///     // …
/// #   Ok(None)
/// }
///
/// let store = |key_id: &str, _: RequestHead<'_>| {
///     // The future cannot borrow from the request, which the service keeps.
///     let key_id = key_id.to_owned();
///     async move {
///         match secret_from_database(&key_id).await {
///             Ok(Some(secret)) => {
///                 let key = Arc::new(VerifyingKey::new(&secret));
///                 KeyLookup::Key(key, KeyAccess::Bound)
///             }
///             Ok(None) => KeyLookup::Unknown,
///             Err(_) => KeyLookup::Unavailable,
///         }
///     }
/// };
/// let layer = VerifyLayer::new(AsyncKeys(store));
/// ```
#[derive(Clone, Copy)]
pub struct AsyncKeys<K>(
    /// The store.
    pub K,
);

impl<K> fmt::Debug for AsyncKeys<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsyncKeys(..)")
    }
}
