//! A key pair from the environment, and whitespace that is easily overlooked in keys.

use std::env;

use tower_hmac_auth::{KeyId, KeyPair, SecretKey};

use super::warn;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub(crate) const KEY_ID: &str = "HMAC_KEY_ID";
pub(crate) const SECRET_KEY: &str = "HMAC_SECRET_KEY";

/// What to say of an id or a secret that [`is_padded`], and is taken nevertheless.
pub(crate) const PADDED: &str = "begins or ends with whitespace, which is taken as a part of it: \
                                 remove it if it was not issued so";

/// The key pair of the two variables, and `None` if neither is set. Nothing is trimmed, but
/// whitespace around the secret is warned of: a newline is left over when a variable is filled from
/// a file.
pub(crate) fn from_environment(program: &str) -> Result<Option<KeyPair>> {
    let (id, secret) = match (env::var_os(KEY_ID), env::var_os(SECRET_KEY)) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(is_not_set(KEY_ID).into()),
        (Some(_), None) => return Err(is_not_set(SECRET_KEY).into()),
    };
    let id = id
        .into_string()
        .map_err(|_| format!("{KEY_ID} is not UTF-8: give the id the gateway issued"))?;
    let id = KeyId::new(id).map_err(|error| format!("{KEY_ID}: {error}"))?;
    // On Unix these are the very bytes of the variable.
    let secret = secret.into_encoded_bytes();
    if is_padded(&secret) {
        warn(program, &format!("{SECRET_KEY} {PADDED}"));
    }
    let secret = SecretKey::new(secret).map_err(|error| format!("{SECRET_KEY}: {error}"))?;
    Ok(Some((id, secret).into()))
}

pub(crate) fn is_not_set(variable: &str) -> String {
    format!("{variable} is not set: export it first")
}

/// Whether there is whitespace before or after it.
pub(crate) fn is_padded(text: impl AsRef<[u8]>) -> bool {
    let text = String::from_utf8_lossy(text.as_ref());
    text.trim() != text
}
