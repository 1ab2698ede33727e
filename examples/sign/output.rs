//! Formats a request's headers as lines or as a curl command.

use std::ffi::OsString;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(super) fn header_lines(headers: &HeaderMap) -> Vec<u8> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        [
            title_case(name.as_str()).as_bytes(),
            b": ",
            value.as_bytes(),
            b"\n",
        ]
        .concat()
    };
    headers.iter().flat_map(line).collect()
}

pub(super) fn curl_command(headers: &HeaderMap, options: &[OsString], url: &str) -> Vec<u8> {
    // Without these options, curl resolves /../ in paths and expands [1-9] and {a,b}, and sends
    // another target than the one that was signed.
    let mut command = b"curl --path-as-is --globoff".to_vec();
    for (name, value) in headers {
        // curl removes a header that is given as `Name:`, and sends `Name;` with an empty value.
        let separator: &[u8] = if value.is_empty() { b";" } else { b": " };
        let option = [
            title_case(name.as_str()).as_bytes(),
            separator,
            value.as_bytes(),
        ]
        .concat();
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

/// Quotes the bytes as one word of a POSIX shell.
fn quoted(word: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = word.split(|byte| *byte == b'\'').collect();
    [b"'", parts.join(&br"'\''"[..]).as_slice(), b"'"].concat()
}

/// Returns a header's name as it is usually written, such as `X-Date`.
pub(super) fn title_case(name: &str) -> String {
    let mut starts_word = true;
    let letter = |c: char| match std::mem::replace(&mut starts_word, c == '-') {
        true => c.to_ascii_uppercase(),
        false => c,
    };
    name.chars().map(letter).collect()
}
