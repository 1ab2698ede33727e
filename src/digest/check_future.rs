use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, Request, Response, header, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    CheckedBody,
    body_digest::BodyDigest,
    check::Options,
    read_ahead::{ReadAhead, Unread},
};
use crate::{
    Rejection,
    verify::{ResponseForRejection, VerifyBody, VerifyFuture},
};

type BoxError = Box<dyn Error + Send + Sync>;

/// A request whose body is being read, and what is needed to continue with it.
pub(super) struct Waiting<S, R> {
    /// The service that was polled ready.
    pub(super) inner: S,
    pub(super) options: Arc<Options<R>>,
    pub(super) head: request::Parts,
    pub(super) expected: BodyDigest,
    pub(super) limit: usize,
}

pin_project! {
    /// Waits for the body, then resolves to the inner service's response or a refusal.
    ///
    /// This is the response future of [`VerifyDigestService`].
    pub struct VerifyDigestFuture<S, R, B>
    where
        S: Service<Request<CheckedBody<B>>>,
        B: Body,
        B::Error: Into<BoxError>,
    {
        #[pin]
        pub(super) kind: Kind<S, R, B>,
    }
}

pin_project! {
    #[project = KindProjection]
    pub(super) enum Kind<S, R, B>
    where
        S: Service<Request<CheckedBody<B>>>,
        B: Body,
        B::Error: Into<BoxError>,
    {
        Reading {
            #[pin]
            body: ReadAhead<B>,
            waiting: Option<Waiting<S, R>>,
        },
        Decided {
            #[pin]
            future: VerifyFuture<S::Future>,
        },
    }
}

impl<S, R, B, RB> Future for VerifyDigestFuture<S, R, B>
where
    S: Service<Request<CheckedBody<B>>, Response = Response<RB>>,
    R: ResponseForRejection,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<VerifyBody<RB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut kind = self.project().kind;
        loop {
            let future = match kind.as_mut().project() {
                KindProjection::Decided { future } => return future.poll(cx),
                KindProjection::Reading { body, waiting } => {
                    let read = ready!(body.poll(cx));
                    // Always `Some`: it is taken once, and the kind is replaced below before the
                    // next poll. Pending instead of a panic, should that ever change.
                    let Some(Waiting {
                        mut inner,
                        options,
                        head,
                        expected,
                        limit,
                    }) = waiting.take()
                    else {
                        return Poll::Pending;
                    };
                    let checked = match read {
                        Ok(body) if expected.is_of(body.data()) => Ok(body),
                        Ok(_) => Err(Rejection::DigestMismatch),
                        Err(error) => Err(unread(&error, &head.headers, limit)),
                    };
                    match checked {
                        Ok(body) => {
                            let request = Request::from_parts(head, CheckedBody::known(body));
                            VerifyFuture::inner(inner.call(request))
                        }
                        Err(why) => VerifyFuture::refused(options.refused(&head, why)),
                    }
                }
            };
            kind.set(Kind::Decided { future });
        }
    }
}

/// Returns why a request is refused whose body could not be read.
pub(super) fn unread(error: &Unread, headers: &HeaderMap, limit: usize) -> Rejection {
    match error {
        Unread::TooLarge => {
            let size = content_length(headers).filter(|size| *size > limit as u64);
            Rejection::BodyTooLarge { size, limit }
        }
        Unread::Broken(_) => Rejection::BodyUnreadable,
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

impl<S, R, B> fmt::Debug for VerifyDigestFuture<S, R, B>
where
    S: Service<Request<CheckedBody<B>>>,
    B: Body,
    B::Error: Into<BoxError>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyDigestFuture").finish_non_exhaustive()
    }
}
