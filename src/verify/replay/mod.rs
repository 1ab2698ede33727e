//! Refuses requests that were sent before.

mod async_service;
mod claim;
mod guard;
mod layer;
mod memory;
mod policy;
#[cfg(feature = "redis")]
mod redis;
mod service;

pub(super) use self::claim::ClaimTimes;
#[cfg(feature = "redis")]
pub use self::redis::{
    RedisClaimFuture, RedisCluster, RedisGuardError, RedisReplayGuard, RedisReplayGuardBuilder,
    RedisWarning,
};
pub use self::{
    async_service::AsyncReplayFuture,
    claim::{Claim, ClaimOutcome},
    guard::{AsyncGuard, AsyncReplayGuard, ReplayGuard},
    layer::ReplayLayer,
    memory::{MemoryReplayGuard, MemoryReplayGuardBuilder},
    policy::{ReplayCounts, WhenUnavailable},
    service::ReplayService,
};
