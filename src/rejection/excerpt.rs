//! Parts of a request that are repeated in responses and logs.

use std::fmt;

/// Holds a part of a request for a response or a log, escaped and cut at 64 bytes.
///
/// Printable ASCII is kept, except `"` and `\`, which are escaped like everything else.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    const MAX_LEN: usize = 64;

    pub(crate) fn new(text: &str) -> Self {
        let mut excerpt = String::new();
        for c in text.chars() {
            let is_plain = matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
            let before = excerpt.len();
            if is_plain {
                excerpt.push(c);
            } else {
                excerpt.extend(c.escape_default());
            }
            if excerpt.len() > Self::MAX_LEN {
                // Cut before the escape that does not fit. Half an escape could read as another
                // character.
                excerpt.truncate(before);
                break;
            }
        }
        Self(excerpt.into_boxed_str())
    }

    /// Returns the escaped text, at most 64 bytes of printable ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Excerpt(\"{}\")", self.0)
    }
}
