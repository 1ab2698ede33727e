//! Copies of requests at both gateways.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use http::{Method, StatusCode};
use tokio::task::JoinSet;

use super::{
    Setup,
    client::{ANY, Load, ONE, TWO},
};
use crate::old_server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_000_requests_to_two_gateways_each_nonce_is_accepted_exactly_once() {
    const NONCES: usize = 50_000;
    const CLIENTS: usize = 64;
    let redis = old_server().await;
    // A busy machine must not make a claim unavailable.
    let arguments = ["--redis", &redis.url(), "--redis-timeout", "60"];
    let setup = Setup::start(&arguments, "").await;
    let clients = setup.clients();

    let start = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..CLIENTS {
        let (clients, next) = (clients.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < NONCES {
                let signed = clients.sign(Method::POST, "/transfers");
                let mut statuses = clients.send_to_both(&signed, [ONE, TWO]).await;
                statuses.sort_unstable();
                assert_eq!(statuses, [StatusCode::OK, StatusCode::UNAUTHORIZED]);
            }
        });
    }
    tasks.join_all().await;
    println!("{} requests took {:?}", 2 * NONCES, start.elapsed());

    assert_eq!(setup.upstream.received(), NONCES);
    assert_eq!(setup.upstream.replayed(), [""; 0]);
    let (nonces, seen) = (setup.claims("new").await, setup.claims("seen").await);
    assert_eq!([nonces, seen], [NONCES as u64; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_gateway_is_killed_the_other_goes_on_and_accepts_nothing_again() {
    let redis = old_server().await;
    let arguments = ["--redis", &redis.url(), "--redis-timeout", "60"];
    // nginx sends what the killed gateway did not answer to the other one.
    let resends = "proxy_next_upstream error timeout non_idempotent;";
    let mut setup = Setup::start(&arguments, resends).await;
    let clients = setup.clients();
    let load = Load::start(&clients, [ANY, ANY]);
    setup.goes_on(500).await;

    setup.gateways[0].kill().await;
    for _ in 0..500 {
        let signed = clients.sign(Method::POST, "/transfers");
        let mut statuses = clients.send_to_both(&signed, [ANY, ANY]).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [StatusCode::OK, StatusCode::UNAUTHORIZED]);
    }
    load.stop().await;
    assert_eq!(setup.upstream.replayed(), [""; 0]);
}
