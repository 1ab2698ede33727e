//! In a chain of the crate reqwest-middleware, with reqwest-retry.

use std::time::{Duration, SystemTime};

use reqwest_middleware::ClientBuilder;
use reqwest_retry::{RetryDecision, RetryPolicy, RetryTransientMiddleware};
use tower_hmac_auth::{Signer, clock::ManualClock, sign::SignMiddleware};

use super::{
    builder, builders, layer, layer_of,
    server::{Server, THREE_DATES},
    signer,
};
use crate::common::{FRIDAY, at, keys, loopback::nobody};

/// Tries again at once, up to so many times.
struct AtOnce(u32);

impl RetryPolicy for AtOnce {
    fn should_retry(&self, _: SystemTime, n_past_retries: u32) -> RetryDecision {
        if n_past_retries == self.0 {
            return RetryDecision::DoNotRetry;
        }
        let execute_after = SystemTime::now();
        RetryDecision::Retry { execute_after }
    }
}

fn retry() -> RetryTransientMiddleware<AtOnce> {
    RetryTransientMiddleware::new_with_policy(AtOnce(5))
}

#[tokio::test]
async fn every_attempt_of_reqwest_retry_is_signed_again() {
    for (protocol, builder) in builders() {
        let clock = ManualClock::at(at(FRIDAY));
        let server = Server::unavailable_at_first(clock.clone()).await;
        let client = layer()
            .clock(clock)
            .reqwest_middleware(builder, |outer| outer.with(retry()))
            .unwrap();
        let request = client.post(server.url("/a?x=1")).body("kept");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{protocol}");
        let text = response.text().await.unwrap();
        assert_eq!(text, "AKIDtestkey0001 x-date source", "{protocol}");
        assert_eq!(server.dates(), THREE_DATES, "{protocol}");
        for head in server.heads() {
            assert_eq!(head.all("content-length"), ["4"], "{protocol}");
        }
    }
}

#[tokio::test]
async fn a_retry_inside_sends_an_old_date_and_is_refused() {
    let clock = ManualClock::at(at(FRIDAY));
    let server = Server::unavailable_at_first(clock.clone()).await;
    let client = ClientBuilder::new(builder().build().unwrap())
        .with(SignMiddleware::from(layer().clock(clock)))
        .with(retry())
        .build();
    let response = client.get(server.url("/a")).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(server.dates(), [THREE_DATES[0]; 2]);
}

#[tokio::test]
async fn it_is_made_of_a_signer_by_the_systems_clock() {
    let verify = tower_hmac_auth::VerifyLayer::new(tower_hmac_auth::StaticKeys::from(keys()));
    let greet = tower::service_fn(super::server::greet);
    let server = Server::start(tower::Layer::layer(&verify, greet)).await;
    let client = ClientBuilder::new(builder().build().unwrap())
        .with(SignMiddleware::from(Signer::new(keys())))
        .build();
    let response = client.get(server.url("/a")).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "AKIDtestkey0001 x-date");
}

#[tokio::test]
async fn another_host_gets_no_signature_date_or_source() {
    let other_host = Server::open().await;
    let client = layer_of(signer().allowed_hosts(["gateway.example"]))
        .reqwest_middleware(builder(), |outer| outer.with(retry()))
        .unwrap();
    client.get(other_host.url("/a")).send().await.unwrap();
    assert!(other_host.head().has_no_trace_of_signing());
}

#[tokio::test]
async fn errors_of_the_client_are_untouched() {
    let nobody = format!("http://{}/a", nobody().await);
    let builder = builder().timeout(Duration::from_secs(30));
    let client = layer().reqwest_middleware(builder, |outer| outer).unwrap();
    let error = client.get(nobody).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}
