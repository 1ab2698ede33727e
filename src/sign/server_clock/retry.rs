use std::future::{Ready, ready};

use http::{Request, Response};
use tower::retry::Policy;

use super::{ServerClock, observe::WasStale};
use crate::{
    clock::{Clock, SystemClock},
    rejection::refuses_credentials,
    wire::authority::sent_authority,
};

/// Retries once after a 401 or 403 that was caused by a wrong or stale date. It is a policy for
/// [`tower::retry`].
///
/// Requires the feature `retry`.
///
/// It retries if the clock has learnt the time of the request's authority since the request was
/// sent. It also retries if the answer's `Date` shows that the date that was sent was stale: by 300
/// seconds, or by the clock's [`threshold`](ServerClock::threshold) if that is more.
///
/// A date becomes stale if the request waits after signing, for example in a suspended process; see
/// [`ServerClock`]. There is at most one retry, even if both reasons apply.
///
/// Its place is outside [`SignLayer`](crate::SignLayer), so that the second attempt is signed again
/// with the time that was learnt. The layer of [`ServerClock::observe`] has to be below. It is for
/// [`http::Request`]s, not reqwest's own, and their body has to be `Clone`. See [`ServerClock`] for
/// an example and for the risk.
#[derive(Debug, Clone)]
pub struct RetryOnClockSkew<C = SystemClock> {
    clock: ServerClock<C>,
    /// The number of the offset of the request's authority when the request was sent.
    last_learnt: u64,
    /// Whether the request has been retried.
    is_second: bool,
}

impl<C: Clock> RetryOnClockSkew<C> {
    /// Creates a policy that retries by what this clock learns.
    #[must_use]
    pub fn new(clock: ServerClock<C>) -> Self {
        Self {
            clock,
            last_learnt: 0,
            is_second: false,
        }
    }

    /// Returns the number of the offset of the request's authority; 0 if none was learnt.
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
        let is_refusal = refuses_credentials(response.status());
        let has_learnt = self.last_learnt(request) > self.last_learnt;
        let was_stale = response.extensions().get::<WasStale>().is_some();
        if self.is_second || !is_refusal || !(has_learnt || was_stale) {
            return None;
        }
        self.is_second = true;
        Some(ready(()))
    }

    /// Stores the number of the offset with the copy of the request.
    ///
    /// tower calls this on the policy that all requests share, and then clones the policy for the
    /// request. So it overwrites what an earlier request has left there.
    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        self.last_learnt = self.last_learnt(request);
        Some(request.clone())
    }
}
