//! Finds a gateway's documented text in its response.

mod escapes;
mod known_texts;

use self::escapes::unescaped;
use crate::{Rejection, rejection::RejectionKind};

/// How many bytes of a response are searched. Refusals are short, and the limit bounds the work.
const MAX_LEN: usize = 16 * 1024;

/// The longest piece that can be one of the texts, in bytes, including escapes.
const MAX_PIECE_LEN: usize = 1024;

impl Rejection {
    /// Returns the kind of refusal that a gateway's response describes, or `None` if the response
    /// contains no known text.
    ///
    /// The known texts are the documented ones of Tencent Cloud, Kong and APISIX, iFlytek's (Kong's
    /// with a reason after a colon), Tencent Cloud Market's for an unbound key and an old date, and
    /// all texts of this crate's servers ([`Scheme::text`](crate::Scheme::text)). They are found
    /// with or without the final full stop, as the whole response, in JSON, HTML or XML, or in a
    /// `grpc-message`.
    ///
    /// If a gateway has one text for several rejections, the kind is that of the most likely one:
    /// `HMAC signature cannot be verified` is [`KeyUnknown`](RejectionKind::KeyUnknown), `HMAC
    /// signature does not match` [`SignatureMismatch`](RejectionKind::SignatureMismatch), `a valid
    /// date or x-date header is required` [`DateMissing`](RejectionKind::DateMissing), `You cannot
    /// consume this service` [`KeyNotBound`](RejectionKind::KeyNotBound), and APISIX's `client
    /// request can't be validated` [`Unspecified`](RejectionKind::Unspecified). Texts that other
    /// servers send too, such as Kong's `Unauthorized`, only count where Kong writes them: as the
    /// whole response, as `message` in JSON or XML, or as a paragraph of its HTML page.
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
        let lines: &[char] = &['\n', '\r'];
        let strings_and_lines = &['"', '\n', '\r'];
        let elements = &['<', '>'];
        let both = &['"', '\n', '\r', '<', '>'];
        let mut pieces = [lines, strings_and_lines, elements, both]
            .into_iter()
            .flat_map(|ends| Piece::all(text, ends));
        pieces.find_map(|piece| piece.kind())
    }
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

    fn kind(self) -> Option<RejectionKind> {
        let kind = |text: &str| {
            let known = known_texts::find(text)?;
            (!known.is_common || self.is_message()).then_some(known.kind)
        };
        if let Some(kind) = kind(self.text) {
            return Some(kind);
        }
        let text = unescaped(self.text)?;
        let mut lines = text.lines().filter_map(known_texts::find);
        let of_a_line = || lines.find(|known| !known.is_common).map(|known| known.kind);
        kind(&text).or_else(of_a_line)
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
