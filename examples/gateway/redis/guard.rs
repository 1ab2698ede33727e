//! Connects to Redis, and reports when it does not answer.

use std::{env, time::Duration};

use tokio::time::interval;
use tower_hmac_auth::verify::{
    AsyncReplayGuard, Claim, RedisClaimFuture, RedisCluster, RedisGuardError, RedisReplayGuard,
    RedisWarning, ReplayCounts, ReplayLayer, WhenUnavailable,
};

use super::Options;
use crate::{
    stderr,
    support::{self, Result},
};

/// How often the log says that Redis does not answer.
const REPORTS: Duration = Duration::from_secs(10);

/// A guard in one Redis, or in a Cluster.
#[derive(Clone)]
pub(crate) enum SharedGuard {
    One(RedisReplayGuard),
    Cluster(RedisReplayGuard<RedisCluster>),
}

impl AsyncReplayGuard for SharedGuard {
    type Future = RedisClaimFuture;

    fn claim(&self, claim: &Claim<'_>) -> RedisClaimFuture {
        match self {
            Self::One(guard) => guard.claim(claim),
            Self::Cluster(guard) => guard.claim(claim),
        }
    }
}

impl SharedGuard {
    /// Connects, and checks Redis' version and settings. Warnings are printed.
    pub(crate) async fn connect(options: &Options, assume_no_earlier_claims: bool) -> Result<Self> {
        let builder = RedisReplayGuard::builder()
            .prefix(options.redis_prefix.as_str())
            .partitions(options.redis_partitions)
            .deadline(options.redis_timeout)
            .assume_no_earlier_claims(assume_no_earlier_claims);
        let (option, connected) = match &options.redis {
            Some(given) => {
                let connected = builder.connect(&url(given)?).await;
                ("--redis", connected.map(Self::One))
            }
            None => {
                let urls = options.redis_cluster.iter().map(|given| url(given));
                let urls: Vec<_> = urls.collect::<Result<_>>()?;
                let connected = builder.connect_cluster(urls).await;
                ("--redis-cluster", connected.map(Self::Cluster))
            }
        };
        let failed = |error| format!("{option}: {error}");
        let guard = connected.map_err(failed)?;
        for warning in guard.check().await.map_err(failed)? {
            support::warn("gateway", &warning.to_string());
        }
        Ok(guard)
    }

    async fn check(&self) -> std::result::Result<Vec<RedisWarning>, RedisGuardError> {
        match self {
            Self::One(guard) => guard.check().await,
            Self::Cluster(guard) => guard.check().await,
        }
    }
}

impl Options {
    pub(crate) fn when_unavailable(&self) -> WhenUnavailable {
        match self.accept_while_unavailable {
            true => WhenUnavailable::Accept,
            false => WhenUnavailable::Refuse,
        }
    }
}

/// Returns the URL, which may be in the environment.
fn url(given: &str) -> Result<String> {
    match given.strip_prefix("env:") {
        // The error does not repeat the name, which could be a URL after all.
        Some(name) => env::var(name).map_err(|_| {
            "--redis env:NAME: there is no such environment variable: set it to the URL".into()
        }),
        None => Ok(given.to_owned()),
    }
}

/// Logs, without end, for how many requests Redis has not made a claim, and why, as far as a check
/// finds out. With `--accept-while-unavailable`, nothing else in the log shows these requests.
pub(crate) async fn report<G, R>(guard: SharedGuard, layer: ReplayLayer<G, R>) {
    let mut before = ReplayCounts::default();
    let mut ticks = interval(REPORTS);
    loop {
        ticks.tick().await;
        let now = layer.counts();
        let unavailable = now.unavailable.saturating_sub(before.unavailable);
        let unguarded = now.unguarded.saturating_sub(before.unguarded);
        before = now;
        if unavailable > 0 {
            let why = match guard.check().await {
                Ok(_) => "it answers now: see its own log".to_owned(),
                Err(error) => error.to_string(),
            };
            stderr::say(format!(
                "replays: no claim in Redis for {unavailable} requests ({unguarded} accepted): {why}"
            ));
        }
    }
}
