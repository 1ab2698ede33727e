//! What `Authorization` is before it is signed.

use std::ops::Range;

use super::{
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

/// Which names are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Entries of the signer's list: a bit for each, the first one's the lowest.
    pub(super) listed: u64,
    /// Those of [`DIGESTS`] that are signed whatever the list says, in the same way.
    pub(super) digests: u64,
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
}

impl Signer {
    /// Adds `Authorization` with these names.
    pub(super) fn draft(
        &self,
        keys: &Current,
        names: Names,
        times: &Times<String>,
        draft: &mut Draft,
    ) {
        let Inner {
            algorithm,
            ref template,
            ref options,
            ..
        } = *self.inner;
        let Draft { text, signature } = draft;
        let mut authorization = Encoder::begin(text, template, &keys.id, times);
        let list = options.list();
        if names.listed.count_ones() as usize == list.len() {
            authorization.list(options.names());
        } else {
            for listed in chosen(list, names.listed) {
                authorization.list(&listed.spelling);
            }
        }
        for name in chosen(&DIGESTS, names.digests) {
            authorization.list(name.as_str());
        }
        *signature = authorization.end(algorithm);
    }
}

/// Those whose bit is set, the first one's being the lowest.
pub(super) fn chosen<T>(all: &[T], bits: u64) -> impl Iterator<Item = &T> + Clone {
    let is_chosen = move |position: usize| bits >> position & 1 == 1;
    let all = all.iter().enumerate();
    all.filter_map(move |(position, one)| is_chosen(position).then_some(one))
}
