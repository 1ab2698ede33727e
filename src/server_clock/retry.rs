use std::future::{Ready, ready};

use http::{Request, Response, StatusCode};
use tower::retry::Policy;

use super::ServerClock;
use crate::{Clock, SystemClock};

/// Tries once more after a 401 or 403, if the clock has learnt something since the request was sent: a policy for
/// [`tower::retry`].
///
/// Its place is outside [`SignLayer`](crate::SignLayer), so that the second attempt is signed by what was learnt. The
/// request's body has to be `Clone`. See [`ServerClock`] for an example and for the risk.
#[derive(Debug, Clone)]
pub struct RetryOnceLearnt<C = SystemClock> {
    clock: ServerClock<C>,
    /// The clock's generation when the request was sent.
    generation: u64,
    is_second: bool,
}

impl<C: Clock> RetryOnceLearnt<C> {
    /// Tries again when this clock has learnt something.
    #[must_use]
    pub fn new(clock: ServerClock<C>) -> Self {
        Self {
            clock,
            generation: 0,
            is_second: false,
        }
    }
}

impl<C: Clock, B: Clone, RB, E> Policy<Request<B>, Response<RB>, E> for RetryOnceLearnt<C> {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<B>,
        result: &mut Result<Response<RB>, E>,
    ) -> Option<Self::Future> {
        let status = result.as_ref().ok()?.status();
        let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let has_learnt = self.clock.generation() != self.generation;
        if self.is_second || !is_refusal || !has_learnt {
            return None;
        }
        self.is_second = true;
        Some(ready(()))
    }

    /// Runs on the policy that all requests share, before each gets its own copy: so it overwrites what is there.
    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        self.generation = self.clock.generation();
        Some(request.clone())
    }
}
