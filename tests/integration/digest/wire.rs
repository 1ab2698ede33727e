//! hyper's client and server on loopback, over HTTP/1.1 and HTTP/2.

use std::{convert::Infallible, future::pending, sync::atomic::Ordering};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Scheme,
    digest::{BufferedBody, CheckedBody, DigestHeader, DigestLayer, VerifyDigestLayer},
    verify::{DrainBody, DrainLayer},
};

use super::{EMPTY_DIGEST, HELLO, server, signing, value, verifying};
use crate::common::schemes_with_lists;
use crate::common::{
    loopback::{self, VERSIONS, client},
    upload::{signed_head, written},
};

async fn serve(scheme: Scheme, layer: VerifyDigestLayer) -> (String, server::Calls) {
    let (service, calls) = server::server::<Incoming>(scheme, layer);
    let address = loopback::serve(service).await;
    (format!("http://{address}/items?x=1"), calls)
}

async fn send<B>(
    version: Version,
    scheme: Scheme,
    digest: DigestLayer,
    request: Request<B>,
    tamper: fn(&mut Request<BufferedBody>),
) -> (StatusCode, String)
where
    B: http_body::Body<Error: Into<tower::BoxError>>,
{
    let service = ServiceBuilder::new()
        .layer(digest)
        .layer(signing(scheme))
        .map_request(move |mut request| {
            tamper(&mut request);
            request
        })
        .service(client::<BufferedBody>(version));
    let response = service.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn post(url: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::post(url).body(Full::from(body)).unwrap()
}

fn layers() -> [VerifyDigestLayer; 2] {
    [
        VerifyDigestLayer::buffered(1024),
        VerifyDigestLayer::streaming(),
    ]
}

#[tokio::test]
async fn a_body_reaches_the_handler_of_every_scheme_whole_and_checked() {
    for scheme in schemes_with_lists() {
        for layer in layers() {
            let (url, _) = serve(scheme, layer).await;
            for version in VERSIONS {
                for body in [HELLO, ""] {
                    let request = post(&url, body);
                    let answer = send(version, scheme, DigestLayer::new(), request, |_| {}).await;
                    assert_eq!(
                        answer,
                        (StatusCode::OK, body.to_owned()),
                        "{scheme} {version:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_content_digest_is_checked_with_draft_cavage() {
    let digest = DigestLayer::new().header(DigestHeader::ContentDigest);
    for layer in layers() {
        let (url, _) = serve(Scheme::Cavage, layer).await;
        let request = post(&url, HELLO);
        let answer = send(Version::HTTP_11, Scheme::Cavage, digest, request, |_| {}).await;
        assert_eq!(answer, (StatusCode::OK, HELLO.to_owned()));
    }
}

#[tokio::test]
async fn a_body_sent_in_chunks_is_hashed_whole() {
    let (url, _) = serve(Scheme::Kong, VerifyDigestLayer::buffered(1024)).await;
    for version in VERSIONS {
        let chunks = ["{\"hello\"", ":", "\"world\"}"];
        let chunks = chunks.map(|chunk| Ok::<_, std::io::Error>(Frame::data(Bytes::from(chunk))));
        let body = StreamBody::new(tokio_stream::iter(chunks));
        let request = Request::post(&url).body(body).unwrap();
        let answer = send(version, Scheme::Kong, DigestLayer::new(), request, |_| {}).await;
        assert_eq!(answer, (StatusCode::OK, HELLO.to_owned()));
    }
}

#[tokio::test]
async fn trailers_are_not_covered_and_arrive_over_http_2_only() {
    for layer in layers() {
        let handler = service_fn(|request: Request<CheckedBody<Incoming>>| async {
            let body = request.into_body().collect().await.unwrap();
            let text = format!("{:?}", body.trailers().map(HeaderMap::len));
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(text)))
        });
        let address = loopback::serve(verifying(Scheme::Kong).layer(layer.layer(handler))).await;
        let url = format!("http://{address}");
        for (version, expected) in [(Version::HTTP_11, "None"), (Version::HTTP_2, "Some(1)")] {
            let trailers = HeaderMap::from_iter([(header::ETAG, value("1"))]);
            let frames = [Frame::data(Bytes::from(HELLO)), Frame::trailers(trailers)];
            let body = StreamBody::new(tokio_stream::iter(frames.map(Ok::<_, std::io::Error>)));
            let request = Request::post(&url).body(body).unwrap();
            let answer = send(version, Scheme::Kong, DigestLayer::new(), request, |_| {}).await;
            assert_eq!(answer, (StatusCode::OK, expected.to_owned()));
        }
    }
}

#[tokio::test]
async fn a_body_that_was_cut_to_nothing_is_refused_before_the_handler() {
    fn tamper(request: &mut Request<BufferedBody>) {
        let digest = request.headers()["digest"].clone();
        let authorization = request.headers()["authorization"].clone();
        assert!(authorization.to_str().unwrap().contains("digest"));
        *request.body_mut() = BufferedBody::default();
        assert_eq!(request.headers()["digest"], digest);
    }
    for version in VERSIONS {
        for layer in layers() {
            let (url, calls) = serve(Scheme::Kong, layer).await;
            let request = post(&url, HELLO);
            let answer = send(version, Scheme::Kong, DigestLayer::new(), request, tamper).await;
            assert_eq!(answer.0, StatusCode::UNAUTHORIZED);
            assert_eq!(answer.1, r#"{"message":"HMAC signature does not match"}"#);
            assert_eq!(calls.load(Ordering::SeqCst), 0);
        }
    }
}

#[tokio::test]
async fn a_body_over_the_servers_limit_is_answered_413_before_the_handler() {
    for version in VERSIONS {
        let (url, calls) = serve(Scheme::Apisix, VerifyDigestLayer::buffered(16)).await;
        let request = post(&url, HELLO);
        let answer = send(version, Scheme::Apisix, DigestLayer::new(), request, |_| {}).await;
        assert_eq!(answer.0, StatusCode::PAYLOAD_TOO_LARGE);
        let text = "request size 17 is greater than the maximum size 16 allowed";
        assert_eq!(answer.1, format!("{{\"message\":\"{text}\"}}"));
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_all_of_a_body_over_the_limit_gets_413_where_it_is_drained() {
    const LEN: usize = 5_000_000;
    let handler = service_fn(async |_: Request<CheckedBody<DrainBody<Incoming>>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = ServiceBuilder::new()
        .layer(DrainLayer::new(LEN as u64, pending, tokio::spawn))
        .layer(verifying(Scheme::Kong))
        .layer(VerifyDigestLayer::buffered(1024))
        .service(handler);
    let address = loopback::serve(service).await;
    for _ in 0..10 {
        let head = signed_head(address, EMPTY_DIGEST).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = written(&head, LEN);
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'a'; LEN]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}
