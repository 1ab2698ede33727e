//! The signing string. Signers and verifiers build the signed bytes here and nowhere else, so that
//! the two cannot differ.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

use http::HeaderName;

use super::{buffer::Buffer, component::DerivedComponent, target};
use crate::{RequestHead, rejection::TargetError};

/// Holds the bytes that a signature is computed over.
///
/// Both sides can print theirs ([`Signer::signing_string`](crate::Signer::signing_string),
/// [`Credentials::signing_string`](crate::verify::Credentials::signing_string)): if a signature
/// does not match, the two nearly always differ. It holds no secret, but it holds the values of all
/// signed headers.
///
/// [`Display`](fmt::Display) writes it on one line, a newline as `\n` and every byte that is not
/// printable ASCII as an escape. [`as_bytes`](Self::as_bytes) returns the exact bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningString(Buffer);

impl SigningString {
    /// Creates an empty string.
    pub(crate) fn new() -> Self {
        Self(Buffer::new())
    }

    /// Writes what comes before the first header: for some schemes, a line with the key id.
    ///
    /// Each component is one line, and newlines join them. Most lines are `name: value`.
    /// [`SigningStringFormat`] has the differences between the schemes.
    ///
    /// Source: Tencent Cloud API Gateway, "signature generation instructions";
    /// draft-cavage-http-signatures-12, section 2.3.
    pub(crate) fn begin(&mut self, format: &SigningStringFormat, key_id: &str) {
        if format.begins_with_key_id {
            self.0.extend(key_id.as_bytes());
        }
    }

    /// Adds the line of a header or a parameter. The value must have no surrounding whitespace.
    pub(crate) fn push(&mut self, format: &SigningStringFormat, name: &str, value: &[u8]) {
        let buffer = self.begin_line();
        write_name(buffer, format, name);
        buffer.extend(b": ");
        buffer.extend(value);
    }

    /// Adds the line for a header that the request lacks, if the scheme has such a line.
    pub(crate) fn push_absent(&mut self, format: &SigningStringFormat, name: &str) {
        match format.missing_header {
            Some(MissingHeaderLine::EmptyValue) => self.push(format, name, b""),
            Some(MissingHeaderLine::Empty) => {
                let buffer = self.begin_line();
                write_name(buffer, format, name);
                buffer.extend(b":");
            }
            Some(MissingHeaderLine::Omitted) | None => {}
        }
    }

    /// Adds the line of a component that [covers the target](DerivedComponent::is_target).
    pub(crate) fn push_target(
        &mut self,
        format: &SigningStringFormat,
        name: &str,
        derived: DerivedComponent,
        head: RequestHead<'_>,
    ) -> Result<(), TargetError> {
        let buffer = self.begin_line();
        if !derived.is_bare() {
            write_name(buffer, format, name);
            buffer.extend(b": ");
        }
        target::write(derived, head, buffer)
    }

    /// Adds one of the [`RequestLines`]. It may be empty, because lines with a name come before it.
    pub(crate) fn push_request_line(&mut self, line: &[u8]) {
        self.begin_line().extend(line);
    }

    /// Ends the line before, if there is one. The first line is not empty, so only that one finds
    /// an empty buffer.
    fn begin_line(&mut self) -> &mut Buffer {
        let Self(buffer) = self;
        if buffer.len() > 0 {
            buffer.extend(b"\n");
        }
        buffer
    }

    /// Returns the number of bytes written so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the bytes at a position, to be overwritten, or `None` if the string ends before
    /// them.
    pub(crate) fn array_at<const N: usize>(&mut self, position: usize) -> Option<&mut [u8; N]> {
        let rest = self.0.as_mut_slice().get_mut(position..)?;
        rest.first_chunk_mut()
    }

    /// Writes what comes after the last line: for some schemes, a newline.
    pub(crate) fn end(&mut self, format: &SigningStringFormat) {
        if format.ends_with_newline {
            self.0.extend(b"\n");
        }
    }

    /// Returns what [`Display`](fmt::Display) writes. If it is longer than `max_len`, it is cut so
    /// that it fits together with three dots at the end.
    pub(crate) fn excerpt(&self, max_len: usize) -> String {
        const CUT: &str = "...";
        let mut excerpt = String::new();
        let mut room_for_cut = 0;
        for byte in self.as_bytes() {
            for c in escaped(*byte) {
                excerpt.push(c);
            }
            if excerpt.len() > max_len {
                excerpt.truncate(room_for_cut);
                excerpt.push_str(CUT);
                break;
            }
            if excerpt.len() + CUT.len() <= max_len {
                room_for_cut = excerpt.len();
            }
        }
        excerpt
    }

    /// Returns the exact bytes that the MAC is computed over.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// Returns one byte as printable ASCII.
fn escaped(byte: u8) -> impl Iterator<Item = char> {
    // No quotes enclose the string, so a quote is written as it is. `escape_ascii` puts a backslash
    // before it, which is skipped.
    let before = usize::from(matches!(byte, b'"' | b'\''));
    byte.escape_ascii().skip(before).map(char::from)
}

/// The differences between the schemes in how the signing string is written.
#[derive(Debug, Clone)]
pub(crate) struct SigningStringFormat {
    /// Whether names are written in lower case instead of the list's spelling.
    pub(crate) lower_case_names: bool,
    /// Whether the key id is the first line.
    pub(crate) begins_with_key_id: bool,
    /// Whether a newline ends the last line too.
    pub(crate) ends_with_newline: bool,
    /// The line for a listed header that the request lacks; `None` if that is an error.
    pub(crate) missing_header: Option<MissingHeaderLine>,
    /// Whether the values of a repeated header other than a cookie are joined; if not, a repeated
    /// one is an error.
    pub(crate) joins_repeated: bool,
    /// The header whose line replaces that of `Date` if the request has it.
    pub(crate) auxiliary_date: Option<&'static HeaderName>,
    /// What is signed of every request without being listed; `None` if nothing is.
    pub(crate) request_lines: Option<RequestLines>,
}

impl SigningStringFormat {
    /// Returns the lines that every request has after those of the list.
    pub(crate) fn request_lines(&self) -> &'static [RequestLine] {
        self.request_lines.as_ref().map_or(&[], |all| all.lines)
    }

    /// Returns whether a component of this name, in any case, is signed without being listed.
    pub(crate) fn signs_unlisted(&self, name: &str) -> bool {
        let mut names = self.request_lines().iter().filter_map(RequestLine::name);
        names.any(|other| other.eq_ignore_ascii_case(name))
    }
}

/// What is signed of every request without being listed, in lines after those of the list.
///
/// The first of them must not be readable as the line of a listed component. Otherwise one string
/// could be that of two requests whose lists differ.
/// Nothing may come after the last of them, which can contain line ends.
#[derive(Debug, Clone)]
pub(crate) struct RequestLines {
    pub(crate) lines: &'static [RequestLine],
    /// What every path begins with, and is left out of the signing string.
    pub(crate) path_prefix: Option<&'static str>,
}

/// Returns the target as it is signed. It gets the path's prefix.
type SignedTarget = for<'h> fn(RequestHead<'h>, Option<&str>) -> Result<Cow<'h, [u8]>, TargetError>;

/// A line that is signed without being listed.
#[derive(Debug, Clone)]
pub(crate) enum RequestLine {
    /// The method, as sent.
    Method,
    /// A header's value without its name, or an empty line if the request lacks it.
    Header {
        name: &'static HeaderName,
        /// What signers send if the request lacks it, because clients add it below all layers.
        supplied: Option<&'static str>,
    },
    /// The target with its query, as this function returns it.
    Target(SignedTarget),
}

impl RequestLine {
    /// The name by which a verifier can require the method and the target.
    pub(crate) const TARGET: &'static str = "@request-target";

    /// Returns the name of what the line covers. The method belongs to the target.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Method => None,
            Self::Header { name, .. } => Some(name.as_str()),
            Self::Target(_) => Some(Self::TARGET),
        }
    }
}

/// Says which line the signing string has for a listed header that the request lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissingHeaderLine {
    /// `name:`, without the space.
    Empty,
    /// `name: `, as for a header without a value. Such a header does not count as covered then,
    /// because anyone can add or remove it.
    EmptyValue,
    /// No line.
    Omitted,
}

fn write_name(buffer: &mut Buffer, format: &SigningStringFormat, name: &str) {
    if format.lower_case_names {
        buffer.extend_lower_case(name);
    } else {
        buffer.extend(name.as_bytes());
    }
}

impl AsRef<[u8]> for SigningString {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for SigningString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.as_bytes().iter().flat_map(|byte| escaped(*byte));
        characters.try_for_each(|c| f.write_char(c))
    }
}

impl fmt::Debug for SigningString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningString(\"{}\")", self.as_bytes().escape_ascii())
    }
}
