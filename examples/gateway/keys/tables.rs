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
}

pub(super) fn from_toml(text: &[u8]) -> Result<Vec<Entry>, Fault> {
    let line_at = |offset: usize| line_of(text, offset);
    let file: File<Spanned<Table>> = toml::from_slice(text).map_err(|error| Fault {
        line: line_at(error.span().map_or(0, |span| span.start)),
        what: "it is not TOML with tables [[keys]] of id and secret: see --help".into(),
    })?;
    let entry = |table: Spanned<Table>| {
        let line = line_at(table.span().start);
        entry(line, table.into_inner())
    };
    file.keys.into_iter().map(entry).collect()
}

pub(super) fn from_json(text: &[u8]) -> Result<Vec<Entry>, Fault> {
    let fault = |lines_before: usize, error: &serde_json::Error| Fault {
        line: lines_before.saturating_add(error.line().max(1)),
        what: match error.classify() {
            Category::Data => {
                "it is other than {\"keys\": [{\"id\": …, \"secret\": …}]}: see --help"
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
        let line = line_of(text, offset);
        let table = serde_json::from_str(json.get());
        entry(
            line,
            table.map_err(|error| fault(line.saturating_sub(1), &error))?,
        )
    };
    file.keys.into_iter().map(entry).collect()
}

fn entry(line: usize, table: Table) -> Result<Entry, Fault> {
    let secret = match (table.secret, table.secret_base64) {
        (Some(secret), None) => Ok(secret.into_bytes()),
        (None, Some(base64)) => {
            let base64 = Zeroizing::new(base64);
            let decoded = STANDARD.decode(base64.as_bytes());
            decoded
                .map_err(|_| "secret_base64 is not base64: use the standard alphabet with padding")
        }
        _ => Err("there are both secret and secret_base64, or neither: give one of them"),
    };
    match secret {
        Ok(secret) => Ok(Entry {
            line,
            id: table.id,
            secret: Zeroizing::new(secret),
        }),
        Err(what) => Err(Fault {
            line,
            what: what.to_owned(),
        }),
    }
}

fn line_of(text: &[u8], offset: usize) -> usize {
    let before = text.iter().take(offset);
    before
        .filter(|byte| **byte == b'\n')
        .count()
        .saturating_add(1)
}
