//! The headers that carry the digest of a body.
//!
//! The library's own `DigestHeader` needs the feature `digest`, and this tool is built without it.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::Md5;
use sha2::{Digest as _, Sha256};

#[derive(Clone, Copy, Default)]
pub(super) enum DigestHeader {
    /// RFC 3230.
    #[default]
    Digest,
    /// RFC 9530.
    ContentDigest,
    /// What Tencent's application authentication signs.
    ContentMd5,
}

impl DigestHeader {
    pub(super) const ALL: [Self; 3] = [Self::Digest, Self::ContentDigest, Self::ContentMd5];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::ContentDigest => "content-digest",
            Self::ContentMd5 => "content-md5",
        }
    }

    /// Returns the header's value for this body.
    pub(super) fn value_of(self, body: &[u8]) -> String {
        match self {
            Self::Digest => format!("SHA-256={}", base64(&Sha256::digest(body))),
            Self::ContentDigest => format!("sha-256=:{}:", base64(&Sha256::digest(body))),
            Self::ContentMd5 => {
                let digest = Md5::digest(body);
                let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                base64(digits.as_bytes())
            }
        }
    }
}

/// Returns the base64 of 32 bytes.
fn base64(bytes: &[u8]) -> String {
    let mut base64 = [0; 44];
    // The base64 of 32 bytes is 44 characters long, so this cannot fail.
    let len = STANDARD.encode_slice(bytes, &mut base64).unwrap_or(0);
    let base64 = base64.get(..len).unwrap_or_default();
    String::from_utf8_lossy(base64).into_owned()
}

impl FromStr for DigestHeader {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = [Self::Digest, Self::ContentDigest].into_iter();
        all.find(|header| name.eq_ignore_ascii_case(header.name()))
            .ok_or("write digest or content-digest")
    }
}
