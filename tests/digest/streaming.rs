//! A body that is compared while it is read: its end is an error if it is not what was signed.

use std::{convert::Infallible, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{CheckedBody, DigestMismatch, Scheme, Signer, VerifyDigestLayer};

use super::{HELLO_DIGEST, post, value, verifying};
use crate::common::keys;

type Incoming = StreamBody<ReceiverStream<Result<Frame<Bytes>, std::io::Error>>>;
type Sender = mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>;

/// A body as the handler gets it, and the client's end of it.
async fn body() -> (Sender, CheckedBody<Incoming>) {
    let mut signed = post("");
    signed.headers_mut().insert("digest", value(HELLO_DIGEST));
    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .build()
        .unwrap();
    signer.sign_request(&mut signed, SystemTime::now()).unwrap();
    let (head, _) = signed.into_parts();
    let (sender, receiver) = mpsc::channel(8);
    let body = StreamBody::new(ReceiverStream::new(receiver));

    let (give, mut take) = mpsc::channel(1);
    let handler = service_fn(move |request: Request<CheckedBody<Incoming>>| {
        give.try_send(request.into_body()).unwrap();
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    });
    let service = verifying(Scheme::Kong).layer(VerifyDigestLayer::streaming().layer(handler));
    let response = service
        .oneshot(Request::from_parts(head, body))
        .await
        .unwrap();
    assert_eq!(response.status(), http::StatusCode::OK);
    (sender, take.recv().await.unwrap())
}

fn data(text: &'static str) -> Result<Frame<Bytes>, std::io::Error> {
    Ok(Frame::data(Bytes::from(text)))
}

#[tokio::test]
async fn frames_pass_as_they_come_but_for_the_last_which_waits_for_the_end() {
    let (sender, mut body) = body().await;
    sender.send(data("{\"hello\"")).await.unwrap();
    assert_pending!(task::spawn(body.frame()).poll());
    assert!(!body.is_end_stream());
    sender.send(data(":\"world\"}")).await.unwrap();
    let first = assert_ready!(task::spawn(body.frame()).poll())
        .unwrap()
        .unwrap();
    assert_eq!(first.into_data().unwrap(), "{\"hello\"");
    assert_pending!(task::spawn(body.frame()).poll());

    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", value("1"));
    sender
        .send(Ok(Frame::trailers(trailers.clone())))
        .await
        .unwrap();
    drop(sender);
    let last = body.frame().await.unwrap().unwrap();
    assert_eq!(last.into_data().unwrap(), ":\"world\"}");
    assert!(!body.is_end_stream());
    let after = body.frame().await.unwrap().unwrap();
    assert_eq!(after.into_trailers().unwrap(), trailers);
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_wrong_body_ends_with_an_error_in_place_of_its_last_frame() {
    let (sender, mut body) = body().await;
    for text in ["{\"hello\"", ":\"", "wold\"}"] {
        sender.send(data(text)).await.unwrap();
    }
    drop(sender);
    for text in ["{\"hello\"", ":\""] {
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), text);
    }
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.is::<DigestMismatch>(), "{error}");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_body_that_is_cut_short_or_has_more_behind_it_is_wrong() {
    for frames in [
        &[][..],
        &["{\"hello\":\"world\"}", " "],
        &["{\"hello\":\"world\""],
    ] {
        let (sender, body) = body().await;
        for text in frames {
            sender.send(data(text)).await.unwrap();
        }
        drop(sender);
        let error = body.collect().await.unwrap_err();
        assert!(error.is::<DigestMismatch>(), "{frames:?}: {error}");
    }
}

#[tokio::test]
async fn an_error_of_the_body_passes_and_what_was_held_back_does_not() {
    let (sender, mut body) = body().await;
    sender.send(data("{\"hello\":\"world\"}")).await.unwrap();
    sender
        .send(Err(std::io::Error::other("reset")))
        .await
        .unwrap();
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "reset");
    assert!(body.frame().await.is_none());
}
