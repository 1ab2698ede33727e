//! Reads key pairs from lines `id:key`. Nothing is trimmed except the line's end. The key may have
//! any other bytes except a colon.

use zeroize::Zeroizing;

use super::{Entry, Fault};

pub(super) fn read(text: &[u8]) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1_usize..) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (id, secret) = parts(line).map_err(|what| Fault {
            line: number,
            what: what.to_owned(),
        })?;
        entries.push(Entry {
            line: number,
            id,
            secret,
            previous_secret: None,
        });
    }
    Ok(entries)
}

fn parts(line: &[u8]) -> Result<(String, Zeroizing<Vec<u8>>), &'static str> {
    let mut parts = line.split(|byte| *byte == b':');
    // Ids and keys may both have colons, so with two colons the end of the id is ambiguous.
    let (id, secret) = match (parts.next(), parts.next(), parts.next()) {
        (Some(id), Some(secret), None) => (id, secret),
        (_, _, Some(_)) => {
            return Err(
                "there is more than one colon, so the end of the id is ambiguous: \
                 use a file that ends in .toml or .json (see --help)",
            );
        }
        _ => return Err("there is no colon: write it as `id:key`"),
    };
    let id = String::from_utf8(id.to_vec())
        .map_err(|_| "the key id is not UTF-8: give the id as the gateway issued it")?;
    Ok((id, Zeroizing::new(secret.to_vec())))
}
