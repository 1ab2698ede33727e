//! The signing string: the only place where the signed bytes are built, for both directions.

use std::fmt::{self, Write as _};

use crate::{
    buffer::Buffer,
    component::{Component, Value},
    scheme::{Absent, Layout},
};

/// The bytes a signature was, or would be, computed over.
///
/// Both sides can show theirs ([`Signer::signing_string`](crate::Signer::signing_string),
/// [`Credentials::signing_string`](crate::Credentials::signing_string)): a signature that does not match nearly
/// always means that the two differ. It holds no secret, but it does hold the values of all signed headers.
///
/// [`Display`](fmt::Display) writes it on one line, a newline as `\n` and every byte that is not printable
/// ASCII as an escape; [`as_bytes`](Self::as_bytes) gives the exact bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningString(Buffer);

impl SigningString {
    /// A signing string without components yet.
    ///
    /// Each component makes a line, joined with newlines; most lines are `name: value`. What differs is in [`Layout`].
    ///
    /// Source: Tencent Cloud API Gateway, "signature generation instructions"; draft-cavage-http-signatures-12,
    /// section 2.3.
    pub(crate) fn begin(layout: &Layout, key_id: &str) -> Self {
        let mut buffer = Buffer::new();
        if layout.begins_with_key_id {
            buffer.extend(key_id.as_bytes());
        }
        Self(buffer)
    }

    /// Adds the next component's line, if it has one.
    pub(crate) fn push(&mut self, layout: &Layout, component: &Component<'_>) {
        let is_absent = matches!(component.value, Value::Absent);
        if is_absent && layout.absent == Some(Absent::NoLine) {
            return;
        }
        let Self(buffer) = self;
        // No line is empty, so only the first finds nothing before it.
        if !buffer.as_slice().is_empty() {
            buffer.extend(b"\n");
        }
        if !matches!(&component.value, Value::Target(target) if target.is_bare()) {
            if layout.lower_case_names {
                buffer.extend_lower_case(component.name);
            } else {
                buffer.extend(component.name.as_bytes());
            }
            buffer.extend(if is_absent { b":" } else { b": " });
        }
        match &component.value {
            Value::Text(value) => buffer.extend(value),
            Value::Target(target) => target.write(buffer),
            Value::Absent => {}
        }
    }

    /// Writes what stands behind the last line.
    pub(crate) fn end(&mut self, layout: &Layout) {
        if layout.ends_with_newline {
            self.0.extend(b"\n");
        }
    }

    /// The exact bytes that go into the MAC.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl AsRef<[u8]> for SigningString {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for SigningString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_bytes() {
            match byte {
                // Nothing encloses the string, so quotes stay as they are.
                b'"' | b'\'' => f.write_char(char::from(*byte))?,
                byte => write!(f, "{}", byte.escape_ascii())?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SigningString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningString(\"{}\")", self.as_bytes().escape_ascii())
    }
}
