//! What the services with a [`KeyStore`](super::KeyStore) and with an [`AsyncKeyStore`](super::AsyncKeyStore) have in
//! common: from a request to its admission or its refusal.

use std::{ops::Deref, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{Extensions, Request, Response, Uri, header};

use super::{ResponseForRejection, ServerSigningString, response::Refused};
use crate::{
    Rejection, RequestHead, Verifier,
    verify::{KeyLookup, VerifyingKey},
    wire::target,
};

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
        let credentials = verifier.read(head, now)?;
        let mut target = verifier.normalized_target(head.uri())?;
        if target.is_some() && head.uri() != request.uri() {
            // What a router outside has made of the target cannot be normalized any more.
            target::check_normal(head.uri())?;
            target = None;
        }
        let lookup = look_up(credentials.key_id(), head);
        let verified_key = verifier.verify(credentials, lookup)?;
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
