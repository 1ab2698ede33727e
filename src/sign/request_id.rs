//! Random ids that name a request in the gateway's log.

use std::{
    hash::{BuildHasher as _, RandomState},
    io::Write as _,
};

use http::HeaderValue;

/// The length of a UUID's text.
const LEN: usize = 36;

/// Returns a random UUID: version 4 of RFC 9562, section 5.4.
///
/// The id has to be unique, not secret, so the hasher of the standard library's maps is enough: the
/// operating system gives each thread its keys, and each new `RandomState` changes them.
pub(super) fn random() -> Option<HeaderValue> {
    let state = RandomState::new();
    let (high, low) = (state.hash_one(0_u8), state.hash_one(1_u8));
    // The version is 4, the variant 0b10.
    let high = high & !0xf000 | 0x4000;
    let low = low & (u64::MAX >> 2) | 1 << 63;
    let mut text = [0; LEN];
    let written = write!(
        text.as_mut_slice(),
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff,
    );
    debug_assert!(written.is_ok(), "a UUID has {LEN} characters");
    HeaderValue::from_bytes(&text).ok()
}
