//! What several subjects need.

mod fixtures;
pub(crate) mod raw_server;
#[cfg(feature = "digest")]
pub(crate) mod serve;
#[cfg(feature = "digest")]
pub(crate) mod server_layers;
pub(crate) mod sign_by_hand;

pub(crate) use fixtures::*;
