use std::{fmt, ops::Deref, time::SystemTime};

use bytes::Bytes;
use http::{Extensions, Method, Request, Response, Uri, header};

use super::{ResponseForRejection, ServerSigningString};
use crate::{
    Rejection, RequestHead, Scheme, VerifiedKey, Verifier,
    verify::{Credentials, KeyLookup, VerifyingKey},
    wire::target,
};
#[cfg(feature = "tracing")]
use crate::{events, rejection::Excerpt, wire::credentials::Authorization};

/// Where to find the target as the client sent it.
pub(super) type OriginalTarget = for<'e> fn(&'e Extensions) -> Option<&'e Uri>;

/// What the services with and without waiting have in common: from a request to its admission or a refusal.
#[derive(Clone)]
pub(super) struct Gate<R> {
    pub(super) verifier: Verifier,
    pub(super) refuse: R,
    pub(super) removes_authorization: bool,
    pub(super) original_target: OriginalTarget,
    /// Whether what was hashed is reported where the signature does not match.
    pub(super) explains: bool,
}

impl<R: ResponseForRejection> Gate<R> {
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
        look_up: impl FnOnce(&str, RequestHead<'_>) -> KeyLookup<K>,
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
        verified_key.join_repeated_headers(request.headers_mut());
        request.extensions_mut().insert(verified_key);
        if let Some(target) = target {
            *request.uri_mut() = target;
        }
        if self.removes_authorization {
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
        let explained = (self.explains && why == Rejection::SignatureMismatch)
            .then(|| self.explanation(head, now))
            .flatten();
        let refused = Refused {
            scheme: self.verifier.scheme(),
            why,
            head,
            #[cfg(feature = "tracing")]
            key: None,
            explained,
        };
        refused.answer(&self.refuse)
    }

    /// What was hashed. The request is read a second time, so that those that are accepted keep nothing for this.
    fn explanation(&self, head: RequestHead<'_>, now: SystemTime) -> Option<ServerSigningString> {
        let mut credentials = Credentials::unread();
        let read = self.verifier.read_into(&mut credentials, &head, now);
        read.ok()?;
        Some(ServerSigningString::new(credentials.hashed()))
    }
}

/// A request that is refused.
pub(crate) struct Refused<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) why: Rejection,
    pub(crate) head: RequestHead<'a>,
    /// The key, if it was verified before something else was found wrong.
    #[cfg(feature = "tracing")]
    pub(crate) key: Option<&'a VerifiedKey>,
    pub(crate) explained: Option<ServerSigningString>,
}

impl Refused<'_> {
    /// The answer, with the reason in its extensions; without content for HEAD (RFC 9110, section 9.3.2).
    pub(crate) fn answer(self, refuse: &impl ResponseForRejection) -> Response<Bytes> {
        let mut response = refuse.refuse_as(self.scheme, &self.why, self.head);
        #[cfg(feature = "tracing")]
        self.report(response.status());
        let Self {
            why,
            head,
            explained,
            ..
        } = self;
        if let Some(explained) = explained {
            response.extensions_mut().insert(explained);
        }
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

    /// Makes the event. Its fields are computed only if there is a subscriber that wants it.
    #[cfg(feature = "tracing")]
    fn report(&self, status: http::StatusCode) {
        // A level is part of what is fixed when this is compiled.
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: events::VERIFY,
                    tracing::Level::$level,
                    kind = ?self.why.kind(),
                    scheme = %self.scheme,
                    key_id = self.key_id().map(tracing::field::display),
                    skew_s = self.why.skew(),
                    status = status.as_u16(),
                    reason = %self.why,
                    signing_string = self.explained.as_ref().map(tracing::field::display),
                    "request refused"
                )
            };
        }
        if self.why.status().is_server_error() {
            event!(WARN);
        } else {
            event!(INFO);
        }
    }

    /// The key id as the request has it, if it can be read.
    #[cfg(feature = "tracing")]
    fn key_id(&self) -> Option<Excerpt> {
        if let Some(key) = self.key {
            return Some(Excerpt::new(key.key_id()));
        }
        let authorization = Authorization::of(&self.scheme.dialect().syntax, &self.head);
        Some(Excerpt::new(authorization.ok()?.key_id))
    }
}

impl<R: fmt::Debug> fmt::Debug for Gate<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("verifier", &self.verifier)
            .field("refuse", &self.refuse)
            .field("removes_authorization", &self.removes_authorization)
            .field("explains", &self.explains)
            .finish_non_exhaustive()
    }
}
