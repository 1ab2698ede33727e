//! The escapes of JSON, HTML, XML and gRPC.

/// Returns the text with its escapes of JSON, HTML and XML, and gRPC's of ASCII, replaced. Returns
/// `None` if it contains none.
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
    let is_byte = text.starts_with('%');
    let (digits, radix, after) = if let Some(rest) = text.strip_prefix("\\u") {
        let (digits, after) = rest.split_at_checked(4)?;
        (digits, 16, after)
    } else if let Some(rest) = text.strip_prefix('%') {
        let (digits, after) = rest.split_at_checked(2)?;
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
    // gRPC escapes bytes. One outside ASCII is only a part of a character, so it is left as it is.
    let c = char::from_u32(code).filter(|c| !is_byte || c.is_ascii())?;
    Some((c, after))
}
