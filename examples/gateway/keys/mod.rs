//! Loads the gateway's key pairs. Errors repeat nothing from a file except its name: a misplaced
//! colon or quote could make a secret key look like a key id.

mod lines;
mod tables;

use std::{collections::HashMap, fs, path::Path};

use tower_hmac_auth::{KeyId, KeyPair, SecretKey, StaticKeys};
use zeroize::Zeroizing;

use super::support::{
    Result,
    keys::{self, KEY_ID, PADDED, SECRET_KEY, is_padded},
    warn,
};

/// A key pair of a file, and its line.
struct Entry {
    line: usize,
    id: String,
    secret: Zeroizing<Vec<u8>>,
}

/// What is wrong with a file, and in which line. The text has the form "problem: what to do".
struct Fault {
    line: usize,
    what: String,
}

/// Reads a file in the format that its name ends in: `.toml`, `.json`, or else lines.
pub(crate) fn from_file(path: &Path) -> Result<StaticKeys> {
    let file = path.display();
    let text = fs::read(path).map_err(|error| format!("{file} cannot be read: {error}"))?;
    let text = Zeroizing::new(text);
    let ending = path.extension().unwrap_or_default();
    let (entries, form) = match ending.to_ascii_lowercase().to_str() {
        Some("toml") => (tables::from_toml(&text), "a table [[keys]]"),
        Some("json") => (tables::from_json(&text), "an object in \"keys\""),
        _ => (lines::read(&text), "a line `id:key`"),
    };
    let at = |Fault { line, what }| format!("{file}, line {line}: {what}");
    let mut keys = StaticKeys::new();
    let mut lines_of_ids = HashMap::new();
    let mut padded = Vec::new();
    for entry in entries.map_err(at)? {
        let line = entry.line;
        if is_padded(&entry.secret) {
            padded.push(line);
        }
        let fault = |what| at(Fault { line, what });
        let pair = key_pair(entry).map_err(|error| fault(error.to_string()))?;
        if let Some(earlier) = lines_of_ids.insert(pair.id().clone(), line) {
            let what = format!("line {earlier} has the same key id: remove one of them");
            return Err(fault(what).into());
        }
        keys.insert(&pair);
    }
    if keys.is_empty() {
        return Err(format!("{file} has no key pair: add {form}").into());
    }
    if let Some((first, more)) = padded.split_first() {
        let others = match more.len() {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        let text = format!("{file}, line {first}{others}: the secret key {PADDED}");
        warn("gateway", &text);
    }
    Ok(keys)
}

fn key_pair(Entry { id, mut secret, .. }: Entry) -> Result<KeyPair> {
    let id = KeyId::new(id)?;
    refuse_padded(&id)?;
    Ok((id, SecretKey::new(std::mem::take(&mut *secret))?).into())
}

pub(crate) fn from_environment() -> Result<StaticKeys> {
    let pair = keys::from_environment("gateway")?.ok_or_else(|| {
        format!("there are no keys: give a file with --keys, or export {KEY_ID} and {SECRET_KEY}")
    })?;
    refuse_padded(pair.id()).map_err(|error| format!("{KEY_ID}: {error}"))?;
    Ok(pair.into())
}

/// Refuses an id with whitespace around it. The upstream gets the id in a header, where outer
/// whitespace is lost, and could confuse it with the id of another key.
fn refuse_padded(id: &KeyId) -> Result<()> {
    match is_padded(id.as_str()) {
        true => Err("the key id begins or ends with whitespace: remove it".into()),
        false => Ok(()),
    }
}
