//! Lookups in `CachedKeys`.

use std::{sync::Arc, task::Context};

use allocation_counter::measure;
use http::Request;
use tower_hmac_auth::{
    Algorithm,
    verify::{AsyncKeyStore as _, CachedKeys, KeyAccess, KeyLookup, VerifyingKey},
};

use crate::common::{KEY_ID, keys};

/// A cache in front of a source that knows every id.
fn cached_keys() -> CachedKeys {
    CachedKeys::new(|_| async {
        let key = VerifyingKey::from(&keys());
        key.prepare(Algorithm::HmacSha1);
        KeyLookup::Key(Arc::new(key), KeyAccess::Bound)
    })
}

/// Looks up an id in front of a source that answers at once.
fn look_up(cached: &CachedKeys, key_id: &str) {
    let lookup = cached.lookup(key_id, (&Request::new(())).into());
    let found = tokio_test::assert_ready!(tokio_test::task::spawn(lookup).poll());
    assert!(matches!(found, KeyLookup::Key(..)));
}

#[test]
fn a_cached_key_is_found_without_allocating() {
    let cached = cached_keys();
    let request = Request::new(());
    look_up(&cached, KEY_ID);
    let counted = measure(|| {
        let mut lookup = std::pin::pin!(cached.lookup(KEY_ID, (&request).into()));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(lookup.as_mut().poll(&mut context).is_ready());
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_cached_key_takes_512_bytes_at_most() {
    let cached = cached_keys();
    let ids = (0..10_000).map(|number| format!("AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj{number:05}"));
    let ids: Vec<_> = ids.collect();
    let counted = measure(|| ids.iter().for_each(|id| look_up(&cached, id)));
    let each = counted.bytes_current / 10_000;
    assert!((1..=512).contains(&each), "{each}");
}
