//! The guard against replays, and the counts of its answers.

use tower_hmac_auth::verify::{
    Claim, ClaimOutcome, DefaultResponseForRejection, MemoryReplayGuard, ReplayGuard, ReplayLayer,
};

use super::{arguments::Arguments, metrics, support::Result};

type Refusals = DefaultResponseForRejection;

/// The layer for `--nonce`.
pub(crate) enum Replay {
    /// Requests can be sent again.
    Allowed,
    InMemory(ReplayLayer<Counting<MemoryReplayGuard>, Refusals>),
}

impl Replay {
    pub(crate) fn of(arguments: &Arguments, refusals: Refusals) -> Result<Self> {
        if arguments.nonce.is_none() {
            return Ok(Self::Allowed);
        }
        metrics::register_claims();
        let guard = MemoryReplayGuard::builder()
            .capacity(arguments.nonce_capacity.get())
            .assume_no_earlier_claims(arguments.assume_no_earlier_claims)
            .build();
        let layer = ReplayLayer::new(Counting(guard)).refuse(refusals);
        Ok(Self::InMemory(layer))
    }
}

/// A guard whose answers are counted.
pub(crate) struct Counting<G>(G);

impl<G: ReplayGuard> ReplayGuard for Counting<G> {
    fn claim(&self, claim: &Claim<'_>) -> ClaimOutcome {
        let outcome = self.0.claim(claim);
        metrics::claim(outcome);
        outcome
    }
}
