//! The places in JSON, HTML, XML and plain text where a gateway's text can be.

/// The longest piece that can be one of the texts, in bytes, including escapes.
const MAX_PIECE_LEN: usize = 1024;

/// Returns the pieces of a response that can be a gateway's text: lines, strings and elements.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
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
pub(super) struct Piece<'t> {
    before: &'t str,
    pub(super) text: &'t str,
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
    pub(super) fn is_message(self) -> bool {
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
