//! Reads a key pair from the environment, and detects whitespace around ids and secret keys.

use std::env;

use tower_hmac_auth::{KeyId, KeyPair, SecretKey};

use super::{Result, warn};

pub(crate) const KEY_ID: &str = "HMAC_KEY_ID";
pub(crate) const SECRET_KEY: &str = "HMAC_SECRET_KEY";

/// The warning about an id or a secret key that [`is_padded`] and is used as it is.
pub(crate) const PADDED: &str = "begins or ends with whitespace, which is taken as a part of it: \
                                 remove it if it was not issued so";

/// Returns the key pair in the two variables, or `None` if neither is set.
///
/// Nothing is trimmed. Whitespace around the secret key gives a warning: a variable that was filled
/// from a file often ends with a newline, which would become part of the key.
pub(crate) fn from_environment(program: &str) -> Result<Option<KeyPair>> {
    let (id, secret) = match (env::var_os(KEY_ID), env::var_os(SECRET_KEY)) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(is_not_set(KEY_ID).into()),
        (Some(_), None) => return Err(is_not_set(SECRET_KEY).into()),
    };
    let id = id
        .into_string()
        .map_err(|_| format!("{KEY_ID} is not UTF-8: set it to the id that the gateway issued"))?;
    let id = KeyId::new(id).map_err(|error| format!("{KEY_ID}: {error}"))?;
    // On Unix these are the unchanged bytes of the variable.
    let secret = secret.into_encoded_bytes();
    if is_padded(&secret) {
        warn(program, &format!("{SECRET_KEY} {PADDED}"));
    }
    let secret = SecretKey::new(secret).map_err(|error| format!("{SECRET_KEY}: {error}"))?;
    Ok(Some((id, secret).into()))
}

/// Returns the error for a variable that is missing.
pub(crate) fn is_not_set(variable: &str) -> String {
    format!("{variable} is not set: export it first")
}

/// Returns `true` if the text begins or ends with whitespace.
pub(crate) fn is_padded(text: impl AsRef<[u8]>) -> bool {
    let text = String::from_utf8_lossy(text.as_ref());
    text.trim() != text
}
