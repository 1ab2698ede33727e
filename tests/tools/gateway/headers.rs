//! Which headers pass, and which do not.

use http::{Request, Response, StatusCode, Version, header};

use super::harness::{
    Gateway, Upstream, no_body, read_head, send, signed_head, text, values, within,
};
use crate::common::{KEY_ID, keys};

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// What the upstream gets when the gateway gets this.
pub(crate) async fn passed_on(request_line: &str, lines: &[&str]) -> String {
    let (upstream, mut heads) = Upstream::raw(OK).await;
    let gateway = Gateway::before(upstream.address).await;
    let mut stream = gateway.connect(signed_head(request_line, lines)).await;
    let answer = read_head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    within(heads.recv()).await.unwrap()
}

#[tokio::test]
async fn the_upstream_gets_the_verified_key_id_and_no_other_in_any_spelling() {
    let head = passed_on(
        "GET / HTTP/1.1",
        &[
            "Host: a",
            "X-Consumer-Key-Id: forged",
            "x-consumer-key-id: forged",
            "X_Consumer_Key_Id: forged",
            "x-CONSUMER_key-ID: forged",
            "x.consumer.key.id: forged",
            "X-Consumer-Key-Identity: kept",
        ],
    )
    .await;
    assert_eq!(values(&head, "x-consumer-key-id"), [KEY_ID], "{head}");
    assert!(!head.contains("forged"), "{head}");
    assert_eq!(values(&head, "x-consumer-key-identity"), ["kept"], "{head}");
}

#[tokio::test]
async fn a_key_id_named_in_connection_is_sent_nevertheless() {
    let lines = ["Host: a", "Connection: X-Consumer-Key-Id, host"];
    let head = passed_on("GET / HTTP/1.1", &lines).await;
    assert_eq!(values(&head, "x-consumer-key-id"), [KEY_ID], "{head}");
    assert_eq!(values(&head, "host"), ["a"], "{head}");
}

#[tokio::test]
async fn authorization_stays_in_the_gateway_and_the_signed_headers_pass() {
    let head = passed_on("GET / HTTP/1.1", &["Host: a"]).await;
    assert!(
        !head.contains("authorization") && !head.contains("signature"),
        "{head}"
    );
    assert_eq!(values(&head, "source"), ["tests"], "{head}");
    assert_eq!(values(&head, "x-date").len(), 1, "{head}");
}

#[tokio::test]
async fn the_headers_of_one_connection_are_not_passed_on() {
    let head = passed_on(
        "GET / HTTP/1.1",
        &[
            "Host: a",
            "Connection: X-Private ,keep-alive,, Upgrade",
            "connection: X-Second",
            "X-Private: gone",
            "x-second: gone",
            "Keep-Alive: gone",
            "Proxy-Connection: gone",
            "Proxy-Authorization: gone",
            "Proxy-Authenticate: gone",
            "TE: gone",
            "Upgrade: gone",
            "X-Public: kept",
        ],
    )
    .await;
    assert!(!head.contains("gone"), "{head}");
    assert_eq!(values(&head, "connection"), [""; 0], "{head}");
    assert_eq!(values(&head, "x-public"), ["kept"], "{head}");
}

#[tokio::test]
async fn that_trailers_are_welcome_is_passed_on() {
    let head = passed_on("GET / HTTP/1.1", &["Host: a", "TE: gzip;q=0.5, Trailers"]).await;
    assert_eq!(values(&head, "te"), ["trailers"], "{head}");
    assert_eq!(values(&head, "connection"), ["te"], "{head}");
}

#[tokio::test]
async fn the_headers_of_the_upstreams_connection_are_not_passed_back() {
    let (upstream, _heads) = Upstream::raw(
        "HTTP/1.1 200 OK\r\n\
         Connection: X-Private, close\r\n\
         X-Private: gone\r\n\
         Keep-Alive: gone\r\n\
         Proxy-Connection: gone\r\n\
         Proxy-Authenticate: gone\r\n\
         Upgrade: gone\r\n\
         X-Public: kept\r\n\
         Content-Length: 3\r\n\
         Transfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\n\r\n",
    )
    .await;
    let gateway = Gateway::before(upstream.address).await;
    let close = ["Host: a", "Connection: close"];
    let answer = gateway
        .answer_to(signed_head("GET / HTTP/1.1", &close))
        .await;
    assert!(!answer.contains("gone"), "{answer}");
    assert_eq!(values(&answer, "connection"), ["close"], "{answer}");
    assert_eq!(values(&answer, "x-public"), ["kept"], "{answer}");
    assert_eq!(values(&answer, "content-length"), [""; 0], "{answer}");
    assert!(
        answer.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        "{answer}"
    );

    let request = Request::get(gateway.url("/")).version(Version::HTTP_2);
    let response = send(&keys(), request.body(no_body()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(response.headers()["x-public"], "kept");
    assert!(!format!("{:?}", response.headers()).contains("gone"));
}

#[tokio::test]
async fn method_path_and_query_pass_as_they_are() {
    for (sent, received) in [
        ("GET /", "GET /"),
        ("GET /?", "GET /?"),
        (
            "PURGE //a//../b;c=%2e%2E/%2F?x=1&x=%20+&&y=[{}]?/",
            "PURGE //a//../b;c=%2e%2E/%2F?x=1&x=%20+&&y=[{}]?/",
        ),
        ("OPTIONS *", "OPTIONS *"),
        ("GET http://a/b?c=d", "GET /b?c=d"),
        ("GET http://a?c=d", "GET /?c=d"),
    ] {
        let head = passed_on(&format!("{sent} HTTP/1.1"), &["Host: a"]).await;
        let expected = format!("{received} HTTP/1.1\r\n");
        assert!(head.starts_with(&expected), "{sent} became {head}");
    }
}

#[tokio::test]
async fn the_upstream_gets_the_clients_host() {
    let head = passed_on("GET / HTTP/1.1", &["Host: api.example.com:8443"]).await;
    assert_eq!(values(&head, "host"), ["api.example.com:8443"], "{head}");

    let head = passed_on(
        "GET http://u:p@api.example.com/ HTTP/1.1",
        &["Host: api.example.com"],
    )
    .await;
    assert_eq!(values(&head, "host"), ["api.example.com"], "{head}");

    // On HTTP/2 it is in the target.
    let (upstream, mut heads) = Upstream::raw(OK).await;
    let gateway = Gateway::before(upstream.address).await;
    let request = Request::get(gateway.url("/")).version(Version::HTTP_2);
    send(&keys(), request.body(no_body()).unwrap())
        .await
        .unwrap();
    let head = within(heads.recv()).await.unwrap();
    assert_eq!(
        values(&head, "host"),
        [gateway.address.to_string()],
        "{head}"
    );
}

#[tokio::test]
async fn requests_that_servers_may_read_differently_are_refused() {
    let (upstream, mut heads) = Upstream::raw(OK).await;
    let gateway = Gateway::before(upstream.address).await;
    for (lines, status, message) in [
        (
            &["Host: a", "Host: b"][..],
            400,
            "Host is there more than once",
        ),
        (&[], 400, "Host is missing"),
        (
            &["Host: a", "Connection: close, Source"],
            400,
            "Connection names a signed header: source",
        ),
        (
            &["Host: a", "Transfer-Encoding: gzip, chunked"],
            501,
            "the only supported transfer coding is chunked",
        ),
    ] {
        let lines = [&["Connection: close"], lines].concat();
        let head = signed_head("GET / HTTP/1.1", &lines);
        let answer = gateway.answer_to(head + "0\r\n\r\n").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(
            answer.ends_with(&format!("{{\"message\":\"{message}\"}}")),
            "{answer}"
        );
    }
    let tunnel = signed_head("CONNECT a:1 HTTP/1.1", &["Host: a:1", "Connection: close"]);
    let answer = gateway.answer_to(tunnel).await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");
    assert!(heads.try_recv().is_err(), "the upstream got one of them");
}

#[tokio::test]
async fn a_length_beside_chunks_does_not_count() {
    let lines = ["Host: a", "Transfer-Encoding: chunked", "Content-Length: 3"];
    let head = passed_on("GET / HTTP/1.1", &lines).await;
    assert_eq!(values(&head, "transfer-encoding"), ["chunked"], "{head}");
    assert_eq!(values(&head, "content-length"), [""; 0], "{head}");
}

#[tokio::test]
async fn a_304_may_name_the_length_of_what_it_does_not_send() {
    let answer = "HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\n\r\n";
    let (upstream, _heads) = Upstream::raw(answer).await;
    let gateway = Gateway::before(upstream.address).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let request = Request::get(gateway.url("/")).version(version);
        let response = send(&keys(), request.body(no_body()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(text(response.into_body()).await, "");
    }
}

#[tokio::test]
async fn a_length_that_is_given_twice_is_passed_back_once() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\nhello";
    let (upstream, _heads) = Upstream::raw(answer).await;
    let gateway = Gateway::before(upstream.address).await;
    let close = ["Host: a", "Connection: close"];
    let answer = gateway
        .answer_to(signed_head("GET / HTTP/1.1", &close))
        .await;
    assert_eq!(values(&answer, "content-length"), ["5"], "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn head_204_and_304_have_no_body() {
    let upstream = Upstream::start(|request| async move {
        let status = request
            .uri()
            .path()
            .trim_start_matches('/')
            .parse()
            .unwrap();
        let response = Response::builder()
            .status::<u16>(status)
            .header("etag", "\"1\"");
        let response = match request.method().as_str() {
            "HEAD" => response.header(header::CONTENT_LENGTH, 1234),
            _ => response,
        };
        response.body(no_body()).unwrap()
    })
    .await;
    let mut gateway = Gateway::before(upstream.address).await;
    let close = ["Host: a", "Connection: close"];
    for (method, status, length) in [
        ("HEAD", 200, &["1234"][..]),
        ("GET", 204, &[]),
        ("GET", 304, &[]),
    ] {
        let line = format!("{method} /{status} HTTP/1.1");
        let answer = gateway.answer_to(signed_head(&line, &close)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert_eq!(values(&answer, "content-length"), length, "{answer}");
        assert_eq!(values(&answer, "etag"), ["\"1\""], "{answer}");
        let logged = gateway.log_line().await;
        assert!(!logged.contains("wrong="), "{logged}");
    }
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let request = Request::builder()
            .method(method)
            .uri(gateway.url(&format!("/{status}")));
        let request = request.version(Version::HTTP_2).body(no_body()).unwrap();
        let response = send(&keys(), request).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(text(response.into_body()).await, "");
    }
}
