//! What a guard remembers of a request, and what it answers.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use crate::{rejection::Excerpt, wire::date::Timestamp};

/// Identifies one verified request, for a guard that accepts each only once.
///
/// [`VerifiedKey::claim`](crate::VerifiedKey::claim) returns it. So a claim is only ever made for a
/// request whose signature is valid: nobody without a key can fill a guard, or use up the nonces of
/// others.
///
/// Times are in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    key_id: &'a str,
    nonce: &'a [u8],
    times: ClaimTimes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) struct ClaimTimes {
    /// The earliest signed time whose age was checked.
    pub(in crate::verify) signed_at: Timestamp,
    /// In seconds. The greatest one by which a copy of the request could be accepted.
    pub(in crate::verify) max_skew: u64,
    /// The time by which the age was checked.
    pub(in crate::verify) now: Timestamp,
}

impl<'a> Claim<'a> {
    /// Creates a claim, for tests of a guard and for servers without a
    /// [`Verifier`](crate::Verifier). Use a verified date as `signed_at`, and the time by which it
    /// was verified as `now`.
    ///
    /// Times before 1970 and after 9999 become the nearer end of that range.
    #[must_use]
    pub fn new(
        key_id: &'a str,
        nonce: &'a [u8],
        signed_at: SystemTime,
        max_skew: Duration,
        now: SystemTime,
    ) -> Self {
        let times = ClaimTimes {
            signed_at: signed_at.into(),
            max_skew: max_skew.as_secs(),
            now: now.into(),
        };
        Self::of(key_id, nonce, times)
    }

    pub(in crate::verify) fn of(key_id: &'a str, nonce: &'a [u8], times: ClaimTimes) -> Self {
        Self {
            key_id,
            nonce,
            times,
        }
    }

    /// Returns the id of the key that signed the request.
    #[must_use]
    pub fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// Returns the nonce, which the same key uses once: 1 to 128 bytes.
    #[must_use]
    pub fn nonce(&self) -> &'a [u8] {
        self.nonce
    }

    /// Returns the signed time. If the signature covers two, it is the earlier one.
    #[must_use]
    pub fn signed_at(&self) -> SystemTime {
        self.times.signed_at.system_time()
    }

    /// Returns how far the signed time may be from the clock. With a
    /// [`VerifierSet`](crate::verify::VerifierSet) it is the greatest clock skew of its verifiers
    /// that require a nonce: a copy could be accepted by another one than the original.
    #[must_use]
    pub fn max_skew(&self) -> Duration {
        Duration::from_secs(self.times.max_skew)
    }

    /// Returns the time by which the request was verified. It may have waited since, for its key or
    /// its body.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.times.now.system_time()
    }

    /// Returns the time until which the claim has to be kept: the signed time, the clock skew and
    /// one second. After it, the verifier refuses the request for its age, and a guard that may
    /// have dropped the claim must not accept it again.
    #[must_use]
    pub fn until(&self) -> SystemTime {
        Timestamp::from_seconds(self.until_seconds()).system_time()
    }

    /// Returns `true` if a copy of this request can have been accepted before a guard that started
    /// at `start`, so that nobody remembers it: the signed time is not later than `start` and the
    /// clock skew together.
    #[must_use]
    pub fn can_precede(&self, start: SystemTime) -> bool {
        self.can_precede_second(start.into())
    }

    /// Returns the key id and the nonce as bytes that no other key id and nonce have: the length of
    /// the key id (4 bytes, big-endian), the key id, the nonce. For guards that keep one text, or a
    /// hash of it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let len = u32::try_from(self.key_id.len()).unwrap_or(u32::MAX);
        let parts: [&[u8]; 3] = [&len.to_be_bytes(), self.key_id.as_bytes(), self.nonce];
        parts.concat()
    }

    pub(super) fn can_precede_second(&self, start: Timestamp) -> bool {
        let last = start.seconds().saturating_add(self.times.max_skew);
        self.times.signed_at.seconds() <= last
    }

    pub(super) fn until_seconds(&self) -> u64 {
        let ClaimTimes {
            signed_at,
            max_skew,
            ..
        } = self.times;
        signed_at
            .seconds()
            .saturating_add(max_skew)
            .saturating_add(1)
    }

    /// Returns `true` if the claim need not be kept any more at this time.
    #[cfg(feature = "redis")]
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now.seconds() >= self.until_seconds()
    }

    pub(super) fn now_seconds(&self) -> u64 {
        self.times.now.seconds()
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nonce = String::from_utf8_lossy(self.nonce);
        f.debug_struct("Claim")
            .field("key_id", &self.key_id)
            .field("nonce", &Excerpt::new(&nonce))
            .field("until", &self.until())
            .finish_non_exhaustive()
    }
}

/// What a guard answers to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimOutcome {
    /// Nobody has made this claim before. It is kept until [`Claim::until`].
    New,
    /// The claim has been made before. The request is refused with
    /// [`Rejection::Replayed`](crate::Rejection::Replayed).
    Seen,
    /// The claim can have been made before the guard started, or before its store lost its data, or
    /// [`Claim::until`] has passed, so that an equal claim can have been dropped. The request is
    /// refused with [`Rejection::ClaimsLost`](crate::Rejection::ClaimsLost).
    Lost,
    /// There is no room for the claim. The request is refused with
    /// [`Rejection::ReplayGuardFull`](crate::Rejection::ReplayGuardFull).
    Full,
    /// The guard's store could not be reached in time. What happens to the request is a setting:
    /// [`ReplayLayer::when_unavailable`](crate::verify::ReplayLayer::when_unavailable).
    Unavailable,
}
