//! The digests that a body must have, and their computation while the body is read.

use sha2::{Digest as _, Sha256, Sha512};

/// The digests that a body must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BodyDigests {
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) sha512: Option<[u8; 64]>,
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
