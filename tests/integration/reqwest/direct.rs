//! `Service<reqwest::Request>`: what is sent is signed, everything else passes through.

use std::{convert::Infallible, future::ready, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Version, header};
use http_body_util::Channel;
use hyper::body::Incoming;
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tower::{Layer, ServiceExt, service_fn};
use tower_hmac_auth::{KeyPair, SignLayer, Signer, clock::ManualClock};
use tower_test::mock;

use super::{builder, builders, get, layer, send, server::Server};
use crate::common::{at, loopback::nobody, verifying_on_friday};

#[tokio::test]
async fn a_signed_request_is_accepted() {
    for (protocol, builder) in builders() {
        let server = Server::verifying().await;
        let client = layer().reqwest_client(builder).unwrap();
        let answer = send(client, get(server.url("/a?x=1"))).await;
        let expected = "AKIDtestkey0001 x-date source".to_owned();
        assert_eq!(answer, (200, expected), "{protocol}");
        assert_eq!(server.head().uri.path_and_query().unwrap(), "/a?x=1");
        let version = match protocol {
            "h2c" => Version::HTTP_2,
            _ => Version::HTTP_11,
        };
        assert_eq!(server.head().version, version);
    }
}

#[tokio::test]
async fn the_documented_signature_is_sent() {
    // The sample of the gateway's documentation, 2018-03-19 12:08:40.
    let keys = KeyPair::new(
        "AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj548pN",
        "ZxF2whO0RhuwnVCj5JMMAuqcDcN2oPrC",
    );
    let signer = Signer::builder(keys.unwrap()).source(HeaderValue::from_static("xxxxxx"));
    let clock = ManualClock::at(at(1_521_461_320));
    let layer = SignLayer::new(signer.build().unwrap()).clock(clock);
    for (protocol, builder) in builders() {
        let server = Server::open().await;
        let client = layer.clone().reqwest_client(builder).unwrap();
        send(client, get(server.url("/a"))).await;

        let head = server.head();
        assert_eq!(head.all("x-date"), ["Mon, 19 Mar 2018 12:08:40 GMT"]);
        assert_eq!(head.all("source"), ["xxxxxx"]);
        assert_eq!(
            head.all("authorization"),
            [
                "hmac id=\"AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj548pN\", algorithm=\"hmac-sha1\", \
                 headers=\"x-date source\", signature=\"M+oOCMJyaH8QvRYDqyL6ObdUaLg=\""
            ],
            "{protocol}"
        );
    }
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    for (protocol, builder) in builders() {
        let server = Server::verifying().await;
        let client = builder.build().unwrap();
        let (status, text) = send(client, get(server.url("/a"))).await;
        assert_eq!(status, 401, "{protocol}: {text}");
    }
}

#[tokio::test]
async fn method_url_version_timeout_body_and_other_headers_are_untouched() {
    let (mut service, mut handle) = mock::spawn_layer::<reqwest::Request, (), _>(layer());
    assert_ready_ok!(service.poll_ready());
    let mut request = reqwest::Client::new()
        .put("https://api.example.com/a?x=%20#part")
        .version(Version::HTTP_2)
        .timeout(Duration::from_secs(7))
        .header("accept", "text/plain")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .body("the body")
        .build()
        .unwrap();
    request.url_mut().set_username("user").unwrap();
    let _response = service.call(request);

    let (request, _) = handle.next_request().await.unwrap();
    assert_eq!(request.method(), "PUT");
    assert_eq!(
        request.url().as_str(),
        "https://user@api.example.com/a?x=%20#part"
    );
    assert_eq!(request.version(), Version::HTTP_2);
    assert_eq!(request.timeout(), Some(&Duration::from_secs(7)));
    assert_eq!(request.body().unwrap().as_bytes(), Some(&b"the body"[..]));
    assert_eq!(request.headers()["accept"], "text/plain");
    let twice: Vec<_> = request.headers().get_all("x-twice").iter().collect();
    assert_eq!(twice, ["1", "2"]);
    // And accept, x-twice and x-twice: the date, the source and the signature.
    assert_eq!(request.headers().len(), 6);
    assert!(request.headers()[header::AUTHORIZATION].is_sensitive());
}

#[tokio::test]
async fn readiness_and_errors_are_passed_through() {
    let (mut service, mut handle) = mock::spawn_layer::<reqwest::Request, (), _>(layer());
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());

    #[derive(Debug, PartialEq)]
    struct OwnError(u8);
    let inner = service_fn(|_: reqwest::Request| ready(Err::<(), _>(OwnError(7))));
    let request = get("http://api.example.com/");
    let error: OwnError = layer().layer(inner).oneshot(request).await.unwrap_err();
    assert_eq!(error, OwnError(7));

    let (mut service, mut handle) = mock::spawn_layer::<reqwest::Request, (), _>(layer());
    handle.send_error("broken for good");
    let error = assert_ready_err!(service.poll_ready());
    assert_eq!(error.to_string(), "broken for good");
}

#[tokio::test]
async fn a_connection_error_is_reqwests_own() {
    let nobody = format!("http://{}/a", nobody().await);
    let client = layer().reqwest_client(builder()).unwrap();
    let error: reqwest::Error = client.oneshot(get(&nobody)).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(error.url().unwrap().as_str(), nobody);
}

#[tokio::test]
async fn a_streaming_body_passes_while_it_is_being_written() {
    for (protocol, builder) in builders() {
        // Sends back what it gets, as it gets it.
        let echo = |request: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(request.into_body()))
        };
        let server = Server::start(verifying_on_friday().layer(service_fn(echo))).await;
        let client = layer().reqwest_client(builder).unwrap();
        let (mut writer, body) = Channel::<Bytes, Infallible>::new(1);

        writer.send_data(Bytes::from("first, ")).await.unwrap();
        let mut request = get(server.url("/echo"));
        *request.method_mut() = reqwest::Method::POST;
        *request.body_mut() = Some(reqwest::Body::wrap(body));
        let mut response = client.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{protocol}");
        assert_eq!(response.chunk().await.unwrap().unwrap(), "first, ");

        writer
            .send_data(Bytes::from("then the rest"))
            .await
            .unwrap();
        drop(writer);
        assert_eq!(
            response.text().await.unwrap(),
            "then the rest",
            "{protocol}"
        );
        assert!(server.head().all("content-length").is_empty());
    }
}
