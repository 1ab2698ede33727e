use std::{fmt, ops::Deref, time::SystemTime};

use bytes::Bytes;
use http::{Extensions, Method, Request, Response, Uri, header};

use super::Refuse;
use crate::{
    Credentials, Lookup, Rejection, RequestHead, Scheme, VerifiedKey, Verifier, VerifyingKey,
    target,
};

/// Where to find the target as the client sent it.
pub(super) type OriginalTarget = for<'e> fn(&'e Extensions) -> Option<&'e Uri>;

/// What the services with and without waiting have in common: from a request to its admission or a refusal.
#[derive(Clone)]
pub(super) struct Gate<R> {
    pub(super) verifier: Verifier,
    pub(super) refuse: R,
    pub(super) removes_authorization: bool,
    pub(super) original_target: OriginalTarget,
}

impl<R: Refuse> Gate<R> {
    /// The request's head as the client sent it.
    pub(super) fn head<'h, B>(&self, request: &'h Request<B>) -> RequestHead<'h> {
        let target = (self.original_target)(request.extensions());
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
        look_up: impl FnOnce(&str, RequestHead<'_>) -> Lookup<K>,
    ) -> Result<(), Rejection>
    where
        K: Deref<Target = VerifyingKey>,
    {
        let head = self.head(request);
        let mut credentials = Credentials::unread();
        self.verifier.read_into(&mut credentials, &head, now)?;
        let mut target = self.verifier.normalised_target(head.uri())?;
        if target.is_some() && head.uri() != request.uri() {
            // What a router outside has made of the target cannot be normalised any more.
            target::check_normal(head.uri())?;
            target = None;
        }
        let lookup = look_up(credentials.key_id(), head);
        let verified_key = VerifiedKey::from(self.verifier.compare(&credentials, &lookup)?);
        request.extensions_mut().insert(verified_key);
        if let Some(target) = target {
            *request.uri_mut() = target;
        }
        if self.removes_authorization {
            request.headers_mut().remove(header::AUTHORIZATION);
        }
        Ok(())
    }

    pub(super) fn refuse(&self, why: Rejection, head: RequestHead<'_>) -> Response<Bytes> {
        refused(&self.refuse, self.verifier.scheme(), why, head)
    }
}

/// A refusal's answer, with the reason in its extensions; without content for HEAD (RFC 9110, section 9.3.2).
pub(crate) fn refused(
    refuse: &impl Refuse,
    scheme: Scheme,
    why: Rejection,
    head: RequestHead<'_>,
) -> Response<Bytes> {
    #[cfg(feature = "tracing")]
    tracing::info!(%why, "request refused");
    let mut response = refuse.refuse_as(scheme, &why, head);
    response.extensions_mut().insert(why);
    if head.method() == Method::HEAD {
        let length = response.body().len().into();
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
        *response.body_mut() = Bytes::new();
    }
    response
}

impl<R: fmt::Debug> fmt::Debug for Gate<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("verifier", &self.verifier)
            .field("refuse", &self.refuse)
            .field("removes_authorization", &self.removes_authorization)
            .finish_non_exhaustive()
    }
}
