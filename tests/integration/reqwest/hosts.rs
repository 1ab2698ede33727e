//! Where `host` is signed, it is the host that reqwest sends.

use http::header;
use reqwest::ClientBuilder;
use tower::Layer;
use tower_hmac_auth::{SignLayer, Signer, Verifier, clock::ManualClock};
use tower_test::mock;

use super::{
    builders, get, send,
    server::{Server, greet},
};
use crate::common::{FRIDAY, at, keys, verifying_on_friday};

fn host_signing() -> SignLayer<ManualClock> {
    let signer = Signer::builder(keys()).signed_headers([header::HOST]);
    SignLayer::new(signer.build().unwrap()).clock(ManualClock::at(at(FRIDAY)))
}

/// A gateway that wants the host to be signed.
async fn server() -> Server {
    let verifier = Verifier::builder().require([header::HOST]).build().unwrap();
    let layer = verifying_on_friday().verifier(verifier);
    Server::start(layer.layer(tower::service_fn(greet))).await
}

/// The host that arrived: `Host` on HTTP/1.1, `:authority` on HTTP/2.
fn host_of(server: &Server) -> String {
    let head = server.head();
    match head.uri.authority() {
        Some(authority) => authority.to_string(),
        None => head.all("host").join(", "),
    }
}

async fn accepted(builder: ClientBuilder, server: &Server, url: &str) {
    // A name without a port leads to the server's port.
    let builder = builder.resolve("api.example.com", server.address);
    let client = host_signing().reqwest_client(builder).unwrap();
    let answer = send(client, get(url)).await;
    let expected = "AKIDtestkey0001 x-date host".to_owned();
    assert_eq!(answer, (200, expected), "{url}");
}

#[tokio::test]
async fn an_odd_port_is_signed_and_a_default_one_is_not() {
    for which in 0..builders().len() {
        for url in [
            "http://api.example.com/a",
            "http://api.example.com:80/a",
            "http://api.example.com:/a",
            "http://API.example.com:080/a",
        ] {
            let (server, [one, two]) = (server().await, builders());
            let (_, builder) = if which == 0 { one } else { two };
            accepted(builder, &server, url).await;
            assert_eq!(host_of(&server), "api.example.com", "{url}");
        }
    }
    for (protocol, builder) in builders() {
        let server = server().await;
        accepted(builder, &server, &server.url("/a")).await;
        assert_eq!(host_of(&server), server.address.to_string(), "{protocol}");
    }
}

#[tokio::test]
async fn user_information_is_not_sent_as_part_of_the_host() {
    for (protocol, builder) in builders() {
        let server = server().await;
        let url = format!("http://user:p%40ss@{}/a", server.address);
        accepted(builder, &server, &url).await;
        let head = server.head();
        assert_eq!(host_of(&server), server.address.to_string(), "{protocol}");
        assert_eq!(head.all("authorization").len(), 1, "{protocol}");
    }
}

#[tokio::test]
async fn an_empty_path_with_a_query_is_sent_with_a_slash() {
    for (protocol, builder) in builders() {
        let server = server().await;
        let url = format!("http://{}?x=1", server.address);
        accepted(builder, &server, &url).await;
        let target = server.head().uri.path_and_query().unwrap().to_string();
        assert_eq!(target, "/?x=1", "{protocol}");
    }
}

#[tokio::test]
async fn a_host_on_the_request_is_the_one_that_is_signed() {
    let server = server().await;
    let [(_, http1), _] = builders();
    let client = host_signing().reqwest_client(http1).unwrap();
    let mut request = get(server.url("/a"));
    let host = "gateway.example".parse().unwrap();
    request.headers_mut().insert(header::HOST, host);
    let (status, text) = send(client, request).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(server.head().all("host"), ["gateway.example"]);
}

#[tokio::test]
async fn only_user_information_leaves_a_url_whose_host_is_signed() {
    for (url, sent) in [
        (
            "https://u:p@api.example.com:8443/a?x#part",
            "https://api.example.com:8443/a?x#part",
        ),
        ("https://:p@[::1]/a", "https://[::1]/a"),
        ("https://u@api.example.com/", "https://api.example.com/"),
        ("https://api.example.com/@", "https://api.example.com/@"),
    ] {
        let (mut service, mut handle) =
            mock::spawn_layer::<reqwest::Request, (), _>(host_signing());
        tokio_test::assert_ready_ok!(service.poll_ready());
        let _response = service.call(get(url));
        let (request, _) = handle.next_request().await.unwrap();
        assert_eq!(request.url().as_str(), sent);
        assert!(request.headers().contains_key("authorization"), "{url}");
    }
}
