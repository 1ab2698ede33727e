//! The `Service` implementation for key stores that return a future.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::SystemTime,
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    AsyncKeyStore, AsyncKeys, ResponseForRejection, VerifyBody, VerifyFuture, VerifyService,
    service::Admission,
};
use crate::clock::Clock;

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
        let kind = match lookup {
            Ok(lookup) => {
                // The readiness belongs to `self.inner`, and a clone of it may not be ready. So the
                // ready service goes with the request, and the clone waits for the next
                // `poll_ready`.
                let clone = self.inner.clone();
                let waiting = Waiting {
                    request,
                    inner: mem::replace(&mut self.inner, clone),
                    admission: Arc::clone(&self.admission),
                    now,
                };
                Kind::LookingUp {
                    lookup,
                    waiting: Some(waiting),
                }
            }
            Err(why) => Kind::Decided {
                future: VerifyFuture::refused(self.admission.refuse(why, head, now)),
            },
        };
        AsyncVerifyFuture { kind }
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
        kind: Kind<S, L, R, B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<S, L, R, B>
    where
        S: Service<Request<B>>,
    {
        LookingUp {
            #[pin]
            lookup: L,
            waiting: Option<Waiting<S, R, B>>,
        },
        Decided {
            #[pin]
            future: VerifyFuture<S::Future>,
        },
    }
}

impl<S, L, R, B, RB> Future for AsyncVerifyFuture<S, L, R, B>
where
    S: Service<Request<B>, Response = Response<RB>>,
    L: Future<Output = crate::verify::KeyLookup<Arc<crate::verify::VerifyingKey>>>,
    R: ResponseForRejection,
{
    type Output = Result<Response<VerifyBody<RB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut kind = self.project().kind;
        loop {
            let future = match kind.as_mut().project() {
                KindProjection::Decided { future } => return future.poll(cx),
                KindProjection::LookingUp { lookup, waiting } => {
                    let lookup = ready!(lookup.poll(cx));
                    // Always `Some`: it is taken once, and the kind is replaced below before the
                    // next poll. Pending instead of a panic, should that ever change.
                    let Some(Waiting {
                        mut request,
                        mut inner,
                        admission,
                        now,
                    }) = waiting.take()
                    else {
                        return Poll::Pending;
                    };
                    // Reads the credentials again: those of `call` borrowed from the request, which
                    // has moved into the future since.
                    match admission.check(&mut request, now, |_, _| lookup) {
                        Ok(()) => VerifyFuture::inner(inner.call(request)),
                        Err(why) => {
                            let head = admission.head(&request);
                            VerifyFuture::refused(admission.refuse(why, head, now))
                        }
                    }
                }
            };
            kind.set(Kind::Decided { future });
        }
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
