//! Reads key pairs from TOML or JSON, where any text can be an id or a secret key:
//!
//! ```toml
//! [[keys]]
//! id = "arn:billing"
//! secret = "with:colons"
//!
//! [[keys]]
//! id = "shop"
//! secret_base64 = "AP8="    # for keys that are not text
//! previous_secret = "old"   # is accepted, too, until it is removed; or previous_secret_base64
//! ```
//!
//! ```json
//! {"keys": [
//!     {"id": "arn:billing", "secret": "with:colons"},
//!     {"id": "shop", "secret_base64": "AP8="}
//! ]}
//! ```
//!
//! The parsers' own messages are not shown: they repeat unexpected text, which may be a secret key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{error::Category, value::RawValue};
use toml::Spanned;
use zeroize::Zeroizing;

use super::{Entry, Fault};
use crate::support::line_at;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<T> {
    keys: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    id: String,
    secret: Option<String>,
    secret_base64: Option<String>,
    previous_secret: Option<String>,
    previous_secret_base64: Option<String>,
}

pub(super) fn from_toml(text: &[u8]) -> Result<Vec<Entry>, Fault> {
    let file: File<Spanned<Table>> = toml::from_slice(text).map_err(|error| Fault {
        line: line_at(text, error.span().map_or(0, |span| span.start)),
        what: "it is not TOML with tables [[keys]] of id and secret: see --help".into(),
    })?;
    let entry = |table: Spanned<Table>| {
        let line = line_at(text, table.span().start);
        entry(line, table.into_inner())
    };
    file.keys.into_iter().map(entry).collect()
}

pub(super) fn from_json(text: &[u8]) -> Result<Vec<Entry>, Fault> {
    let fault = |lines_before: usize, error: &serde_json::Error| Fault {
        line: lines_before.saturating_add(error.line().max(1)),
        what: match error.classify() {
            Category::Data => {
                "it is not of the form {\"keys\": [{\"id\": …, \"secret\": …}]}: see --help"
            }
            _ => "it is not JSON: see --help",
        }
        .into(),
    };
    let file: File<&RawValue> = serde_json::from_slice(text).map_err(|error| fault(0, &error))?;
    let entry = |json: &RawValue| {
        // `json` is borrowed from `text`, so the difference of the addresses is its offset.
        let offset = json
            .get()
            .as_ptr()
            .addr()
            .saturating_sub(text.as_ptr().addr());
        let line = line_at(text, offset);
        let table = serde_json::from_str(json.get());
        entry(
            line,
            table.map_err(|error| fault(line.saturating_sub(1), &error))?,
        )
    };
    file.keys.into_iter().map(entry).collect()
}

fn entry(line: usize, table: Table) -> Result<Entry, Fault> {
    let fault = |what: &str| Fault {
        line,
        what: what.to_owned(),
    };
    let secret = match (table.secret, table.secret_base64) {
        (Some(secret), None) => Zeroizing::new(secret.into_bytes()),
        (None, Some(base64)) => decode(base64).ok_or_else(|| {
            fault("secret_base64 is not base64: use the standard alphabet with padding")
        })?,
        _ => {
            let what = "there are both secret and secret_base64, or neither: give one of them";
            return Err(fault(what));
        }
    };
    let previous_secret = match (table.previous_secret, table.previous_secret_base64) {
        (None, None) => None,
        (Some(secret), None) => Some(Zeroizing::new(secret.into_bytes())),
        (None, Some(base64)) => Some(decode(base64).ok_or_else(|| {
            fault("previous_secret_base64 is not base64: use the standard alphabet with padding")
        })?),
        (Some(_), Some(_)) => {
            return Err(fault(
                "there are both previous_secret and previous_secret_base64: give one of them",
            ));
        }
    };
    Ok(Entry {
        line,
        id: table.id,
        secret,
        previous_secret,
    })
}

fn decode(base64: String) -> Option<Zeroizing<Vec<u8>>> {
    let base64 = Zeroizing::new(base64);
    STANDARD.decode(base64.as_bytes()).map(Zeroizing::new).ok()
}
