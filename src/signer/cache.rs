//! Signatures that depend on nothing but the second, kept until it is over.
//!
//! Each thread has its own, down to the reference counts of the values: threads that share those are slower than
//! threads that sign afresh. A slot holds what is sent and what was signed, no key, and answers for exactly one
//! configuration of a signer, one key pair and one second, all of them numbers that are never used again. In the next second
//! only the date and the signature are made anew.

use std::{
    cell::RefCell,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderName, Method, Uri, Version};

use super::{Inner, SignedHeaders, Signer, error::MAX_HEADERS, values::Values};
use crate::{RequestHead, SigningString, algorithm::KeyedMac, authorization, http_date::Timestamp};

/// How many a thread keeps: neither memory nor look-up grows with signers that have come and gone.
const SLOTS: usize = 8;

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
    draft: Box<Draft>,
}

/// What the next second is signed with: out of the way of what is looked at for each request.
struct Draft {
    /// The number of the pair that has signed.
    pair: u64,
    string: SigningString,
    /// Where in the signing string the date is.
    date_at: usize,
    /// The date, and `Authorization`, whatever its signature.
    text: Vec<u8>,
    /// Where in the text the signature is.
    signature: Range<usize>,
}

impl Moment {
    /// One place for each configuration, so that a look-up is one comparison.
    ///
    /// Knuth's multiplicative hashing: signers that are made alike have numbers that are equally far apart, and must not
    /// all have one place.
    fn position(self) -> usize {
        const SHIFT: u32 = u64::BITS - SLOTS.trailing_zeros();
        let spread = self.configuration.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> SHIFT;
        usize::try_from(spread).unwrap_or_default()
    }
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
                let slot = slots.get_mut(moment.position())?;
                if slot.as_ref().is_none_or(|kept| kept.moment != moment) {
                    self.renew(slot, moment, now)?;
                }
                slot.as_ref()?.signed.copy_to(headers)
            })
            .ok()
            .flatten()
    }

    /// Fills a slot with what is signed at this moment; `None` if it cannot be kept.
    #[inline(never)]
    fn renew(&self, slot: &mut Option<Kept>, moment: Moment, now: Timestamp) -> Option<()> {
        if let Some(kept) = slot
            && kept.moment.configuration == moment.configuration
        {
            // The bytes are written well before they are read again, which the processor likes.
            let draft = &mut *kept.draft;
            // Before the pair is taken, as what has just been written is slow to be read.
            draft.set_date(now)?;
            let keys = self.inner.keys.load();
            if draft.pair == keys.generation {
                draft.sign(keys.macs.keyed(self.inner.algorithm), &mut kept.signed)?;
                kept.moment = moment;
                return Some(());
            }
        }
        *slot = Some(self.kept(moment, now)?);
        Some(())
    }

    fn kept(&self, moment: Moment, now: Timestamp) -> Option<Kept> {
        // Any request does that has none of the listed headers.
        let (uri, headers) = (Uri::default(), HeaderMap::new());
        let head = RequestHead::new(&Method::GET, &uri, Version::HTTP_11, &headers);
        let date = now.imf_fixdate();
        let keys = self.inner.keys.load();
        let mut string = SigningString::new();
        let fresh = self
            .sign_with(&keys, &head, (now, &date), &mut string)
            .ok()?;
        let (date_at, signature, len) =
            (fresh.date_at()?, fresh.signature.clone(), fresh.text.len());
        let signed = fresh.into_headers();
        let text = [&date, signed.authorization.as_bytes()].concat();
        let supplied_len = len.checked_sub(text.len())?;
        let draft = Draft {
            pair: keys.generation,
            string,
            date_at,
            text,
            signature: signature.start.checked_sub(supplied_len)?
                ..signature.end.checked_sub(supplied_len)?,
        };
        Some(Kept {
            moment,
            signed,
            draft: Box::new(draft),
        })
    }
}

impl Draft {
    fn set_date(&mut self, now: Timestamp) -> Option<()> {
        now.write_imf_fixdate(self.string.array_at(self.date_at)?);
        now.write_imf_fixdate(self.text.first_chunk_mut()?);
        Some(())
    }

    /// Renews the date and `Authorization`.
    #[inline]
    fn sign(&self, mac: &KeyedMac, signed: &mut SignedHeaders) -> Option<()> {
        let mut text = self.text.clone();
        let tag = mac.tag(self.string.as_bytes());
        authorization::write_signature(text.get_mut(self.signature.clone())?, &tag);
        let mut values = Values::new(text);
        if let Some((_, date)) = &mut signed.date {
            *date = values.date();
        }
        signed.authorization = values.authorization();
        Some(())
    }
}
