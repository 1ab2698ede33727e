//! What a server does about the age of `Date`.

use std::{fmt, str::FromStr};

/// Selects how a server treats a request whose signature covers `Date` but not `X-Date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DatePolicy {
    /// The request is accepted at any age, as by Tencent Cloud API Gateway. **Anyone who has seen
    /// such a request once can send it again at any time.** This is the default, because half of
    /// the samples in Tencent's documentation sign `Date`.
    #[default]
    AnyAge,
    /// The request is accepted if `Date` is no further from the clock than an `X-Date` may be.
    CheckAge,
    /// The request is refused. With a scheme that only reads `Date`, such as APISIX, building the
    /// verifier fails with
    /// [`BuildError::NoDateAccepted`](crate::error::BuildError::NoDateAccepted).
    Refuse,
}

impl FromStr for DatePolicy {
    type Err = ParseDatePolicyError;

    /// Reads `any-age`, `check-age` or `refuse`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "any-age" => Ok(Self::AnyAge),
            "check-age" => Ok(Self::CheckAge),
            "refuse" => Ok(Self::Refuse),
            _ => Err(ParseDatePolicyError),
        }
    }
}

/// Reports that a name is not that of a [`DatePolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseDatePolicyError;

impl fmt::Display for ParseDatePolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown date policy: use any-age, check-age or refuse")
    }
}

impl std::error::Error for ParseDatePolicyError {}
