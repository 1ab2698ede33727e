//! One gateway: its start, and what it shows of Redis.

use http::{Method, StatusCode};

use super::{
    client::{ANY, Clients},
    gateway::{Gateway, command},
    until,
};
use crate::{old_server, server::Server};

#[tokio::test]
async fn a_gateway_that_is_started_again_knows_the_requests_from_before() {
    let redis = old_server().await;
    let arguments = ["--redis", &redis.url(), "--redis-timeout", "60"];
    let mut gateway = Gateway::start(&arguments).await;
    let clients = Clients::of(gateway.address());
    let signed = clients.sign(Method::POST, "/transfers");
    assert_eq!(clients.send(&signed, ANY).await, StatusCode::OK);
    gateway.kill().await;

    let gateway = Gateway::start(&arguments).await;
    let clients = Clients::of(gateway.address());
    let copy = clients.send(&signed, ANY).await;
    assert_eq!(copy, StatusCode::UNAUTHORIZED);
    let new = clients.sign(Method::POST, "/transfers");
    assert_eq!(clients.send(&new, ANY).await, StatusCode::OK);
}

#[tokio::test]
async fn services_with_other_prefixes_do_not_share_nonces() {
    let redis = old_server().await;
    let shared = ["--redis", &redis.url(), "--redis-timeout", "60"];
    let other = ["--redis-prefix", "other:", "--assume-no-earlier-claims"];
    let one = Gateway::start(&shared).await;
    let other = Gateway::start(&[&shared[..], &other].concat()).await;
    let signed = Clients::of(one.address()).sign(Method::POST, "/transfers");
    for gateway in [&one, &other] {
        let clients = Clients::of(gateway.address());
        assert_eq!(clients.send(&signed, ANY).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_redis_requests_are_refused_or_accepted_without_a_claim_as_configured() {
    for (option, status) in [
        (&[][..], StatusCode::SERVICE_UNAVAILABLE),
        (&["--accept-while-unavailable"], StatusCode::OK),
    ] {
        let mut redis = old_server().await;
        let url = redis.url();
        let arguments = [&["--redis", &url, "--redis-timeout", "1"], option].concat();
        let gateway = Gateway::start(&arguments).await;
        redis.kill();
        let clients = Clients::of(gateway.address());
        let signed = clients.sign(Method::POST, "/transfers");
        for _ in 0..2 {
            assert_eq!(clients.send(&signed, ANY).await, status);
        }
        assert_eq!(gateway.claims("unavailable").await, 2);
        assert_eq!(gateway.admin("/healthz").await.0, 200);
        until("the log says so", async || {
            let log = gateway.log();
            log.contains("replays: no claim in Redis for ")
                && log.contains("Redis is unavailable (")
        })
        .await;
        let is_refused = gateway.log().contains(" kind=ReplayGuard ");
        assert_eq!(is_refused, option.is_empty());
    }
}

#[tokio::test]
async fn nothing_shows_the_password() {
    let mut redis = Server::with(&["--requirepass", "the-password"]);
    let url = format!("redis://:the-password@127.0.0.1:{}/", redis.port());
    let gateway = Gateway::start(&["--redis", &url, "--redis-timeout", "1"]).await;
    let clients = Clients::of(gateway.address());
    let signed = clients.sign(Method::POST, "/transfers");
    // Redis was empty.
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(clients.send(&signed, ANY).await, unavailable);
    redis.kill();
    assert_eq!(clients.send(&signed, ANY).await, unavailable);
    until("the log has both", async || {
        gateway.log().contains("no claim in Redis") && gateway.log().contains("kind=ReplayGuard ")
    })
    .await;
    let (_, metrics) = gateway.admin("/metrics").await;
    let help = command(&["--redis", &url, "--help"]).output();
    let help = String::from_utf8(help.await.unwrap().stdout).unwrap();
    for text in [gateway.log(), metrics, help] {
        assert!(!text.contains("the-password"), "{text}");
    }
}

#[tokio::test]
async fn a_redis_that_cannot_be_used_ends_the_start_with_a_line_that_says_why() {
    let evicting = Server::with(&["--maxmemory-policy", "allkeys-lru"]);
    let locked = Server::with(&["--requirepass", "the-right-password"]);
    let nobody = format!(
        "redis://:the-password@127.0.0.1:{}/",
        crate::server::free_port()
    );
    let wrong = format!("redis://:the-password@127.0.0.1:{}/", locked.port());
    let evicting = evicting.url();
    for (arguments, expected) in [
        (vec!["--redis", &nobody], "--redis: Redis is unavailable ("),
        (
            vec!["--redis-cluster", &nobody],
            "--redis-cluster: Redis is unavailable (",
        ),
        (vec!["--redis", &wrong], "authentication failed"),
        (
            vec!["--redis", &evicting],
            "set maxmemory-policy to noeviction",
        ),
        (
            vec!["--redis", "http://:the-password@localhost/"],
            "--redis: the Redis URL is invalid: use redis://HOST:PORT/",
        ),
        (
            vec!["--redis", &nobody, "--redis", &wrong],
            "'--redis <URL>' cannot be used multiple times",
        ),
        (
            vec!["--redis", &nobody, "--redis-cluster", &wrong],
            "cannot be used with '--redis-cluster <URL>'",
        ),
        (
            vec!["--redis", &nobody, "--nonce-capacity", "7"],
            "cannot be used with '--nonce-capacity <NUMBER>'",
        ),
        (vec!["--redis-timeout", "1"], "--redis <URL>"),
        (
            vec!["--redis", "env:"],
            "there is no such environment variable",
        ),
        (
            vec!["--redis", &nobody, "--redis-partitions", "16385"],
            "--redis: the number of partitions is out of range: use 1 to 16384",
        ),
        (
            vec!["--redis", &nobody, "--redis-prefix", "a{"],
            "--redis: the prefix contains a brace",
        ),
    ] {
        let output = command(&arguments).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(error.lines().count() == 1, "{error}");
        assert!(!error.contains("the-password"), "{error}");
    }
}

#[tokio::test]
async fn the_url_can_be_in_the_environment() {
    let redis = old_server().await;
    let mut command = command(&["--redis", "env:CLAIMS"]);
    let mut gateway = command.env("CLAIMS", redis.url()).spawn().unwrap();
    let mut stdout = tokio::io::BufReader::new(gateway.stdout.take().unwrap());
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut stdout, &mut line)
        .await
        .unwrap();
    assert!(line.starts_with("listening on "), "{line}");
    gateway.kill().await.unwrap();
}

#[tokio::test]
async fn settings_of_redis_that_can_lose_claims_are_a_warning_at_the_start() {
    let redis = old_server().await;
    let () = redis.run(&["CONFIG", "SET", "save", "3600 1"]).await;
    let gateway = Gateway::start(&["--redis", &redis.url()]).await;
    let log = gateway.log();
    assert!(
        log.starts_with("gateway: warning: Redis restores snapshots"),
        "{log}"
    );
}
