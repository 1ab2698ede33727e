//! The two headers with a body's digest: encoding, and strict decoding.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use sha2::{Digest as _, Sha256, Sha512};

use crate::{
    form::FormParameters,
    header::{CONTENT_MD5, DIGESTS, is_field_name},
};

/// The length of 32 bytes in base64.
const BASE64_LEN: usize = 44;

/// The digests that a body must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BodyDigests {
    sha256: Option<[u8; 32]>,
    sha512: Option<[u8; 64]>,
}

impl BodyDigests {
    /// Returns the digests of both, or `None` if they contradict each other.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        Some(Self {
            sha256: one_of(self.sha256, other.sha256)?,
            sha512: one_of(self.sha512, other.sha512)?,
        })
    }
}

/// Returns the value that there is, or `None` if there are two.
fn one_of<T: PartialEq>(one: Option<T>, other: Option<T>) -> Option<Option<T>> {
    match (one, other) {
        (Some(one), Some(other)) => (one == other).then_some(Some(one)),
        (one, other) => Some(one.or(other)),
    }
}

/// Hashes a body with the algorithms of the digests that it must have.
#[derive(Debug)]
pub(crate) struct BodyHash {
    expected: BodyDigests,
    sha256: Option<Sha256>,
    // Twice as large, and rarely used.
    sha512: Option<Box<Sha512>>,
}

impl BodyHash {
    pub(crate) fn new(expected: BodyDigests) -> Self {
        Self {
            expected,
            sha256: expected.sha256.map(|_| Sha256::new()),
            sha512: expected.sha512.map(|_| Box::new(Sha512::new())),
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        if let Some(hash) = &mut self.sha256 {
            hash.update(data);
        }
        if let Some(hash) = &mut self.sha512 {
            hash.update(data);
        }
    }

    /// Returns whether the body that was hashed has all digests, and begins a new body.
    pub(crate) fn matches(&mut self) -> bool {
        let BodyDigests { sha256, sha512 } = self.expected;
        let has_sha256 = match (&mut self.sha256, sha256) {
            (Some(hash), Some(expected)) => *hash.finalize_reset() == expected,
            _ => true,
        };
        let has_sha512 = match (&mut self.sha512, sha512) {
            (Some(hash), Some(expected)) => *hash.finalize_reset() == expected,
            _ => true,
        };
        has_sha256 && has_sha512
    }
}

/// Names the header with the digest of a body.
///
/// Requires the feature `digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DigestHeader {
    /// `Digest: SHA-256=…` (RFC 3230): what Kong, APISIX and most users of draft-cavage check.
    #[default]
    Digest,
    /// `Content-Digest: sha-256=:…:` (RFC 9530), its successor, for draft-cavage.
    ContentDigest,
}

impl FromStr for DigestHeader {
    type Err = ParseDigestHeaderError;

    /// Reads `digest` or `content-digest`, in any case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|header| name.eq_ignore_ascii_case(header.name().as_str()))
            .ok_or(ParseDigestHeaderError)
    }
}

/// Reports a name that is not that of a [`DigestHeader`].
///
/// Requires the feature `digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseDigestHeaderError;

impl fmt::Display for ParseDigestHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown digest header: use digest or content-digest")
    }
}

impl std::error::Error for ParseDigestHeaderError {}

impl DigestHeader {
    pub(crate) const ALL: [Self; 2] = [Self::Digest, Self::ContentDigest];

    /// Returns the header's name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static HeaderName {
        let [digest, content_digest] = &DIGESTS;
        match self {
            Self::Digest => digest,
            Self::ContentDigest => content_digest,
        }
    }

    fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Digest => ("SHA-256=", ""),
            Self::ContentDigest => ("sha-256=:", ":"),
        }
    }

    /// Returns the header's value for this body.
    ///
    /// It is for requests that [`DigestLayer`](crate::digest::DigestLayer) does not take, such as
    /// reqwest's.
    ///
    /// ```
    /// use tower_hmac_auth::digest::DigestHeader;
    ///
    /// let value = DigestHeader::Digest.value_of(r#"{"hello":"world"}"#);
    /// assert_eq!(value, "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=");
    /// ```
    #[must_use]
    pub fn value_of(self, body: impl AsRef<[u8]>) -> HeaderValue {
        self.encode(Sha256::digest(body))
    }

    fn encode(self, digest: impl AsRef<[u8]>) -> HeaderValue {
        let mut base64 = [0; BASE64_LEN];
        // The array has room for exactly 32 bytes in base64, so this cannot fail. If it did, the
        // value would be empty, and the gateway would refuse it.
        let len = STANDARD.encode_slice(digest, &mut base64).unwrap_or(0);
        let (before, after) = self.around();
        let base64 = base64.get(..len).unwrap_or_default();
        let value = [before.as_bytes(), base64, after.as_bytes()].concat();
        HeaderValue::from_maybe_shared(Bytes::from(value))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// Returns the SHA-256 in a list of digests and, if the scheme has it, the SHA-512; those of
    /// other algorithms are ignored. There must be one at least.
    ///
    /// A second SHA-256 makes the list invalid. If the first or the last of them counted, two
    /// readers could check the same body against different digests.
    pub(crate) fn decode(self, value: &HeaderValue, has_sha512: bool) -> Option<BodyDigests> {
        let text = value.to_str().ok()?;
        let mut found = BodyDigests::default();
        for member in text.split(',') {
            let member = member.trim_matches([' ', '\t']);
            let (algorithm, digest) = member.split_once('=')?;
            if !is_field_name(algorithm) {
                return None;
            }
            let (_, after) = self.around();
            let base64 = || digest.strip_prefix(after)?.strip_suffix(after);
            let is_repeated = match algorithm {
                _ if algorithm.eq_ignore_ascii_case("sha-256") => {
                    let digest = decoded(base64()?)?;
                    found.sha256.replace(digest).is_some()
                }
                _ if has_sha512 && algorithm.eq_ignore_ascii_case("sha-512") => {
                    let digest = decoded(base64()?)?;
                    found.sha512.replace(digest).is_some()
                }
                _ => false,
            };
            if is_repeated {
                return None;
            }
        }
        (found != BodyDigests::default()).then_some(found)
    }
}

/// Decodes a digest of `LEN` bytes in padded base64.
fn decoded<const LEN: usize>(base64: &str) -> Option<[u8; LEN]> {
    // Room for a SHA-512, with what its last characters could decode to if they were no padding.
    let mut bytes = [0; 66];
    if base64.len() != LEN.div_ceil(3) * 4 {
        return None;
    }
    let len = STANDARD.decode_slice(base64, &mut bytes).ok()?;
    bytes.get(..len)?.try_into().ok()
}

/// In a request's extensions, the method of the request whose body the digest was computed for.
#[derive(Clone)]
pub(crate) struct ComputedFor(pub(crate) Method);

/// Replaces the digest by that of an empty body if a layer in between has changed the method. An
/// empty body has no `Content-MD5` and no parameters.
///
/// Following a 303 does so: it sends a `GET` without the body that the digest was computed for. The
/// old digest would not match, and the gateway would refuse the request.
pub(crate) fn renew<B>(request: &mut Request<B>) {
    match request.extensions().get::<ComputedFor>() {
        Some(ComputedFor(method)) if method != request.method() => {}
        _ => return,
    }
    for header in DigestHeader::ALL {
        if request.headers().contains_key(header.name()) {
            let value = header.value_of("");
            // It replaces a value, so the map does not grow and this cannot fail.
            let _fits = request.headers_mut().try_insert(header.name(), value);
        }
    }
    request.headers_mut().remove(&CONTENT_MD5);
    if request.extensions().get::<FormParameters>().is_some() {
        let none = FormParameters::new(Bytes::new());
        request.extensions_mut().insert(none);
    }
    let method = request.method().clone();
    request.extensions_mut().insert(ComputedFor(method));
}
