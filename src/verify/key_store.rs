//! Where keys are looked up.

use std::{fmt, ops::Deref, sync::Arc};

use crate::{
    RequestHead,
    verify::{KeyLookup, VerifyingKey},
};

/// Finds the key of a key id, at once: in memory.
///
/// [`StaticKeys`](crate::StaticKeys) is one, and so is any closure `Fn(&str, RequestHead<'_>) ->
/// KeyLookup<Arc<VerifyingKey>>`, and an [`Arc`] of one. For keys that have to be waited for, see
/// [`AsyncKeyStore`].
///
/// The request's head is there to answer for a usage plan: which key may call which API. **Nothing of it is
/// verified yet**, so a store must not believe it, count by it or write because of it.
///
/// A look-up that takes longer for ids that exist tells a patient client which do: its time is the store's, and comes on top
/// of the [verifier's](crate::Verifier#timing).
///
/// The path is as the client sent it, neither decoded nor normalized: compare it whole. Below a router that rewrites it
/// (axum's `nest`), see [`VerifyLayer::original_target`](crate::VerifyLayer::original_target). A closure needs the types
/// of both its arguments written out, or the compiler says that it is "not general enough".
///
/// ```
/// use std::sync::Arc;
/// use tower_hmac_auth::{RequestHead, SecretKey, VerifyLayer, verify::{KeyAccess, KeyLookup, VerifyingKey}};
///
/// let billing = Arc::new(VerifyingKey::new(&SecretKey::new("test-secret-key-0001")?));
/// let layer = VerifyLayer::new(move |key_id: &str, head: RequestHead<'_>| match key_id {
///     "billing" if head.uri().path() == "/invoices" => KeyLookup::Key(billing.clone(), KeyAccess::Bound),
///     "billing" => KeyLookup::Key(billing.clone(), KeyAccess::NotBound),
///     _ => KeyLookup::Unknown,
/// });
/// # Ok::<(), tower_hmac_auth::error::KeyError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no key store",
    note = "a store that has to be waited for goes inside `AsyncKeys`; a closure needs the types of both its arguments"
)]
pub trait KeyStore {
    /// Finds the key, borrowed from the store or shared with it.
    fn lookup<'s>(&'s self, key_id: &str, head: RequestHead<'_>) -> KeyLookup<KeyRef<'s>>;
}

impl<F> KeyStore for F
where
    F: Fn(&str, RequestHead<'_>) -> KeyLookup<Arc<VerifyingKey>>,
{
    fn lookup<'s>(&'s self, key_id: &str, head: RequestHead<'_>) -> KeyLookup<KeyRef<'s>> {
        match self(key_id, head) {
            KeyLookup::Key(key, binding) => KeyLookup::Key(KeyRef::Shared(key), binding),
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

/// A key that was found: the store's own, or shared with it.
#[derive(Debug, Clone)]
pub enum KeyRef<'s> {
    /// Borrowed from the store.
    Borrowed(&'s VerifyingKey),
    /// Shared with the store, which may drop it meanwhile.
    Shared(Arc<VerifyingKey>),
}

impl Deref for KeyRef<'_> {
    type Target = VerifyingKey;

    fn deref(&self) -> &VerifyingKey {
        match self {
            Self::Borrowed(key) => key,
            Self::Shared(key) => key,
        }
    }
}

/// Finds the key of a key id in a database, a secrets manager: somewhere that has to be waited for.
///
/// Hand it to the layer inside [`AsyncKeys`]. Any closure of this shape is one. What it costs beside a
/// [`KeyStore`]:
///
/// - The inner service has to be `Clone`: the one that was polled ready is kept until the key is there, as in
///   [`tower::filter::AsyncFilter`](https://docs.rs/tower/latest/tower/filter/struct.AsyncFilter.html).
/// - The `Authorization` header is read twice, before the wait and behind it, because nothing can be borrowed from
///   the request meanwhile. The time is read once: a slow store makes no request stale.
/// - What waits is not bounded here: put a concurrency limit and a timeout around the layer.
/// - Servers that run requests on several threads, axum's and tonic's, need its future to be `Send` and `'static`.
/// - The wait for an unknown id and for a known one is the store's to make alike, and so is the keying of a
///   [`VerifyingKey`] that is made for one request: the [verifier](crate::Verifier#timing) does the same work for both.
pub trait AsyncKeyStore {
    /// What is waited for. It cannot borrow from the store or the request.
    type Future: Future<Output = KeyLookup<Arc<VerifyingKey>>>;

    /// Begins to find the key.
    fn lookup(&self, key_id: &str, head: RequestHead<'_>) -> Self::Future;
}

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

/// Marks a key store as one that has to be waited for: an [`AsyncKeyStore`].
///
/// ```
/// use std::sync::Arc;
/// use tower_hmac_auth::{
///     RequestHead, SecretKey, VerifyLayer, verify::{AsyncKeys, KeyAccess, KeyLookup, VerifyingKey},
/// };
///
/// async fn secret_from_database(key_id: &str) -> Result<Option<SecretKey>, std::io::Error> {
///     // …
/// #   Ok(None)
/// }
///
/// let store = |key_id: &str, _: RequestHead<'_>| {
///     // The future cannot borrow from the request, which goes on meanwhile.
///     let key_id = key_id.to_owned();
///     async move {
///         match secret_from_database(&key_id).await {
///             Ok(Some(secret)) => KeyLookup::Key(Arc::new(VerifyingKey::new(&secret)), KeyAccess::Bound),
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
