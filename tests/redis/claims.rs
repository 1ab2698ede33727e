//! Which claims are new, and what is stored of them.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use redis::{
    Cmd, Pipeline, RedisFuture, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use tower_hmac_auth::{
    clock::ManualClock,
    verify::{AsyncReplayGuard as _, Claim, ClaimOutcome},
};

use crate::{NOW, SKEW, TOLERANCE, at, builder, claim, guard, old_server, outcome, server::Server};

#[tokio::test]
async fn a_claim_is_new_once_whichever_server_makes_it() {
    let server = old_server().await;
    let (one, other) = (guard(&server).await, guard(&server).await);
    assert_eq!(outcome(&one, "a", NOW).await, ClaimOutcome::New);
    assert_eq!(outcome(&one, "a", NOW).await, ClaimOutcome::Seen);
    assert_eq!(outcome(&other, "a", NOW + 1).await, ClaimOutcome::Seen);
    assert_eq!(outcome(&other, "b", NOW + 1).await, ClaimOutcome::New);
    assert_eq!(outcome(&one, "b", NOW + 1).await, ClaimOutcome::Seen);
    assert_eq!(
        outcome(&one.clone(), "b", NOW + 1).await,
        ClaimOutcome::Seen
    );
}

#[tokio::test]
async fn a_key_id_and_a_nonce_are_not_those_that_read_the_same_together() {
    let server = old_server().await;
    let guard = guard(&server).await;
    let skew = Duration::from_secs(SKEW);
    for (key_id, nonce) in [
        ("ab", "c"),
        ("a", "bc"),
        ("abc", "d"),
        ("A", "bc"),
        ("a", "bC"),
    ] {
        let claim = Claim::new(key_id, nonce.as_bytes(), at(NOW), skew, at(NOW));
        assert_eq!(guard.claim(&claim).await, ClaimOutcome::New, "{claim:?}");
        assert_eq!(guard.claim(&claim).await, ClaimOutcome::Seen, "{claim:?}");
    }
}

#[tokio::test]
async fn services_with_other_prefixes_do_not_share_claims() {
    let server = old_server().await;
    let one = guard(&server).await;
    let other = builder()
        .prefix("other:")
        .assume_no_earlier_claims(true)
        .build(server.connection().await)
        .unwrap();
    assert_eq!(outcome(&one, "a", NOW).await, ClaimOutcome::New);
    assert_eq!(outcome(&other, "a", NOW).await, ClaimOutcome::New);
}

#[tokio::test]
async fn claims_expire_after_their_time_and_the_tolerance_and_epochs_never() {
    let server = old_server().await;
    let guard = builder()
        .clock_tolerance(Duration::from_secs(1000))
        .deadline(Duration::from_secs(20))
        .build(server.connection().await)
        .unwrap();
    // Of a client whose clock is 100 s ahead.
    let (signed_at, skew) = (at(NOW + 100), Duration::from_secs(SKEW));
    let claim = Claim::new("AKIDtestkey0001", b"a", signed_at, skew, at(NOW));
    assert_eq!(guard.claim(&claim).await, ClaimOutcome::New);
    let mut claims = 0;
    for key in server.run::<Vec<String>>(&["KEYS", "*"]).await {
        let left: i64 = server.run(&["PTTL", &key]).await;
        if key.ends_with(":epoch") {
            assert_eq!(left, -1, "{key}");
            continue;
        }
        claims += 1;
        let whole = i64::try_from(100 + SKEW + 1 + 1000).unwrap() * 1000;
        assert!((whole - 60_000..=whole).contains(&left), "{left}");
    }
    assert_eq!(claims, 1);
}

#[tokio::test]
async fn keys_have_a_fixed_length_and_show_neither_key_ids_nor_nonces() {
    let server = old_server().await;
    let guard = guard(&server).await;
    let long = "n".repeat(128);
    for nonce in ["d3b07384", &long, "\r\nFLUSHALL\r\n", "{1}"] {
        assert_eq!(outcome(&guard, nonce, NOW).await, ClaimOutcome::New);
    }
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    let claims: Vec<_> = keys
        .iter()
        .filter(|key| !key.ends_with("}:epoch"))
        .collect();
    assert_eq!((keys.len(), claims.len()), (68, 4));
    for key in claims {
        let rest = key.strip_prefix("hmac-replay:{").unwrap();
        let (partition, hash) = rest.split_once("}:").unwrap();
        assert!(partition.parse::<u16>().unwrap() < 64);
        assert_eq!(hash.len(), 22);
        assert!(
            hash.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        );
        assert!(!key.contains("AKID") && !key.contains("d3b07384"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_equal_claims_at_the_same_moment_exactly_one_is_new() {
    const NONCES: usize = 20_000;
    const TASKS: usize = 64;
    /// Each nonce is claimed by so many tasks.
    const TIMES: usize = 8;
    let server = old_server().await;
    let guards = [guard(&server).await, guard(&server).await];
    let nonces: Arc<Vec<String>> = Arc::new((0..NONCES).map(|i| format!("nonce {i}")).collect());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (guard, nonces) = (guards[task % 2].clone(), Arc::clone(&nonces));
            tokio::spawn(async move {
                let part = NONCES * TIMES / TASKS;
                let first = task / TIMES * part;
                let mut new = Vec::new();
                for i in first..first + part {
                    match outcome(&guard, &nonces[i], NOW).await {
                        ClaimOutcome::New => new.push(i),
                        other => assert_eq!(other, ClaimOutcome::Seen),
                    }
                }
                new
            })
        })
        .collect();
    let mut new = Vec::new();
    for task in tasks {
        new.extend(task.await.unwrap());
    }
    new.sort_unstable();
    assert_eq!(new, (0..NONCES).collect::<Vec<_>>());
}

/// Sends the commands of a claim in another way.
#[derive(Clone)]
struct Odd {
    connection: MultiplexedConnection,
    way: Way,
}

#[derive(Clone)]
enum Way {
    /// As a connection does that does not know whether the first time arrived.
    Twice,
    /// With a `FLUSHALL` after the first command.
    FlushedInBetween,
    /// When the clock shows the time.
    Late(ManualClock, SystemTime),
}

impl ConnectionLike for Odd {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        self.connection.req_packed_command(cmd)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let Self { connection, way } = self;
        Box::pin(async move {
            match way {
                Way::Twice => {
                    let sent = connection.req_packed_commands(pipeline, offset, count);
                    sent.await?;
                    connection
                        .req_packed_commands(pipeline, offset, count)
                        .await
                }
                Way::FlushedInBetween => {
                    let commands: Vec<_> = pipeline.cmd_iter().collect();
                    let first = connection.req_packed_command(commands[0]).await?;
                    let flush = redis::cmd("FLUSHALL");
                    connection.req_packed_command(&flush).await?;
                    let second = connection.req_packed_command(commands[1]).await?;
                    Ok(vec![first, second])
                }
                Way::Late(clock, time) => {
                    clock.set(*time);
                    connection
                        .req_packed_commands(pipeline, offset, count)
                        .await
                }
            }
        })
    }

    fn get_db(&self) -> i64 {
        self.connection.get_db()
    }
}

#[tokio::test]
async fn a_claim_that_the_connection_sends_again_is_new_all_the_same() {
    let server = old_server().await;
    let (connection, way) = (server.connection().await, Way::Twice);
    let guard = builder().deadline(Duration::from_secs(20));
    let guard = guard.build(Odd { connection, way }).unwrap();
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::New);
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Seen);
}

#[tokio::test]
async fn a_loss_in_the_middle_of_a_claim_is_noticed() {
    let server = old_server().await;
    let (connection, way) = (server.connection().await, Way::FlushedInBetween);
    let guard = builder().deadline(Duration::from_secs(20));
    let guard = guard.build(Odd { connection, way }).unwrap();
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Lost);
}

/// The first second in which a request that is signed at `NOW` is too old.
const OVER: u64 = NOW + SKEW + 1;

/// Removes all claims and leaves the epochs, as Redis does when claims have expired.
pub(crate) async fn expire_claims(server: &Server) {
    for key in server.run::<Vec<String>>(&["KEYS", "*"]).await {
        if !key.ends_with(":epoch") {
            let () = server.run(&["DEL", &key]).await;
        }
    }
}

#[tokio::test]
async fn a_copy_that_waited_until_the_claim_expired_is_lost_without_asking_redis() {
    let server = old_server().await;
    let clock = ManualClock::at(at(NOW));
    let guard = builder()
        .clock(clock.clone())
        .deadline(Duration::from_secs(20));
    let guard = guard.build(server.connection().await).unwrap();
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::New);
    clock.set(at(OVER - 1));
    let skew = Duration::from_secs(SKEW);
    let verified_in_time = Claim::new("AKIDtestkey0001", b"a", at(NOW), skew, at(OVER - 1));
    assert_eq!(guard.claim(&verified_in_time).await, ClaimOutcome::Seen);
    expire_claims(&server).await;
    let keys: usize = server.run(&["DBSIZE"]).await;
    for late in [OVER, OVER + TOLERANCE, OVER + 100_000] {
        clock.set(at(late));
        assert_eq!(guard.claim(&verified_in_time).await, ClaimOutcome::Lost);
    }
    assert_eq!(server.run::<usize>(&["DBSIZE"]).await, keys);
}

#[tokio::test]
async fn a_claim_that_is_over_when_redis_answers_is_lost() {
    let server = old_server().await;
    for (answered_at, expected) in [(OVER - 1, ClaimOutcome::New), (OVER, ClaimOutcome::Lost)] {
        let clock = ManualClock::at(at(NOW));
        let odd = Odd {
            connection: server.connection().await,
            way: Way::Late(clock.clone(), at(answered_at)),
        };
        let guard = builder().clock(clock).deadline(Duration::from_secs(20));
        let nonce = answered_at.to_string();
        let outcome = outcome(&guard.build(odd).unwrap(), &nonce, NOW).await;
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn a_claim_that_waited_is_kept_for_the_time_that_is_left() {
    let server = old_server().await;
    let clock = ManualClock::at(at(NOW + 500));
    let guard = builder().clock(clock).deadline(Duration::from_secs(20));
    let guard = guard.build(server.connection().await).unwrap();
    assert_eq!(guard.claim(&claim("a", NOW)).await, ClaimOutcome::New);
    for key in server.run::<Vec<String>>(&["KEYS", "*"]).await {
        if !key.ends_with(":epoch") {
            let left: i64 = server.run(&["PTTL", &key]).await;
            let whole = i64::try_from(SKEW + 1 - 500 + TOLERANCE).unwrap() * 1000;
            assert!((whole - 60_000..=whole).contains(&left), "{left}");
        }
    }
}
