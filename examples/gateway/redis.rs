//! The guard against replays in Redis, which all gateways with the same Redis share.

#[cfg(feature = "redis")]
mod guard;

use std::time::Duration;

use clap::Args;

use super::arguments::seconds;
#[cfg(feature = "redis")]
pub(crate) use guard::{SharedGuard, report};

/// The options. They have no `Debug`: URLs have passwords.
#[derive(Args)]
pub(crate) struct Options {
    /// Keeps nonces in this Redis instead of in memory, for all gateways that name it. env:NAME
    /// takes the URL from an environment variable, as others can read a process's arguments
    // Without a parser: clap's errors would repeat the value.
    #[arg(
        long,
        value_name = "URL",
        group = "in_redis",
        requires = "nonce",
        conflicts_with = "nonce_capacity",
        help_heading = HEADING
    )]
    redis: Option<String>,
    /// The same in a Redis Cluster, by the URL of one of its servers. Repeat it for others that can
    /// be asked; all have the user, the password and the TLS of the first
    #[arg(
        long,
        value_name = "URL",
        group = "in_redis",
        requires = "nonce",
        conflicts_with = "nonce_capacity",
        help_heading = HEADING
    )]
    redis_cluster: Vec<String>,
    /// How long a request may wait for Redis; then 503
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "0.2",
        requires = "in_redis",
        value_parser = seconds,
        help_heading = HEADING
    )]
    redis_timeout: Duration,
    /// What the names of all keys in Redis begin with; gateways with the same key pairs need the
    /// same
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "hmac-replay:",
        requires = "in_redis",
        help_heading = HEADING
    )]
    redis_prefix: String,
    /// Over how many parts nonces are spread in a Cluster, 1 to 16384, the same for all gateways.
    /// More parts spread them more evenly over many servers
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "64",
        requires = "in_redis",
        help_heading = HEADING
    )]
    redis_partitions: u16,
    /// Accepts requests while Redis does not answer: then they can be sent again
    #[arg(long, requires = "in_redis", help_heading = HEADING)]
    accept_while_unavailable: bool,
}

const HEADING: &str = "Nonces in Redis (needs the feature redis)";

impl Options {
    /// Returns `true` if nonces are kept in Redis.
    pub(crate) fn are_given(&self) -> bool {
        self.redis.is_some() || !self.redis_cluster.is_empty()
    }
}
