//! The result of a verification: the key, and what its signature covers.

use std::fmt;

use http::HeaderMap;

use super::{Claim, Credentials, nonce::NonceSource, replay::ClaimTimes};
use crate::{
    Algorithm, Scheme, Verifier,
    header::has_repeats,
    mac::MatchedSecret,
    wire::{
        buffer::Buffer,
        component::{ComponentNames, ComponentSet},
        repeated_headers,
        signing_string::RequestLine,
    },
};

/// Identifies the key that signed a verified request, and what its signature covers.
///
/// [`Verifier::verify`](crate::Verifier::verify) returns it, and
/// [`VerifyLayer`](crate::VerifyLayer) puts it into the request's extensions.
///
/// Only a verifier can create one. So the one in a request's extensions was put there by the server
/// itself.
///
/// ```
/// use std::time::SystemTime;
/// use http::Request;
/// use tower_hmac_auth::{KeyPair, RequestHead, Signer, StaticKeys, Verifier, verify::KeyStore};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let store = StaticKeys::from(keys.clone());
/// let now = SystemTime::now();
/// let mut request = Request::get("/").body(())?;
/// Signer::new(keys).sign_request(&mut request, now)?;
///
/// let head = RequestHead::from(&request);
/// let verifier = Verifier::new();
/// let credentials = verifier.read(head, now)?;
/// let lookup = store.lookup(credentials.key_id(), head);
/// let verified_key = verifier.verify(credentials, lookup)?;
/// assert_eq!(verified_key.key_id(), "AKIDtestkey0001");
/// assert_eq!(verified_key.covered().collect::<Vec<_>>(), ["x-date"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedKey {
    /// The key id, the list of names, and the nonce if there is one. Most are short enough to need
    /// no allocation.
    text: Buffer<96>,
    key_id_len: usize,
    names_len: usize,
    scheme: Scheme,
    /// The listed components that the request has.
    present: ComponentSet,
    /// What is signed without being listed, and the request has.
    unlisted: ComponentSet,
    algorithm: Algorithm,
    secret: MatchedSecret,
    /// What is known of the nonce beside its text, if the verifier requires one.
    nonce_times: Option<ClaimTimes>,
}

impl VerifiedKey {
    pub(super) fn new(
        verifier: &Verifier,
        credentials: &Credentials<'_>,
        secret: MatchedSecret,
    ) -> Self {
        let (key_id, names) = (credentials.key_id(), &*credentials.names);
        let nonce = match verifier.nonce {
            NonceSource::Signature => Some(credentials.signature.as_bytes()),
            _ => credentials.nonce.as_deref(),
        };
        let mut text = Buffer::new();
        text.extend(key_id.as_bytes());
        text.extend(names.as_bytes());
        if let Some(nonce) = nonce {
            text.extend(nonce);
        }
        Self {
            text,
            key_id_len: key_id.len(),
            names_len: names.len(),
            nonce_times: nonce.map(|_| ClaimTimes {
                signed_at: credentials.signed_at,
                max_skew: verifier.claim_skew,
                now: credentials.read_at,
            }),
            scheme: verifier.scheme,
            present: credentials.present,
            unlisted: credentials.unlisted.present,
            algorithm: credentials.algorithm,
            secret,
        }
    }

    /// Returns the scheme that the request was signed with.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the id of the key that the request was signed with.
    #[must_use]
    pub fn key_id(&self) -> &str {
        text(self.text.as_slice().get(..self.key_id_len))
    }

    /// Returns the algorithm that the request was signed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns whether the request was signed with the previous one of two secrets: see
    /// [`VerifyingKey::with_previous`](crate::verify::VerifyingKey::with_previous).
    ///
    /// The previous secret can be removed when no client uses it any more.
    #[must_use]
    pub fn used_previous_secret(&self) -> bool {
        self.secret == MatchedSecret::Previous
    }

    /// Returns the names of the components that the signature covers: first those of the list, in
    /// signing order and as the client spelled them, then what the scheme signs without listing it.
    ///
    /// Each was in the request: a listed header that was missing is not among them, nor, with Tyk's
    /// scheme, one without a value, which is signed like a missing one. Nothing else in the request
    /// can be trusted. The method and target are covered only if `@request-target`,
    /// `(request-target)`, `request-line` or the name that a description has for them is (in the
    /// schemes of iFlytek and Tyk without the query), and the body only with a digest. Whitespace
    /// around a value is not covered. With Tyk's scheme, `date` stands for `X-Aux-Date` if the
    /// request has that header; it then has no `Date`.
    ///
    /// Only [`Scheme::TencentApp`] signs something without listing it:
    /// the method and the target, named `@request-target`, and `accept`, `content-type` and
    /// `content-md5` if they have a value. Of the target that is the path and the decoded
    /// parameters, not their order. Those of a form are covered too.
    #[must_use]
    pub fn covered(&self) -> CoveredComponents<'_> {
        let names = text(self.text.as_slice().get(self.key_id_len..self.nonce_at()));
        let unlisted = UnlistedComponents {
            lines: self.scheme.dialect().format.request_lines(),
            present: self.unlisted,
        };
        CoveredComponents::new(names, self.present, unlisted)
    }

    /// Returns what a [`ReplayGuard`](crate::verify::ReplayGuard) remembers of this request, or
    /// `None` if the verifier requires no nonce: see
    /// [`VerifierBuilder::nonce`](crate::verify::VerifierBuilder::nonce).
    #[must_use]
    pub fn claim(&self) -> Option<Claim<'_>> {
        let nonce = self
            .text
            .as_slice()
            .get(self.nonce_at()..)
            .unwrap_or_default();
        Some(Claim::of(self.key_id(), nonce, self.nonce_times?))
    }

    fn nonce_at(&self) -> usize {
        self.key_id_len + self.names_len
    }

    /// Replaces the lines of each covered header that is repeated with the one line that was
    /// signed.
    ///
    /// draft-cavage signs two lines `X-Role: reader` and `X-Role: not-admin` as `reader,
    /// not-admin`, and every scheme signs the split lines of a cookie (RFC 9113, section 8.2.3) as
    /// one cookie. A handler that reads only the first line would see a value that was not signed.
    /// [`VerifyLayer`](crate::VerifyLayer) calls this; callers of [`Verifier`] do
    /// it themselves before they use the headers.
    pub fn join_repeated_headers(&self, headers: &mut HeaderMap) {
        if has_repeats(headers) {
            repeated_headers::join_repeated(
                self.scheme.dialect().format.joins_repeated,
                headers,
                self.covered(),
            );
        }
    }
}

/// Returns the bytes as text. They were copied from a `str` and are cut where two were joined, so
/// the fallback is never used.
fn text(bytes: Option<&[u8]>) -> &str {
    let text = bytes.map(str::from_utf8);
    text.and_then(Result::ok).unwrap_or_default()
}

impl fmt::Debug for VerifiedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedKey")
            .field("key_id", &self.key_id())
            .field("algorithm", &self.algorithm)
            .field("covered", &self.covered().collect::<Vec<_>>())
            .finish()
    }
}

/// Iterates over the names of the components that a signature covers, in signing order.
#[derive(Debug, Clone)]
pub struct CoveredComponents<'a> {
    names: ComponentNames<'a>,
    /// The position of the next name in the list.
    position: usize,
    present: ComponentSet,
    unlisted: UnlistedComponents,
}

/// What is signed of every request without being listed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnlistedComponents {
    pub(super) lines: &'static [RequestLine],
    /// The lines for which the request has something.
    pub(super) present: ComponentSet,
}

impl Iterator for UnlistedComponents {
    type Item = &'static str;

    /// Returns the last name, because its position is known without counting.
    fn next(&mut self) -> Option<&'static str> {
        while let [rest @ .., line] = self.lines {
            self.lines = rest;
            if let Some(name) = line.name()
                && self.present.contains(rest.len())
            {
                return Some(name);
            }
        }
        None
    }
}

impl<'a> CoveredComponents<'a> {
    /// Returns whether one of the names is this one, in any case.
    pub(crate) fn contain(mut self, name: &str) -> bool {
        self.any(|covered| covered.eq_ignore_ascii_case(name))
    }

    pub(super) fn new(names: &'a str, present: ComponentSet, unlisted: UnlistedComponents) -> Self {
        Self {
            names: ComponentNames::new(names),
            position: 0,
            present,
            unlisted,
        }
    }
}

impl<'a> Iterator for CoveredComponents<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        for name in self.names.by_ref() {
            let position = self.position;
            self.position += 1;
            if self.present.contains(position) {
                return Some(name);
            }
        }
        self.unlisted.next()
    }
}
