//! The `Service` implementation for key stores that return a future.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    AsyncKeyStore, AsyncKeys, KeyLookup, ResponseForRejection, VerifyBody, VerifyFuture,
    VerifyService, VerifyingKey,
    future::{Continue, Wait},
    service::Admission,
};
use crate::{clock::Clock, readiness::take_ready};

impl<S, K, R, C, B, RB> Service<Request<B>> for VerifyService<S, AsyncKeys<K>, R, C>
where
    S: Service<Request<B>, Response = Response<RB>> + Clone,
    K: AsyncKeyStore,
    R: ResponseForRejection,
    C: Clock,
{
    type Response = Response<VerifyBody<RB>>;
    type Error = S::Error;
    type Future = AsyncVerifyFuture<S, K::Future, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = self.admission.head(&request);
        let now = self.clock.now();
        let read = self
            .admission
            .options
            .verifiers
            .choose(head)
            .read(head, now);
        let lookup = read.map(|credentials| self.keys.0.lookup(credentials.key_id(), head));
        let wait = match lookup {
            Ok(lookup) => {
                let waiting = Waiting {
                    request,
                    inner: take_ready(&mut self.inner),
                    admission: Arc::clone(&self.admission),
                    now,
                };
                Wait::new(lookup, waiting)
            }
            Err(why) => {
                let response = self.admission.refuse(why, head, now);
                Wait::decided(VerifyFuture::refused(response))
            }
        };
        AsyncVerifyFuture { wait }
    }
}

/// A request whose key is being looked up, and what is needed to continue with it.
struct Waiting<S, R, B> {
    request: Request<B>,
    /// The service that was polled ready.
    inner: S,
    admission: Arc<Admission<R>>,
    now: SystemTime,
}

pin_project! {
    /// Waits for a key, then resolves to the inner service's response or a refusal.
    ///
    /// This is the response future of a [`VerifyService`] with [`AsyncKeys`].
    pub struct AsyncVerifyFuture<S, L, R, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        wait: Wait<L, Waiting<S, R, B>, S::Future>,
    }
}

impl<S, L, R, B> Continue<L> for Waiting<S, R, B>
where
    S: Service<Request<B>>,
    L: Future<Output = KeyLookup<Arc<VerifyingKey>>>,
    R: ResponseForRejection,
{
    type Future = S::Future;

    fn with(mut self, lookup: KeyLookup<Arc<VerifyingKey>>) -> VerifyFuture<S::Future> {
        let (admission, now) = (&self.admission, self.now);
        // Reads the credentials again: those of `call` borrowed from the request, which has moved
        // into the future since.
        match admission.check(&mut self.request, now, |_, _| lookup) {
            Ok(()) => VerifyFuture::inner(self.inner.call(self.request)),
            Err(why) => {
                let head = admission.head(&self.request);
                VerifyFuture::refused(admission.refuse(why, head, now))
            }
        }
    }
}

impl<S, L, R, B, RB> Future for AsyncVerifyFuture<S, L, R, B>
where
    S: Service<Request<B>, Response = Response<RB>>,
    L: Future<Output = KeyLookup<Arc<VerifyingKey>>>,
    R: ResponseForRejection,
{
    type Output = Result<Response<VerifyBody<RB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().wait.poll(cx)
    }
}

impl<S, L, R, B> fmt::Debug for AsyncVerifyFuture<S, L, R, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncVerifyFuture").finish_non_exhaustive()
    }
}
