//! The credentials of a request, read but not verified yet.

use std::fmt;

use super::{components::ReceivedComponents, verified::CoveredComponents};
use crate::{
    Algorithm,
    header::DateHeader,
    verify::VerifyingKey,
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
}

impl<'h> Credentials<'h> {
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
        self.components.signing_string.clone()
    }

    /// Like [`signing_string`](Self::signing_string), without a copy.
    pub(super) fn signing_string_ref(&self) -> &SigningString {
        &self.components.signing_string
    }

    /// Returns `true` if this name is listed, in any case, and the request has the component.
    pub(super) fn covers(&self, name: &str) -> bool {
        let mut names = CoveredComponents::new(self.authorization.headers, self.components.present);
        names.any(|covered| covered.eq_ignore_ascii_case(name))
    }

    /// Returns the value of a date header that is listed and present.
    pub(super) fn date(&self, header: DateHeader) -> Option<&'h [u8]> {
        match header {
            DateHeader::Date => self.components.date,
            DateHeader::XDate => self.components.x_date,
        }
    }

    pub(super) fn is_signed_with(&self, key: &VerifyingKey) -> bool {
        let message = self.components.signing_string.as_bytes();
        let mac = key.keyed(self.algorithm);
        mac.verify(message, self.signature.as_bytes())
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
