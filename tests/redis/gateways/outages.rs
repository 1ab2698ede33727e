//! Redis stops, hangs, and loses its data while requests are sent to both gateways.

use super::{
    Setup,
    client::{Load, ONE, TWO},
};
use crate::{age, cluster, server::Server};

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
    // What a loss refuses is over after the skew and the tolerance, 5 s.
    let skew = ["--max-skew", "3"];
    let arguments = ["--redis", &redis.url(), "--redis-timeout", "0.5"];
    let setup = Setup::start(&[&arguments[..], &skew].concat(), "").await;
    let clients = setup.clients();
    let load = Load::start(&clients, [ONE, TWO]);
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
    let old = clients.send_new(100).await;
    let () = redis.run(&["FLUSHALL"]).await;
    clients.send_all(&old).await;
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
    // More than a server needs to come back, so that copies from before are not too old.
    let mut arguments = vec!["--max-skew", "120", "--redis-timeout", "1"];
    for url in &urls {
        arguments.extend(["--redis-cluster", url]);
    }
    let setup = Setup::start(&arguments, "").await;
    let clients = setup.clients();
    let load = Load::start(&clients, [ONE, TWO]);
    setup.goes_on(200).await;

    let old = clients.send_new(200).await;
    cluster[1].kill();
    setup.both_have_more("unavailable", [0, 0]).await;
    // The claims of the other two servers.
    setup.goes_on(200).await;
    assert_eq!(setup.claims_of_each("lost").await, [0, 0]);

    cluster[1].restart();
    setup.both_have_more("lost", [0, 0]).await;
    clients.send_all(&old).await;
    setup.goes_on(200).await;
    load.stop().await;
    assert_eq!(setup.upstream.replayed(), [""; 0]);
}
