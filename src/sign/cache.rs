//! Signatures that depend on nothing but the second, kept until it is over.
//!
//! Each thread has its own, down to the reference counts of the values: threads that share those are slower than
//! threads that sign afresh. A slot holds what is sent and what was signed, no key, and answers for exactly one
//! configuration of a signer, one key pair and one second, all of them numbers that are never used again. In the next second
//! only the date and the signature are made anew.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderName, Method, Uri, Version};

use super::{
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

/// How many a thread keeps: neither memory nor look-up grows with signers that have come and gone.
pub(super) const SLOTS: usize = 8;

thread_local! {
    static CACHE: RefCell<[Option<Kept>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
}

/// A number that no configuration and no key pair has had before.
pub(crate) fn unused_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What a signature depends on, where it depends on nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Moment {
    /// The signer's, with all its options.
    configuration: u64,
    /// The key pair's, read before the pair: so it is never a later pair's than the one that signs.
    generation: u64,
    second: u64,
}

struct Kept {
    moment: Moment,
    signed: SignedHeaders,
    signing: Box<Signing>,
}

/// What the next second is signed with: out of the way of what is looked at for each request.
struct Signing {
    /// The number of the pair that has signed.
    pair: u64,
    string: SigningString,
    /// Where in the signing string the date is.
    date_at: usize,
}

/// One place for each configuration, so that a look-up is one comparison.
///
/// Knuth's multiplicative hashing: signers that are made alike have numbers that are equally far apart, and must not
/// all have one place.
pub(super) fn position(configuration: u64) -> usize {
    const SHIFT: u32 = u64::BITS - SLOTS.trailing_zeros();
    let spread = configuration.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> SHIFT;
    usize::try_from(spread).unwrap_or_default()
}

impl Signer {
    /// Signs a request of which nothing but the time is signed, unless it has a listed header itself, with what this
    /// thread keeps for it; `None` for any other request, and where the thread is ending.
    pub(super) fn sign_from_cache(&self, headers: &mut HeaderMap, now: Timestamp) -> Option<()> {
        let Inner { options, keys, .. } = &*self.inner;
        let has = |name: &HeaderName| headers.contains_key(name);
        // The supplied ones are looked for when they are set.
        if headers.len() > MAX_HEADERS || options.own().iter().any(has) {
            return None;
        }
        let moment = Moment {
            configuration: self.inner.configuration,
            generation: keys.generation(),
            second: now.seconds(),
        };
        CACHE
            .try_with(|cache| {
                let mut slots = cache.try_borrow_mut().ok()?;
                let slot = slots.get_mut(position(moment.configuration))?;
                if slot.as_ref().is_none_or(|kept| kept.moment != moment) {
                    self.renew(slot, moment, now)?;
                }
                slot.as_ref()?.signed.copy_to(headers)
            })
            .ok()
            .flatten()
    }

    /// Fills a slot with what is signed at this moment; `None` if it cannot be kept.
    fn renew(&self, slot: &mut Option<Kept>, moment: Moment, now: Timestamp) -> Option<()> {
        // Before the pair is taken, as what has just been written is slow to be read.
        let date = now.imf_fixdate();
        let keys = self.inner.keys.load();
        if let Some(kept) = slot
            && kept.moment.configuration == moment.configuration
            && kept.signing.pair == keys.generation
        {
            let Signing {
                string, date_at, ..
            } = &mut *kept.signing;
            *string.array_at(*date_at)? = date;
            let tag = keys.macs.keyed(self.inner.algorithm).tag(string.as_bytes());
            kept.signed.renew(&date, &tag)?;
            kept.moment = moment;
            return Some(());
        }
        *slot = Some(self.kept(moment, now, &date)?);
        Some(())
    }

    fn kept(&self, moment: Moment, now: Timestamp, date: &[u8; IMF_FIXDATE_LEN]) -> Option<Kept> {
        // Any request does that has none of the listed headers.
        let (uri, headers) = (Uri::default(), HeaderMap::new());
        let head = RequestHead::new(&Method::GET, &uri, Version::HTTP_11, &headers);
        let keys = self.inner.keys.load();
        let mut string = SigningString::new();
        let (signed, date_at) = self
            .sign_with(&keys, &head, (now, date), &mut string)
            .ok()?;
        let signing = Signing {
            pair: keys.generation,
            string,
            date_at: date_at?,
        };
        Some(Kept {
            moment,
            signed,
            signing: Box::new(signing),
        })
    }
}
