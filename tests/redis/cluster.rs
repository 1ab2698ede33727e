//! A Redis Cluster of three servers.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tower_hmac_auth::verify::{ClaimOutcome, RedisCluster, RedisReplayGuard};

use crate::{
    NOW, OLD, builder, epochs, outcome,
    server::{Server, free_port},
};

/// Starts three primaries that have a third of the slots each.
pub(crate) async fn start() -> Vec<Server> {
    let mut servers = Vec::<Server>::new();
    for slots in [("0", "5460"), ("5461", "10922"), ("10923", "16383")] {
        let (server, bus) = member();
        let () = server
            .run(&["CLUSTER", "ADDSLOTSRANGE", slots.0, slots.1])
            .await;
        let number = (servers.len() + 1).to_string();
        let () = server.run(&["CLUSTER", "SET-CONFIG-EPOCH", &number]).await;
        if let Some(first) = servers.first() {
            meet(first, &server, &bus).await;
        }
        servers.push(server);
    }
    for server in &servers {
        until(
            server,
            "INFO",
            &["cluster_state:ok", "cluster_known_nodes:3"],
        )
        .await;
    }
    servers
}

/// Makes the Cluster one that has kept claims for long.
pub(crate) async fn age(servers: &[Server]) {
    let mut connections = Vec::new();
    for server in servers {
        connections.push(server.connection().await);
    }
    for epoch in epochs() {
        let mut set = redis::cmd("SET");
        let set = set.arg(epoch).arg(OLD);
        let mut stored = 0;
        for connection in &mut connections {
            // The others say who has the key.
            stored += usize::from(set.exec_async(connection).await.is_ok());
        }
        assert_eq!(stored, 1);
    }
}

/// Starts a server without slots. Returns its port for other members, too.
fn member() -> (Server, String) {
    let bus = free_port().to_string();
    let server = Server::with(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus,
        "--cluster-node-timeout",
        "1000",
        "--cluster-require-full-coverage",
        "no",
    ]);
    (server, bus)
}

async fn meet(one: &Server, other: &Server, bus: &str) {
    let port = other.port().to_string();
    let () = one.run(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]).await;
}

/// Adds a replica.
async fn replica_of(primary: &Server, first: &Server) -> Server {
    let (replica, bus) = member();
    meet(first, &replica, &bus).await;
    let id: String = primary.run(&["CLUSTER", "MYID"]).await;
    until(&replica, "NODES", &[&id]).await;
    let () = replica.run(&["CLUSTER", "REPLICATE", &id]).await;
    replica
}

/// Waits until the answer to a subcommand of `CLUSTER` has all these texts.
async fn until(server: &Server, subcommand: &str, texts: &[&str]) {
    let start = Instant::now();
    loop {
        let answer: String = server.run(&["CLUSTER", subcommand]).await;
        if texts.iter().all(|text| answer.contains(text)) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn guard(servers: &[Server]) -> RedisReplayGuard<RedisCluster> {
    builder()
        .assume_no_earlier_claims(true)
        .deadline(Duration::from_secs(4))
        .connect_cluster(servers.iter().map(Server::url))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_are_spread_over_the_servers_and_without_one_the_others_go_on() {
    let mut servers = start().await;
    let guards = [guard(&servers).await, guard(&servers).await];
    assert_eq!(guards[0].check().await.unwrap(), []);

    let nonces: Vec<String> = (0..300).map(|i| i.to_string()).collect();
    for nonce in &nonces {
        assert_eq!(outcome(&guards[0], nonce, NOW).await, ClaimOutcome::New);
        assert_eq!(outcome(&guards[1], nonce, NOW).await, ClaimOutcome::Seen);
    }
    let mut sizes = Vec::new();
    for server in &servers {
        sizes.push(server.run::<usize>(&["DBSIZE"]).await);
    }
    // The claims, and the epochs of their partitions.
    assert!(
        (310..=364).contains(&sizes.iter().sum::<usize>()),
        "{sizes:?}"
    );
    assert!(sizes.iter().all(|size| *size > 50), "{sizes:?}");

    let replica = replica_of(&servers[1], &servers[0]).await;
    let all = claims(&servers[1]).await;
    while claims(&replica).await < all {
        tokio::task::yield_now().await;
    }

    servers[1].kill();
    // Before the replica takes over, its claims are unavailable. They do not keep the others
    // waiting.
    let alive = claims(&servers[0]).await + claims(&servers[2]).await;
    for guard in &guards {
        let seen = seen(guard, &nonces).await;
        assert!(seen >= alive, "{seen} of {alive}");
    }
    let start = Instant::now();
    for guard in &guards {
        while seen(guard, &nonces).await < nonces.len() {
            assert!(start.elapsed() < Duration::from_secs(60), "no failover");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    // A server that comes back has lost its claims, but is asked again.
    servers[0].kill();
    assert_ne!(seen(&guards[0], &nonces).await, nonces.len());
    servers[0].restart();
    let mut outcomes = vec![ClaimOutcome::Unavailable];
    while outcomes.contains(&ClaimOutcome::Unavailable) {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "not asked again"
        );
        outcomes = claim_all(&guards[0], &nonces).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Claims all nonces at the same moment.
async fn claim_all(guard: &RedisReplayGuard<RedisCluster>, nonces: &[String]) -> Vec<ClaimOutcome> {
    let mut claims = JoinSet::new();
    for nonce in nonces {
        let (guard, nonce) = (guard.clone(), nonce.clone());
        claims.spawn(async move { outcome(&guard, &nonce, NOW).await });
    }
    claims.join_all().await
}

/// Claims all nonces at the same moment, none of which is new. Returns how many have been seen.
async fn seen(guard: &RedisReplayGuard<RedisCluster>, nonces: &[String]) -> usize {
    let outcomes = claim_all(guard, nonces).await;
    assert!(!outcomes.contains(&ClaimOutcome::New));
    let seen = |outcome: &&ClaimOutcome| **outcome == ClaimOutcome::Seen;
    outcomes.iter().filter(seen).count()
}

/// Returns how many claims a server has.
async fn claims(server: &Server) -> usize {
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    keys.iter().filter(|key| !key.ends_with(":epoch")).count()
}
