//! Guards: traits for what remembers claims.

use std::{fmt, sync::Arc};

use super::{Claim, ClaimOutcome};

/// Remembers claims without waiting, in memory.
///
/// [`MemoryReplayGuard`](crate::verify::MemoryReplayGuard) is one. So is any closure
/// `Fn(&Claim<'_>) -> ClaimOutcome`, and an [`Arc`] of a guard. For claims that several servers
/// share, see [`AsyncReplayGuard`].
///
/// A guard must:
///
/// - look for the claim and make it in one atomic step: of two equal claims at the same moment,
///   exactly one is [`New`](ClaimOutcome::New);
/// - identify a claim by the key id and the nonce together, and nothing else;
/// - keep a claim until [`Claim::until`], and never drop one earlier to make room. Whoever can
///   cause that can send a request again;
/// - not answer [`New`](ClaimOutcome::New) once [`Claim::until`] has passed by the time by which it
///   drops claims, but [`Lost`](ClaimOutcome::Lost). A store that expires entries drops them by the
///   present time, which is not [`Claim::now`]: the request may have waited since it was verified,
///   for example for its body, and an equal claim may be gone;
/// - answer [`Lost`](ClaimOutcome::Lost) while [`Claim::can_precede`] the time at which it began to
///   remember, unless nothing can have been accepted before.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard against replays",
    label = "not a guard against replays",
    note = "claims in memory: `MemoryReplayGuard::new()`",
    note = "a guard that returns a future, an `AsyncReplayGuard`, goes inside `AsyncGuard`"
)]
pub trait ReplayGuard {
    /// Makes a claim, unless it was made before.
    fn claim(&self, claim: &Claim<'_>) -> ClaimOutcome;
}

// Otherwise the compiler asks for a closure, and does not show the notes above.
#[diagnostic::do_not_recommend]
impl<F> ReplayGuard for F
where
    F: Fn(&Claim<'_>) -> ClaimOutcome,
{
    fn claim(&self, claim: &Claim<'_>) -> ClaimOutcome {
        self(claim)
    }
}

impl<G: ReplayGuard + ?Sized> ReplayGuard for Arc<G> {
    fn claim(&self, claim: &Claim<'_>) -> ClaimOutcome {
        (**self).claim(claim)
    }
}

/// Remembers claims in a store that has to be waited for, such as one that several servers share.
///
/// Pass it to the layer inside [`AsyncGuard`]. What a [`ReplayGuard`] must do, it must do too. In
/// addition:
///
/// - It has to have a deadline, after which it answers
///   [`Unavailable`](ClaimOutcome::Unavailable). The layer has none of its own.
/// - If it cannot tell whether the claim was made, it must answer
///   [`Unavailable`](ClaimOutcome::Unavailable), and must not make the claim again: the second
///   answer would be [`Seen`](ClaimOutcome::Seen), and an honest request would be refused as a
///   replay.
/// - If [`Claim::until`] has passed by the present time when the store has answered, it must not
///   answer [`New`](ClaimOutcome::New): the wait for the store counts like the one before it.
/// - The inner service has to be `Clone`, as with an
///   [`AsyncKeyStore`](crate::verify::AsyncKeyStore).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an asynchronous guard against replays",
    label = "not an asynchronous guard against replays",
    note = "a guard that need not wait, such as `MemoryReplayGuard`, is passed without `AsyncGuard`"
)]
pub trait AsyncReplayGuard {
    /// The future of a claim. It cannot borrow from the guard or the claim.
    type Future: Future<Output = ClaimOutcome>;

    /// Starts to make a claim, unless it was made before.
    fn claim(&self, claim: &Claim<'_>) -> Self::Future;
}

// Otherwise the compiler asks for a closure, and does not show the notes above.
#[diagnostic::do_not_recommend]
impl<F, Fut> AsyncReplayGuard for F
where
    F: Fn(&Claim<'_>) -> Fut,
    Fut: Future<Output = ClaimOutcome>,
{
    type Future = Fut;

    fn claim(&self, claim: &Claim<'_>) -> Fut {
        self(claim)
    }
}

/// Marks a guard as an [`AsyncReplayGuard`].
///
/// ```
/// use std::time::SystemTime;
/// use tower_hmac_auth::verify::{AsyncGuard, Claim, ClaimOutcome, ReplayLayer};
///
/// /// The row is removed some time after `until`.
/// async fn insert_if_absent(row: Vec<u8>, until: SystemTime) -> Result<bool, std::io::Error> {
///     // …
/// #   Ok(true)
/// }
///
/// let guard = |claim: &Claim<'_>| {
///     // The future cannot borrow from the claim.
///     let (row, until) = (claim.to_bytes(), claim.until());
///     async move {
///         match insert_if_absent(row, until).await {
///             // An equal row may have been removed.
///             Ok(true) if SystemTime::now() >= until => ClaimOutcome::Lost,
///             Ok(true) => ClaimOutcome::New,
///             Ok(false) => ClaimOutcome::Seen,
///             Err(_) => ClaimOutcome::Unavailable,
///         }
///     }
/// };
/// let layer = ReplayLayer::new(AsyncGuard(guard));
/// ```
#[derive(Clone, Copy)]
pub struct AsyncGuard<G>(
    /// The guard.
    pub G,
);

impl<G> fmt::Debug for AsyncGuard<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsyncGuard(..)")
    }
}
