//! Loads the gateway's key pairs. Errors repeat nothing from a file except its name: a misplaced
//! colon or quote could make a secret key look like a key id.

mod lines;
mod reload;
mod tables;

use std::{collections::HashMap, fs, io, path::Path};

use tower_hmac_auth::{KeyId, KeyPair, SecretKey, verify::VerifyingKey};
use zeroize::Zeroizing;

pub(crate) use self::reload::{Hangups, KeyFile, watch};
use super::support::{
    Result,
    keys::{self, KEY_ID, PADDED, SECRET_KEY, is_padded},
};

/// The secret keys of one id in a file, and their line.
struct Entry {
    line: usize,
    id: String,
    secret: Zeroizing<Vec<u8>>,
    previous_secret: Option<Zeroizing<Vec<u8>>>,
}

/// What is wrong with a file, and in which line. The text has the form "problem: what to do".
struct Fault {
    line: usize,
    what: String,
}

/// The keys of a file, at least one.
struct Content {
    /// With different ids.
    keys: Vec<(KeyId, VerifyingKey)>,
    /// Names the lines of secret keys that begin or end with whitespace.
    warning: Option<String>,
}

/// Reads a file in the format that its name ends in: `.toml`, `.json`, or else lines.
fn read(path: &Path) -> Result<Content> {
    let file = path.display();
    let text = fs::read(path).map_err(|error| cannot_be_read(path, &error))?;
    let text = Zeroizing::new(text);
    let ending = path.extension().unwrap_or_default();
    let (entries, form) = match ending.to_ascii_lowercase().to_str() {
        Some("toml") => (tables::from_toml(&text), "a table [[keys]]"),
        Some("json") => (tables::from_json(&text), "an object in \"keys\""),
        _ => (lines::read(&text), "a line `id:key`"),
    };
    let at = |Fault { line, what }| format!("{file}, line {line}: {what}");
    let mut keys = Vec::new();
    let mut lines_of_ids = HashMap::new();
    let mut padded = Vec::new();
    for entry in entries.map_err(at)? {
        let line = entry.line;
        if is_padded(&entry.secret) || entry.previous_secret.as_ref().is_some_and(is_padded) {
            padded.push(line);
        }
        let fault = |what| at(Fault { line, what });
        let (id, key) = key(entry).map_err(|error| fault(error.to_string()))?;
        if let Some(earlier) = lines_of_ids.insert(id.clone(), line) {
            let what = format!("line {earlier} has the same key id: remove one of them");
            return Err(fault(what).into());
        }
        keys.push((id, key));
    }
    if keys.is_empty() {
        return Err(format!("{file} has no key pair: add {form}").into());
    }
    let warning = padded.split_first().map(|(first, more)| {
        let others = match more.len() {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        format!("{file}, line {first}{others}: the secret key {PADDED}")
    });
    Ok(Content { keys, warning })
}

fn cannot_be_read(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

fn key(entry: Entry) -> Result<(KeyId, VerifyingKey)> {
    let id = KeyId::new(entry.id)?;
    refuse_padded(&id)?;
    let secret = secret_key(entry.secret)?;
    let key = match entry.previous_secret {
        Some(previous) => {
            let previous =
                secret_key(previous).map_err(|error| format!("previous_secret: {error}"))?;
            VerifyingKey::with_previous(&secret, &previous)
        }
        None => VerifyingKey::new(&secret),
    };
    Ok((id, key))
}

fn secret_key(mut secret: Zeroizing<Vec<u8>>) -> Result<SecretKey> {
    Ok(SecretKey::new(std::mem::take(&mut *secret))?)
}

pub(crate) fn from_environment() -> Result<KeyPair> {
    let pair = keys::from_environment("gateway")?.ok_or_else(|| {
        format!("there are no keys: give a file with --keys, or export {KEY_ID} and {SECRET_KEY}")
    })?;
    refuse_padded(pair.id()).map_err(|error| format!("{KEY_ID}: {error}"))?;
    Ok(pair)
}

/// Refuses an id with whitespace around it. The upstream gets the id in a header, where outer
/// whitespace is lost, and could confuse it with the id of another key.
fn refuse_padded(id: &KeyId) -> Result<()> {
    match is_padded(id.as_str()) {
        true => Err("the key id begins or ends with whitespace: remove it".into()),
        false => Ok(()),
    }
}
