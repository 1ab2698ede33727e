//! Claims a second, beside `redis-benchmark` with the same two commands. Ignored by default:
//!
//! ```console
//! $ cargo test --release --all-features --test redis speed -- --ignored --nocapture
//! ```

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tower_hmac_auth::verify::ClaimOutcome;

use crate::{NOW, guard, old_server, outcome, server::Server};

/// Returns how often a second `redis-benchmark` sends a command.
fn floor(server: &Server, connections: usize, pipelined: usize, command: &[&str]) -> f64 {
    let output = Command::new("redis-benchmark")
        .args(["-p", &server.port().to_string(), "-n", "400000"])
        .args(["-c", &connections.to_string(), "-P", &pipelined.to_string()])
        .args(["-r", "1000000000", "--csv"])
        .args(command)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // "command","requests a second",…
    let line = text.lines().last().unwrap();
    let figure = line.rsplit("\",\"").nth(6).unwrap();
    figure.trim_matches('"').parse().unwrap()
}

async fn memory(server: &Server) -> usize {
    let info: String = server.run(&["INFO", "memory"]).await;
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.unwrap().parse().unwrap()
}

#[test]
#[ignore = "measures, for some 20 seconds"]
fn claims_a_second() {
    const CLAIMS: u64 = 200_000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("connections  in flight  claims/s  redis-benchmark  ratio");
    for (connections, in_flight) in [(1, 1), (1, 16), (1, 64), (4, 64), (4, 256)] {
        let server = runtime.block_on(old_server());
        let before = runtime.block_on(memory(&server));
        let claims = if in_flight == 1 { CLAIMS / 10 } else { CLAIMS };
        let took = runtime.block_on(async {
            let mut guards = Vec::new();
            for _ in 0..connections {
                guards.push(guard(&server).await);
            }
            let next = Arc::new(AtomicU64::new(0));
            let start = Instant::now();
            let tasks: Vec<_> = (0..in_flight)
                .map(|task| {
                    let (guard, next) = (guards[task % connections].clone(), Arc::clone(&next));
                    tokio::spawn(async move {
                        loop {
                            let i = next.fetch_add(1, Ordering::Relaxed);
                            if i >= claims {
                                return;
                            }
                            let outcome = outcome(&guard, &format!("nonce {i}"), NOW).await;
                            assert_eq!(outcome, ClaimOutcome::New);
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            start.elapsed()
        });
        let used = runtime.block_on(memory(&server)) - before;
        #[allow(clippy::cast_precision_loss)]
        let rate = claims as f64 / took.as_secs_f64();

        // Two commands a claim, as many in flight on each connection.
        let pipelined = 2 * in_flight / connections;
        let claim = "hmac-replay:{12}:abcdefghij__rand_int__";
        let claim = [
            "SET",
            claim,
            "4611686018427387904",
            "NX",
            "GET",
            "PX",
            "906000",
        ];
        let epoch = ["SET", "hmac-replay:{12}:epoch", "1700000000", "NX", "GET"];
        let [claim, epoch] =
            [&claim[..], &epoch].map(|c| floor(&server, connections, pipelined, c));
        let pairs = 1.0 / (1.0 / claim + 1.0 / epoch);
        println!(
            "{connections:11} {in_flight:10} {rate:9.0} {pairs:16.0} {:6.2}   {} bytes a claim",
            rate / pairs,
            used as u64 / claims,
        );
    }
}
