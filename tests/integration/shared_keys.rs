//! Keys that change while requests are verified, and ids with two secrets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use http::Request;
use tower_hmac_auth::{
    KeyId, KeyPair, Rejection, RequestHead, SecretKey, Signer, StaticKeys, VerifiedKey, Verifier,
    verify::{KeyAccess, KeyLookup, KeyStore, SharedKeys, VerifyingKey},
};

use crate::common::{FRIDAY, KEY_ID, SECRET, at, keys};

fn secret(text: &str) -> SecretKey {
    SecretKey::new(text).unwrap()
}

fn pair(id: &str, secret: &str) -> KeyPair {
    KeyPair::new(id, secret).unwrap()
}

fn id() -> KeyId {
    keys().id().clone()
}

fn signed(keys: KeyPair) -> Request<()> {
    let mut request = Request::get("/").body(()).unwrap();
    let signer = Signer::new(keys);
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    request
}

fn verify(
    store: &(impl KeyStore + ?Sized),
    request: &Request<()>,
) -> Result<VerifiedKey, Rejection> {
    let verifier = Verifier::new();
    let head = RequestHead::from(request);
    let credentials = verifier.read(head, at(FRIDAY))?;
    let lookup = store.lookup(credentials.key_id(), head);
    verifier.verify(credentials, lookup)
}

#[test]
fn either_of_two_secrets_is_accepted_and_the_server_learns_which_was_used() {
    let both = || VerifyingKey::with_previous(&secret("the-new-secret"), &secret("the-old-secret"));
    let mut in_memory = StaticKeys::new();
    in_memory.insert_key(id(), both());
    let shared = SharedKeys::new();
    shared.insert_key(id(), both());
    let key = Arc::new(both());
    let closure = move |_: &str, _: RequestHead<'_>| KeyLookup::Key(key.clone(), KeyAccess::Bound);

    let stores: [&dyn KeyStore; 3] = [&in_memory, &shared, &closure];
    for store in stores {
        let new = verify(store, &signed(pair(KEY_ID, "the-new-secret"))).unwrap();
        assert!(!new.used_previous_secret());
        let old = verify(store, &signed(pair(KEY_ID, "the-old-secret"))).unwrap();
        assert!(old.used_previous_secret());
        let other = verify(store, &signed(pair(KEY_ID, "another-secret")));
        assert_eq!(other, Err(Rejection::SignatureMismatch));
    }
}

#[test]
fn a_secret_that_is_current_and_previous_counts_as_current() {
    let shared = SharedKeys::new();
    let key = VerifyingKey::with_previous(&secret(SECRET), &secret(SECRET));
    shared.insert_key(id(), key);
    assert!(
        !verify(&shared, &signed(keys()))
            .unwrap()
            .used_previous_secret()
    );
}

#[test]
fn changes_are_seen_by_every_clone() {
    let shared = SharedKeys::new();
    let other = shared.clone();
    let request = signed(keys());
    assert_eq!(verify(&other, &request), Err(Rejection::KeyUnknown));

    shared.insert(&keys());
    assert!(verify(&other, &request).is_ok());

    shared.insert(&pair(KEY_ID, "another-secret"));
    assert_eq!(verify(&other, &request), Err(Rejection::SignatureMismatch));
    assert_eq!(other.len(), 1);

    assert!(shared.remove(KEY_ID));
    assert!(!shared.remove(KEY_ID));
    assert_eq!(verify(&other, &request), Err(Rejection::KeyUnknown));
    assert!(other.is_empty());
}

#[test]
fn replace_all_keeps_only_the_new_keys_and_of_two_with_one_id_the_later() {
    let ids = (0..2_000).map(|number| format!("key-{number}"));
    let shared: SharedKeys = ids.map(|id| pair(&id, "a-secret")).collect();
    assert_eq!(shared.len(), 2_000);
    assert!(verify(&shared, &signed(pair("key-1999", "a-secret"))).is_ok());

    let new = [pair(KEY_ID, "another-secret"), keys()];
    shared.replace_all(new.iter().map(|pair| (pair.id().clone(), pair.into())));
    assert_eq!(shared.len(), 1);
    assert!(verify(&shared, &signed(keys())).is_ok());
    let removed = verify(&shared, &signed(pair("key-1999", "a-secret")));
    assert_eq!(removed, Err(Rejection::KeyUnknown));
}

#[test]
fn a_request_that_has_its_key_is_verified_with_it_although_the_key_is_removed() {
    let shared = SharedKeys::from_iter([keys()]);
    let request = signed(keys());
    let verifier = Verifier::new();
    let head = RequestHead::from(&request);
    let credentials = verifier.read(head, at(FRIDAY)).unwrap();
    let lookup = shared.lookup(credentials.key_id(), head);
    let copy = lookup.clone();
    shared.remove(KEY_ID);
    assert!(verifier.verify(credentials.clone(), lookup).is_ok());
    assert!(verifier.verify(credentials, copy).is_ok());
    assert_eq!(verify(&shared, &request), Err(Rejection::KeyUnknown));
}

#[test]
fn a_key_that_is_always_there_is_never_refused_while_others_change() {
    let shared = SharedKeys::from_iter([keys()]);
    let request = signed(keys());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    verify(&shared, &request).unwrap();
                }
            });
        }
        let changes = scope.spawn(|| {
            for round in 0..200 {
                let other = pair(&format!("other-{round}"), "a-secret");
                let new = [keys(), other.clone()];
                shared.replace_all(new.iter().map(|pair| (pair.id().clone(), pair.into())));
                shared.insert(&keys());
                assert!(verify(&shared, &signed(other.clone())).is_ok());
                assert!(shared.remove(other.id().as_str()));
                assert_eq!(verify(&shared, &signed(other)), Err(Rejection::KeyUnknown));
            }
        });
        // The other threads have to end even if this one failed.
        let changed = changes.join();
        done.store(true, Ordering::Relaxed);
        changed.unwrap();
    });
}

#[test]
fn changes_by_several_threads_are_all_kept() {
    let shared = SharedKeys::new();
    thread::scope(|scope| {
        for thread in 0..4 {
            let shared = &shared;
            scope.spawn(move || {
                let request = Request::new(());
                let pairs: Vec<_> = (0..200)
                    .map(|number| pair(&format!("{thread}-{number}"), "a-secret"))
                    .collect();
                // Few enough keys for the threads to change the same part of the store often.
                for _ in 0..100 {
                    for pair in &pairs {
                        shared.insert(pair);
                    }
                    for pair in &pairs {
                        let found = shared.lookup(pair.id().as_str(), RequestHead::from(&request));
                        assert!(matches!(found, KeyLookup::Key(..)));
                        assert!(shared.remove(pair.id().as_str()));
                    }
                }
            });
        }
    });
    assert!(shared.is_empty());
}

#[test]
fn debug_shows_neither_secrets_nor_ids() {
    let shared = SharedKeys::from_iter([keys()]);
    assert_eq!(format!("{shared:?}"), "SharedKeys { len: 1, .. }");
    let request = signed(keys());
    let found = shared.lookup(KEY_ID, RequestHead::from(&request));
    let expected = "Key(KeyRef([redacted]), Bound)";
    assert_eq!(format!("{found:?}"), expected);
}
