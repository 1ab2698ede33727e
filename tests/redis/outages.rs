//! What happens while Redis does not answer.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{
    Cmd, Pipeline, RedisFuture, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use tokio::{sync::oneshot, task::JoinSet};
use tower_hmac_auth::verify::{ClaimOutcome, RedisReplayGuard};

use crate::{
    NOW, SKEW, TOLERANCE, age, builder, old_server, outcome,
    server::{Server, connection},
};

const DEADLINE: Duration = Duration::from_secs(1);

/// How long a claim may take at the most: the deadline, and much for a busy machine.
const BOUND: Duration = Duration::from_secs(20);

async fn connect(server: &Server) -> RedisReplayGuard {
    let builder = builder().deadline(DEADLINE).partitions(1);
    builder.connect(&server.url()).await.unwrap()
}

/// Claims other nonces until one is answered.
async fn first_answer<C>(guard: &RedisReplayGuard<C>, now: u64) -> ClaimOutcome
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    let start = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        let outcome = outcome(guard, &format!("try {tries}"), now).await;
        if outcome != ClaimOutcome::Unavailable {
            return outcome;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no answer again");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn claims_are_unavailable_while_redis_is_down_and_lost_after_it_came_back_empty() {
    let mut server = old_server().await;
    let guard = connect(&server).await;
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::New);

    server.kill();
    for nonce in ["b", "c", "d"] {
        let start = Instant::now();
        let outcome = outcome(&guard, nonce, NOW).await;
        assert_eq!(outcome, ClaimOutcome::Unavailable);
        assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    }

    server.restart();
    assert_eq!(first_answer(&guard, NOW).await, ClaimOutcome::Lost);
    // The nonce from before the loss is not accepted again.
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Lost);
    let later = NOW + SKEW + TOLERANCE + 1;
    assert_eq!(outcome(&guard, "e", later - 1).await, ClaimOutcome::Lost);
    assert_eq!(outcome(&guard, "f", later).await, ClaimOutcome::New);
    assert_eq!(outcome(&guard, "f", later).await, ClaimOutcome::Seen);
}

#[tokio::test]
async fn claims_are_answered_again_after_a_long_outage() {
    let mut server = old_server().await;
    let guard = connect(&server).await;
    server.kill();
    for i in 0..20 {
        let outcome = outcome(&guard, &i.to_string(), NOW).await;
        assert_eq!(outcome, ClaimOutcome::Unavailable);
    }
    server.restart();
    age(&server).await;
    assert_eq!(first_answer(&guard, NOW).await, ClaimOutcome::New);
}

#[tokio::test]
async fn claims_share_the_wait_for_a_silent_redis_and_later_ones_get_their_own_answer() {
    let server = Server::with(&["--enable-debug-command", "local"]);
    age(&server).await;
    let guard = connect(&server).await;
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::New);

    let mut other = server.connection().await;
    let (awake, sleeps) = oneshot::channel();
    tokio::spawn(async move {
        let mut sleep = redis::cmd("DEBUG");
        let sleep = sleep.arg("SLEEP").arg("6");
        let () = sleep.query_async(&mut other).await.unwrap();
        awake.send(()).unwrap();
    });
    // Until Redis sleeps, claims are answered.
    for i in 0_u32.. {
        if outcome(&guard, &format!("before {i}"), NOW).await == ClaimOutcome::Unavailable {
            break;
        }
    }
    let start = Instant::now();
    let mut claims = JoinSet::new();
    for i in 0..100 {
        let guard = guard.clone();
        claims.spawn(async move { outcome(&guard, &format!("during {i}"), NOW).await });
    }
    for outcome in claims.join_all().await {
        assert_eq!(outcome, ClaimOutcome::Unavailable);
    }
    // One after the other would take 100 seconds.
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());

    sleeps.await.unwrap();
    assert_eq!(first_answer(&guard, NOW).await, ClaimOutcome::New);
    for i in 0..200 {
        let outcome = outcome(&guard, &format!("after {i}"), NOW).await;
        assert_eq!(outcome, ClaimOutcome::New);
    }
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Seen);
}

/// Loses a server, and finds another one at its address.
async fn replaces(lose: impl AsyncFnOnce(&mut Server, &Server)) {
    let (mut old, new) = (old_server().await, old_server().await);
    let primary = Arc::new(Mutex::new(old.url()));
    let (asked, calls) = (Arc::clone(&primary), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&calls);
    let guard = builder()
        .deadline(DEADLINE)
        .connect_with(move || {
            let url = asked.lock().unwrap().clone();
            counted.fetch_add(1, Ordering::SeqCst);
            async move { Ok(connection(&url).await) }
        })
        .await
        .unwrap();
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::New);

    *primary.lock().unwrap() = new.url();
    lose(&mut old, &new).await;
    assert_eq!(outcome(&guard, "b", NOW).await, ClaimOutcome::Unavailable);
    // Without another claim.
    let start = Instant::now();
    while calls.load(Ordering::SeqCst) < 2 {
        assert!(start.elapsed() < BOUND);
        tokio::task::yield_now().await;
    }
    assert_eq!(first_answer(&guard, NOW).await, ClaimOutcome::New);
    assert_eq!(outcome(&guard, "c", NOW).await, ClaimOutcome::New);
    assert_eq!(outcome(&guard, "c", NOW).await, ClaimOutcome::Seen);
}

#[tokio::test]
async fn the_connection_is_made_again_when_its_server_has_become_a_replica() {
    replaces(async |old, new| {
        let port = new.port().to_string();
        let () = old.run(&["REPLICAOF", "127.0.0.1", &port]).await;
    })
    .await;
}

#[tokio::test]
async fn the_connection_is_made_again_when_its_server_has_gone() {
    replaces(async |old, _| old.kill()).await;
}

/// A connection that answers nothing while the flag is set.
#[derive(Clone)]
struct Hanging(MultiplexedConnection, Arc<AtomicBool>);

impl ConnectionLike for Hanging {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        self.0.req_packed_command(cmd)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        if self.1.load(Ordering::SeqCst) {
            return Box::pin(pending());
        }
        self.0.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}

#[tokio::test]
async fn a_connection_that_hangs_is_replaced() {
    let server = old_server().await;
    let (url, hangs) = (server.url(), Arc::new(AtomicBool::new(false)));
    let first = Arc::clone(&hangs);
    let is_first = AtomicBool::new(true);
    let guard = builder()
        .deadline(Duration::from_millis(20))
        .connect_with(move || {
            let url = url.clone();
            let hangs = match is_first.swap(false, Ordering::SeqCst) {
                true => Arc::clone(&first),
                false => Arc::default(),
            };
            async move { Ok(Hanging(connection(&url).await, hangs)) }
        })
        .await
        .unwrap();
    hangs.store(true, Ordering::SeqCst);
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Unavailable);
    assert_eq!(first_answer(&guard, NOW).await, ClaimOutcome::New);
}
