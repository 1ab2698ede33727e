//! Where the gateway's key pairs come from. No message repeats what is not a key id, or might not be one.

use std::{collections::HashMap, env, fs, path::Path};

use tower_hmac_auth::{KeyId, KeyPair, SecretKey, StaticKeys};
use zeroize::Zeroizing;

use super::Result;

const KEY_ID: &str = "HMAC_KEY_ID";
const SECRET_KEY: &str = "HMAC_SECRET_KEY";

/// One `id:key` a line: nothing is trimmed but the line's end, the secret may be any other bytes.
pub(crate) fn from_file(path: &Path) -> Result<StaticKeys> {
    let file = path.display();
    let text = fs::read(path).map_err(|error| format!("{file} cannot be read: {error}"))?;
    let text = Zeroizing::new(text);
    let mut keys = StaticKeys::new();
    let mut lines_of_ids = HashMap::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1_usize..) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let pair = key_pair(line).map_err(|error| format!("{file}, line {number}: {error}"))?;
        if let Some(earlier) = lines_of_ids.insert(pair.id().clone(), number) {
            return Err(format!(
                "{file}, line {number}: line {earlier} has the same key id: remove one of them"
            )
            .into());
        }
        keys.insert(&pair);
    }
    if keys.is_empty() {
        return Err(format!("{file} has no key pair: add a line `id:key`").into());
    }
    Ok(keys)
}

fn key_pair(line: &[u8]) -> Result<KeyPair> {
    let colon = line.iter().position(|byte| *byte == b':');
    let (id, secret) = colon
        .and_then(|colon| Some((line.get(..colon)?, line.get(colon.checked_add(1)?..)?)))
        .ok_or("there is no colon: write it as `id:key`")?;
    let id = String::from_utf8(id.to_vec())
        .map_err(|_| "the key id is not UTF-8: give the id as the gateway issued it")?;
    Ok((key_id(id)?, SecretKey::new(secret)?).into())
}

pub(crate) fn from_environment() -> Result<StaticKeys> {
    let (id, secret) = match (env::var_os(KEY_ID), env::var_os(SECRET_KEY)) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) => {
            return Err(format!(
                "there are no keys: name a file with --keys, or export {KEY_ID} and {SECRET_KEY}"
            )
            .into());
        }
        (None, Some(_)) => return Err(format!("{KEY_ID} is not set: export it first").into()),
        (Some(_), None) => return Err(format!("{SECRET_KEY} is not set: export it first").into()),
    };
    // On Unix these are the very bytes of the variable.
    let secret = SecretKey::new(secret.into_encoded_bytes())
        .map_err(|error| format!("{SECRET_KEY}: {error}"))?;
    let id = id
        .into_string()
        .map_err(|_| format!("{KEY_ID} is not UTF-8: give the id the gateway issued"))?;
    let id = key_id(id).map_err(|error| format!("{KEY_ID}: {error}"))?;
    Ok(StaticKeys::from(KeyPair::from((id, secret))))
}

/// The upstream reads ids from a header, where blanks around them are lost: it would take one key for another.
fn key_id(id: String) -> Result<KeyId> {
    let id = KeyId::new(id)?;
    if id.as_str().starts_with(' ') || id.as_str().ends_with(' ') {
        return Err("the key id has a blank before or behind it: remove it".into());
    }
    Ok(id)
}
