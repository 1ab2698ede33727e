//! Signatures that depend on nothing but the second, kept until it is over.
//!
//! Each thread has its own, down to the reference counts of the values: threads that share those are slower than
//! threads that sign afresh. A slot holds header values only, no key, and answers for exactly one configuration of a
//! signer, one key pair and one second, all of them numbers that are never used again.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
};

use http::Request;

use super::{Inner, SignedHeaders, Signer, error::MAX_HEADERS};
use crate::{RequestHead, http_date::Timestamp};

/// How many a thread keeps: neither memory nor look-up grows with signers that have come and gone.
const SLOTS: usize = 8;

/// What a signature depends on, where it depends on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// The signer's, with all its options.
    configuration: u64,
    /// The key pair's, read before the pair: so it is never a later pair's than the one that signs.
    generation: u64,
    second: u64,
}

type Slot = Option<(Moment, SignedHeaders)>;

thread_local! {
    static CACHE: RefCell<[Slot; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
}

/// A number that no configuration and no key pair has had before.
pub(crate) fn unused_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Moment {
    /// One place for each, so that a look-up is one comparison.
    fn slot(self, slots: &[Slot; SLOTS]) -> Option<&Slot> {
        slots.get(self.position())
    }

    /// Knuth's multiplicative hashing: signers that are made alike have numbers that are equally far apart, and must not
    /// all have one place.
    fn position(self) -> usize {
        const SHIFT: u32 = u64::BITS - SLOTS.trailing_zeros();
        let spread = self.configuration.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> SHIFT;
        usize::try_from(spread).unwrap_or_default()
    }

    /// Uses what this thread has signed at this moment, if it has; `None` as well where the thread is ending or the cache
    /// is in use further up the stack.
    pub(super) fn recall<T>(self, use_it: impl FnOnce(&SignedHeaders) -> Option<T>) -> Option<T> {
        CACHE
            .try_with(|cache| {
                let slots = cache.try_borrow().ok()?;
                match self.slot(&slots)? {
                    Some((moment, signed)) if *moment == self => use_it(signed),
                    _ => None,
                }
            })
            .ok()
            .flatten()
    }

    pub(super) fn keep(self, signed: &SignedHeaders) {
        let _not_while_the_thread_ends = CACHE.try_with(|cache| {
            if let Ok(mut slots) = cache.try_borrow_mut()
                && let Some(slot) = slots.get_mut(self.position())
            {
                *slot = Some((self, signed.clone()));
            }
        });
    }
}

impl Signer {
    /// The moment in which a request is signed, if what this thread has signed in it would do.
    pub(super) fn moment<B>(&self, request: &Request<B>, now: Timestamp) -> Option<Moment> {
        let Inner { options, keys, .. } = &*self.inner;
        let head = RequestHead::from(request);
        let headers = request.headers();
        if !options.depends_on_time_alone() || head.has_digest() || headers.len() > MAX_HEADERS {
            return None;
        }
        // The supplied ones are looked for when they are set.
        if options.own().iter().any(|name| headers.contains_key(name)) {
            return None;
        }
        Some(Moment {
            configuration: self.inner.configuration,
            generation: keys.generation(),
            second: now.seconds(),
        })
    }
}
