use std::task::{Context, Poll};

use http::Request;
use tower_service::Service;

use super::report;
use crate::{
    Signer,
    clock::{Clock, SystemClock},
};

/// Signs every request, then passes it to the inner service. [`SignLayer`](crate::SignLayer)
/// creates it.
///
/// It has the inner service's response, error, future and readiness, and needs nothing of the body.
///
/// The options were checked when the signer was built. A request that cannot be signed
/// ([`SignError`](crate::error::SignError)), for example because a header to be signed is repeated,
/// is passed on without any `Authorization`, so that the gateway refuses it. With the feature
/// `tracing`, an [event](crate::events) says why; [`Signer::unsigned_requests`] counts it.
/// [`Signer::sign_request`] returns the error instead.
///
/// # The request's headers
///
/// The date and `Authorization` are set, not added: they replace those of an earlier attempt or of
/// anyone else. The date header that is not in use is removed. A `Source` that the request has is
/// signed as it is. See [`Signer`].
///
/// # reqwest
///
/// With the feature `reqwest` it also takes a `reqwest::Request`, so that a `reqwest::Client` can
/// be the inner service. Make it with `SignLayer::reqwest_client`, which prevents the client from
/// following redirects. A `Digest` or `Content-Digest` on the request is signed even if it is not
/// in the signer's list. A URL that cannot be an [`http::Uri`] is passed on unsigned.
#[derive(Debug, Clone)]
pub struct SignService<S, C = SystemClock> {
    pub(super) inner: S,
    pub(super) signer: Signer,
    pub(super) clock: C,
}

impl<S, C> SignService<S, C> {
    /// Returns the signer, whose [`unsigned_requests`](Signer::unsigned_requests) a test can read.
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Returns a reference to the inner service. **What is sent through it is not signed.**
    ///
    /// It is for the inner service's other methods, such as the request builders of a
    /// `reqwest::Client`.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service. What is sent through it is not signed.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
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

/// Signs the request with the clock's time, or leaves it unsigned and reports that. Returns whether
/// it is signed.
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
