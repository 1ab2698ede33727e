#![doc = include_str!("guide/events.md")]

#[cfg(feature = "tracing")]
pub(crate) const SIGN: &str = "tower_hmac_auth::sign";

#[cfg(feature = "tracing")]
pub(crate) const VERIFY: &str = "tower_hmac_auth::verify";

#[cfg(feature = "tracing")]
pub(crate) const CLOCK: &str = "tower_hmac_auth::clock";
