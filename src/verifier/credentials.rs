//! What a request says of itself, read but not yet believed.

use std::fmt;

use crate::{
    Algorithm, Excerpt, Rejection, RequestHead, SigningString, VerifyingKey,
    authorization::{Authorization, Signature},
    component::{self, Component, Components, Repeated},
    signing_string,
};

/// Finds what each listed name stands for. On HTTP/2 the host is in the target.
pub(super) fn find<'h>(
    names: impl Iterator<Item = &'h str>,
    head: RequestHead<'h>,
) -> Result<Components<'h>, Rejection> {
    let component = |name: &'h str| {
        let value = match component::single_value(head, name) {
            Err(Repeated) => return Err(Rejection::repeated(name)),
            Ok(Some(value)) => value.as_bytes(),
            Ok(None) => component::authority_as_host(head, name).ok_or_else(|| {
                Rejection::HeaderMissing {
                    name: Excerpt::new(name),
                }
            })?,
        };
        Ok(Component {
            name,
            value: component::trim(value),
        })
    };
    names.map(component).collect()
}

/// What a request says of itself, read but not yet believed: the way from [`Verifier::read`](crate::Verifier::read) to
/// [`Verifier::verify`](crate::Verifier::verify).
#[derive(Clone)]
pub struct Credentials<'h> {
    pub(super) authorization: Authorization<'h>,
    pub(super) algorithm: Algorithm,
    pub(super) signature: Signature,
    pub(super) components: Components<'h>,
}

impl<'h> Credentials<'h> {
    /// The key id to look up.
    #[must_use]
    pub fn key_id(&self) -> &'h str {
        self.authorization.key_id
    }

    /// The algorithm the request names, one of those the server allows.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What the signature should have been made over, to be compared with the client's.
    #[must_use]
    pub fn signing_string(&self) -> SigningString {
        SigningString::new(&self.components)
    }

    /// The value of a header that is listed and present; `name` in any case.
    pub(super) fn covered(&self, name: &str) -> Option<&'h [u8]> {
        self.components
            .iter()
            .find(|component| component.name.eq_ignore_ascii_case(name))
            .map(|component| component.value)
    }

    pub(super) fn is_signed_with(&self, key: &VerifyingKey) -> bool {
        let mut mac = key.start(self.algorithm);
        signing_string::write(&self.components, &mut mac);
        mac.verify(self.signature.as_bytes())
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
