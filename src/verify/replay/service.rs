use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    ReplayGuard,
    policy::{Policy, claim_of},
};
use crate::{
    RequestHead,
    verify::{DefaultResponseForRejection, ResponseForRejection, VerifyBody, VerifyFuture},
};

/// Passes each verified request on once, and refuses its copies.
///
/// [`ReplayLayer`](crate::verify::ReplayLayer) creates it. Errors and readiness are the inner
/// service's. A refused request never reaches the inner service, and its body is not read.
///
/// With [`AsyncGuard`](crate::verify::AsyncGuard) the inner service has to be `Clone`, because it
/// is called only after the claim was made, and this service may be called again before that.
pub struct ReplayService<S, G, R = DefaultResponseForRejection> {
    pub(super) inner: S,
    pub(super) guard: Arc<G>,
    pub(super) policy: Arc<Policy<R>>,
}

impl<S, G, R> ReplayService<S, G, R> {
    /// Returns a reference to the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, G, R, B, RB> Service<Request<B>> for ReplayService<S, G, R>
where
    S: Service<Request<B>, Response = Response<RB>>,
    G: ReplayGuard,
    R: ResponseForRejection,
{
    type Response = Response<VerifyBody<RB>>;
    type Error = S::Error;
    type Future = VerifyFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = RequestHead::from(&request);
        let outcome = claim_of(head).map(|claim| self.guard.claim(&claim));
        match outcome.and_then(|outcome| self.policy.decide(outcome, head)) {
            Err(why) => VerifyFuture::refused(self.policy.refused(head, why)),
            Ok(()) => VerifyFuture::inner(self.inner.call(request)),
        }
    }
}

impl<S: Clone, G, R> Clone for ReplayService<S, G, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            guard: Arc::clone(&self.guard),
            policy: Arc::clone(&self.policy),
        }
    }
}

impl<S: fmt::Debug, G, R> fmt::Debug for ReplayService<S, G, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
