//! What happens after Redis has lost its claims.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Barrier;
use tower_hmac_auth::{clock::ManualClock, verify::ClaimOutcome};

use crate::{NOW, SKEW, TOLERANCE, at, builder, guard, old_server, outcome, server::Server};

/// The last time of requests that can be older than an epoch at `NOW`.
const LAST_LOST: u64 = NOW + SKEW + TOLERANCE;

#[tokio::test]
async fn the_first_guard_refuses_what_can_be_older_than_the_first_claim_of_all_servers() {
    let server = Server::start();
    let builder = || builder().deadline(Duration::from_secs(20)).partitions(1);
    let one = builder().build(server.connection().await).unwrap();
    assert_eq!(outcome(&one, "a", NOW).await, ClaimOutcome::Lost);
    assert_eq!(outcome(&one, "a", NOW).await, ClaimOutcome::Seen);
    assert_eq!(outcome(&one, "b", LAST_LOST).await, ClaimOutcome::Lost);
    // A server that starts later has the same epoch.
    let other = builder().build(server.connection().await).unwrap();
    assert_eq!(outcome(&other, "c", LAST_LOST).await, ClaimOutcome::Lost);
    assert_eq!(outcome(&other, "d", LAST_LOST + 1).await, ClaimOutcome::New);
    assert_eq!(outcome(&one, "d", LAST_LOST + 1).await, ClaimOutcome::Seen);
    assert_eq!(outcome(&one, "e", LAST_LOST + 1).await, ClaimOutcome::New);
}

#[tokio::test]
async fn the_first_guard_accepts_what_it_takes_to_be_the_first_requests() {
    let server = Server::start();
    let builder = builder()
        .deadline(Duration::from_secs(20))
        .assume_no_earlier_claims(true);
    let guard = builder.build(server.connection().await).unwrap();
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::New);
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Seen);
}

/// The request that writes the epoch can have waited since before the loss. Others were accepted
/// meanwhile.
#[tokio::test]
async fn the_epoch_is_the_time_of_the_claim_that_writes_it_and_not_of_its_request() {
    const WAITED: u64 = 800;
    let server = Server::start();
    let builder = builder()
        .deadline(Duration::from_secs(20))
        .clock(ManualClock::at(at(NOW + WAITED)))
        .partitions(1);
    let guard = builder.build(server.connection().await).unwrap();
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Lost);
    let last = LAST_LOST + WAITED;
    assert_eq!(outcome(&guard, "b", last).await, ClaimOutcome::Lost);
    assert_eq!(outcome(&guard, "c", last + 1).await, ClaimOutcome::New);
}

#[tokio::test]
async fn a_partition_that_lost_its_claims_does_not_refuse_those_of_others() {
    let server = old_server().await;
    let guard = guard(&server).await;
    let () = server.run(&["DEL", "hmac-replay:{7}:epoch"]).await;
    let mut lost = 0;
    for i in 0..640 {
        match outcome(&guard, &i.to_string(), NOW).await {
            ClaimOutcome::New => {}
            other => {
                assert_eq!(other, ClaimOutcome::Lost);
                lost += 1;
            }
        }
    }
    assert!((1..64).contains(&lost), "{lost}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_nonce_is_accepted_twice_when_redis_is_flushed_in_between() {
    const NONCES: usize = 400;
    const TASKS: usize = 8;
    let server = old_server().await;
    let guards = [guard(&server).await, guard(&server).await];
    let (begun, flushed) = (
        Arc::new(Barrier::new(TASKS + 1)),
        Arc::new(AtomicBool::new(false)),
    );
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let guard = guards[task % 2].clone();
            let (begun, flushed) = (Arc::clone(&begun), Arc::clone(&flushed));
            tokio::spawn(async move {
                let mut new = Vec::new();
                for round in 0.. {
                    if round == 1 {
                        begun.wait().await;
                    }
                    let last = flushed.load(Ordering::SeqCst);
                    // Every task claims all nonces, in another order.
                    for i in 0..NONCES {
                        let nonce = (i + task * 50) % NONCES;
                        let outcome = outcome(&guard, &nonce.to_string(), NOW).await;
                        if outcome == ClaimOutcome::New {
                            new.push(nonce);
                        }
                    }
                    if last {
                        break;
                    }
                }
                new
            })
        })
        .collect();
    begun.wait().await;
    for _ in 0..10 {
        let () = server.run(&["FLUSHALL"]).await;
    }
    flushed.store(true, Ordering::SeqCst);
    let mut times = HashMap::new();
    for task in tasks {
        for nonce in task.await.unwrap() {
            *times.entry(nonce).or_insert(0) += 1;
        }
    }
    assert_eq!(times.len(), NONCES);
    assert!(times.values().all(|times| *times == 1), "{times:?}");

    // Later requests are accepted again.
    let later = outcome(&guards[0], "later", LAST_LOST + 1).await;
    assert_eq!(later, ClaimOutcome::New);
}
