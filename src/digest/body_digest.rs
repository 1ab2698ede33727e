//! What the body's hash must be, and its computation while the body is read.

use md5::Md5;
use sha2::Digest as _;

use super::content_md5::Md5Digest;
use crate::wire::digest_header::{self, BodyDigests};

/// The digest that a body must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyDigest {
    /// Those of `Digest` and `Content-Digest`.
    Sha(BodyDigests),
    /// That of `Content-MD5`.
    Md5(Md5Digest),
}

impl BodyDigest {
    /// Returns whether a body has this digest.
    pub(super) fn is_of(self, body: &[u8]) -> bool {
        let mut hash = BodyHash::new(self);
        hash.update(body);
        hash.matches()
    }
}

/// Hashes a body with the algorithm of the digest that it must have.
#[derive(Debug)]
pub(super) enum BodyHash {
    Sha(digest_header::BodyHash),
    Md5 { hash: Md5, expected: Md5Digest },
}

impl BodyHash {
    pub(super) fn new(expected: BodyDigest) -> Self {
        match expected {
            BodyDigest::Sha(expected) => Self::Sha(digest_header::BodyHash::new(expected)),
            BodyDigest::Md5(expected) => Self::Md5 {
                hash: Md5::new(),
                expected,
            },
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        match self {
            Self::Sha(hash) => hash.update(data),
            Self::Md5 { hash, .. } => hash.update(data),
        }
    }

    /// Returns whether the body that was hashed has the digest, and begins a new body.
    pub(super) fn matches(&mut self) -> bool {
        match self {
            Self::Sha(hash) => hash.matches(),
            Self::Md5 { hash, expected } => *hash.finalize_reset() == *expected,
        }
    }
}
