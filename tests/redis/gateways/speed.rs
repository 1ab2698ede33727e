//! Requests a second through one gateway, without nonces, with nonces in memory, and in Redis.
//! Ignored by default:
//!
//! ```console
//! $ cargo build --release --all-features --example gateway
//! $ cargo test --release --all-features --test redis gateways::speed -- --ignored --nocapture
//! ```
//!
//! All processes share the machine's cores, so the times of the processor say more than the rates.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use super::{
    client::Clients,
    gateway::{Gateway, command_without_nonce},
};
use crate::{
    cluster, old_server,
    server::{Server, processor_time},
};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// What is measured, in all rounds.
#[derive(Default)]
struct Sums {
    requests: u64,
    seconds: f64,
    of_gateway: Duration,
    of_redis: Duration,
}

fn all_times(servers: &[&Server]) -> Duration {
    servers
        .iter()
        .map(|server| processor_time(server.id()))
        .sum()
}

/// Sends requests on many connections for a time, one after the other on each.
async fn load(gateway: &Gateway) -> u64 {
    let clients = Clients::of(gateway.address());
    let (is_over, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (clients, is_over, count) = (clients.clone(), Arc::clone(&is_over), Arc::clone(&count));
        tasks.spawn(async move {
            let mut answer = [0; 1024];
            while !is_over.load(Ordering::Relaxed) {
                let head = clients.sign(Method::GET, "/v1/orders").head();
                stream.write_all(&head).await.unwrap();
                let mut len = 0;
                // The answer is a JSON object.
                while !answer[..len].ends_with(b"}") {
                    let read = stream.read(&mut answer[len..]).await.unwrap();
                    assert_ne!(read, 0);
                    len += read;
                }
                assert!(answer.starts_with(b"HTTP/1.1 200 "));
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(ROUND).await;
    is_over.store(true, Ordering::Relaxed);
    tasks.join_all().await;
    count.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, for some 40 seconds"]
async fn requests_a_second() {
    let (redis, cluster) = (old_server().await, cluster::start().await);
    cluster::age(&cluster).await;
    let patience = ["--redis-timeout", "20"];
    let urls: Vec<_> = cluster.iter().map(Server::url).collect();
    let mut in_cluster = patience.to_vec();
    for url in &urls {
        in_cluster.extend(["--redis-cluster", url]);
    }
    let url = redis.url();
    let in_redis = [&["--redis", &url][..], &patience].concat();
    let in_memory = ["--assume-no-earlier-claims", "--nonce-capacity", "16000000"];
    let cases = [
        (
            "no nonce",
            Gateway::from_command(command_without_nonce()).await,
            vec![],
        ),
        ("in memory", Gateway::start(&in_memory).await, vec![]),
        ("in Redis", Gateway::start(&in_redis).await, vec![&redis]),
        (
            "in a Cluster",
            Gateway::start(&in_cluster).await,
            cluster.iter().collect(),
        ),
    ];
    let mut sums: [Sums; 4] = Default::default();
    for _ in 0..ROUNDS {
        for ((_, gateway, servers), sums) in cases.iter().zip(&mut sums) {
            let before = (processor_time(gateway.id()), all_times(servers));
            let start = Instant::now();
            sums.requests += load(gateway).await;
            sums.seconds += start.elapsed().as_secs_f64();
            sums.of_gateway += processor_time(gateway.id()) - before.0;
            sums.of_redis += all_times(servers) - before.1;
        }
    }
    println!("nonces         requests/s  ratio  µs of the gateway  µs of Redis");
    #[allow(clippy::cast_precision_loss)]
    let rate = |sums: &Sums| sums.requests as f64 / sums.seconds;
    for ((name, ..), sums_of_case) in cases.iter().zip(&sums) {
        #[allow(clippy::cast_precision_loss)]
        let each = |time: Duration| time.as_secs_f64() * 1e6 / sums_of_case.requests as f64;
        println!(
            "{name:13} {:11.0} {:6.2} {:18.1} {:12.1}",
            rate(sums_of_case),
            rate(sums_of_case) / rate(&sums[0]),
            each(sums_of_case.of_gateway),
            each(sums_of_case.of_redis),
        );
    }
}
