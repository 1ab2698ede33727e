//! What `Authorization` is before it is signed.
//!
//! It depends on the signer, the key pair and the names of what is signed, so that each thread keeps the text that it has
//! last written for a signer, and writes only the signature anew.

use std::{cell::RefCell, ops::Range};

use super::{
    cache::{self, SLOTS},
    rotation::Current,
    signer::{Inner, Signer},
};
use crate::{
    header::DIGESTS,
    mac::Tag,
    wire::credentials::{self, Encoder, Times},
};

/// Room for the values of nearly every request, in bytes.
const ROOM: usize = 256;

thread_local! {
    static DRAFTS: RefCell<[Option<(Wording, Draft)>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
}

/// Which names are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Entries of the signer's list: a bit for each, the first one's the lowest.
    pub(super) listed: u64,
    /// Those of [`DIGESTS`] that are signed whatever the list says, in the same way.
    pub(super) digests: u64,
}

/// All that the text depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Wording {
    /// The signer's, with all its components.
    configuration: u64,
    /// The key pair's.
    pair: u64,
    names: Names,
}

/// `Authorization`, whatever its signature, and what stands before it in the same allocation.
pub(super) struct Draft {
    pub(super) text: Vec<u8>,
    /// Where in the text the signature is.
    signature: Range<usize>,
}

impl Draft {
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            text: Vec::with_capacity(ROOM),
            signature: 0..0,
        }
    }

    #[inline]
    pub(super) fn sign(&mut self, tag: &Tag) {
        if let Some(place) = self.text.get_mut(self.signature.clone()) {
            credentials::write_signature(place, tag);
        }
    }

    /// Adds what is kept for this wording; `None` if nothing is.
    #[inline]
    fn recall(&mut self, wording: &Wording) -> Option<()> {
        let recall = |drafts: &RefCell<[Option<(Wording, Self)>; SLOTS]>| {
            let drafts = drafts.try_borrow().ok()?;
            match drafts.get(cache::position(wording.configuration))? {
                Some((kept, draft)) if kept == wording => {
                    let before = self.text.len();
                    self.text.extend_from_slice(&draft.text);
                    self.signature = before + draft.signature.start..before + draft.signature.end;
                    Some(())
                }
                _ => None,
            }
        };
        DRAFTS.try_with(recall).ok().flatten()
    }

    /// Keeps what stands from here on for this wording.
    fn keep(&self, wording: Wording, begin: usize) {
        let _not_while_the_thread_ends = DRAFTS.try_with(|drafts| {
            if let Ok(mut drafts) = drafts.try_borrow_mut()
                && let Some(slot) = drafts.get_mut(cache::position(wording.configuration))
                && let Some(text) = self.text.get(begin..)
            {
                let (kept, draft) = slot.get_or_insert_with(|| (wording, Self::new()));
                *kept = wording;
                draft.text.clear();
                draft.text.extend_from_slice(text);
                draft.signature = self.signature.start - begin..self.signature.end - begin;
            }
        });
    }
}

impl Signer {
    /// Adds `Authorization` with these names.
    #[inline]
    pub(super) fn draft(
        &self,
        keys: &Current,
        names: Names,
        times: &Times<String>,
        draft: &mut Draft,
    ) {
        let wording = Wording {
            configuration: self.inner.configuration,
            pair: keys.generation,
            names,
        };
        if self.inner.components.signs_times() || draft.recall(&wording).is_none() {
            self.write_draft(keys, wording, times, draft);
        }
    }

    #[inline(never)]
    fn write_draft(
        &self,
        keys: &Current,
        wording: Wording,
        times: &Times<String>,
        draft: &mut Draft,
    ) {
        let Inner {
            algorithm,
            ref template,
            ref components,
            ..
        } = *self.inner;
        let Wording { names, .. } = wording;
        let Draft { text, signature } = draft;
        let begin = text.len();
        let mut authorization = Encoder::begin(text, template, &keys.id, times);
        let list = components.list();
        if names.listed.count_ones() as usize == list.len() {
            authorization.list(components.names());
        } else {
            for listed in chosen(list, names.listed) {
                authorization.list(&listed.name);
            }
        }
        for name in chosen(&DIGESTS, names.digests) {
            authorization.list(name.as_str());
        }
        *signature = authorization.end(algorithm);
        if !components.signs_times() {
            draft.keep(wording, begin);
        }
    }
}

/// Those whose bit is set, the first one's being the lowest.
pub(super) fn chosen<T>(all: &[T], bits: u64) -> impl Iterator<Item = &T> + Clone {
    let is_chosen = move |position: usize| bits >> position & 1 == 1;
    let all = all.iter().enumerate();
    all.filter_map(move |(position, one)| is_chosen(position).then_some(one))
}
