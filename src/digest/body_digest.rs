//! The digest that a body must have, and its computation while the body is read.

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::content_md5::Md5Digest;
use crate::wire::digest_header::Sha256Digest;

/// The digest that a body must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyDigest {
    Sha256(Sha256Digest),
    Md5(Md5Digest),
}

impl BodyDigest {
    /// Returns whether a body has this digest.
    pub(super) fn is_of(self, body: &[u8]) -> bool {
        let mut hash = self.hash();
        hash.update(body);
        hash.finish() == self
    }

    /// Returns the state to compute such a digest with.
    pub(super) fn hash(self) -> BodyHash {
        match self {
            Self::Sha256(_) => BodyHash::Sha256(Sha256::new()),
            Self::Md5(_) => BodyHash::Md5(Md5::new()),
        }
    }
}

/// The digest of what has been read so far.
#[derive(Debug)]
pub(super) enum BodyHash {
    Sha256(Sha256),
    Md5(Md5),
}

impl BodyHash {
    pub(super) fn update(&mut self, data: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(data),
            Self::Md5(hash) => hash.update(data),
        }
    }

    /// Returns the digest, and starts again.
    pub(super) fn finish(&mut self) -> BodyDigest {
        match self {
            Self::Sha256(hash) => BodyDigest::Sha256(hash.finalize_reset().into()),
            Self::Md5(hash) => BodyDigest::Md5(hash.finalize_reset().into()),
        }
    }
}
