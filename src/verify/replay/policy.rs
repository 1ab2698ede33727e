//! What an answer of a guard means for the request.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http::Response;

use super::{Claim, ClaimOutcome};
#[cfg(feature = "tracing")]
use crate::rejection::Excerpt;
use crate::{
    Rejection, RequestHead, VerifiedKey,
    verify::{Refused, ResponseForRejection},
};

/// What happens to a request whose claim could not be made because the guard is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenUnavailable {
    /// The request is refused with 503
    /// ([`Rejection::ReplayGuardUnavailable`]).
    Refuse,
    /// The request is accepted, [counted](ReplayCounts::unguarded) and, with the feature `tracing`,
    /// [logged](crate::events). **Whoever can make the guard unavailable can then send requests
    /// again.**
    Accept,
}

/// Numbers of verified requests that were not accepted as new, since the layer was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayCounts {
    /// Requests refused because they were sent before.
    pub seen: u64,
    /// Requests refused because the guard can have lost their claims.
    pub lost: u64,
    /// Requests refused because the guard was full.
    pub full: u64,
    /// Requests for which the guard was unavailable, refused or not.
    pub unavailable: u64,
    /// Those of them that were accepted.
    pub unguarded: u64,
}

/// Requests that are accepted as new are not counted: all threads would write to one number.
#[derive(Default)]
pub(super) struct Counters {
    seen: AtomicU64,
    lost: AtomicU64,
    full: AtomicU64,
    unavailable: AtomicU64,
    unguarded: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> ReplayCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReplayCounts {
            seen: read(&self.seen),
            lost: read(&self.lost),
            full: read(&self.full),
            unavailable: read(&self.unavailable),
            unguarded: read(&self.unguarded),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Decides what an outcome means for the request.
pub(super) struct Policy<R> {
    pub(super) when_unavailable: WhenUnavailable,
    pub(super) counters: Arc<Counters>,
    pub(super) refuse: Arc<R>,
}

#[cfg(feature = "tracing")]
fn key_id(key: &VerifiedKey) -> impl tracing::Value + use<> {
    tracing::field::display(Excerpt::new(key.key_id()))
}

/// Returns what has to be claimed for a request.
pub(super) fn claim_of(head: RequestHead<'_>) -> Result<Claim<'_>, Rejection> {
    let key = head.extension::<VerifiedKey>();
    let claim = key.ok_or(Rejection::NotVerified)?.claim();
    claim.ok_or(Rejection::NoClaim)
}

impl<R: ResponseForRejection> Policy<R> {
    #[cfg_attr(
        not(feature = "tracing"),
        allow(unused_variables, reason = "only the event needs the head")
    )]
    pub(super) fn decide(
        &self,
        outcome: ClaimOutcome,
        head: RequestHead<'_>,
    ) -> Result<(), Rejection> {
        match outcome {
            ClaimOutcome::New => Ok(()),
            ClaimOutcome::Seen => {
                count(&self.counters.seen);
                Err(Rejection::Replayed)
            }
            ClaimOutcome::Lost => {
                count(&self.counters.lost);
                Err(Rejection::ClaimsLost)
            }
            ClaimOutcome::Full => {
                count(&self.counters.full);
                Err(Rejection::ReplayGuardFull)
            }
            ClaimOutcome::Unavailable => {
                count(&self.counters.unavailable);
                match self.when_unavailable {
                    WhenUnavailable::Refuse => Err(Rejection::ReplayGuardUnavailable),
                    WhenUnavailable::Accept => {
                        count(&self.counters.unguarded);
                        #[cfg(feature = "tracing")]
                        tracing::warn!(
                            target: crate::events::VERIFY,
                            key_id = head.extension::<VerifiedKey>().map(key_id),
                            "request accepted without its claim: the guard against replays is \
                             unavailable"
                        );
                        Ok(())
                    }
                }
            }
        }
    }

    pub(super) fn refused(&self, head: RequestHead<'_>, why: Rejection) -> Response<Bytes> {
        Refused::after_verification(head, why).answer(&*self.refuse)
    }
}
