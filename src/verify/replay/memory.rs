//! A guard in memory.

mod shard;

use std::{
    fmt,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::{Mutex, PoisonError},
};

use self::shard::{Hashed, Limits, Shard, Times};
use super::{Claim, ClaimOutcome, ReplayGuard};
use crate::{
    clock::{Clock, SystemClock},
    wire::date::Timestamp,
};

/// Remembers claims in the memory of this process: the guard for a server that runs once.
///
/// - **Room.** A claim takes 20 to 40 bytes. At most
///   [`capacity`](MemoryReplayGuardBuilder::capacity) claims are kept, and of one key id at most
///   [`capacity_per_key`](MemoryReplayGuardBuilder::capacity_per_key). What is beyond that is
///   refused ([`ClaimOutcome::Full`]); a claim is never dropped before [`Claim::until`]. Memory
///   grows with the number of claims, and is then reused, not returned.
/// - **Time.** Claims that are over make room for others when it is needed. No background task
///   runs. The time is the latest of all claims; the guard reads its clock once, when it is built.
///   If [`Claim::until`] has passed by that time, it answers [`ClaimOutcome::Lost`].
/// - **Restarts.** A new guard knows nothing of the requests that the process before it accepted.
///   So it answers [`ClaimOutcome::Lost`] to every request that could be one of them, which is
///   every request dated up to its start plus the clock skew: **the server refuses everything for
///   that long (15 minutes with 900 s) after each start.** See
///   [`assume_no_earlier_claims`](MemoryReplayGuardBuilder::assume_no_earlier_claims).
/// - **Hashes.** A claim is kept as a hash of 64 bits under a random key of this guard, so an
///   honest request is taken for a replay with a probability of the number of claims in
///   2<sup>64</sup>: 1 in 10<sup>12</sup> with ten million. A replay is never taken for a new
///   request.
/// - **Locks.** Claims are spread over up to 256 shards with a lock each, which is held for a look
///   at two cache lines. When a shard grows, it is held for as long as it takes to move its claims
///   (some milliseconds with a hundred thousand).
///
/// See [`ReplayLayer`](crate::verify::ReplayLayer) for an example.
pub struct MemoryReplayGuard {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    limits: Limits,
    started_at: Timestamp,
    assume_no_earlier_claims: bool,
}

impl MemoryReplayGuard {
    /// Creates a guard with the default options: room for 4,194,304 claims, half of that for one
    /// key id, and requests refused that could have been accepted before it.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder for a guard with other options.
    pub fn builder() -> MemoryReplayGuardBuilder {
        MemoryReplayGuardBuilder {
            capacity: 1 << 22,
            capacity_per_key: None,
            assume_no_earlier_claims: false,
            clock: SystemClock,
        }
    }

    /// Returns the number of claims in memory. Claims that are over count until others take their
    /// place.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sum(Shard::len)
    }

    /// Returns `true` if no claim is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of bytes that are allocated for claims.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.sum(Shard::allocated_bytes)
    }

    fn sum(&self, of: impl Fn(&Shard) -> usize) -> usize {
        let shards = self.shards.iter();
        shards
            .map(|shard| of(&shard.lock().unwrap_or_else(PoisonError::into_inner)))
            .sum()
    }

    fn hash(&self, claim: &Claim<'_>) -> Hashed {
        let key_id = self.hasher.hash_one(claim.key_id());
        let mut hasher = self.hasher.build_hasher();
        // Of a fixed length, so that no other key id and nonce are the same bytes.
        hasher.write_u64(key_id);
        hasher.write(claim.nonce());
        Hashed {
            claim: hasher.finish(),
            key_id,
        }
    }

    /// Returns the time as the shards count it: seconds since the start, from 1 on.
    fn relative(&self, seconds: u64) -> u32 {
        let start = self.started_at.seconds();
        let since = seconds.saturating_add(1).saturating_sub(start);
        u32::try_from(since).unwrap_or(u32::MAX)
    }
}

impl ReplayGuard for MemoryReplayGuard {
    fn claim(&self, claim: &Claim<'_>) -> ClaimOutcome {
        if !self.assume_no_earlier_claims && claim.can_precede_second(self.started_at) {
            return ClaimOutcome::Lost;
        }
        let times = Times {
            until: self.relative(claim.until_seconds()),
            now: self.relative(claim.now_seconds()),
        };
        let hashed = self.hash(claim);
        // The number of shards is a power of two, and there is at least one.
        let position = hashed.shard_bits() & (self.shards.len() - 1);
        let Some(shard) = self.shards.get(position) else {
            debug_assert!(false, "the position is masked by the number of shards");
            return ClaimOutcome::Unavailable;
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.claim(hashed, times, self.limits)
    }
}

impl Default for MemoryReplayGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayGuard")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Builds a [`MemoryReplayGuard`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct MemoryReplayGuardBuilder<C = SystemClock> {
    capacity: usize,
    capacity_per_key: Option<usize>,
    assume_no_earlier_claims: bool,
    clock: C,
}

impl<C> MemoryReplayGuardBuilder<C> {
    /// Sets how many claims are kept, at least one. Default: 4,194,304, which is 4,660 requests a
    /// second where claims are kept for 900 seconds.
    ///
    /// Claims are spread over shards by their hash, and each shard has an equal part of the room.
    /// The first is full when all together are full to about 95 percent.
    pub fn capacity(mut self, claims: usize) -> Self {
        self.capacity = claims;
        self
    }

    /// Sets how many claims of one key id are kept, so that one client cannot take all the room.
    /// Default: half of the [capacity](Self::capacity).
    ///
    /// Each shard counts for itself, so a key id may exceed this by some percent, or by more if the
    /// number is less than 10,000.
    pub fn capacity_per_key(mut self, claims: usize) -> Self {
        self.capacity_per_key = Some(claims);
        self
    }

    /// Sets whether the guard takes it that no request was accepted before it was built. Default:
    /// `false`.
    ///
    /// It is safe to set if the keys are new, if the server was down for longer than twice the
    /// clock skew, or if the guard is shared by everything in this process that accepts requests
    /// and the process is the first. Otherwise a request that was accepted before a restart can be
    /// sent once more after it, for as long as its date is within the clock skew.
    pub fn assume_no_earlier_claims(mut self, assume: bool) -> Self {
        self.assume_no_earlier_claims = assume;
        self
    }

    /// Sets the clock that says when the guard starts. Default: [`SystemClock`].
    pub fn clock<D>(self, clock: D) -> MemoryReplayGuardBuilder<D> {
        MemoryReplayGuardBuilder {
            capacity: self.capacity,
            capacity_per_key: self.capacity_per_key,
            assume_no_earlier_claims: self.assume_no_earlier_claims,
            clock,
        }
    }
}

impl<C: Clock> MemoryReplayGuardBuilder<C> {
    /// Builds the guard, which starts to remember now.
    #[must_use = "the guard is for a `ReplayLayer`"]
    pub fn build(self) -> MemoryReplayGuard {
        /// So that the parts of the shards differ by a few percent only.
        const LEAST_IN_SHARD: usize = 4096;
        const MAX_SHARDS: usize = 256;
        let capacity = self.capacity.max(1);
        let shards = (capacity / LEAST_IN_SHARD).clamp(1, MAX_SHARDS);
        let shards = 1 << shards.ilog2();
        let per_key = self.capacity_per_key.unwrap_or(capacity / 2).max(1);
        let part = per_key.div_ceil(shards);
        // Four standard deviations, so that no shard refuses a key id that has room in the others.
        let deviation = if shards > 1 { part.isqrt() * 4 } else { 0 };
        let limits = Limits {
            claims: capacity.div_ceil(shards),
            claims_of_key: u32::try_from(part.saturating_add(deviation)).unwrap_or(u32::MAX),
        };
        MemoryReplayGuard {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            limits,
            started_at: self.clock.now().into(),
            assume_no_earlier_claims: self.assume_no_earlier_claims,
        }
    }
}
