//! Key pairs as the gateway issues them: an id of 36 characters and a secret of 32.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::time::SystemTime;

use http::{HeaderValue, Request};
use tower_hmac_auth::{KeyPair, Scheme, Signer, StaticKeys, scheme::DateHeader};

pub(crate) const SECRET: &str = "ZxF2whO0RhuwnVCj5JMMAuqcDcN2oPrC";

/// Returns the pair with this number, which has a secret key of its own.
pub(crate) fn pair(number: usize) -> KeyPair {
    let secret = format!("ZxF2whO0RhuwnVCj5JMMAuqc{number:08}");
    KeyPair::new(id(number), secret).unwrap()
}

pub(crate) fn id(number: usize) -> String {
    format!("AKIDCgOPWjQ6BAxvHtyckhWABJVYS{number:07}")
}

/// Returns the pair that signs. No store has a pair with its number.
pub(crate) fn signing() -> KeyPair {
    KeyPair::new(id(9_999_999), SECRET).unwrap()
}

/// Returns a store with the pairs of all numbers below this one.
pub(crate) fn store(count: usize) -> StaticKeys {
    let store: StaticKeys = (0..count).map(pair).collect();
    assert_eq!(store.len(), count);
    store
}

/// Returns a signer of a scheme's default list.
pub(crate) fn signer(scheme: Scheme) -> Signer {
    let builder = Signer::builder(signing()).scheme(scheme);
    builder.build().unwrap()
}

/// Returns a signer of `date source` or `x-date source`, as Tencent's clients sign.
pub(crate) fn tencent(keys: KeyPair, date_header: DateHeader) -> Signer {
    Signer::builder(keys)
        .date_header(date_header)
        .source(HeaderValue::from_static("billing"))
        .build()
        .unwrap()
}

/// Signs `x-date source` with HMAC-SHA1, as Tencent's clients do.
pub(crate) fn signed(keys: KeyPair, mut request: Request<()>, now: SystemTime) -> Request<()> {
    let signer = tencent(keys, DateHeader::XDate);
    signer.sign_request(&mut request, now).unwrap();
    request
}
