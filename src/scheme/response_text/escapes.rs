//! The escapes of JSON, HTML, XML and gRPC.

use percent_encoding::percent_decode_str;

/// Returns the text with its escapes of JSON, HTML, XML and gRPC replaced. Returns `None` if it
/// contains none.
pub(super) fn unescaped(text: &str) -> Option<String> {
    text.contains(['\\', '&', '%']).then_some(())?;
    let mut unescaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (c, after) = escape(rest).unwrap_or((c, rest.get(c.len_utf8()..)?));
        unescaped.push(c);
        rest = after;
    }
    Some(unescaped)
}

/// Returns the character of the escape that the text begins with, and the text after it.
fn escape(text: &str) -> Option<(char, &str)> {
    const NAMED: [(&str, char); 8] = [
        ("\\n", '\n'),
        ("\\r", '\r'),
        ("\\t", '\t'),
        ("&apos;", '\''),
        ("&quot;", '"'),
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
    ];
    let named = |(name, c): &(&str, char)| Some((*c, text.strip_prefix(name)?));
    if let Some(found) = NAMED.iter().find_map(named) {
        return Some(found);
    }
    if text.starts_with('%') {
        return escaped_bytes(text);
    }
    let (digits, radix, after) = if let Some(rest) = text.strip_prefix("\\u") {
        let (digits, after) = rest.split_at_checked(4)?;
        (digits, 16, after)
    } else if let Some(rest) = text.strip_prefix("&#") {
        let (number, after) = rest.split_once(';')?;
        match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, after),
            None => (number, 10, after),
        }
    } else {
        let after = text.strip_prefix('\\')?;
        let c = after.chars().next().filter(char::is_ascii_punctuation)?;
        return Some((c, after.get(1..)?));
    };
    let is_short = digits.len() <= 6;
    let code = is_short.then(|| u32::from_str_radix(digits, radix).ok())??;
    Some((char::from_u32(code)?, after))
}

/// Returns the character whose bytes the text begins with, each escaped as gRPC does, and the text
/// after it.
fn escaped_bytes(text: &str) -> Option<(char, &str)> {
    (1..=4).find_map(|len| {
        let (escapes, after) = text.split_at_checked(3 * len)?;
        let decoded = percent_decode_str(escapes).decode_utf8().ok()?;
        // Otherwise not all of it is escapes.
        let is_one = decoded.len() == len;
        Some((decoded.chars().next().filter(|_| is_one)?, after))
    })
}
