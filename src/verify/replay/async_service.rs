//! The `Service` implementation for guards that return a future.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    AsyncGuard, AsyncReplayGuard, ClaimOutcome, ReplayService,
    policy::{Policy, claim_of},
};
use crate::verify::{Continue, ResponseForRejection, VerifyBody, VerifyFuture, Wait};

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
        let wait = match claim {
            Ok(claim) => {
                // The readiness belongs to `self.inner`, and a clone of it may not be ready. So the
                // ready service goes with the request, and the clone waits for the next
                // `poll_ready`.
                let clone = self.inner.clone();
                let waiting = Waiting {
                    request,
                    inner: mem::replace(&mut self.inner, clone),
                    policy: Arc::clone(&self.policy),
                };
                Wait::new(claim, waiting)
            }
            Err(why) => {
                let head = (&request).into();
                let response = self.policy.refused(head, request.extensions(), why);
                Wait::decided(VerifyFuture::refused(response))
            }
        };
        AsyncReplayFuture { wait }
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
        wait: Wait<F, Waiting<S, R, B>, S::Future>,
    }
}

impl<S, R, B> Continue<ClaimOutcome> for Waiting<S, R, B>
where
    S: Service<Request<B>>,
    R: ResponseForRejection,
{
    type Future = S::Future;

    fn with(mut self, outcome: ClaimOutcome) -> VerifyFuture<S::Future> {
        let extensions = self.request.extensions();
        match self.policy.decide(outcome, extensions) {
            Ok(()) => VerifyFuture::inner(self.inner.call(self.request)),
            Err(why) => {
                let head = (&self.request).into();
                VerifyFuture::refused(self.policy.refused(head, extensions, why))
            }
        }
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
        self.project().wait.poll(cx)
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
