//! Thread-local cache of signatures whose only varying input is the current second.
//!
//! Each thread has its own entries, and each entry its own allocation for the values: threads that cloned values of one
//! allocation would all write to its reference count, and be slower than threads that sign every request again. An entry
//! holds what is sent and what was signed, no key.

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
    wire::{
        date::{IMF_FIXDATE_LEN, Timestamp},
        signing_string::SigningString,
    },
};

/// How many entries a thread has: neither memory nor look-up grows with signers that have come and gone.
const ENTRIES: usize = 8;

thread_local! {
    static CACHE: RefCell<[Option<CacheEntry>; ENTRIES]> =
        const { RefCell::new([const { None }; ENTRIES]) };
}

/// Returns a number that was never returned before, for a set of a signer's options or for a key pair.
///
/// An address would not do: after a signer is dropped, the next may have the same one, and would send what is cached for
/// the first.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// All that a cached signature depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct CacheKey {
    /// The signer's, with all its options.
    signer_id: u64,
    /// The key pair's.
    pair_id: u64,
    second: u64,
}

struct CacheEntry {
    key: CacheKey,
    signed: SignedHeaders,
    /// Boxed, so that a look-up reads one or two cache lines.
    signing: Box<Signing>,
}

/// What the next second's signature is computed from.
struct Signing {
    string: SigningString,
    /// Where in the signing string the date is.
    date_at: usize,
}

/// The one place where a signer's entry can be, so that a look-up is one comparison.
///
/// Knuth's multiplicative hashing: signers that are made alike have ids that are equally far apart. The remainder by
/// [`ENTRIES`] could be the same for all of them, and they would replace each other's entry at every request.
fn position(signer_id: u64) -> usize {
    const SHIFT: u32 = u64::BITS - ENTRIES.trailing_zeros();
    let spread = signer_id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> SHIFT;
    usize::try_from(spread).unwrap_or_default()
}

impl Signer {
    /// Signs a request of which nothing but the time is signed, unless it has a listed header itself, with what this
    /// thread has cached; `None` for any other request, and where the thread is ending.
    pub(super) fn sign_from_cache(&self, headers: &mut HeaderMap, now: Timestamp) -> Option<()> {
        let Inner {
            components, keys, ..
        } = &*self.inner;
        let has = |name: &HeaderName| headers.contains_key(name);
        // The supplied ones are looked for when they are set.
        if headers.len() > MAX_HEADERS || components.own().iter().any(has) {
            return None;
        }
        // One pair for the look-up and for signing: a pair that is rotated in between must not sign what is then kept
        // under the earlier one's id.
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

    /// Makes this key's entry; `None` if it cannot be cached.
    ///
    /// Where only the second is another, the signing string and `Authorization` are the same but for the date and the
    /// signature. Writing them again would make the first request of a second take 40 % longer.
    fn renew(
        &self,
        entry: &mut Option<CacheEntry>,
        key: CacheKey,
        keys: &ActiveKey,
        now: Timestamp,
    ) -> Option<()> {
        let date = now.imf_fixdate();
        if let Some(entry) = entry
            && (entry.key.signer_id, entry.key.pair_id) == (key.signer_id, key.pair_id)
        {
            let Signing { string, date_at } = &mut *entry.signing;
            *string.array_at(*date_at)? = date;
            let mac = keys.macs.keyed(self.inner.algorithm);
            entry.signed.renew(&date, &mac.tag(string.as_bytes()))?;
            entry.key = key;
            return Some(());
        }
        *entry = Some(self.entry(key, keys, now, &date)?);
        Some(())
    }

    fn entry(
        &self,
        key: CacheKey,
        keys: &ActiveKey,
        now: Timestamp,
        date: &[u8; IMF_FIXDATE_LEN],
    ) -> Option<CacheEntry> {
        // All requests without any of the listed headers are signed alike.
        let (uri, headers) = (Uri::default(), HeaderMap::new());
        let head = RequestHead::new(&Method::GET, &uri, Version::HTTP_11, &headers);
        let mut string = SigningString::new();
        let signed = self.sign_with(keys, &head, (now, date), &mut string);
        let (signed, date_at) = signed.ok()?;
        let signing = Signing {
            string,
            date_at: date_at?,
        };
        Some(CacheEntry {
            key,
            signed,
            signing: Box::new(signing),
        })
    }
}
