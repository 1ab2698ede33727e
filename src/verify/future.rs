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

/// The part of a service that is left to do once it has what it waited for, such as a key. `W` is
/// the future that it waited for.
pub(crate) trait Continue<W: Future> {
    type Future;

    /// Calls the inner service, or refuses the request.
    fn with(self, output: W::Output) -> VerifyFuture<Self::Future>;
}

pin_project! {
    /// Waits for `wait`, then continues with its output.
    #[project = WaitProjection]
    pub(crate) enum Wait<W, T, F> {
        Waiting {
            #[pin]
            wait: W,
            waiting: Option<T>,
        },
        Decided {
            #[pin]
            future: VerifyFuture<F>,
        },
    }
}

impl<W, T, F> Wait<W, T, F> {
    pub(crate) fn new(wait: W, waiting: T) -> Self {
        Self::Waiting {
            wait,
            waiting: Some(waiting),
        }
    }

    pub(crate) fn decided(future: VerifyFuture<F>) -> Self {
        Self::Decided { future }
    }
}

impl<W, T, F, B, E> Future for Wait<W, T, F>
where
    W: Future,
    T: Continue<W, Future = F>,
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<VerifyBody<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let future = match self.as_mut().project() {
                WaitProjection::Decided { future } => return future.poll(cx),
                WaitProjection::Waiting { wait, waiting } => {
                    let output = ready!(wait.poll(cx));
                    // Always `Some`: it is taken once, and the state is replaced below before the
                    // next poll. Pending instead of a panic, should that ever change.
                    let Some(waiting) = waiting.take() else {
                        return Poll::Pending;
                    };
                    waiting.with(output)
                }
            };
            self.set(Self::Decided { future });
        }
    }
}
