//! What is printed: header lines, or a curl command.

use std::ffi::OsString;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) fn header_lines(headers: &HeaderMap) -> Vec<u8> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        [title_case(name).as_bytes(), b": ", value.as_bytes(), b"\n"].concat()
    };
    headers.iter().flat_map(line).collect()
}

pub(super) fn curl_command(headers: &HeaderMap, options: &[OsString], url: &str) -> Vec<u8> {
    // Without these, curl rewrites /../ in paths and expands [1-9] and {a,b}.
    let mut command = b"curl --path-as-is --globoff".to_vec();
    for (name, value) in headers {
        // `Name:` would be curl's order to leave the header out.
        let separator: &[u8] = if value.is_empty() { b";" } else { b": " };
        let option = [title_case(name).as_bytes(), separator, value.as_bytes()].concat();
        command.extend(b" -H ");
        command.extend(quoted(&option));
    }
    for option in options {
        command.push(b' ');
        command.extend(quoted(option.as_encoded_bytes()));
    }
    command.push(b' ');
    command.extend(quoted(url.as_bytes()));
    command.push(b'\n');
    command
}

/// As one word of a POSIX shell.
fn quoted(word: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = word.split(|byte| *byte == b'\'').collect();
    [b"'", parts.join(&br"'\''"[..]).as_slice(), b"'"].concat()
}

fn title_case(name: &HeaderName) -> String {
    let mut starts_word = true;
    let letter = |c: char| match std::mem::replace(&mut starts_word, c == '-') {
        true => c.to_ascii_uppercase(),
        false => c,
    };
    name.as_str().chars().map(letter).collect()
}
