//! What `DigestLayer` sends, or does not.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    io,
    sync::{Arc, Mutex},
    vec,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, StreamBody};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, retry::Policy, service_fn};
use tower_hmac_auth::{
    SignLayer, Signer, Verifier,
    clock::ManualClock,
    digest::{BufferedBody, DigestHeader, DigestLayer},
    error::DigestError,
};

use super::{EMPTY_DIGEST, HELLO, HELLO_DIGEST, post, signing, value};
use crate::common::{FRIDAY, at, date_header, keys, schemes_with_lists, verify};

type Sent = Arc<Mutex<Vec<Request<BufferedBody>>>>;

type Answered = Ready<Result<Response<()>, Infallible>>;

type FrameResult = Result<Frame<Bytes>, io::Error>;

type Frames = StreamBody<tokio_stream::Iter<vec::IntoIter<FrameResult>>>;

/// A client that keeps what it is given.
fn keeping(
    status: impl Fn(usize) -> StatusCode + Clone,
) -> (
    impl tower::Service<
        Request<BufferedBody>,
        Response = Response<()>,
        Error = Infallible,
        Future = Answered,
    > + Clone,
    Sent,
) {
    let sent = Sent::default();
    let keep = sent.clone();
    let service = service_fn(move |request: Request<BufferedBody>| {
        let mut sent = keep.lock().unwrap();
        sent.push(request);
        let mut response = Response::new(());
        *response.status_mut() = status(sent.len());
        ready(Ok(response))
    });
    (service, sent)
}

fn frames(frames: Vec<FrameResult>) -> Frames {
    StreamBody::new(tokio_stream::iter(frames))
}

fn data(text: &'static str) -> FrameResult {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

#[tokio::test]
async fn the_digest_of_any_body_is_sent_and_a_stale_one_replaced() {
    let (client, sent) = keeping(|_| StatusCode::OK);
    for (body, digest) in [(HELLO, HELLO_DIGEST), ("", EMPTY_DIGEST)] {
        let mut request = post(body);
        request
            .headers_mut()
            .append("digest", value("SHA-256=stale"));
        request.headers_mut().append("digest", value("MD5=stale"));
        request
            .headers_mut()
            .append("content-digest", value("stale"));
        let service = DigestLayer::new().layer(client.clone());
        service.oneshot(request).await.unwrap();
        let sent = sent.lock().unwrap().pop().unwrap();
        let all: Vec<_> = sent.headers().get_all("digest").iter().collect();
        assert_eq!(all, [digest]);
        assert!(!sent.headers().contains_key("content-digest"));
        assert_eq!(sent.body().data(), body.as_bytes());
    }
}

#[tokio::test]
async fn content_digest_is_sent_in_its_own_form() {
    let (client, sent) = keeping(|_| StatusCode::OK);
    let layer = DigestLayer::new().header(DigestHeader::ContentDigest);
    layer.layer(client).oneshot(post(HELLO)).await.unwrap();
    let sent = sent.lock().unwrap().pop().unwrap();
    assert_eq!(
        sent.headers()["content-digest"],
        "sha-256=:k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=:"
    );
    assert!(!sent.headers().contains_key("digest"));
}

#[tokio::test]
async fn a_body_that_is_known_at_once_is_not_copied() {
    let (client, sent) = keeping(|_| StatusCode::OK);
    let body = Bytes::from(vec![7; 100_000]);
    let request = Request::post("/")
        .body(Full::<Bytes>::new(body.clone()))
        .unwrap();
    DigestLayer::new()
        .layer(client)
        .oneshot(request)
        .await
        .unwrap();
    let sent = sent.lock().unwrap().pop().unwrap();
    assert_eq!(sent.body().data().as_ptr(), body.as_ptr());
}

#[tokio::test]
async fn a_body_of_several_frames_is_put_together_and_its_trailers_are_kept() {
    let (client, sent) = keeping(|_| StatusCode::OK);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", value("1"));
    let body = frames(vec![
        data("{\"hello\""),
        data(""),
        data(":\"world\"}"),
        Ok(Frame::trailers(trailers.clone())),
    ]);
    let request = Request::post("/").body(body).unwrap();
    DigestLayer::new()
        .layer(client)
        .oneshot(request)
        .await
        .unwrap();
    let sent = sent.lock().unwrap().pop().unwrap();
    assert_eq!(sent.headers()["digest"], HELLO_DIGEST);
    let collected = sent.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), HELLO.as_bytes());
}

#[tokio::test]
async fn a_body_over_the_limit_is_an_error_before_anything_is_sent() {
    let (client, sent) = keeping(|_| StatusCode::OK);
    let layer = DigestLayer::new().limit(HELLO.len() - 1);
    let service = layer.layer(client.clone());
    let error = service.oneshot(post(HELLO)).await.unwrap_err();
    let limit = HELLO.len() - 1;
    let is_told = |error: &DigestError| matches!(error, DigestError::BodyTooLarge { limit: l } if *l == limit);
    assert!(error.downcast_ref().is_some_and(is_told), "{error}");
    assert!(error.to_string().contains("16 bytes"), "{error}");

    // Its length is not known before it is read.
    let body = frames(vec![data("{\"hello\""), data(":\"world\"}")]);
    let request = Request::post("/").body(body).unwrap();
    let error = layer
        .layer(client.clone())
        .oneshot(request)
        .await
        .unwrap_err();
    assert!(error.downcast_ref().is_some_and(is_told), "{error}");
    assert!(sent.lock().unwrap().is_empty());

    let layer = DigestLayer::new().limit(HELLO.len());
    layer.layer(client).oneshot(post(HELLO)).await.unwrap();
    assert_eq!(sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_and_nothing_is_sent() {
    let (client, sent) = keeping(|_| StatusCode::OK);
    let body = frames(vec![data("{"), Err(io::Error::other("disk gone"))]);
    let request = Request::post("/").body(body).unwrap();
    let error = DigestLayer::new()
        .layer(client)
        .oneshot(request)
        .await
        .unwrap_err();
    let is_own =
        |error: &DigestError| matches!(error, DigestError::Body(own) if own.is::<io::Error>());
    assert!(error.downcast_ref().is_some_and(is_own), "{error:?}");
    assert!(error.to_string().contains("disk gone"), "{error}");
    assert!(sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_limit_of_the_body_itself_is_reported_as_its_own_and_not_as_the_layers() {
    let (client, sent) = keeping(|_| StatusCode::OK);
    let body = Limited::new(Full::<Bytes>::from(HELLO), 3);
    let request = Request::post("/").body(body).unwrap();
    let service = DigestLayer::new().layer(client);
    let error = service.oneshot(request).await.unwrap_err();
    let Some(DigestError::Body(own)) = error.downcast_ref() else {
        panic!("{error}");
    };
    assert!(own.is::<LengthLimitError>(), "{own:?}");
    let source = std::error::Error::source(&*error).unwrap();
    assert!(source.is::<LengthLimitError>(), "{source:?}");
    assert!(!error.to_string().contains("raise"), "{error}");
    assert!(sent.lock().unwrap().is_empty());
}

/// Tries again after a 503, a quarter of an hour later.
#[derive(Clone)]
struct Later(ManualClock);

impl Policy<Request<BufferedBody>, Response<()>, Infallible> for Later {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<BufferedBody>,
        result: &mut Result<Response<()>, Infallible>,
    ) -> Option<Ready<()>> {
        let response = result.as_ref().unwrap();
        self.0.advance(std::time::Duration::from_secs(1000));
        (response.status() != StatusCode::OK).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<BufferedBody>) -> Option<Request<BufferedBody>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn a_retry_sends_the_same_body_and_digest_with_a_signature_of_its_own() {
    for scheme in schemes_with_lists() {
        let clock = ManualClock::at(at(FRIDAY));
        let (client, sent) = keeping(|attempt| match attempt {
            3 => StatusCode::OK,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        });
        let service = ServiceBuilder::new()
            .layer(DigestLayer::new())
            .retry(Later(clock.clone()))
            .layer(signing(scheme).clock(clock))
            .service(client);
        service.oneshot(post(HELLO)).await.unwrap();

        let sent = std::mem::take(&mut *sent.lock().unwrap());
        assert_eq!(sent.len(), 3);
        for (attempt, request) in (0..).zip(&sent) {
            let now = at(FRIDAY + attempt * 1000);
            let required = Verifier::builder().scheme(scheme).require(["digest"]);
            let key = verify(&required.build().unwrap(), request.into(), now);
            assert_eq!(key.unwrap().scheme(), scheme);
            assert_eq!(request.headers()["digest"], HELLO_DIGEST);
            assert_eq!(request.body().data(), HELLO.as_bytes());
        }
        assert_ne!(
            sent[0].headers()["authorization"],
            sent[1].headers()["authorization"]
        );
    }
}

#[tokio::test]
async fn errors_of_the_inner_service_pass_as_they_are() {
    let client = service_fn(|_: Request<BufferedBody>| {
        ready(Err::<Response<()>, _>(io::Error::other("connection reset")))
    });
    let error = DigestLayer::new()
        .layer(client)
        .oneshot(post(HELLO))
        .await
        .unwrap_err();
    let error = error.downcast::<io::Error>().unwrap();
    assert_eq!(error.to_string(), "connection reset");
}

#[tokio::test]
async fn the_longest_list_has_room_for_either_digest_and_both() {
    let names = |count| (0..count).map(|number| format!("x-{number}"));
    let list = |count| {
        let names = names(count).chain(["date".to_owned()]);
        Signer::builder(keys()).components(names).build()
    };
    let longest = (0..64).rev().find(|count| list(*count).is_ok()).unwrap();
    let layer = SignLayer::from(list(longest).unwrap()).clock(|| at(FRIDAY));
    let (client, sent) = keeping(|_| StatusCode::OK);
    let own = |mut request: Request<BufferedBody>| {
        let headers = request.headers_mut();
        headers.insert("content-digest", HeaderValue::from_static("own"));
        request
    };
    let service = ServiceBuilder::new()
        .layer(DigestLayer::new())
        .map_request(own)
        .layer(layer)
        .service(client);
    let mut request = post(HELLO);
    for name in names(longest) {
        let name: http::HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static("own"));
    }
    service.oneshot(request).await.unwrap();
    let sent = sent.lock().unwrap().pop().unwrap();
    let key = verify(&Verifier::new(), (&sent).into(), at(FRIDAY)).unwrap();
    assert_eq!(key.covered().count(), 64);
}

#[tokio::test]
async fn the_computed_digest_is_signed_whatever_the_signers_list_says() {
    for scheme in schemes_with_lists() {
        let list = [date_header(scheme).name().as_str(), "x-a"];
        for header in [DigestHeader::Digest, DigestHeader::ContentDigest] {
            let signer = Signer::builder(keys()).scheme(scheme).components(list);
            let layer = SignLayer::from(signer.build().unwrap()).clock(|| at(FRIDAY));
            let (client, sent) = keeping(|_| StatusCode::OK);
            let service = ServiceBuilder::new()
                .layer(DigestLayer::new().header(header))
                .layer(layer.clone())
                .service(client.clone());
            // Also where a signature without one was kept, and the other way round.
            for body in [HELLO, "", HELLO] {
                let plain = layer.layer(client.clone());
                plain
                    .oneshot(Request::new(BufferedBody::default()))
                    .await
                    .unwrap();
                let plain = sent.lock().unwrap().pop().unwrap();
                let authorization = plain.headers()["authorization"].to_str().unwrap();
                assert!(!authorization.contains("digest"), "{authorization}");

                service.clone().oneshot(post(body)).await.unwrap();
                let sent = sent.lock().unwrap().pop().unwrap();
                let required = Verifier::builder().scheme(scheme).require([header.name()]);
                verify(&required.build().unwrap(), (&sent).into(), at(FRIDAY)).unwrap();
            }
        }
    }
}
