//! Refuses requests that were sent before.

mod async_service;
mod claim;
mod guard;
mod layer;
mod memory;
mod service;

pub(super) use self::claim::ClaimTimes;
pub use self::{
    async_service::AsyncReplayFuture,
    claim::{Claim, ClaimOutcome},
    guard::{AsyncGuard, AsyncReplayGuard, ReplayGuard},
    layer::{ReplayCounts, ReplayLayer, WhenUnavailable},
    memory::{MemoryReplayGuard, MemoryReplayGuardBuilder},
    service::ReplayService,
};
