use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

use super::report;
use crate::{
    Signer,
    clock::{Clock, SystemClock},
};

/// Signs every request, then hands it to the inner service: what [`SignLayer`](crate::SignLayer) makes.
///
/// It has the inner service's response, error, future and readiness, and asks nothing of the body. All that can be
/// wrong was wrong at construction, but for a request that cannot be signed ([`SignError`](crate::error::SignError)): it has a
/// header to be signed more than once, say. It is passed on without any `Authorization`, so that the gateway refuses it;
/// with the feature `tracing`, an [event](crate::events) says why, and [`Signer::unsigned_requests`] counts it.
/// [`Signer::sign_request`] returns the error instead.
///
/// # What becomes of the request's headers
///
/// The date and `Authorization` are set, not added: what was there before, from an earlier attempt or anyone else,
/// is gone, and so is the date header that is not in use. A `Source` already there is signed as it is. See
/// [`Signer`].
///
/// # reqwest
///
/// With the feature `reqwest` it takes a `reqwest::Request` as well as an [`http::Request`], so that a
/// `reqwest::Client` can be the inner service. Make it with `SignLayer::reqwest_client`, which keeps the client from
/// following redirects. A `Digest` or `Content-Digest` on the request is signed whatever the signer's list says. A URL
/// that cannot be an [`http::Uri`] is passed on unsigned.
#[derive(Debug, Clone)]
pub struct SignService<S, C = SystemClock> {
    pub(super) inner: S,
    pub(super) signer: Signer,
    pub(super) clock: C,
}

impl<S, C> SignService<S, C> {
    /// Signs with `signer` by `clock`.
    pub const fn new(inner: S, signer: Signer, clock: C) -> Self {
        Self {
            inner,
            signer,
            clock,
        }
    }

    /// The signer, whose [`unsigned_requests`](Signer::unsigned_requests) a test can read.
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The inner service. **What is sent through it is not signed**: it is for what the inner service has beside that,
    /// such as the request builders of a `reqwest::Client`.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. What is sent through it is not signed.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, B> Service<Request<B>> for SignService<S, C>
where
    S: Service<Request<B>>,
    C: Clock,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        sign(&self.signer, &self.clock, &mut request);
        self.inner.call(request)
    }
}

/// Signs by the clock, or leaves the request unsigned and reports it. Returns whether it is signed.
pub(super) fn sign<B>(signer: &Signer, clock: &impl Clock, request: &mut Request<B>) -> bool {
    let now = clock.now_for((&*request).into());
    match signer.sign_request(request, now) {
        Ok(()) => {
            if signer.left_out_host(request) {
                report::without_host(signer);
            }
            true
        }
        Err(error) => {
            report::unsigned(signer, &error);
            false
        }
    }
}
