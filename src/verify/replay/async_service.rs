//! The `Service` implementation for guards that return a future.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    AsyncGuard, AsyncReplayGuard, ClaimOutcome, ReplayService,
    policy::{Policy, claim_of},
};
use crate::verify::{ResponseForRejection, VerifyBody, VerifyFuture};

impl<S, G, R, B, RB> Service<Request<B>> for ReplayService<S, AsyncGuard<G>, R>
where
    S: Service<Request<B>, Response = Response<RB>> + Clone,
    G: AsyncReplayGuard,
    R: ResponseForRejection,
{
    type Response = Response<VerifyBody<RB>>;
    type Error = S::Error;
    type Future = AsyncReplayFuture<S, G::Future, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let claim = claim_of(request.extensions()).map(|claim| self.guard.0.claim(&claim));
        let kind = match claim {
            Ok(claim) => {
                // The readiness belongs to `self.inner`, and a clone of it may not be ready. So the
                // ready service goes with the request, and the clone waits for the next
                // `poll_ready`.
                let clone = self.inner.clone();
                Kind::Claiming {
                    claim,
                    waiting: Some(Waiting {
                        request,
                        inner: mem::replace(&mut self.inner, clone),
                        policy: Arc::clone(&self.policy),
                    }),
                }
            }
            Err(why) => {
                let head = (&request).into();
                let response = self.policy.refused(head, request.extensions(), why);
                Kind::Decided {
                    future: VerifyFuture::refused(response),
                }
            }
        };
        AsyncReplayFuture { kind }
    }
}

/// A request whose claim is being made, and what is needed to continue with it.
struct Waiting<S, R, B> {
    request: Request<B>,
    /// The service that was polled ready.
    inner: S,
    policy: Arc<Policy<R>>,
}

pin_project! {
    /// Waits for a claim, then resolves to the inner service's response or a refusal.
    ///
    /// This is the response future of a [`ReplayService`] with [`AsyncGuard`].
    pub struct AsyncReplayFuture<S, F, R, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        kind: Kind<S, F, R, B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<S, F, R, B>
    where
        S: Service<Request<B>>,
    {
        Claiming {
            #[pin]
            claim: F,
            waiting: Option<Waiting<S, R, B>>,
        },
        Decided {
            #[pin]
            future: VerifyFuture<S::Future>,
        },
    }
}

impl<S, F, R, B, RB> Future for AsyncReplayFuture<S, F, R, B>
where
    S: Service<Request<B>, Response = Response<RB>>,
    F: Future<Output = ClaimOutcome>,
    R: ResponseForRejection,
{
    type Output = Result<Response<VerifyBody<RB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut kind = self.project().kind;
        loop {
            let future = match kind.as_mut().project() {
                KindProjection::Decided { future } => return future.poll(cx),
                KindProjection::Claiming { claim, waiting } => {
                    let outcome = ready!(claim.poll(cx));
                    // Always `Some`: it is taken once, and the kind is replaced below before the
                    // next poll. Pending instead of a panic, should that ever change.
                    let Some(Waiting {
                        request,
                        mut inner,
                        policy,
                    }) = waiting.take()
                    else {
                        return Poll::Pending;
                    };
                    match policy.decide(outcome, request.extensions()) {
                        Ok(()) => VerifyFuture::inner(inner.call(request)),
                        Err(why) => {
                            let head = (&request).into();
                            let response = policy.refused(head, request.extensions(), why);
                            VerifyFuture::refused(response)
                        }
                    }
                }
            };
            kind.set(Kind::Decided { future });
        }
    }
}

impl<S, F, R, B> fmt::Debug for AsyncReplayFuture<S, F, R, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncReplayFuture").finish_non_exhaustive()
    }
}
