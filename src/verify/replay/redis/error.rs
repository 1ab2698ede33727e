use std::fmt;

use crate::rejection::Excerpt;

/// Describes why a [`RedisReplayGuard`](crate::verify::RedisReplayGuard) cannot be created, or what
/// is wrong with its Redis.
///
/// Requires the feature `redis`.
///
/// No variant has the URL or a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisGuardError {
    /// The prefix contains `{` or `}`, so that a Redis Cluster could not store the keys of a
    /// partition on one server.
    InvalidPrefix,
    /// The number of partitions is zero or more than 16,384, the number of a Cluster's slots.
    InvalidPartitions,
    /// The deadline is zero.
    NoDeadline,
    /// The URL is invalid, or needs a feature of the crate `redis` that is off.
    InvalidUrl,
    /// Redis did not answer, or not as expected.
    Unavailable {
        /// The text of the error.
        reason: String,
    },
    /// Redis is older than 7.0, the first that has `SET … NX GET`.
    TooOld {
        /// The version.
        version: Excerpt,
    },
    /// Redis deletes keys before they expire when its memory is full, so that requests can be sent
    /// again.
    Evicts {
        /// The `maxmemory-policy`.
        policy: Excerpt,
    },
}

impl fmt::Display for RedisGuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPrefix => {
                f.write_str("the prefix contains a brace: use one without `{` and `}`")
            }
            Self::InvalidPartitions => {
                f.write_str("the number of partitions is out of range: use 1 to 16384")
            }
            Self::NoDeadline => f.write_str("the deadline is zero: use some 100 ms"),
            Self::InvalidUrl => f.write_str(
                "the Redis URL is invalid: use redis://HOST:PORT/, unix:///PATH, or rediss://HOST/ \
                 with a TLS feature of the crate `redis`",
            ),
            Self::Unavailable { reason } => write!(
                f,
                "Redis is unavailable ({reason}): check its address, credentials and log"
            ),
            Self::TooOld { version } => {
                write!(f, "Redis {version} is too old: use 7.0 or later")
            }
            Self::Evicts { policy } => write!(
                f,
                "Redis evicts claims (maxmemory-policy {policy}): set maxmemory-policy to noeviction"
            ),
        }
    }
}

impl std::error::Error for RedisGuardError {}

/// A property of Redis that can let a request through twice, or that is unknown.
///
/// Requires the feature `redis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RedisWarning {
    /// Redis does not say whether it evicts keys.
    EvictionUnknown,
    /// After a restart, Redis has its data as of the last snapshot, without the claims after it,
    /// and nothing shows that.
    RestoresSnapshots,
}

impl fmt::Display for RedisWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EvictionUnknown => {
                "Redis does not tell its maxmemory-policy: make sure that it is noeviction"
            }
            Self::RestoresSnapshots => {
                "Redis restores snapshots after a restart, without the last claims: set appendonly \
                 to yes, or save to an empty text"
            }
        })
    }
}

/// Returns an error's text without characters that could forge a line of a log.
pub(super) fn one_line(error: &dyn fmt::Display) -> String {
    const MAX_CHARS: usize = 200;
    let text = error.to_string();
    let text = text.chars().take(MAX_CHARS);
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}
