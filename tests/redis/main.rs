//! The guard against replays in Redis, against real servers. They need the program `redis-server`,
//! 7.0 or later, and those of `gateways` also `nginx` and the built example `gateway`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod claims;
mod cluster;
mod gateways;
mod layers;
mod losses;
mod outages;
mod server;
mod setup;
mod speed;

use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use tower_hmac_auth::{
    clock::ManualClock,
    verify::{
        AsyncReplayGuard as _, Claim, ClaimOutcome, RedisReplayGuard, RedisReplayGuardBuilder,
    },
};

use server::Server;

/// The time of the first claims, in seconds since 1970.
const NOW: u64 = 1_700_000_000;

const SKEW: u64 = 900;

/// The default
/// [`clock_tolerance`](tower_hmac_auth::verify::RedisReplayGuardBuilder::clock_tolerance).
const TOLERANCE: u64 = 5;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns the claim of a request that is signed and received at the same time.
fn claim(nonce: &str, now: u64) -> Claim<'_> {
    let skew = Duration::from_secs(SKEW);
    Claim::new("AKIDtestkey0001", nonce.as_bytes(), at(now), skew, at(now))
}

/// Returns a builder for a guard whose clock shows `NOW`.
fn builder() -> RedisReplayGuardBuilder {
    RedisReplayGuard::builder().clock(ManualClock::at(at(NOW)))
}

/// Returns a guard with a connection of its own.
async fn guard(server: &Server) -> RedisReplayGuard<MultiplexedConnection> {
    builder()
        .deadline(Duration::from_secs(20))
        .build(server.connection().await)
        .unwrap()
}

/// An epoch long before `NOW`.
const OLD: &str = "1600000000";

/// Returns the names of the epochs' keys.
fn epochs() -> impl Iterator<Item = String> {
    (0..64).map(|partition| format!("hmac-replay:{{{partition}}}:epoch"))
}

/// Makes the server one that has kept claims for long.
async fn age(server: &Server) {
    for epoch in epochs() {
        let () = server.run(&["SET", &epoch, OLD]).await;
    }
}

async fn old_server() -> Server {
    let server = Server::start();
    age(&server).await;
    server
}

async fn outcome<C>(guard: &RedisReplayGuard<C>, nonce: &str, now: u64) -> ClaimOutcome
where
    C: redis::aio::ConnectionLike + Clone + Send + Sync + 'static,
{
    let outcome = guard.claim(&claim(nonce, now));
    // Far beyond every deadline: a claim that hangs fails the test.
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, outcome).await.unwrap()
}
