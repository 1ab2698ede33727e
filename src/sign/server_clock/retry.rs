use std::future::{Ready, ready};

use http::{Request, Response, StatusCode};
use tower::retry::Policy;

use super::{ServerClock, observe::WasStale};
use crate::{
    clock::{Clock, SystemClock},
    wire::authority::sent_authority,
};

/// Tries once more after a 401 or 403, if the clock has learnt of the request's authority since the request was sent, or
/// if the answer's `Date` shows that the date that was sent was stale, by 300 seconds or the clock's
/// [`threshold`](ServerClock::threshold) if that is more: a policy for [`tower::retry`].
///
/// Stale is the date of a request that was signed and then held up, as when the process was suspended in between; see
/// [`ServerClock`]. There is one retry at most, whatever the reasons.
///
/// Its place is outside [`SignLayer`](crate::SignLayer), so that the second attempt is signed again, by what was learnt;
/// the layer of [`ServerClock::observe`] has to be below. It is for [`http::Request`]s, not reqwest's own, and their body
/// has to be `Clone`. See [`ServerClock`] for an example and for the risk.
#[derive(Debug, Clone)]
pub struct RetryOnClockSkew<C = SystemClock> {
    clock: ServerClock<C>,
    /// What the clock had last learnt of the request's authority when the request was sent.
    last_learnt: u64,
    is_second: bool,
}

impl<C: Clock> RetryOnClockSkew<C> {
    /// Tries again when this clock has learnt of the authority that a request goes to.
    #[must_use]
    pub fn new(clock: ServerClock<C>) -> Self {
        Self {
            clock,
            last_learnt: 0,
            is_second: false,
        }
    }

    /// Nothing is learnt of a request that names no authority.
    fn last_learnt<B>(&self, request: &Request<B>) -> u64 {
        let authority = sent_authority(request.uri());
        authority.map_or(0, |authority| self.clock.last_learnt(authority))
    }
}

impl<C: Clock, B: Clone, RB, E> Policy<Request<B>, Response<RB>, E> for RetryOnClockSkew<C> {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        request: &mut Request<B>,
        result: &mut Result<Response<RB>, E>,
    ) -> Option<Self::Future> {
        let response = result.as_ref().ok()?;
        let status = response.status();
        let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let has_learnt = self.last_learnt(request) > self.last_learnt;
        let was_stale = response.extensions().get::<WasStale>().is_some();
        if self.is_second || !is_refusal || !(has_learnt || was_stale) {
            return None;
        }
        self.is_second = true;
        Some(ready(()))
    }

    /// Runs on the policy that all requests share, before each gets its own copy: so it overwrites what is there.
    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        self.last_learnt = self.last_learnt(request);
        Some(request.clone())
    }
}
