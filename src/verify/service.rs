use std::{
    fmt,
    ops::Deref,
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use http::{Extensions, Request, Response, Uri, header};
use tower_service::Service;

use super::{
    Credentials, DefaultResponseForRejection, KeyLookup, KeyStore, ResponseForRejection,
    ServerSigningString, VerifyBody, VerifyFuture, VerifyingKey, response::Refused,
};
use crate::{
    Rejection, RequestHead, Verifier,
    clock::{Clock, SystemClock},
    wire::target,
};

/// Lets signed requests pass to the inner service, and answers all others: what
/// [`VerifyLayer`](crate::VerifyLayer) makes.
///
/// - The handler of a request that passes finds a [`VerifiedKey`](crate::VerifiedKey) in the request's extensions.
///   Nothing a client sends can put one there.
/// - A request that is refused never reaches the inner service; its body is not read. On HTTP/1.1 the server then
///   closes the connection under a large upload, and the client may see a reset instead of the answer:
///   [`DrainLayer`](crate::verify::DrainLayer), outside of this one, prevents that. The answer's extensions hold the
///   [`Rejection`], and with the feature `tracing` there is an
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

/// Where to find the target as the client sent it.
pub(super) type OriginalTarget = for<'e> fn(&'e Extensions) -> Option<&'e Uri>;

/// Options of the layer, whatever the type that answers refusals.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) verifier: Verifier,
    pub(super) remove_authorization: bool,
    pub(super) original_target: OriginalTarget,
    /// Whether the server's signing string is reported where the signature does not match.
    pub(super) explain: bool,
}

/// Admits requests, or refuses them.
pub(super) struct Admission<R> {
    pub(super) options: Options,
    pub(super) refuse: Arc<R>,
}

impl<R: ResponseForRejection> Admission<R> {
    /// The request's head as the client sent it.
    pub(super) fn head<'h, B>(&self, request: &'h Request<B>) -> RequestHead<'h> {
        let target = (self.options.original_target)(request.extensions());
        let target = target.unwrap_or(request.uri());
        RequestHead::new(
            request.method(),
            target,
            request.version(),
            request.headers(),
        )
    }

    /// Checks the request with what `look_up` finds, and makes it ready for the handler if it passes.
    pub(super) fn check<B, K>(
        &self,
        request: &mut Request<B>,
        now: SystemTime,
        look_up: impl FnOnce(&str, RequestHead<'_>) -> KeyLookup<K>,
    ) -> Result<(), Rejection>
    where
        K: Deref<Target = VerifyingKey>,
    {
        let head = self.head(request);
        let verifier = &self.options.verifier;
        let mut credentials = Credentials::unread();
        verifier.read_into(&mut credentials, &head, now)?;
        let mut target = verifier.normalized_target(head.uri())?;
        if target.is_some() && head.uri() != request.uri() {
            // What a router outside has made of the target cannot be normalized any more.
            target::check_normal(head.uri())?;
            target = None;
        }
        let lookup = look_up(credentials.key_id(), head);
        let verified_key = verifier.check_signature(&credentials, &lookup)?;
        verified_key.join_repeated_headers(request.headers_mut());
        request.extensions_mut().insert(verified_key);
        if let Some(target) = target {
            *request.uri_mut() = target;
        }
        if self.options.remove_authorization {
            request.headers_mut().remove(header::AUTHORIZATION);
        }
        Ok(())
    }

    /// Answers a request that was refused at `now`.
    pub(super) fn refuse(
        &self,
        why: Rejection,
        head: RequestHead<'_>,
        now: SystemTime,
    ) -> Response<Bytes> {
        let explained = (self.options.explain && why == Rejection::SignatureMismatch)
            .then(|| self.explanation(head, now))
            .flatten();
        let refused = Refused {
            scheme: self.options.verifier.scheme(),
            why,
            head,
            #[cfg(feature = "tracing")]
            key: None,
            explained,
        };
        refused.answer(&*self.refuse)
    }

    /// What was hashed. The request is read a second time, so that those that are accepted keep nothing for this.
    fn explanation(&self, head: RequestHead<'_>, now: SystemTime) -> Option<ServerSigningString> {
        let credentials = self.options.verifier.read(head, now).ok()?;
        Some(ServerSigningString::new(credentials.signing_string_ref()))
    }
}
