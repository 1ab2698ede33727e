//! Trailers arrive after the signature was verified: none of them may be taken for something that
//! was signed.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Version, header};
use http_body_util::BodyExt;
use tokio::{io::AsyncWriteExt, sync::mpsc};
use tower_hmac_auth::Signer;

use super::{
    harness::{
        Gateway, Upstream, channel, head_of, no_body, read_head, send_unsigned, values, within,
    },
    headers::passed_on,
};
use crate::common::keys;

/// Signed names, what the gateway itself reads or sets, what decides how a request is read; and
/// spellings alike.
const FORGED: [&str; 20] = [
    "x-tenant",
    "x_tenant",
    "x.tenant",
    "x-date",
    "x_date",
    "date",
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "content_length",
    "content-type",
    "transfer_encoding",
    "expect",
    "range",
    "if-match",
    "x-consumer-key-id",
    "x_consumer_key_id",
    "connection",
];

/// A request that signs `X-Tenant` and announces all trailers that are to come.
fn signed<B>(request: http::request::Builder, body: B) -> Request<B> {
    let announced = [&FORGED[..], &["x-checksum", "x-tenants"]].concat();
    let request = request
        .header("x-tenant", "7")
        .header("trailer", announced.join(", "));
    let mut request = request.body(body).unwrap();
    let signer = Signer::builder(keys()).signed_headers(["X-Tenant"]);
    let signer = signer.build().unwrap();
    signer
        .sign_request(&mut request, SystemTime::now())
        .unwrap();
    request
}

/// What reaches the upstream: the header `Trailer`, and the trailers.
type Received = (Option<HeaderValue>, HeaderMap);

async fn upstream() -> (Upstream, mpsc::UnboundedReceiver<Received>) {
    let (sender, received) = mpsc::unbounded_channel();
    let upstream = Upstream::start(move |request| {
        let sender = sender.clone();
        async move {
            let announced = request.headers().get(header::TRAILER).cloned();
            let body = request.into_body().collect().await.unwrap();
            let trailers = body.trailers().cloned().unwrap_or_default();
            sender.send((announced, trailers)).unwrap();
            Response::new(no_body())
        }
    })
    .await;
    (upstream, received)
}

fn assert_only_the_unsigned((announced, trailers): &Received) {
    assert_eq!(announced.as_ref().unwrap(), "x-checksum, x-tenants");
    assert_eq!(trailers.len(), 2, "{trailers:?}");
    assert_eq!(trailers["x-checksum"], "1");
    assert_eq!(trailers["x-tenants"], "1");
}

#[tokio::test]
async fn no_trailer_of_http_1_1_can_be_taken_for_what_was_signed() {
    let (upstream, mut received) = upstream().await;
    let gateway = Gateway::before(upstream.address).await;
    let builder = Request::builder()
        .header("host", "a")
        .header("transfer-encoding", "chunked");
    let head = head_of("POST / HTTP/1.1", &signed(builder, ()), &[]);
    let forged = FORGED.map(|name| format!("{name}: forged\r\n")).concat();
    let body = format!("3\r\nabc\r\n0\r\n{forged}X-Checksum: 1\r\nX-Tenants: 1\r\n\r\n");
    let mut stream = gateway.connect(head).await;
    within(stream.write_all(body.as_bytes())).await.unwrap();
    let answer = read_head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_only_the_unsigned(&within(received.recv()).await.unwrap());
}

#[tokio::test]
async fn no_trailer_of_http_2_can_be_taken_for_what_was_signed() {
    let (upstream, mut received) = upstream().await;
    let gateway = Gateway::before(upstream.address).await;
    let (mut sender, body) = channel();
    let builder = Request::post(gateway.url("/")).version(Version::HTTP_2);
    let response = tokio::spawn(send_unsigned(signed(builder, body)));
    let mut trailers = HeaderMap::new();
    // HTTP/2 itself has no such header.
    for name in FORGED.iter().filter(|name| **name != "connection") {
        let name: HeaderName = name.parse().unwrap();
        trailers.insert(name, "forged".parse().unwrap());
    }
    trailers.insert("x-checksum", "1".parse().unwrap());
    trailers.insert("x-tenants", "1".parse().unwrap());
    within(sender.send_data("abc".into())).await.unwrap();
    within(sender.send_trailers(trailers)).await.unwrap();
    drop(sender);
    assert_eq!(within(response).await.unwrap().status(), 200);
    assert_only_the_unsigned(&within(received.recv()).await.unwrap());
}

#[tokio::test]
async fn no_trailer_is_announced_that_is_removed() {
    for (announced, passed) in [
        ("Trailer: X-Date, x_consumer_key_id, TE", &[][..]),
        ("Trailer: X-Date,X-Checksum", &["x-checksum"]),
        ("Trailer: X-Checksum, X-Other", &["X-Checksum, X-Other"]),
    ] {
        let head = passed_on("GET / HTTP/1.1", &["Host: a", announced]).await;
        assert_eq!(values(&head, "trailer"), passed, "{head}");
    }
}
