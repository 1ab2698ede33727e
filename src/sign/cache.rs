//! Thread-local cache of signatures whose only varying input is the current second.
//!
//! Each thread has its own entries, and the values of each entry have their own allocation. If
//! threads cloned values of one allocation, they would all write to its reference count, which is
//! slower than signing every request again. An entry contains what is sent and what was signed, but
//! no key.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderName, Method, Uri, Version};

use super::{
    rotation::ActiveKey,
    signed_headers::SignedHeaders,
    signer::{Inner, Signer},
};
use crate::{
    RequestHead,
    limits::MAX_HEADERS,
    wire::{date::Timestamp, signing_string::SigningString},
};

/// The number of entries per thread. It is fixed, so that neither memory nor lookup time grows with
/// signers that were dropped.
const ENTRIES: usize = 8;

thread_local! {
    static CACHE: RefCell<[Option<CacheEntry>; ENTRIES]> =
        const { RefCell::new([const { None }; ENTRIES]) };
}

/// Returns a number that no earlier call returned, to identify a signer's options or a key pair.
///
/// An address would not be unique over time: after a signer is dropped, the next may have its
/// address and would send what is cached for the first.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The values that a cached signature depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct CacheKey {
    /// The id of the signer, with all its options.
    signer_id: u64,
    /// The id of the key pair.
    pair_id: u64,
    second: u64,
}

struct CacheEntry {
    key: CacheKey,
    signed: SignedHeaders,
    /// Boxed, so that a lookup reads one or two cache lines.
    signing: Box<Signing>,
}

/// The parts that the signature of the next second is computed from.
struct Signing {
    string: SigningString,
    /// The position of the date in the signing string.
    date_at: usize,
}

/// Returns the only position where a signer's entry can be, so that a lookup is one comparison.
///
/// This is Knuth's multiplicative hashing. Signers that are created in the same way have ids at
/// equal distances, and the remainder by [`ENTRIES`] could be the same for all of them. They would
/// then replace each other's entry at every request.
fn position(signer_id: u64) -> usize {
    const SHIFT: u32 = u64::BITS - ENTRIES.trailing_zeros();
    let spread = signer_id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> SHIFT;
    usize::try_from(spread).unwrap_or_default()
}

impl Signer {
    /// Signs a request from this thread's cache. Only a request without any of the listed headers
    /// can be signed so, and only by a signer for which nothing but the time varies. Returns `None`
    /// for any other request, and while the thread is ending.
    pub(super) fn sign_from_cache(&self, headers: &mut HeaderMap, now: Timestamp) -> Option<()> {
        let Inner {
            components, keys, ..
        } = &*self.inner;
        let has = |name: &HeaderName| headers.contains_key(name);
        // Headers that the signer supplies are looked for when they are set.
        if headers.len() > MAX_HEADERS || components.own.iter().any(has) {
            return None;
        }
        // The pair is loaded once, for the lookup and for signing. If it were loaded twice and
        // rotated in between, the new pair's signature would be cached under the old pair's id.
        let keys = keys.load();
        let key = CacheKey {
            signer_id: self.inner.signer_id,
            pair_id: keys.pair_id,
            second: now.seconds(),
        };
        CACHE
            .try_with(|cache| {
                let mut entries = cache.try_borrow_mut().ok()?;
                let entry = entries.get_mut(position(key.signer_id))?;
                if entry.as_ref().is_none_or(|entry| entry.key != key) {
                    self.renew(entry, key, &keys, now)?;
                }
                entry.as_ref()?.signed.copy_to(headers)
            })
            .ok()
            .flatten()
    }

    /// Creates or updates the entry of this key. Returns `None` if the signature cannot be cached.
    ///
    /// If only the second has changed, the signing string and `Authorization` differ in the date
    /// and the signature alone. Writing all of it again would make the first request of a second
    /// take 40 % longer.
    fn renew(
        &self,
        entry: &mut Option<CacheEntry>,
        key: CacheKey,
        keys: &ActiveKey,
        now: Timestamp,
    ) -> Option<()> {
        if let Some(entry) = entry
            && (entry.key.signer_id, entry.key.pair_id) == (key.signer_id, key.pair_id)
        {
            let date = now.imf_fixdate();
            let Signing { string, date_at } = &mut *entry.signing;
            *string.array_at(*date_at)? = date;
            let mac = keys.macs.keyed(self.inner.algorithm);
            let tag = mac.tag(string.as_bytes());
            entry.signed.renew(&self.inner.template, &date, &tag)?;
            entry.key = key;
            return Some(());
        }
        *entry = Some(self.entry(key, keys, now)?);
        Some(())
    }

    fn entry(&self, key: CacheKey, keys: &ActiveKey, now: Timestamp) -> Option<CacheEntry> {
        // All requests without any of the listed headers have the same signature.
        let (uri, headers) = (Uri::default(), HeaderMap::new());
        let head = RequestHead::new(&Method::GET, &uri, Version::HTTP_11, &headers);
        let mut string = SigningString::new();
        let signed = self.sign_with(keys, &head, now, &mut string).ok()?;
        let signing = Signing {
            string,
            date_at: signed.date_at?,
        };
        Some(CacheEntry {
            key,
            signed: signed.headers,
            signing: Box::new(signing),
        })
    }
}
