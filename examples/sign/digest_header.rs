//! The two headers that carry the digest of a body.
//!
//! The library's own `DigestHeader` needs the feature `digest`, and this tool is built without it.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

#[derive(Clone, Copy, Default)]
pub(super) enum DigestHeader {
    /// RFC 3230.
    #[default]
    Digest,
    /// RFC 9530.
    ContentDigest,
}

impl DigestHeader {
    pub(super) const ALL: [Self; 2] = [Self::Digest, Self::ContentDigest];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::ContentDigest => "content-digest",
        }
    }

    /// Returns the header's value for this body.
    pub(super) fn value_of(self, body: &[u8]) -> String {
        let mut base64 = [0; 44];
        // The base64 of 32 bytes is 44 characters long, so this cannot fail.
        let len = STANDARD
            .encode_slice(Sha256::digest(body), &mut base64)
            .unwrap_or(0);
        let base64 = String::from_utf8_lossy(base64.get(..len).unwrap_or_default());
        match self {
            Self::Digest => format!("SHA-256={base64}"),
            Self::ContentDigest => format!("sha-256=:{base64}:"),
        }
    }
}

impl FromStr for DigestHeader {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|header| name.eq_ignore_ascii_case(header.name()))
            .ok_or("write digest or content-digest")
    }
}
