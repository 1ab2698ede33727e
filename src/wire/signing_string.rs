//! The signing string: the only place where the signed bytes are built, for both directions.

use std::fmt::{self, Write as _};

use super::{buffer::Buffer, component::DerivedComponent, target};
use crate::{RequestHead, rejection::TargetError};

/// The bytes a signature was, or would be, computed over.
///
/// Both sides can show theirs ([`Signer::signing_string`](crate::Signer::signing_string),
/// [`Credentials::signing_string`](crate::verify::Credentials::signing_string)): a signature that does not match nearly
/// always means that the two differ. It holds no secret, but it does hold the values of all signed headers.
///
/// [`Display`](fmt::Display) writes it on one line, a newline as `\n` and every byte that is not printable
/// ASCII as an escape; [`as_bytes`](Self::as_bytes) gives the exact bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningString(Buffer);

impl SigningString {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self(Buffer::new())
    }

    /// Writes what stands before the first line.
    ///
    /// Each component makes a line, joined with newlines; most lines are `name: value`. What differs is in [`SigningStringFormat`].
    ///
    /// Source: Tencent Cloud API Gateway, "signature generation instructions"; draft-cavage-http-signatures-12,
    /// section 2.3.
    pub(crate) fn begin(&mut self, format: &SigningStringFormat, key_id: &str) {
        if format.begins_with_key_id {
            self.0.extend(key_id.as_bytes());
        }
    }

    /// Adds the line of a header or a parameter, whose value has no blanks around it.
    pub(crate) fn push(&mut self, format: &SigningStringFormat, name: &str, value: &[u8]) {
        let buffer = self.begin_line();
        write_name(buffer, format, name);
        buffer.extend(b": ");
        buffer.extend(value);
    }

    /// Adds the line of a header that the request lacks, if there is one.
    pub(crate) fn push_absent(&mut self, format: &SigningStringFormat, name: &str) {
        if format.absent == Some(Absent::NameAlone) {
            let buffer = self.begin_line();
            write_name(buffer, format, name);
            buffer.extend(b":");
        }
    }

    /// Adds the line of a component that [is about the target](DerivedComponent::is_target).
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

    /// No line is empty, so only the first finds nothing before it.
    fn begin_line(&mut self) -> &mut Buffer {
        let Self(buffer) = self;
        if buffer.len() > 0 {
            buffer.extend(b"\n");
        }
        buffer
    }

    /// How many bytes there are so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What stands at a place, to be written over; `None` if the string ends before.
    pub(crate) fn array_at<const N: usize>(&mut self, position: usize) -> Option<&mut [u8; N]> {
        let rest = self.0.as_mut_slice().get_mut(position..)?;
        rest.first_chunk_mut()
    }

    /// Writes what stands behind the last line.
    pub(crate) fn end(&mut self, format: &SigningStringFormat) {
        if format.ends_with_newline {
            self.0.extend(b"\n");
        }
    }

    /// As [`Display`](fmt::Display) writes it, cut before the first byte that does not fit into `max_len` with the three
    /// dots that say so.
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

    /// The exact bytes that go into the MAC.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// One byte, as printable ASCII.
fn escaped(byte: u8) -> impl Iterator<Item = char> {
    // Nothing encloses the string, so quotes stay as they are; `escape_ascii` has a backslash before them.
    let before = usize::from(matches!(byte, b'"' | b'\''));
    byte.escape_ascii().skip(before).map(char::from)
}

/// How the signing string is written.
#[derive(Debug)]
pub(crate) struct SigningStringFormat {
    /// Whether names are written in lower case whatever the list's spelling.
    pub(crate) lower_case_names: bool,
    /// Whether the key id is the first line.
    pub(crate) begins_with_key_id: bool,
    /// Whether a newline ends the last line too.
    pub(crate) ends_with_newline: bool,
    /// What stands for a listed header that the request lacks; an error if nothing can.
    pub(crate) absent: Option<Absent>,
    /// What joins the values of a repeated header other than a cookie; an error if nothing does.
    pub(crate) join: Option<&'static [u8]>,
}

/// What stands for a listed header that the request lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// `name:`, without the space.
    NameAlone,
    /// No line.
    NoLine,
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
