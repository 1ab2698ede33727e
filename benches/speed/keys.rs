//! Key pairs as the gateway issues them: an id of 36 characters and a secret of 32.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::time::SystemTime;

use http::{HeaderValue, Request};
use tower_hmac_auth::{KeyPair, Signer, StaticKeys};

pub(crate) const SECRET: &str = "ZxF2whO0RhuwnVCj5JMMAuqcDcN2oPrC";

/// The pair of this number, with a secret of its own.
pub(crate) fn pair(number: usize) -> KeyPair {
    let secret = format!("ZxF2whO0RhuwnVCj5JMMAuqc{number:08}");
    KeyPair::new(id(number), secret).unwrap()
}

pub(crate) fn id(number: usize) -> String {
    format!("AKIDCgOPWjQ6BAxvHtyckhWABJVYS{number:07}")
}

/// The pair that signs; its number has more digits than any in a store.
pub(crate) fn signing() -> KeyPair {
    KeyPair::new(id(9_999_999), SECRET).unwrap()
}

/// A store with the pairs of all numbers below this one.
pub(crate) fn store(count: usize) -> StaticKeys {
    let store: StaticKeys = (0..count).map(pair).collect();
    assert_eq!(store.len(), count);
    store
}

/// Signs `x-date source` with HMAC-SHA1, as Tencent's clients do.
pub(crate) fn signed(keys: KeyPair, mut request: Request<()>, now: SystemTime) -> Request<()> {
    let signer = Signer::builder(keys)
        .source(HeaderValue::from_static("billing"))
        .build()
        .unwrap();
    signer.sign_request(&mut request, now).unwrap();
    request
}
