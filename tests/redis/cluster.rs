//! A Redis Cluster of three servers.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tower_hmac_auth::verify::{ClaimOutcome, RedisCluster, RedisReplayGuard};

use crate::{
    NOW, outcome,
    server::{Server, free_port},
};

/// Starts three primaries that have a third of the slots each.
async fn cluster() -> Vec<Server> {
    let mut servers = Vec::new();
    for (i, slots) in [("0", "5460"), ("5461", "10922"), ("10923", "16383")]
        .into_iter()
        .enumerate()
    {
        let bus = free_port().to_string();
        let file = format!("nodes-{bus}.conf");
        let server = Server::with(&[
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &bus,
            "--cluster-config-file",
            &file,
            "--cluster-node-timeout",
            "1000",
            "--cluster-require-full-coverage",
            "no",
        ]);
        let () = server
            .run(&["CLUSTER", "ADDSLOTSRANGE", slots.0, slots.1])
            .await;
        let number = (i + 1).to_string();
        let () = server.run(&["CLUSTER", "SET-CONFIG-EPOCH", &number]).await;
        if let Some(first) = servers.first() {
            let first: &Server = first;
            let port = server.port().to_string();
            let () = first
                .run(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])
                .await;
        }
        servers.push(server);
    }
    let start = Instant::now();
    for server in &servers {
        loop {
            let info: String = server.run(&["CLUSTER", "INFO"]).await;
            if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3") {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{info}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    servers
}

async fn guard(servers: &[Server]) -> RedisReplayGuard<RedisCluster> {
    RedisReplayGuard::builder()
        .assume_no_earlier_claims(true)
        .deadline(Duration::from_secs(1))
        .connect_cluster(servers.iter().map(Server::url))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_are_spread_over_the_servers_and_without_one_the_others_go_on() {
    let mut servers = cluster().await;
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

    servers[1].kill();
    // A part of the claims are those of the server that is gone. They do not keep the others waiting
    // for long, with either of the guards.
    let alive = sizes_of_claims(&servers[0]).await + sizes_of_claims(&servers[2]).await;
    for guard in &guards {
        let start = Instant::now();
        let mut complete = 0;
        while complete < 5 {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{complete} times in time"
            );
            let mut claims = JoinSet::new();
            for nonce in &nonces {
                let (guard, nonce) = (guard.clone(), nonce.clone());
                claims.spawn(async move { outcome(&guard, &nonce, NOW).await });
            }
            let outcomes = claims.join_all().await;
            assert!(!outcomes.contains(&ClaimOutcome::New));
            let seen = outcomes
                .iter()
                .filter(|outcome| **outcome == ClaimOutcome::Seen);
            let seen = seen.count();
            println!("WAVE {seen} of {alive} {:?}", start.elapsed());
            complete += usize::from(seen == alive);
        }
    }
}

async fn sizes_of_claims(server: &Server) -> usize {
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    keys.iter().filter(|key| !key.ends_with(":epoch")).count()
}
