//! Redis stops, hangs, and loses its data while requests are sent to both gateways.

use super::{
    Setup,
    client::{Load, ONE, TWO},
};
use crate::{age, cluster, server::Server};

/// So that what a loss refuses is over after some seconds: the skew and the tolerance of 5 s.
const SKEW: [&str; 2] = ["--max-skew", "3"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_accepted_twice_while_redis_hangs_stops_and_is_flushed() {
    let mut redis = Server::with(&[
        "--enable-debug-command",
        "local",
        "--appendonly",
        "yes",
        "--appendfsync",
        "no",
    ]);
    age(&redis).await;
    let arguments = ["--redis", &redis.url(), "--redis-timeout", "0.5"];
    let setup = Setup::start(&[&arguments[..], &SKEW].concat(), "").await;
    let load = Load::start(&setup.clients(), [ONE, TWO]);
    setup.goes_on(200).await;

    // It hangs.
    let before = setup.claims_of_each("unavailable").await;
    let () = redis.run(&["DEBUG", "SLEEP", "2"]).await;
    setup.both_have_more("unavailable", before).await;
    setup.goes_on(200).await;

    // It is gone, and comes back with its data.
    redis.kill();
    setup
        .both_have_more("unavailable", setup.claims_of_each("unavailable").await)
        .await;
    for gateway in &setup.gateways {
        assert_eq!(gateway.admin("/healthz").await.0, 200);
    }
    redis.restart();
    setup.goes_on(200).await;
    assert_eq!(setup.claims_of_each("lost").await, [0, 0]);

    // It loses its data.
    let () = redis.run(&["FLUSHALL"]).await;
    setup.both_have_more("lost", [0, 0]).await;
    setup.goes_on(200).await;
    load.stop().await;
    assert_eq!(setup.upstream.replayed(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_accepted_twice_while_a_server_of_a_cluster_is_gone_and_comes_back_empty() {
    let mut cluster = cluster::start().await;
    cluster::age(&cluster).await;
    let urls: Vec<_> = cluster.iter().map(Server::url).collect();
    let mut arguments = vec!["--redis-timeout", "1"];
    arguments.extend(SKEW);
    for url in &urls {
        arguments.extend(["--redis-cluster", url]);
    }
    let setup = Setup::start(&arguments, "").await;
    let load = Load::start(&setup.clients(), [ONE, TWO]);
    setup.goes_on(200).await;

    cluster[1].kill();
    setup.both_have_more("unavailable", [0, 0]).await;
    // The claims of the other two servers.
    setup.goes_on(200).await;
    assert_eq!(setup.claims_of_each("lost").await, [0, 0]);

    cluster[1].restart();
    setup.both_have_more("lost", [0, 0]).await;
    setup.goes_on(200).await;
    load.stop().await;
    assert_eq!(setup.upstream.replayed(), [""; 0]);
}
