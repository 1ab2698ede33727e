//! The nonce that some gateways want as a parameter of the signature.

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

use super::SignError;
use crate::limits::MAX_PARAMETER_LEN;

/// What gives the nonces that a signer sends, and the name of their parameter.
#[derive(Clone)]
pub(crate) struct NonceParameter {
    pub(super) name: &'static str,
    pub(super) source: NonceSource,
}

/// A function that returns another nonce each time.
#[derive(Clone)]
pub(super) struct NonceSource(Arc<dyn Fn() -> String + Send + Sync>);

// A function may have mutable state of its own. If it panics, that state is its own matter: nothing
// here is left half changed. Without these, no signer could be used across `catch_unwind`.
impl UnwindSafe for NonceSource {}
impl RefUnwindSafe for NonceSource {}

/// The nonce of one signature.
pub(crate) struct Nonce {
    name: &'static str,
    value: String,
}

impl NonceSource {
    pub(super) fn new(source: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }
}

impl NonceParameter {
    /// Returns the next nonce. Refuses one that cannot be sent in quotes, or whose line could be
    /// read as two.
    pub(super) fn next(&self) -> Result<Nonce, SignError> {
        let NonceSource(source) = &self.source;
        let value = source();
        let is_sendable = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if value.is_empty() || value.len() > MAX_PARAMETER_LEN || !value.bytes().all(is_sendable) {
            return Err(SignError::InvalidNonce);
        }
        let name = self.name;
        Ok(Nonce { name, value })
    }
}

impl Nonce {
    /// Returns the parameter's name and the nonce.
    pub(super) fn as_parameter(&self) -> (&str, &str) {
        (self.name, &self.value)
    }
}

impl fmt::Debug for NonceParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NonceParameter").field(&self.name).finish()
    }
}

impl fmt::Debug for NonceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceSource").finish_non_exhaustive()
    }
}
