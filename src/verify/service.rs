use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    DefaultResponseForRejection, KeyStore, ResponseForRejection, VerifyBody, VerifyFuture,
    admission::Admission,
};
use crate::{
    RequestHead,
    clock::{Clock, SystemClock},
};

/// Lets signed requests pass to the inner service, and answers all others: what
/// [`VerifyLayer`](crate::VerifyLayer) makes.
///
/// - The handler of a request that passes finds a [`VerifiedKey`](crate::VerifiedKey) in the request's extensions.
///   Nothing a client sends can put one there.
/// - A request that is refused never reaches the inner service; its body is not read. On HTTP/1.1 the server then
///   closes the connection under a large upload, and the client may see a reset instead of the answer:
///   [`DrainLayer`](crate::verify::DrainLayer), outside of this one, prevents that. The answer's extensions hold the
///   [`Rejection`](crate::Rejection), and with the feature `tracing` there is an
///   [event](crate::events).
/// - Errors and readiness are the inner service's. A refusal uses up a readiness of the inner service, with a permit
///   that goes with it, until the service is called the next time: concurrency limits belong outside this layer.
///
/// With keys that have to be waited for ([`AsyncKeys`](crate::verify::AsyncKeys)) the inner service has to be `Clone`, because
/// it is called only when the key is there, and this service may be called again meanwhile.
pub struct VerifyService<S, K, R = DefaultResponseForRejection, C = SystemClock> {
    pub(super) inner: S,
    pub(super) keys: Arc<K>,
    pub(super) admission: Arc<Admission<R>>,
    pub(super) clock: C,
}

impl<S, K, R, C> VerifyService<S, K, R, C> {
    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K, R, C, B, RB> Service<Request<B>> for VerifyService<S, K, R, C>
where
    S: Service<Request<B>, Response = Response<RB>>,
    K: KeyStore,
    R: ResponseForRejection,
    C: Clock,
{
    type Response = Response<VerifyBody<RB>>;
    type Error = S::Error;
    type Future = VerifyFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let look_up = |key_id: &str, head: RequestHead<'_>| self.keys.lookup(key_id, head);
        let now = self.clock.now();
        match self.admission.check(&mut request, now, look_up) {
            Ok(()) => VerifyFuture::inner(self.inner.call(request)),
            Err(why) => {
                let head = self.admission.head(&request);
                VerifyFuture::refused(self.admission.refuse(why, head, now))
            }
        }
    }
}

impl<S: Clone, K, R, C: Clone> Clone for VerifyService<S, K, R, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            keys: Arc::clone(&self.keys),
            admission: Arc::clone(&self.admission),
            clock: self.clock.clone(),
        }
    }
}

impl<S: fmt::Debug, K, R, C> fmt::Debug for VerifyService<S, K, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyService")
            .field("inner", &self.inner)
            .field("verifier", &self.admission.options.verifier)
            .finish_non_exhaustive()
    }
}
