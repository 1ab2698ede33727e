//! Finds a gateway's documented text in its response.

mod known_texts;

use percent_encoding::percent_decode_str;

use crate::{Rejection, rejection::RejectionKind};

/// How many bytes of a response are searched. Refusals are short, and the limit bounds the work.
const MAX_LEN: usize = 16 * 1024;

/// The longest piece that can be one of the texts, in bytes, including escapes.
const MAX_PIECE_LEN: usize = 1024;

impl Rejection {
    /// Returns the kind of refusal that a gateway's response describes, or `None` if the response
    /// contains no known text.
    ///
    /// The known texts are those of Tencent Cloud, Kong, APISIX and Tyk, iFlytek's (Kong's with a
    /// reason after a colon), Tencent Cloud Market's two that clients report, and all texts of this
    /// crate's servers ([`Scheme::text`](crate::Scheme::text)). They are found with or without the
    /// final full stop, as the whole response, in JSON, HTML or XML, or in a `grpc-message`.
    ///
    /// If a gateway has one text for several rejections, the kind is that of the most likely one:
    /// `HMAC signature cannot be verified` is [`KeyUnknown`](RejectionKind::KeyUnknown), `HMAC
    /// signature does not match` [`SignatureMismatch`](RejectionKind::SignatureMismatch), `a valid
    /// date or x-date header is required` [`DateMissing`](RejectionKind::DateMissing), `You cannot
    /// consume this service` [`KeyNotBound`](RejectionKind::KeyNotBound), as is APISIX's `The
    /// consumer_name is forbidden.`, and APISIX's `client request can't be validated` and Tyk's
    /// `Authorization field missing, malformed or invalid`
    /// [`Unspecified`](RejectionKind::Unspecified). Texts that other servers send too, such as
    /// Kong's `Unauthorized`, only count where Kong writes them: as the whole response, as
    /// `message` in JSON or XML, or as a paragraph of its HTML page.
    ///
    /// Only the first 16 KiB are searched. Anyone on the way can have written the text, so treat
    /// the result as a hint and not as proof.
    ///
    /// ```
    /// use tower_hmac_auth::{Rejection, error::RejectionKind};
    ///
    /// let page = "<html><body><p>HMAC signature cannot be verified, a valid date or x-date \
    ///             header is required for HMAC Authentication.</p></body></html>";
    /// assert_eq!(Rejection::from_response_text(page), Some(RejectionKind::DateMissing));
    /// assert_eq!(Rejection::from_response_text("no such host"), None);
    /// ```
    #[must_use]
    pub fn from_response_text(text: &str) -> Option<RejectionKind> {
        let mut ends = (0..=MAX_LEN.min(text.len())).rev();
        let end = ends.find(|end| text.is_char_boundary(*end));
        let text = text.get(..end.unwrap_or_default()).unwrap_or_default();
        // A byte order mark is not whitespace to `trim`, so a text after one would not be found.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        pieces(text).find_map(kind_of)
    }
}

/// Returns the kind of the known text that the piece is, or that one of its lines is after its
/// escapes are replaced.
fn kind_of(piece: Piece<'_>) -> Option<RejectionKind> {
    let kind = |text: &str| {
        let known = known_texts::find(text)?;
        (!known.is_common || piece.is_message()).then_some(known.kind)
    };
    if let Some(kind) = kind(piece.text) {
        return Some(kind);
    }
    let text = unescaped(piece.text)?;
    let mut lines = text.lines().filter_map(known_texts::find);
    let of_a_line = || lines.find(|known| !known.is_common).map(|known| known.kind);
    kind(&text).or_else(of_a_line)
}

/// Returns the pieces of a response that can be a gateway's text: lines, strings and elements.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let lines: &[char] = &['\n', '\r'];
    let strings_and_lines = &['"', '\n', '\r'];
    let elements = &['<', '>'];
    let both = &['"', '\n', '\r', '<', '>'];
    [lines, strings_and_lines, elements, both]
        .into_iter()
        .flat_map(|ends| Piece::all(text, ends))
}

/// A part of a response between two delimiters of strings, lines or elements.
#[derive(Clone, Copy)]
struct Piece<'t> {
    before: &'t str,
    text: &'t str,
    after: &'t str,
}

impl<'t> Piece<'t> {
    /// Returns the pieces between any two of the delimiters in `ends`, which are ASCII. An escaped
    /// delimiter does not count.
    fn all(text: &'t str, ends: &[char]) -> impl Iterator<Item = Self> {
        let mut is_escaped = false;
        let pieces = text.split(move |c| {
            let is_end = ends.contains(&c) && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        });
        let mut start = 0;
        pieces.filter_map(move |piece| {
            let end = start + piece.len();
            let before = text.get(..start)?;
            let after = text.get(end..)?;
            start = end + 1;
            let is_short = !piece.is_empty() && piece.len() <= MAX_PIECE_LEN;
            is_short.then_some(Self {
                before,
                text: piece,
                after,
            })
        })
    }

    /// Returns `true` if the piece is where Kong puts its message, in JSON, XML, HTML or plain
    /// text.
    fn is_message(self) -> bool {
        let before = self.before.trim_end();
        if before.is_empty() {
            let after = self.after.trim_start();
            return after.is_empty() || after.starts_with("request_id");
        }
        let is_member = || {
            let name = before.strip_suffix('"')?.trim_end().strip_suffix(':')?;
            Some(name.trim_end().ends_with("\"message\""))
        };
        before.ends_with("<message>")
            || before.ends_with("<p>") && is_errors_page(before)
            || is_member() == Some(true)
    }
}

/// Returns `true` if this is the beginning of Kong's HTML page, which is short and has this title.
fn is_errors_page(before: &str) -> bool {
    before.len() <= MAX_PIECE_LEN && before.contains("Error</title>")
}

/// Returns the text with its escapes of JSON, HTML, XML and gRPC replaced. Returns `None` if it
/// contains none.
fn unescaped(text: &str) -> Option<String> {
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
