//! Tencent Cloud Market's `request-id`, as it arrives at a server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use tower::{Layer as _, service_fn};
use tower_hmac_auth::{Scheme, Signer, sign::SignerBuilder};

use super::{
    builder, builders, get, layer_of, send,
    server::{Server, greet},
};
use crate::common::{keys, verifier_of, verifying_on_friday};

fn market() -> SignerBuilder {
    Signer::builder(keys()).scheme(Scheme::TencentMarket)
}

/// A server of the market that answers its first request with 503, if it has to be asked twice.
async fn server(twice: bool) -> Server {
    let verify = verifying_on_friday().verifier(verifier_of(Scheme::TencentMarket));
    let is_up = Arc::new(AtomicBool::new(!twice));
    let handler = move |request: Request<Incoming>| {
        let was_up = is_up.swap(true, Ordering::SeqCst);
        async move {
            let mut answer = greet(request).await?;
            if !was_up {
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            Ok(answer)
        }
    };
    Server::start(verify.layer(service_fn(handler))).await
}

#[tokio::test]
async fn a_server_gets_one_with_each_request() {
    for (protocol, builder) in builders() {
        let server = server(false).await;
        let client = layer_of(market()).reqwest_client(builder).unwrap();
        for _ in 0..2 {
            let (status, text) = send(client.clone(), get(server.url("/a"))).await;
            assert_eq!(
                (status, &*text),
                (200, "AKIDtestkey0001 x-date"),
                "{protocol}"
            );
        }
        let mut own = get(server.url("/a"));
        let id = HeaderValue::from_static("an-id-of-its-own");
        own.headers_mut().insert("request-id", id);
        assert_eq!(send(client, own).await.0, 200, "{protocol}");

        let heads = server.heads();
        let ids: Vec<_> = heads.iter().map(|head| head.all("request-id")).collect();
        let [first, second, own] = &ids[..] else {
            panic!("{ids:?}")
        };
        assert_eq!(
            (first.len(), first[0].len()),
            (1, 36),
            "{protocol}: {ids:?}"
        );
        assert_eq!(
            (second.len(), second[0].len()),
            (1, 36),
            "{protocol}: {ids:?}"
        );
        assert_ne!(first, second, "{protocol}");
        assert_eq!(own[..], ["an-id-of-its-own"], "{protocol}");
    }
}

#[tokio::test]
async fn each_attempt_of_reqwest_retry_has_another() {
    let server = server(true).await;
    let at_once = ExponentialBackoff::builder()
        .retry_bounds(std::time::Duration::ZERO, std::time::Duration::ZERO)
        .build_with_max_retries(1);
    let retry = RetryTransientMiddleware::new_with_policy(at_once);
    let client = layer_of(market()).reqwest_middleware(builder(), |outer| outer.with(retry));
    let response = client.unwrap().get(server.url("/a")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let heads = server.heads();
    let ids: Vec<_> = heads.iter().map(|head| head.all("request-id")).collect();
    let [first, second] = &ids[..] else {
        panic!("{ids:?}")
    };
    assert_eq!((first.len(), second.len()), (1, 1), "{ids:?}");
    assert_ne!(first, second);
}

#[tokio::test]
async fn another_host_gets_none() {
    let other_host = Server::open().await;
    let client = layer_of(market().allowed_hosts(["gateway.example"]));
    let client = client.reqwest_client(builder()).unwrap();
    send(client, get(other_host.url("/a"))).await;
    let head = other_host.head();
    assert!(head.all("request-id").is_empty());
    assert!(head.has_no_trace_of_signing());
}
