//! A guard in Redis, for several servers.

mod builder;
mod cluster;
mod connection;
mod error;
mod server_settings;

use std::{
    fmt,
    future::ready,
    hash::{BuildHasher as _, RandomState},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use ::redis::{
    Pipeline,
    aio::{ConnectionLike, MultiplexedConnection},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{AsyncReplayGuard, Claim, ClaimOutcome};
use crate::{clock::Clock, wire::date::Timestamp};

use self::connection::Connection;
pub use self::{
    builder::RedisReplayGuardBuilder,
    cluster::RedisCluster,
    error::{RedisGuardError, RedisWarning},
};

/// Remembers claims in Redis 7.0 or later, for several servers that share them.
///
/// Requires the feature `redis`.
///
/// Pass it to the layer inside [`AsyncGuard`](crate::verify::AsyncGuard). Clones share one
/// connection, `C`. [`connect`](Self::connect) is for one Redis server,
/// [`RedisReplayGuardBuilder::connect_cluster`] for a Redis Cluster, and
/// [`RedisReplayGuardBuilder::connect_with`] for Redis Sentinel and all else. The guide's page
/// [`replay`](crate::guide::replay) has programs, and says how Redis has to be configured.
///
/// - **What is stored.** A key for each claim, named by a hash of 128 bits of the key id and the
///   nonce, which expires by itself; and up to [`partitions`](RedisReplayGuardBuilder::partitions)
///   keys without an expiry, the *epochs*: the time since which claims have been kept. A claim
///   takes about 150 bytes of Redis' memory.
/// - **Time.** A claim is one round trip, and takes at most the
///   [`deadline`](RedisReplayGuardBuilder::deadline). After it, and after any error, the guard
///   answers [`ClaimOutcome::Unavailable`]. It does not try again. A claim whose answer was lost
///   may have been made all the same, so the client has to sign again, with another nonce.
/// - **Late claims.** A request can wait between its verification and its claim, for its key or its
///   body. If [`Claim::until`] has passed by the guard's
///   [`clock`](RedisReplayGuardBuilder::clock), the guard answers [`ClaimOutcome::Lost`], because
///   Redis may already have removed an equal claim.
/// - **Connections.** A connection is replaced in the background when it is lost, when its server
///   has become a replica, and after 16 claims in a row without an answer.
/// - **Lost data.** Where the epoch is absent (at the first start, after a flush, after a failover
///   to an empty replica), Redis has lost the claims. The guard writes the present time as the
///   epoch, and **refuses every request that can be older ([`ClaimOutcome::Lost`]): for 15 minutes
///   with a clock skew of 900 s.** Other servers see the same epoch. See
///   [`assume_no_earlier_claims`](RedisReplayGuardBuilder::assume_no_earlier_claims).
/// - **What is not noticed.** If Redis loses the last claims but not the epoch, a request can be
///   accepted twice. That happens at a failover, because replication is asynchronous; after a
///   restart from a snapshot; and if Redis evicts keys. The last two are settings:
///   [`check`](Self::check) reports them.
///
/// The futures need a Tokio runtime with its timer.
///
/// ```no_run
/// use tower_hmac_auth::verify::{AsyncGuard, RedisReplayGuard, ReplayLayer};
///
/// # async fn connects() -> Result<(), Box<dyn std::error::Error>> {
/// let guard = RedisReplayGuard::connect("redis://redis.internal:6379/").await?;
/// let layer = ReplayLayer::new(AsyncGuard(guard));
/// # Ok(())
/// # }
/// ```
pub struct RedisReplayGuard<C = MultiplexedConnection> {
    connection: Arc<Connection<C>>,
    shared: Arc<Shared>,
}

/// What a guard's clones share.
struct Shared {
    options: Options,
    tokens: Tokens,
}

#[derive(Debug, Clone)]
struct Options {
    prefix: String,
    partitions: u16,
    deadline: Duration,
    clock_tolerance: Duration,
    assume_no_earlier_claims: bool,
    clock: AnyClock,
}

/// A clock whose type is erased.
#[derive(Clone)]
struct AnyClock(Arc<dyn Clock + Send + Sync>);

impl AnyClock {
    fn new(clock: impl Clock + Send + Sync + 'static) -> Self {
        Self(Arc::new(clock))
    }

    fn now(&self) -> Timestamp {
        self.0.now().into()
    }
}

impl fmt::Debug for AnyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyClock(..)")
    }
}

/// The values of claims' keys: no two claims have the same.
///
/// A connection may send a command again when it does not know whether it arrived, as the one to a
/// Cluster does. The second then finds its own value instead of none.
struct Tokens {
    hasher: RandomState,
    next: AtomicU64,
}

impl Tokens {
    fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            next: AtomicU64::new(0),
        }
    }

    /// Returns a number that Redis keeps in 8 bytes, so less than 2^63.
    fn next(&self) -> u64 {
        self.hasher
            .hash_one(self.next.fetch_add(1, Ordering::Relaxed))
            >> 1
    }
}

impl RedisReplayGuard {
    /// Returns a builder for a guard with other options, or with another connection.
    pub fn builder() -> RedisReplayGuardBuilder {
        RedisReplayGuardBuilder::new()
    }

    /// Connects to one Redis server, [checks](Self::check) it, and creates a guard with the default
    /// options. [`RedisReplayGuardBuilder::connect`] does so with others.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`RedisReplayGuardBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self, RedisGuardError> {
        Self::builder().connect(url).await
    }
}

impl<C> RedisReplayGuard<C> {
    fn new(connection: Connection<C>, options: Options) -> Self {
        let tokens = Tokens::new();
        Self {
            connection: Arc::new(connection),
            shared: Arc::new(Shared { options, tokens }),
        }
    }
}

impl<C: ConnectionLike + Clone> RedisReplayGuard<C> {
    /// Checks whether Redis is recent enough and configured to keep claims.
    ///
    /// It reads `INFO` and, where it may, `CONFIG GET save`. In a Cluster it reads `INFO` of every
    /// primary.
    ///
    /// # Errors
    ///
    /// Returns a [`RedisGuardError`] if Redis is older than 7.0, evicts keys, or does not answer.
    pub async fn check(&self) -> Result<Vec<RedisWarning>, RedisGuardError> {
        let mut connection = self.connection.current().connection.clone();
        let deadline = self.shared.options.connection_deadline();
        server_settings::check(&mut connection, deadline).await
    }
}

impl Options {
    /// Returns the deadline for what no request waits for.
    fn connection_deadline(&self) -> Duration {
        self.deadline.max(Duration::from_secs(1))
    }

    /// Returns the commands for a claim that is made at `now`, whose answers are the claim's value
    /// and the epoch from before it; nothing where there was none.
    ///
    /// The epoch is last, so that no flush remains unnoticed: before the epoch it is seen now, and
    /// after it by the next claim.
    ///
    /// `now` is the present time and not [`Claim::now`], since when the request can have waited. An
    /// epoch from before that wait would say that claims were kept at a time at which they were
    /// not.
    fn commands(&self, claim: &Claim<'_>, token: u64, now: Timestamp) -> Pipeline {
        let hash = Sha256::digest(claim.to_bytes());
        let (head, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
        let mut text = [0; 22]; // the base64 of 16 bytes
        let len = URL_SAFE_NO_PAD.encode_slice(head, &mut text).unwrap_or(0);
        debug_assert_eq!(len, text.len());
        let name = str::from_utf8(&text).unwrap_or_default();
        let number = u128::from_be_bytes(*head) % u128::from(self.partitions.max(1));
        let (prefix, now) = (&self.prefix, now.seconds());

        // Redis counts from when it gets the command, which is not before `now`. So it keeps the
        // claim until `until` and the tolerance have passed by this server's clock, and therefore
        // at least until `until` has passed by the clock of every other server. None of them
        // answers `New` after that: see `Decision::outcome`.
        let rest = claim.until_seconds().saturating_sub(now);
        let kept = Duration::from_secs(rest).saturating_add(self.clock_tolerance);
        let mut commands = Pipeline::with_capacity(2);
        // A Cluster stores keys with the same text in braces on one server.
        commands
            .cmd("SET")
            .arg(format!("{prefix}{{{number}}}:{name}"))
            .arg(token)
            .arg(b"NX")
            .arg(b"GET")
            .arg(b"PX")
            .arg(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX));
        commands
            .cmd("SET")
            .arg(format!("{prefix}{{{number}}}:epoch"))
            .arg(now)
            .arg(b"NX")
            .arg(b"GET");
        commands
    }
}

impl<C> AsyncReplayGuard for RedisReplayGuard<C>
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    type Future = RedisClaimFuture;

    fn claim(&self, claim: &Claim<'_>) -> RedisClaimFuture {
        let connection = Arc::clone(&self.connection);
        let options = &self.shared.options;
        let now = options.clock.now();
        if claim.is_over(now) {
            return RedisClaimFuture(Box::pin(ready(ClaimOutcome::Lost)));
        }
        let token = self.shared.tokens.next();
        let commands = options.commands(claim, token, now);
        let decision = Decision {
            token,
            times: Claim::new("", b"", claim.signed_at(), claim.max_skew(), claim.now()),
            made_at: now,
            shared: Arc::clone(&self.shared),
        };
        let deadline = options.deadline;
        RedisClaimFuture(Box::pin(async move {
            let used = connection.current();
            let mut clone = used.connection.clone();
            // The connection's own timeouts, if it has any, are those of one attempt.
            let answer = commands.query_async(&mut clone);
            match tokio::time::timeout(deadline, answer).await {
                Ok(Ok((value, epoch))) => {
                    used.note_answer();
                    decision.outcome(value, epoch)
                }
                Ok(Err(error)) => {
                    connection.note_error(&used, &error);
                    unavailable(&error)
                }
                Err(elapsed) => {
                    connection.note_no_answer(&used);
                    unavailable(&elapsed)
                }
            }
        }))
    }
}

/// What is needed to understand Redis' answers.
struct Decision {
    token: u64,
    /// The claim without its texts, which the future cannot borrow.
    times: Claim<'static>,
    made_at: Timestamp,
    shared: Arc<Shared>,
}

impl Decision {
    fn outcome(&self, value: Option<u64>, epoch: Option<u64>) -> ClaimOutcome {
        if value.is_some_and(|value| value != self.token) {
            return ClaimOutcome::Seen;
        }
        let options = &self.shared.options;
        // The clock is read again, because the command can have been on its way for as long as the
        // deadline, or longer if this process did not run. Redis executed it before this moment.
        // So if the claim is not over yet, Redis still had every equal claim.
        if self.times.is_over(options.clock.now()) {
            return ClaimOutcome::Lost;
        }
        // Written just now if there was none.
        let epoch = epoch.unwrap_or(self.made_at.seconds());
        // The copy was accepted by a server whose clock may be ahead of the one of the server that
        // wrote the epoch. That server read its clock before Redis wrote the epoch, by the deadline
        // at the most.
        let start = Timestamp::from_seconds(epoch).later(options.clock_tolerance);
        if !options.assume_no_earlier_claims && self.times.can_precede(start.system_time()) {
            return ClaimOutcome::Lost;
        }
        ClaimOutcome::New
    }
}

/// The error's text has no URL and no password: the crate `redis` puts neither into its errors.
#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
fn unavailable(error: &dyn fmt::Display) -> ClaimOutcome {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: crate::events::VERIFY,
        reason = %error::one_line(error),
        "claim not made"
    );
    ClaimOutcome::Unavailable
}

/// Waits for the answer of a [`RedisReplayGuard`].
///
/// Requires the feature `redis`.
pub struct RedisClaimFuture(Pin<Box<dyn Future<Output = ClaimOutcome> + Send>>);

impl Future for RedisClaimFuture {
    type Output = ClaimOutcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ClaimOutcome> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for RedisClaimFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClaimFuture").finish_non_exhaustive()
    }
}

impl<C> Clone for RedisReplayGuard<C> {
    fn clone(&self) -> Self {
        Self {
            connection: Arc::clone(&self.connection),
            shared: Arc::clone(&self.shared),
        }
    }
}

/// Without the connection, whose `Debug` may have the password.
impl<C> fmt::Debug for RedisReplayGuard<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplayGuard")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}
