//! The future of [`VerifyDigestService`](super::VerifyDigestService).

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    BoxError, BufferedBody, CheckedBody,
    body_digest::BodyDigest,
    read_ahead::{ReadAhead, Unread},
    verify::Options,
};
use crate::{
    Rejection,
    verify::{Continue, ResponseForRejection, VerifyBody, VerifyFuture, Wait},
};

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
    /// Requires the feature `digest`.
    ///
    /// This is the response future of [`VerifyDigestService`](super::VerifyDigestService).
    pub struct VerifyDigestFuture<S, R, B>
    where
        S: Service<Request<CheckedBody<B>>>,
    {
        #[pin]
        pub(super) wait: Wait<ReadAhead<B>, Waiting<S, R>, S::Future>,
    }
}

impl<S, R, B> Continue<ReadAhead<B>> for Waiting<S, R>
where
    S: Service<Request<CheckedBody<B>>>,
    R: ResponseForRejection,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Future = S::Future;

    fn with(mut self, read: Result<BufferedBody, Unread>) -> VerifyFuture<S::Future> {
        let checked = match read {
            Ok(body) if self.expected.is_of(body.data()) => Ok(body),
            Ok(_) => Err(Rejection::DigestMismatch),
            Err(unread) => Err(unread.rejection(&self.head.headers, self.limit)),
        };
        match checked {
            Ok(body) => {
                let request = Request::from_parts(self.head, CheckedBody::known(body));
                VerifyFuture::inner(self.inner.call(request))
            }
            Err(why) => VerifyFuture::refused(self.options.refused(&self.head, why)),
        }
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
        self.project().wait.poll(cx)
    }
}

impl<S, R, B> fmt::Debug for VerifyDigestFuture<S, R, B>
where
    S: Service<Request<CheckedBody<B>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyDigestFuture").finish_non_exhaustive()
    }
}
