//! The credentials of a request, read but not verified yet.

use std::fmt;

use super::components::ReceivedComponents;
use crate::{
    Algorithm,
    wire::{
        credentials::{Authorization, Signature},
        signing_string::SigningString,
    },
};

/// Holds the credentials of a request, which are not verified yet.
///
/// [`Verifier::read`](crate::Verifier::read) returns them, and
/// [`Verifier::verify`](crate::Verifier::verify) takes them.
#[derive(Clone)]
pub struct Credentials<'h> {
    pub(super) authorization: Authorization<'h>,
    pub(super) algorithm: Algorithm,
    pub(super) signature: Signature,
    pub(super) components: ReceivedComponents<'h>,
    pub(super) signing_string: SigningString,
}

impl<'h> Credentials<'h> {
    /// Returns credentials to be filled by [`Verifier::read_into`](crate::Verifier::read_into).
    pub(super) fn unread() -> Self {
        Self {
            authorization: Authorization::default(),
            algorithm: Algorithm::HmacSha1,
            signature: Signature::NONE,
            components: ReceivedComponents::default(),
            signing_string: SigningString::new(),
        }
    }

    /// Returns the key id to look up.
    #[must_use]
    pub fn key_id(&self) -> &'h str {
        self.authorization.key_id
    }

    /// Returns the algorithm of the signature. It is one of those that the server allows.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the server's signing string, for comparison with the client's.
    #[must_use]
    pub fn signing_string(&self) -> SigningString {
        self.signing_string.clone()
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("key_id", &self.authorization.key_id)
            .field("algorithm", &self.algorithm)
            .field("headers", &self.authorization.headers)
            .finish_non_exhaustive()
    }
}
