//! The layer against replays, and the counts of its guard's answers.

#[cfg(feature = "redis")]
use std::pin::Pin;

#[cfg(feature = "redis")]
use tower_hmac_auth::verify::{AsyncGuard, AsyncReplayGuard};
use tower_hmac_auth::verify::{Claim, ClaimOutcome, MemoryReplayGuard, ReplayGuard, ReplayLayer};

#[cfg(feature = "redis")]
use super::redis::{self, SharedGuard};
use super::{arguments::Arguments, metrics, refusals::Refusals, support::Result};

/// The layer for `--nonce`.
pub(crate) enum Replay {
    /// Requests can be sent again.
    Allowed,
    InMemory(ReplayLayer<Counting<MemoryReplayGuard>, Refusals>),
    #[cfg(feature = "redis")]
    InRedis(ReplayLayer<AsyncGuard<Counting<SharedGuard>>, Refusals>),
}

impl Replay {
    /// Connects to Redis with `--redis` and `--redis-cluster`.
    pub(crate) async fn of(arguments: &Arguments, refusals: Refusals) -> Result<Self> {
        if arguments.nonce.is_none() {
            return Ok(Self::Allowed);
        }
        metrics::register_claims();
        if arguments.redis.are_given() {
            return Self::in_redis(arguments, refusals).await;
        }
        let guard = MemoryReplayGuard::builder()
            .capacity(arguments.nonce_capacity.get())
            .assume_no_earlier_claims(arguments.assume_no_earlier_claims)
            .build();
        let layer = ReplayLayer::new(Counting(guard)).refuse(refusals);
        Ok(Self::InMemory(layer))
    }

    #[cfg(feature = "redis")]
    async fn in_redis(arguments: &Arguments, refusals: Refusals) -> Result<Self> {
        let options = &arguments.redis;
        let guard = SharedGuard::connect(options, arguments.assume_no_earlier_claims).await?;
        let layer = ReplayLayer::new(AsyncGuard(Counting(guard.clone())))
            .when_unavailable(options.when_unavailable())
            .refuse(refusals);
        tokio::spawn(redis::report(guard, layer.clone()));
        Ok(Self::InRedis(layer))
    }

    #[cfg(not(feature = "redis"))]
    async fn in_redis(_: &Arguments, _: Refusals) -> Result<Self> {
        Err("--redis: this gateway has no Redis: build it with --features redis".into())
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

#[cfg(feature = "redis")]
impl<G: AsyncReplayGuard<Future: Send + 'static>> AsyncReplayGuard for Counting<G> {
    type Future = Pin<Box<dyn Future<Output = ClaimOutcome> + Send>>;

    fn claim(&self, claim: &Claim<'_>) -> Self::Future {
        let outcome = self.0.claim(claim);
        Box::pin(async move {
            let outcome = outcome.await;
            metrics::claim(outcome);
            outcome
        })
    }
}
