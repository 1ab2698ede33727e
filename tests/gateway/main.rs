//! The example `gateway` as a process of its own, from the outside. `cargo test` builds it; `cargo test --test gateway`
//! does not: `cargo build --example gateway` first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
// How it is made to end is Unix's.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod ending;
mod harness;
mod headers;
mod keys;
mod load;
mod log;
mod spellings;
mod start;
mod streams;
mod timeouts;
mod trailers;
mod trouble;
