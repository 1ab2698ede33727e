//! The two headers with a body's digest: encoding, and strict decoding.

mod body_digests;

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

pub(crate) use self::body_digests::{BodyDigests, BodyHash};
use crate::header::{DIGESTS, is_field_name};

/// The length of 32 bytes in base64.
const BASE64_LEN: usize = 44;

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

    /// Returns what is before and after the base64 of a digest: colons around the byte sequence of
    /// a structured field (RFC 8941, section 3.3.5), or nothing.
    fn delimiter(self) -> &'static str {
        match self {
            Self::Digest => "",
            Self::ContentDigest => ":",
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
        let base64 = base64.get(..len).unwrap_or_default();
        let name = match self {
            Self::Digest => "SHA-256=",
            Self::ContentDigest => "sha-256=",
        };
        let delimiter = self.delimiter().as_bytes();
        let value = [name.as_bytes(), delimiter, base64, delimiter].concat();
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
            let delimiter = self.delimiter();
            let base64 = || digest.strip_prefix(delimiter)?.strip_suffix(delimiter);
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
