//! The `Service` implementation for guards that return a future.

use std::{
    fmt,
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
use crate::{
    RequestHead,
    readiness::take_ready,
    verify::{Continue, ResponseForRejection, VerifyBody, VerifyFuture, Wait},
};

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
        let head = RequestHead::from(&request);
        let claim = claim_of(head).map(|claim| self.guard.0.claim(&claim));
        let wait = match claim {
            Err(why) => Wait::decided(VerifyFuture::refused(self.policy.refused(head, why))),
            Ok(claim) => {
                let waiting = Waiting {
                    request,
                    inner: take_ready(&mut self.inner),
                    policy: Arc::clone(&self.policy),
                };
                Wait::new(claim, waiting)
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

impl<S, F, R, B> Continue<F> for Waiting<S, R, B>
where
    S: Service<Request<B>>,
    F: Future<Output = ClaimOutcome>,
    R: ResponseForRejection,
{
    type Future = S::Future;

    fn with(mut self, outcome: ClaimOutcome) -> VerifyFuture<S::Future> {
        let head = RequestHead::from(&self.request);
        match self.policy.decide(outcome, head) {
            Err(why) => VerifyFuture::refused(self.policy.refused(head, why)),
            Ok(()) => VerifyFuture::inner(self.inner.call(self.request)),
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
