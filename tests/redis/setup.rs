//! Options, connections that fail, and Redis' own settings.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tower_hmac_auth::verify::{ClaimOutcome, RedisGuardError, RedisReplayGuard, RedisWarning};

use crate::{NOW, builder, guard, old_server, outcome, server::Server};

#[tokio::test]
async fn options_out_of_range_are_errors() {
    let server = Server::start();
    let builder = RedisReplayGuard::builder;
    for (options, error) in [
        (builder().prefix("a{b"), RedisGuardError::InvalidPrefix),
        (builder().prefix("a}b"), RedisGuardError::InvalidPrefix),
        (builder().partitions(0), RedisGuardError::InvalidPartitions),
        (
            builder().partitions(16_385),
            RedisGuardError::InvalidPartitions,
        ),
        (
            builder().deadline(Duration::ZERO),
            RedisGuardError::NoDeadline,
        ),
    ] {
        let built = options.clone().build(server.connection().await);
        assert_eq!(built.unwrap_err(), error);
        assert_eq!(options.connect(&server.url()).await.unwrap_err(), error);
    }
    for url in ["", "redis", "http://127.0.0.1/", "redis://127.0.0.1:port/"] {
        let error = RedisReplayGuard::connect(url).await.unwrap_err();
        assert_eq!(error, RedisGuardError::InvalidUrl, "{url}");
    }
}

#[tokio::test]
async fn no_text_has_the_password() {
    let server = Server::with(&["--requirepass", "the-right-password"]);
    let url = |password| format!("redis://:{password}@127.0.0.1:{}/", server.port());
    let wrong = url("the-wrong-password");
    let error = RedisReplayGuard::connect(&wrong).await.unwrap_err();
    assert!(
        matches!(error, RedisGuardError::Unavailable { .. }),
        "{error}"
    );
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(text.contains("authentication failed"), "{text}");
        assert!(
            !text.contains("password@") && !text.contains("the-wrong"),
            "{text}"
        );
    }
    let right = url("the-right-password");
    let guard = builder().connect(&right).await.unwrap();
    let text = format!("{guard:?} {guard:#?}");
    assert!(
        !text.contains("the-right") && !text.contains("127.0.0.1"),
        "{text}"
    );
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Lost);
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Seen);
}

#[tokio::test]
async fn a_redis_that_cannot_be_reached_or_is_silent_is_an_error_in_time() {
    let refusing = crate::server::free_port();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for port in [refusing, silent.local_addr().unwrap().port()] {
        let start = Instant::now();
        let url = format!("redis://127.0.0.1:{port}/");
        let error = RedisReplayGuard::connect(&url).await.unwrap_err();
        assert!(
            matches!(error, RedisGuardError::Unavailable { .. }),
            "{error}"
        );
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_redis_that_evicts_keys_is_refused() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = Server::with(&["--maxmemory-policy", policy]);
        let error = RedisReplayGuard::connect(&server.url()).await.unwrap_err();
        assert!(matches!(&error, RedisGuardError::Evicts { .. }), "{error}");
        assert!(error.to_string().contains(policy), "{error}");
    }
}

#[tokio::test]
async fn a_redis_that_restores_snapshots_is_reported() {
    let server = old_server().await;
    let guard = guard(&server).await;
    assert_eq!(guard.check().await.unwrap(), []);
    let () = server.run(&["CONFIG", "SET", "save", "3600 1"]).await;
    let warnings = guard.check().await.unwrap();
    assert_eq!(warnings, [RedisWarning::RestoresSnapshots]);
    let () = server.run(&["CONFIG", "SET", "appendonly", "yes"]).await;
    assert_eq!(guard.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_user_with_the_rights_for_claims_alone_is_enough() {
    let server = Server::start();
    let rules = ["ACL", "SETUSER", "claims", "on", ">pw", "resetkeys"];
    let rights = ["~hmac-replay:*", "-@all", "+set"];
    let () = server.run(&[&rules[..], &rights].concat()).await;
    let url = format!("redis://claims:pw@127.0.0.1:{}/", server.port());
    let guard = builder().assume_no_earlier_claims(true);
    let guard = guard.connect(&url).await.unwrap();
    assert_eq!(
        guard.check().await.unwrap(),
        [RedisWarning::EvictionUnknown]
    );
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::New);
    assert_eq!(outcome(&guard, "a", NOW).await, ClaimOutcome::Seen);
}
