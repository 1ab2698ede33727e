//! Tower's own layers around a signed `reqwest::Client`.

use std::{
    convert::Infallible,
    future::{Ready, pending, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use reqwest::Request;
use tower::{
    BoxError, ServiceBuilder, ServiceExt, retry::Policy, service_fn, timeout::error::Elapsed,
};
use tower_hmac_auth::clock::ManualClock;

use super::{
    builder, builders, get, layer,
    server::{Server, THREE_DATES},
};
use crate::common::{FRIDAY, at};

/// Tries again as long as the answer is 503.
#[derive(Clone)]
struct WhileUnavailable;

impl Policy<Request, reqwest::Response, BoxError> for WhileUnavailable {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request,
        result: &mut Result<reqwest::Response, BoxError>,
    ) -> Option<Ready<()>> {
        let response = result.as_ref().ok()?;
        (response.status() == StatusCode::SERVICE_UNAVAILABLE).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        request.try_clone()
    }
}

#[tokio::test]
async fn every_attempt_of_a_retry_layer_is_signed_again() {
    for (protocol, builder) in builders() {
        let clock = ManualClock::at(at(FRIDAY));
        let server = Server::unavailable_at_first(clock.clone()).await;
        let client = layer().clock(clock).reqwest_client(builder).unwrap();
        let service = ServiceBuilder::new()
            .retry(WhileUnavailable)
            .timeout(Duration::from_secs(30))
            .service(client);
        let response = service.oneshot(get(server.url("/a"))).await.unwrap();
        assert_eq!(response.status(), 200, "{protocol}");
        assert_eq!(server.dates(), THREE_DATES, "{protocol}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_layer_ends_a_request_that_is_not_answered() {
    let silent = |_| pending::<Result<Response<Full<Bytes>>, Infallible>>();
    let server = Server::start(service_fn(silent)).await;
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .service(layer().reqwest_client(builder()).unwrap());
    let error = service.oneshot(get(server.url("/a"))).await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error:?}");
}
