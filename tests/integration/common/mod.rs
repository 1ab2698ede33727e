//! What several test modules share.

pub(crate) mod asking;
mod fixtures;
pub(crate) mod loopback;
pub(crate) mod raw_server;
#[cfg(feature = "digest")]
pub(crate) mod server_layers;
pub(crate) mod sign_by_hand;
#[cfg(feature = "digest")]
pub(crate) mod upload;

pub(crate) use fixtures::*;
