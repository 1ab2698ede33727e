//! A body that is compared while it is read: its end is an error if it is not what was signed.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Scheme, Signer,
    digest::{CheckedBody, VerifyDigestLayer},
    error::DigestMismatch,
};

use super::{EMPTY_DIGEST, HELLO_DIGEST, post, value, verifying};
use crate::common::keys;

type Incoming = StreamBody<ReceiverStream<Result<Frame<Bytes>, std::io::Error>>>;
type Sender = mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>;

/// This body as the handler gets it, if it does.
async fn checked<B>(body: B, digest: &str) -> Option<CheckedBody<B>>
where
    B: http_body::Body<Error: Into<tower::BoxError>> + 'static,
{
    let mut signed = post("");
    signed.headers_mut().insert("digest", value(digest));
    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .build()
        .unwrap();
    signer.sign_request(&mut signed, SystemTime::now()).unwrap();
    let (head, _) = signed.into_parts();

    let (give, mut take) = mpsc::channel(1);
    let handler = service_fn(move |request: Request<CheckedBody<B>>| {
        assert!(give.try_send(request.into_body()).is_ok());
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    });
    let service = verifying(Scheme::Kong).layer(VerifyDigestLayer::streaming().layer(handler));
    let response = service
        .oneshot(Request::from_parts(head, body))
        .await
        .unwrap();
    let is_refused = response.status() == http::StatusCode::UNAUTHORIZED;
    assert!(is_refused || response.status() == http::StatusCode::OK);
    take.recv().await
}

/// A body as the handler gets it, and the client's end of it.
async fn body() -> (Sender, CheckedBody<Incoming>) {
    let (sender, receiver) = mpsc::channel(8);
    let body = checked(StreamBody::new(ReceiverStream::new(receiver)), HELLO_DIGEST).await;
    (sender, body.unwrap())
}

/// A body with a given size hint and end.
struct Announced {
    frames: Vec<&'static str>,
    size: SizeHint,
    is_end: bool,
}

impl http_body::Body for Announced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.frames.is_empty() {
            return Poll::Ready(None);
        }
        let data = Bytes::from(self.frames.remove(0));
        let left = |size: u64| size.saturating_sub(data.len() as u64);
        let (lower, upper) = (left(self.size.lower()), self.size.upper().map(left));
        self.size = SizeHint::new();
        self.size.set_lower(lower);
        if let Some(upper) = upper {
            self.size.set_upper(upper);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_end
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
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
async fn a_body_that_is_cut_short_or_too_long_does_not_match() {
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

#[tokio::test]
async fn a_body_that_is_over_before_it_begins_is_refused_before_the_handler() {
    for (size, is_end) in [
        (SizeHint::with_exact(0), true),
        (SizeHint::with_exact(0), false),
        (SizeHint::new(), true),
    ] {
        let frames = vec![];
        let body = Announced {
            frames,
            size,
            is_end,
        };
        assert!(checked(body, HELLO_DIGEST).await.is_none());
    }
}

#[tokio::test]
async fn a_body_that_is_over_before_it_begins_and_right_is_over_for_the_handler_too() {
    let body = Announced {
        frames: vec![],
        size: SizeHint::with_exact(0),
        is_end: true,
    };
    let body = checked(body, EMPTY_DIGEST).await.unwrap();
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn who_stops_at_the_length_that_was_announced_has_not_got_a_wrong_body() {
    let upper = |upper| {
        let mut size = SizeHint::new();
        size.set_upper(upper);
        size
    };
    for size in [SizeHint::with_exact(9), upper(9)] {
        let body = Announced {
            frames: vec!["{\"hello\"", ":", "\"world\"}"],
            size,
            is_end: false,
        };
        let mut body = checked(body, HELLO_DIGEST).await.unwrap();
        let mut read = 0;
        let error = loop {
            assert!(!body.is_end_stream());
            assert!(body.size_hint().upper().is_some_and(|upper| upper > 0));
            match body.frame().await.unwrap() {
                Ok(frame) => read += frame.into_data().unwrap().len(),
                Err(error) => break error,
            }
        };
        assert!(read < 9, "{read}");
        assert!(error.is::<DigestMismatch>(), "{error}");
    }
}
