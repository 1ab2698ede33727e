//! The memory of a body that is read ahead: no more than its limit, in whatever pieces it arrives.

use std::{
    convert::Infallible,
    future::ready,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, channel::Channel};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
};
use tower::{BoxError, ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Scheme,
    digest::{BufferedBody, CheckedBody, DigestLayer, VerifyDigestLayer},
    error::DigestError,
};

use crate::common::{
    loopback::{client, serve},
    signing,
    upload::{signed_head, written},
    verifying,
};

/// How often the body has the letter a.
const LEN: usize = 65_536;
/// Computed with openssl.
const DIGEST: &str = "SHA-256=v3GLb2U768GE4UefGTW42pdNcBuJOvz0nnAfPi+fnFo=";

/// How large the allocation is that a frame of one byte keeps alive, as hyper's buffer is.
const BEHIND_A_FRAME: usize = 4096;

/// As many bytes, each in a frame and an allocation of its own.
#[derive(Default)]
struct Bits {
    left: usize,
    announces: Option<u64>,
    trailers: usize,
}

impl Body for Bits {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let behind = || Bytes::from(vec![b'a'; BEHIND_A_FRAME]);
        if self.left > 0 {
            self.left -= 1;
            return Poll::Ready(Some(Ok(Frame::data(behind().slice(..1)))));
        }
        if self.trailers > 0 {
            self.trailers -= 1;
            let value = HeaderValue::from_maybe_shared(behind()).unwrap();
            let trailers = HeaderMap::from_iter([(header::ETAG, value)]);
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        self.announces
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

/// The memory that it takes, at most at a time, to verify a request with this body, and how it is
/// answered.
fn verified(layer: VerifyDigestLayer, body: Bits) -> (AllocationInfo, StatusCode) {
    let handler = service_fn(|request: Request<CheckedBody<Bits>>| {
        assert_eq!(request.body().size_hint().exact(), Some(LEN as u64));
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let service = ServiceBuilder::new()
        .layer(signing(Scheme::Kong))
        .layer(verifying(Scheme::Kong))
        .layer(layer)
        .service(handler);
    let request = Request::post("http://api.example.com/items").header("digest", DIGEST);
    let request = request.body(body).unwrap();
    let mut status = None;
    let taken = measure(|| {
        let answer = run(service.oneshot(request)).unwrap();
        status = Some(answer.status());
    });
    (taken, status.unwrap())
}

#[test]
fn a_body_of_single_bytes_takes_no_more_memory_than_its_limit_and_half_of_it_while_it_grows() {
    // The head, the answer, the runtime and the futures.
    let (nothing, _) = verified(VerifyDigestLayer::buffered(LEN), Bits::default());
    let besides = nothing.bytes_max + BEHIND_A_FRAME as u64;
    let layer = || VerifyDigestLayer::buffered(LEN + 1000);
    let bits = |left, announces| Bits {
        left,
        announces,
        trailers: 0,
    };
    let len = LEN as u64;
    for (body, status, most) in [
        (bits(LEN, None), StatusCode::OK, LEN + 1000),
        (bits(LEN, Some(len)), StatusCode::OK, LEN),
        // One that lies.
        (bits(LEN, Some(1)), StatusCode::OK, LEN + 1000),
        (
            bits(10 * LEN, None),
            StatusCode::PAYLOAD_TOO_LARGE,
            LEN + 1000,
        ),
    ] {
        let (taken, answered) = verified(layer(), body);
        assert_eq!(answered, status);
        let most = (most + most / 2) as u64 + besides;
        assert!(taken.bytes_max <= most, "{taken:?}, {most}");
    }
}

#[test]
fn without_a_limit_a_body_of_single_bytes_takes_no_more_than_three_times_its_length() {
    let layer = VerifyDigestLayer::buffered(usize::MAX);
    let body = Bits {
        left: LEN,
        ..Bits::default()
    };
    let (taken, answered) = verified(layer, body);
    assert_eq!(answered, StatusCode::OK);
    // Twice its length at the end, and the buffer before that while it grows.
    let most = (3 * LEN + 32 * 1024) as u64;
    assert!(taken.bytes_max <= most, "{taken:?}, {most}");
}

#[test]
fn a_length_that_is_only_announced_takes_no_memory() {
    let limit = 64 * 1024 * 1024;
    let body = |announces| Bits {
        left: 1,
        announces,
        trailers: 0,
    };
    for announces in [None, Some(limit as u64)] {
        let (taken, answered) = verified(VerifyDigestLayer::buffered(limit), body(announces));
        assert_eq!(answered, StatusCode::UNAUTHORIZED);
        assert!(taken.bytes_max < 64 * 1024, "{taken:?}");
    }
}

#[test]
fn trailers_are_kept_once_however_often_they_are_sent() {
    let (nothing, _) = verified(VerifyDigestLayer::buffered(LEN), Bits::default());
    let body = Bits {
        left: LEN,
        announces: None,
        trailers: 10_000,
    };
    let (taken, answered) = verified(VerifyDigestLayer::buffered(LEN), body);
    assert_eq!(answered, StatusCode::OK);
    let most = (LEN + LEN / 2) as u64 + nothing.bytes_max + 2 * BEHIND_A_FRAME as u64;
    assert!(taken.bytes_max <= most, "{taken:?}, {most}");
}

#[test]
fn a_body_to_be_signed_takes_no_more_memory_than_the_limit_either() {
    let limit = LEN + 1000;
    let client = service_fn(|request: Request<BufferedBody>| async move {
        assert_eq!(request.headers()["digest"], DIGEST);
        Ok::<_, BoxError>(Response::new(()))
    });
    for left in [LEN, 10 * LEN] {
        let service = ServiceBuilder::new()
            .layer(DigestLayer::new().limit(limit))
            .service(client);
        let body = Bits {
            left,
            ..Bits::default()
        };
        let request = Request::post("http://api.example.com/items");
        let request = request.body(body).unwrap();
        let taken = measure(|| match run(service.oneshot(request)) {
            Ok(_) => assert_eq!(left, LEN),
            Err(error) => assert!(matches!(
                error.downcast_ref(),
                Some(DigestError::BodyTooLarge { .. })
            )),
        });
        // With what the runtime needs.
        let most = (limit + limit / 2 + 32 * 1024) as u64;
        assert!(taken.bytes_max <= most, "{taken:?}, {most}");
    }
}

#[test]
fn a_body_of_one_frame_is_not_copied() {
    let body = Bytes::from(vec![b'a'; LEN]);
    let sent = body.clone();
    let client = service_fn(move |request: Request<BufferedBody>| {
        assert_eq!(request.body().data().as_ptr(), sent.as_ptr());
        ready(Ok::<_, BoxError>(Response::new(())))
    });
    let service = ServiceBuilder::new()
        .layer(DigestLayer::new())
        .service(client);
    let request = Request::post("http://api.example.com/items");
    run(service.oneshot(request.body(Full::new(body)).unwrap())).unwrap();
}

/// A server on loopback that adds a permit for each frame it reads, so that a client can send one
/// byte a frame.
async fn serve_byte_by_byte(limit: usize) -> (SocketAddr, Arc<Semaphore>) {
    let read = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&read);
    let handler = service_fn(|request: Request<CheckedBody<_>>| async move {
        let body: CheckedBody<http_body_util::combinators::UnsyncBoxBody<Bytes, hyper::Error>> =
            request.into_body();
        let len = body.size_hint().exact();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("{len:?}"))))
    });
    let service = ServiceBuilder::new()
        .map_request(move |request: Request<Incoming>| {
            let permits = Arc::clone(&permits);
            request.map(|body| {
                body.map_frame(move |frame| {
                    permits.add_permits(1);
                    frame
                })
                .boxed_unsync()
            })
        })
        .layer(verifying(Scheme::Kong))
        .layer(VerifyDigestLayer::buffered(limit))
        .service(handler);
    (serve(service).await, read)
}

#[test]
fn a_socket_that_sends_single_bytes_takes_no_more_memory_than_the_limit() {
    let mut text = String::new();
    let taken = measure(|| {
        run(async {
            let (address, read) = serve_byte_by_byte(1024 * 1024).await;
            let head = signed_head(address, DIGEST).await;
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let head = written(&head, LEN);
            stream.write_all(head.as_bytes()).await.unwrap();
            for _ in 0..LEN {
                stream.write_all(b"a").await.unwrap();
                read.acquire().await.unwrap().forget();
            }
            stream.read_to_string(&mut text).await.unwrap();
        });
    });
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.ends_with("Some(65536)"), "{text}");
    assert!(taken.bytes_max < 512 * 1024, "{taken:?}");
}

#[test]
fn an_http_2_stream_of_single_bytes_takes_no_more_memory_than_the_limit() {
    let mut text = Bytes::new();
    let taken = measure(|| {
        run(async {
            let (address, read) = serve_byte_by_byte(1024 * 1024).await;
            let head = signed_head(address, DIGEST).await;
            let client = client(Version::HTTP_2);
            let (mut sender, body) = Channel::<Bytes>::new(1);
            let answer = tokio::spawn(client.request(Request::from_parts(head, body)));
            for _ in 0..LEN {
                sender.send_data(Bytes::from_static(b"a")).await.unwrap();
                read.acquire().await.unwrap().forget();
            }
            drop(sender);
            let body = answer.await.unwrap().unwrap().into_body();
            text = body.collect().await.unwrap().to_bytes();
        });
    });
    assert_eq!(text, "Some(65536)");
    assert!(taken.bytes_max < 512 * 1024, "{taken:?}");
}
