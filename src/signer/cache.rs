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
use crate::{RequestHead, http_date::Timestamp, keys::Current};

/// How many a thread keeps: neither memory nor look-up grows with signers that have come and gone.
const SLOTS: usize = 8;

/// What a signature depends on, where it depends on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// The signer's, with all its options.
    pub(super) configuration: u64,
    /// The key pair's.
    pub(super) generation: u64,
    pub(super) second: u64,
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

    fn position(self) -> usize {
        usize::try_from(self.configuration % SLOTS as u64).unwrap_or_default()
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

    pub(super) fn remember(self, signed: &SignedHeaders) {
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
    /// Signs with what this thread has signed in this second, where nothing else decides.
    pub(super) fn sign_as_before<B>(&self, request: &mut Request<B>, now: Timestamp) -> Option<()> {
        let Inner { options, keys, .. } = &*self.inner;
        let head = RequestHead::from(&*request);
        if !options.depends_on_time_alone()
            || head.has_digest()
            || request.headers().len() > MAX_HEADERS
        {
            return None;
        }
        // Of the listed headers, the supplied ones are looked for when they are set.
        let mut others = options.headers().filter(|name| !options.supplies(name));
        if others.any(|name| request.headers().contains_key(name)) {
            return None;
        }
        let moment = self.moment(keys.generation(), now);
        moment.recall(|signed| signed.copy_to(request.headers_mut()))
    }

    fn moment(&self, generation: u64, now: Timestamp) -> Moment {
        Moment {
            configuration: self.inner.configuration,
            generation,
            second: now.seconds(),
        }
    }

    /// Keeps what was signed, if it depends on nothing but the second.
    pub(super) fn remember(
        &self,
        keys: &Current,
        signed: &SignedHeaders,
        head: RequestHead<'_>,
        now: Timestamp,
    ) {
        let options = &self.inner.options;
        let mut own = options.headers().chain(options.supplied_names());
        let has_own = own.any(|name| head.headers().contains_key(name));
        if options.depends_on_time_alone() && !head.has_digest() && !has_own {
            self.moment(keys.generation, now).remember(signed);
        }
    }
}
