//! What is known of a request whose signature was found right.

use std::fmt;

use http::HeaderMap;
use smallvec::SmallVec;

use crate::{
    Algorithm, Scheme,
    wire::{component, credentials::Names},
};

/// A verified request's key and cover, borrowed from the request: what [`Verifier::verify`] returns.
///
/// [`VerifiedKey`] is the same, owned.
///
/// [`Verifier::verify`]: crate::Verifier::verify
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'h> {
    pub(crate) scheme: Scheme,
    pub(crate) key_id: &'h str,
    pub(crate) algorithm: Algorithm,
    pub(crate) names: &'h str,
    /// Which of the names are present: a bit for each, the first one's the lowest.
    pub(crate) present: u64,
}

impl<'h> Verified<'h> {
    /// The gateway's dialect it was signed in.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The id of the key the request was signed with.
    #[must_use]
    pub fn key_id(&self) -> &'h str {
        self.key_id
    }

    /// The algorithm it was signed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What the signature covers, in signing order and as the client spelled it. Each was in the request (a listed header
    /// that was absent is not among them); nothing else of the request can be trusted: its method and target only where
    /// `@request-target`, `(request-target)` or `request-line` is covered, its body only with a digest. Blanks around a value are not covered.
    #[must_use]
    pub fn covered(&self) -> CoveredComponents<'h> {
        CoveredComponents::new(self.names, self.present)
    }
}

/// A verified request's key and cover, owned.
///
/// Only a verifier can make one, so one in a request's extensions was put there by the server itself.
///
/// ```
/// # use std::time::SystemTime;
/// # use tower_hmac_auth::{KeyPair, Signer, VerifiedKey, Verifier, verify::{KeyAccess, KeyLookup, VerifyingKey}};
/// # let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001").unwrap();
/// # let key = VerifyingKey::from(&keys);
/// # let mut request = http::Request::get("/").body(()).unwrap();
/// # Signer::new(keys).sign((&request).into(), SystemTime::now()).unwrap().apply(request.headers_mut());
/// # let verifier = Verifier::new();
/// # let credentials = verifier.read((&request).into(), SystemTime::now()).unwrap();
/// # let verified = verifier.verify(credentials, KeyLookup::Key(&key, KeyAccess::Bound)).unwrap();
/// let verified_key = VerifiedKey::from(verified);
/// assert_eq!(verified_key.key_id(), "AKIDtestkey0001");
/// assert_eq!(verified_key.covered().collect::<Vec<_>>(), ["x-date"]);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedKey {
    /// The key id, then the names; in place if they are as short as most are.
    text: SmallVec<[u8; 96]>,
    key_id_len: usize,
    scheme: Scheme,
    present: u64,
    algorithm: Algorithm,
}

impl VerifiedKey {
    /// The gateway's dialect it was signed in.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The id of the key the request was signed with.
    #[must_use]
    pub fn key_id(&self) -> &str {
        text(self.text.get(..self.key_id_len))
    }

    /// The algorithm it was signed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What the signature covers, as [`Verified::covered`].
    #[must_use]
    pub fn covered(&self) -> CoveredComponents<'_> {
        let names = text(self.text.get(self.key_id_len..));
        CoveredComponents::new(names, self.present)
    }

    /// Replaces the lines of each covered header that the request repeats by the one line that was signed.
    ///
    /// draft-cavage signs two lines `X-Role: reader` and `X-Role: not-admin` as `reader, not-admin`, and the crumbs of a cookie
    /// (RFC 9113, section 8.2.3) are signed as one cookie in every scheme. A handler that reads the first line only would see
    /// a value that was not signed. [`VerifyLayer`](crate::VerifyLayer) calls this; callers of
    /// [`Verifier`](crate::Verifier) do it themselves before they use the headers.
    pub fn join_repeated_headers(&self, headers: &mut HeaderMap) {
        component::join_repeated(self.scheme.dialect().format.join, headers, self.covered());
    }
}

/// It was text before, so this never falls back.
fn text(bytes: Option<&[u8]>) -> &str {
    let text = bytes.map(str::from_utf8);
    text.and_then(Result::ok).unwrap_or_default()
}

impl From<Verified<'_>> for VerifiedKey {
    fn from(verified: Verified<'_>) -> Self {
        let mut text = SmallVec::from_slice(verified.key_id.as_bytes());
        text.extend_from_slice(verified.names.as_bytes());
        Self {
            text,
            key_id_len: verified.key_id.len(),
            scheme: verified.scheme,
            present: verified.present,
            algorithm: verified.algorithm,
        }
    }
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

/// The names of what a signature covers, in signing order.
#[derive(Debug, Clone)]
pub struct CoveredComponents<'a> {
    names: Names<'a>,
    present: u64,
}

impl<'a> CoveredComponents<'a> {
    pub(super) fn new(names: &'a str, present: u64) -> Self {
        let names = Names::new(names);
        Self { names, present }
    }
}

impl<'a> Iterator for CoveredComponents<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let name = self.names.next()?;
            let is_present = self.present & 1 == 1;
            self.present >>= 1;
            if is_present {
                return Some(name);
            }
        }
    }
}
