//! Requests that must not be signed are sent with all their own headers, and none of the signer's.

use std::{future::ready, sync::Mutex};

use http::HeaderMap;
use reqwest::Request;
use tower::{Layer, ServiceExt, service_fn};

use super::{builders, get, layer, layer_of, send, server::Server, signer};

const STALE: &str = r#"hmac id="AKIDtestkey0001", algorithm="hmac-sha1", headers="x-date source", signature="AAAA""#;

#[tokio::test]
async fn another_host_gets_no_signature_date_or_source() {
    for (protocol, builder) in builders() {
        let (gateway, other_host) = (Server::verifying().await, Server::open().await);
        let layer = layer_of(signer().allowed_hosts([gateway.address.to_string()]));
        let client = layer.reqwest_client(builder).unwrap();
        let (status, text) = send(client.clone(), get(gateway.url("/a"))).await;
        assert_eq!(status, 200, "{protocol}: {text}");

        // The same address by another name, and another port.
        let other_name = format!("http://localhost:{}/a", other_host.address.port());
        for url in [other_name, other_host.url("/a")] {
            send(client.clone(), get(url)).await;
        }
        let heads = other_host.heads();
        assert_eq!(heads.len(), 2);
        for head in heads {
            assert!(head.has_no_trace_of_signing(), "{protocol}: {head:?}");
        }
    }
}

#[tokio::test]
async fn another_host_gets_the_callers_own_password() {
    let [(_, builder), _] = builders();
    let other_host = Server::open().await;
    let layer = layer_of(signer().allowed_hosts(["gateway.example"]));
    let client = layer.reqwest_client(builder).unwrap();
    // reqwest makes `Authorization: Basic` of it.
    let url = format!("http://user:password@{}/a", other_host.address);
    let request = client.get_ref().get(url).build().unwrap();
    send(client, request).await;
    let head = other_host.head();
    assert_eq!(head.all("authorization"), ["Basic dXNlcjpwYXNzd29yZA=="]);
    assert!(head.all("x-date").is_empty() && head.all("source").is_empty());
}

#[tokio::test]
async fn a_password_in_the_url_gives_way_to_the_signature() {
    for (protocol, builder) in builders() {
        let server = Server::verifying().await;
        let client = layer().reqwest_client(builder).unwrap();
        let url = format!("http://user:password@{}/a", server.address);
        let request = client.get_ref().get(url).build().unwrap();
        let (status, text) = send(client, request).await;
        assert_eq!(status, 200, "{protocol}: {text}");
        let head = server.head();
        let [authorization] = head.all("authorization")[..] else {
            panic!("{head:?}");
        };
        assert!(authorization.starts_with("hmac "), "{authorization}");
    }
}

/// What the inner service gets.
async fn passed_on(request: Request) -> (String, HeaderMap) {
    let got = Mutex::new(None);
    let inner = service_fn(|request: Request| {
        let passed_on = (request.url().to_string(), request.headers().clone());
        *got.lock().unwrap() = Some(passed_on);
        ready(Ok::<_, ()>(()))
    });
    layer().layer(inner).oneshot(request).await.unwrap();
    got.into_inner().unwrap().unwrap()
}

#[tokio::test]
async fn a_url_that_http_cannot_carry_is_passed_on_without_a_signature() {
    // `url` takes both, `http::Uri` neither.
    let too_long = format!("http://api.example.com/{}", "a".repeat(70_000));
    for url in ["http://{{host}}/a", "data:text/plain,a b", &too_long] {
        let mut request = get(url);
        let headers = request.headers_mut();
        headers.insert("authorization", STALE.parse().unwrap());
        headers.insert("x-date", "Fri, 09 Oct 2015 00:00:00 GMT".parse().unwrap());
        headers.insert("x-other", "stays".parse().unwrap());
        let (passed_on_url, headers) = passed_on(request).await;
        assert_eq!(passed_on_url, url);
        assert_eq!(headers.len(), 1, "{headers:?}");
        assert_eq!(headers["x-other"], "stays");

        let mut request = get(url);
        let bearer = "Bearer token".parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let (_, headers) = passed_on(request).await;
        assert_eq!(headers["authorization"], "Bearer token");
        assert_eq!(headers.len(), 1, "{headers:?}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_signed_has_no_authorization() {
    let mut request = get("http://api.example.com/a");
    let headers = request.headers_mut();
    headers.insert("authorization", STALE.parse().unwrap());
    for source in ["one", "two"] {
        headers.append("source", source.parse().unwrap());
    }
    let (_, headers) = passed_on(request).await;
    assert!(!headers.contains_key("authorization"));
    assert_eq!(headers.get_all("source").iter().count(), 2);
}

/// A request that cannot be signed: its `Source` has two values.
const SOURCES: [&str; 2] = ["a", "b"];

#[tokio::test]
async fn what_goes_unsigned_by_mistake_is_counted_with_a_client_and_in_a_chain() {
    for (protocol, builder) in builders() {
        let server = Server::open().await;
        let layer = layer();
        let client = layer.clone().reqwest_client(builder).unwrap();
        let mut request = get(server.url("/a"));
        for source in SOURCES {
            let source = source.parse().unwrap();
            request.headers_mut().append("source", source);
        }
        send(client.clone(), request).await;
        assert_eq!(client.signer().unsigned_requests(), 1, "{protocol}");

        let chain = layer
            .clone()
            .reqwest_middleware(super::builder(), |outer| outer);
        let request = chain.unwrap().get(server.url("/b"));
        let request = SOURCES
            .iter()
            .fold(request, |request, source| request.header("source", *source));
        request.send().await.unwrap();
        assert_eq!(layer.signer().unsigned_requests(), 2, "{protocol}");
        let heads = server.heads();
        let is_unsigned = |head: &super::server::Head| head.all("authorization").is_empty();
        assert_eq!(heads.len(), 2);
        assert!(heads.iter().all(is_unsigned), "{protocol}: {heads:?}");
    }
}

#[tokio::test]
async fn what_is_sent_by_the_inner_client_itself_is_not_signed_and_what_it_builds_can_be() {
    for (protocol, builder) in builders() {
        let server = Server::verifying().await;
        let client = layer().reqwest_client(builder).unwrap();
        let inner = client.get_ref();
        let response = inner.get(server.url("/a")).send().await.unwrap();
        assert_eq!(response.status(), 401, "{protocol}");
        let request = inner.get(server.url("/a")).build().unwrap();
        let (status, text) = send(client.clone(), request).await;
        assert_eq!(status, 200, "{protocol}: {text}");
        assert_eq!(client.signer().unsigned_requests(), 0, "{protocol}");
    }
}
