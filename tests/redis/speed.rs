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
    time::{Duration, Instant},
};

use tower_hmac_auth::verify::{AsyncReplayGuard as _, Claim, ClaimOutcome};

use crate::{
    NOW, at, builder, guard, old_server, outcome,
    server::{Server, processor_time},
};

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

/// Returns a number that Redis counts.
async fn info(server: &Server, name: &str) -> u64 {
    let info: String = server.run(&["INFO"]).await;
    let mut lines = info.lines();
    let number = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    number.unwrap().parse().unwrap()
}

/// Returns the bytes of memory, received and sent.
async fn bytes(server: &Server) -> [u64; 3] {
    let names = [
        "used_memory",
        "total_net_input_bytes",
        "total_net_output_bytes",
    ];
    let mut numbers = [0; 3];
    for (number, name) in numbers.iter_mut().zip(names) {
        *number = info(server, name).await;
    }
    numbers
}

#[test]
#[ignore = "measures, for some 20 seconds"]
fn claims_a_second() {
    const CLAIMS: u64 = 200_000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("connections  in flight  claims/s  redis-benchmark  ratio");
    for (connections, in_flight) in [(1, 1), (1, 16), (1, 64), (4, 64), (4, 256)] {
        let server = runtime.block_on(old_server());
        let before = runtime.block_on(bytes(&server));
        let idle = processor_time(server.id());
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
        let busy = (processor_time(server.id()) - idle).as_secs_f64();
        let after = runtime.block_on(bytes(&server));
        let each = [0, 1, 2].map(|i| (after[i] - before[i]) / claims);
        #[allow(clippy::cast_precision_loss)]
        let [rate, micros] = [
            claims as f64 / took.as_secs_f64(),
            busy * 1e6 / claims as f64,
        ];

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
            "{connections:11} {in_flight:10} {rate:9.0} {pairs:16.0} {:6.2}   {micros:.1} µs of Redis, {} bytes a claim, {} \
             received, {} sent",
            rate / pairs,
            each[0],
            each[1],
            each[2],
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, for some 20 seconds"]
async fn claims_a_second_while_as_many_expire() {
    const SECONDS: u64 = 20;
    let server = old_server().await;
    let guard = builder()
        .deadline(Duration::from_secs(20))
        .clock_tolerance(Duration::from_secs(1))
        .build(server.connection().await)
        .unwrap();
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    for _ in 0..64 {
        let (guard, next) = (guard.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            while start.elapsed() < Duration::from_secs(SECONDS) {
                let nonce = next.fetch_add(1, Ordering::Relaxed).to_string();
                // Redis keeps it for 3 seconds: the skew, one, and the tolerance.
                let skew = Duration::from_secs(1);
                let claim = Claim::new("key", nonce.as_bytes(), at(NOW), skew, at(NOW));
                assert_eq!(guard.claim(&claim).await, ClaimOutcome::New);
            }
        });
    }
    println!("second  claims/s  keys in Redis  µs of Redis a claim");
    let (mut before, mut busy_before) = (0, processor_time(server.id()));
    for second in 1..=SECONDS {
        let end = start + Duration::from_secs(second);
        tokio::time::sleep_until(end.into()).await;
        let claims = next.load(Ordering::Relaxed);
        let keys: u64 = server.run(&["DBSIZE"]).await;
        let busy = processor_time(server.id());
        #[allow(clippy::cast_precision_loss)]
        let micros = (busy - busy_before).as_secs_f64() * 1e6 / (claims - before) as f64;
        println!("{second:6} {:9} {keys:14} {micros:9.1}", claims - before);
        (before, busy_before) = (claims, busy);
    }
}
