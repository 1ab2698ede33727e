//! The public API, in one process: each module is a subject, `common` is what several need.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod axum_server;
mod cache;
#[cfg(feature = "cached-keys")]
mod cached_keys;
#[cfg_attr(
    not(all(feature = "digest", feature = "reqwest-middleware")),
    allow(dead_code, reason = "subjects that need a feature use the rest")
)]
mod common;
mod composition;
mod dates;
#[cfg(feature = "digest")]
mod digest;
mod drafts;
mod drain;
mod explain;
mod grpc;
mod hosts;
mod keys;
mod properties;
mod refusal_key_id;
mod refusals;
mod replay;
#[cfg(feature = "reqwest-middleware")]
mod reqwest;
mod response_text;
mod rotation;
mod schemes;
#[cfg(feature = "retry")]
mod server_clock;
mod shared_keys;
mod tested_clients;
mod tower_contract;
mod unsigned;
mod vectors;
mod verify_contract;
mod websocket;
mod wire;
