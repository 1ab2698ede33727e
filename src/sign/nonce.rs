//! Nonces: random ones for a header (feature `nonce`), and those that some gateways want as a
//! parameter of the signature.

#[cfg(feature = "nonce")]
mod random;

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

#[cfg(feature = "nonce")]
pub(super) use self::random::random;
use super::SignError;
use crate::limits::MAX_PARAMETER_LEN;

/// What gives the nonces that a signer sends, and the name of their parameter.
#[derive(Clone)]
pub(crate) struct NonceParameter {
    pub(super) name: &'static str,
    pub(super) function: NonceFunction,
}

/// A function that returns another nonce each time.
#[derive(Clone)]
pub(super) struct NonceFunction(Arc<dyn Fn() -> String + Send + Sync>);

// A function may have mutable state of its own. If it panics, that state is its own matter: nothing
// here is left half changed. Without these, no signer could be used across `catch_unwind`.
impl UnwindSafe for NonceFunction {}
impl RefUnwindSafe for NonceFunction {}

/// The nonce of one signature.
pub(crate) struct Nonce {
    name: &'static str,
    value: String,
}

impl NonceFunction {
    pub(super) fn new(function: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }
}

impl NonceParameter {
    /// Returns the next nonce. Refuses one that cannot be sent in quotes, or whose line could be
    /// read as two.
    pub(super) fn next(&self) -> Result<Nonce, SignError> {
        let NonceFunction(function) = &self.function;
        let value = function();
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

impl fmt::Debug for NonceFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceFunction").finish_non_exhaustive()
    }
}
