use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use pin_project_lite::pin_project;

use super::VerifyBody;

pin_project! {
    /// Resolves to the inner service's response, or to a refusal without waiting.
    ///
    /// This is the response future of [`VerifyService`](crate::verify::VerifyService).
    #[derive(Debug)]
    pub struct VerifyFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<F> {
        Inner { #[pin] future: F },
        Refused { response: Option<Response<Bytes>> },
    }
}

impl<F> VerifyFuture<F> {
    pub(crate) fn inner(future: F) -> Self {
        Self {
            kind: Kind::Inner { future },
        }
    }

    pub(crate) fn refused(response: Response<Bytes>) -> Self {
        Self {
            kind: Kind::Refused {
                response: Some(response),
            },
        }
    }
}

impl<F, B, E> Future for VerifyFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<VerifyBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner { future } => {
                let response = ready!(future.poll(cx))?;
                Poll::Ready(Ok(response.map(VerifyBody::inner)))
            }
            // `None` if the future is polled again after it completed, which its contract leaves
            // open: it stays pending instead of panicking.
            KindProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response.map(VerifyBody::refusal))),
                None => Poll::Pending,
            },
        }
    }
}
