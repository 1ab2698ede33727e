//! The examples `gateway` and `sign`, run as processes. They are a test program of their own,
//! because they need built examples: `cargo test` builds them, `cargo test --test tools` does not
//! (`cargo build --examples` first).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[cfg(unix)]
#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "`integration` needs all of it"
)]
#[path = "../integration/common/mod.rs"]
mod common;
// How it is made to end is Unix's.
#[cfg(unix)]
mod gateway;
mod sign_tool;
mod temp_file;
