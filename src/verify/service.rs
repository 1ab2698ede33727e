use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use http::{Extensions, Request, Response, Uri};
use tower_service::Service;

use super::{
    Credentials, DefaultResponseForRejection, KeyLookup, KeyRef, KeyStore, ResponseForRejection,
    ServerSigningString, VerifiedKey, VerifierSet, VerifyBody, VerifyFuture, response::Refused,
};
use crate::{
    Rejection, RequestHead,
    clock::{Clock, SystemClock},
};

/// Passes signed requests on to the inner service, and answers all others.
///
/// [`VerifyLayer`](crate::VerifyLayer) creates it.
///
/// - A request that passes has a [`VerifiedKey`] in its extensions. Nothing
///   that a client sends can put one there.
/// - A refused request never reaches the inner service, and its body is not read. On HTTP/1.1 the
///   server then closes the connection during a large upload, and the client may see a reset
///   instead of the response. [`DrainLayer`](crate::verify::DrainLayer), outside this layer,
///   prevents that. The response's extensions contain the [`Rejection`], and with the feature
///   `tracing` there is an [event](crate::events).
/// - Errors and readiness are the inner service's. A refusal does not use the inner service's
///   readiness: a permit that was reserved for it stays taken until the service is called the next
///   time. So put concurrency limits outside this layer.
///
/// With [`AsyncKeys`](crate::verify::AsyncKeys) the inner service has to be `Clone`, because it is
/// called only after the key was found, and this service may be called again before that.
pub struct VerifyService<S, K, R = DefaultResponseForRejection, C = SystemClock> {
    pub(super) inner: S,
    pub(super) keys: Arc<K>,
    pub(super) admission: Arc<Admission<R>>,
    pub(super) clock: C,
}

impl<S, K, R, C> VerifyService<S, K, R, C> {
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
            .field("verifiers", &self.admission.options.verifiers)
            .finish_non_exhaustive()
    }
}

/// Finds the target as the client sent it.
pub(super) type OriginalTarget = for<'e> fn(&'e Extensions) -> Option<&'e Uri>;

/// The layer's options that do not depend on the type that answers refusals.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) verifiers: VerifierSet,
    pub(super) remove_authorization: bool,
    pub(super) original_target: OriginalTarget,
    /// Whether nothing outside has chosen a handler by the target.
    pub(super) before_routing: bool,
    /// Whether the server's signing string is reported if the signature does not match.
    pub(super) explain: bool,
}

/// Decides whether requests pass.
pub(super) struct Admission<R> {
    pub(super) options: Options,
    pub(super) refuse: Arc<R>,
}

impl<R: ResponseForRejection> Admission<R> {
    /// Returns the request's head as the client sent it.
    pub(super) fn head<'h, B>(&self, request: &'h Request<B>) -> RequestHead<'h> {
        let target = (self.options.original_target)(request.extensions());
        let target = target.unwrap_or(request.uri());
        RequestHead::new(
            request.method(),
            target,
            request.version(),
            request.headers(),
        )
        .with_extensions(request.extensions())
    }

    /// Checks the request with the key that `look_up` finds, and prepares it for the handler if it
    /// passes.
    pub(super) fn check<'k, B, K>(
        &self,
        request: &mut Request<B>,
        now: SystemTime,
        look_up: impl FnOnce(&str, RequestHead<'_>) -> KeyLookup<K>,
    ) -> Result<(), Rejection>
    where
        K: Into<KeyRef<'k>>,
    {
        let head = self.head(request);
        let verifier = self.options.verifiers.choose(head);
        let mut credentials = Credentials::unread();
        verifier.read_into(&mut credentials, &head, now)?;
        let mut target = verifier.normalized_target(head.uri())?;
        let before_routing = self.options.before_routing && head.uri() == request.uri();
        if target.is_some() && !before_routing {
            // A router outside may have chosen the handler by the target that was sent, so another
            // target would reach the wrong handler. If the router has also rewritten the target,
            // the handler would see the router's prefix again. Only a target that is in normal form
            // already is safe here.
            verifier.check_normal_target(head.uri())?;
            target = None;
        }
        let lookup = look_up(credentials.key_id(), head);
        let secret = verifier.check_signature(&credentials, lookup)?;
        // Made here, because in the result of `check_signature` its 200 bytes would be copied
        // again.
        let verified_key = VerifiedKey::new(verifier, &credentials, secret);
        verified_key.join_repeated_headers(request.headers_mut());
        // `insert` replaces a `VerifiedKey` of an outer layer: the handler sees the key that this
        // layer verified.
        request.extensions_mut().insert(verified_key);
        if let Some(target) = target {
            *request.uri_mut() = target;
        }
        if self.options.remove_authorization {
            let dialect = verifier.scheme().dialect();
            request.headers_mut().remove(dialect.syntax.header);
            dialect.remove_from_target(request);
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
            scheme: self.options.verifiers.choose(head).scheme(),
            why,
            head,
            key: None,
            explained,
        };
        refused.answer(&*self.refuse)
    }

    /// Returns the signing string that was hashed. The request is read again for it, so that
    /// accepted requests do not pay for keeping it.
    fn explanation(&self, head: RequestHead<'_>, now: SystemTime) -> Option<ServerSigningString> {
        let verifier = self.options.verifiers.choose(head);
        let credentials = verifier.read(head, now).ok()?;
        Some(ServerSigningString::new(&credentials.signing_string))
    }
}
