use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::FutureExt as _;

use super::{
    Found,
    fetch::{Fetched, SharedFetch},
    stats::Counters,
};
use crate::verify::KeyLookup;

/// Resolves to a key, at once if it was cached.
///
/// Requires the feature `cached-keys`.
///
/// This is the future of a lookup in [`CachedKeys`](crate::verify::CachedKeys).
#[must_use = "futures do nothing unless polled"]
pub struct CachedLookup(State);

enum State {
    Found(Found),
    Fetching {
        fetch: SharedFetch,
        counters: Arc<Counters>,
    },
    Done,
}

impl CachedLookup {
    pub(super) fn found(found: Found) -> Self {
        Self(State::Found(found))
    }

    pub(super) fn fetching(fetch: SharedFetch, counters: Arc<Counters>) -> Self {
        Self(State::Fetching { fetch, counters })
    }
}

impl Future for CachedLookup {
    type Output = Found;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Found> {
        match mem::replace(&mut self.0, State::Done) {
            State::Found(found) => Poll::Ready(found),
            State::Fetching {
                mut fetch,
                counters,
            } => match fetch.poll_unpin(cx) {
                Poll::Ready(Fetched { found, is_stale }) => {
                    if is_stale {
                        counters.stale.increment();
                    } else if matches!(found, KeyLookup::Unavailable) {
                        counters.unavailable.increment();
                    }
                    Poll::Ready(found)
                }
                Poll::Pending => {
                    self.0 = State::Fetching { fetch, counters };
                    Poll::Pending
                }
            },
            // Polled again after it completed, which the contract of futures leaves open: it stays
            // pending instead of panicking.
            State::Done => Poll::Pending,
        }
    }
}

impl fmt::Debug for CachedLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedLookup").finish_non_exhaustive()
    }
}
