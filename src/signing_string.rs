//! The signing string: the only place where the signed bytes are built, for both directions.

use std::fmt::{self, Write as _};

use crate::{
    component::{Component, Value},
    scheme::{Absent, Layout},
};

/// Where signed bytes go: into a MAC, or into a [`SigningString`] to be looked at.
pub(crate) trait Sink {
    fn write(&mut self, bytes: &[u8]);

    fn write_lower_case(&mut self, text: &str) {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.write(text.to_ascii_lowercase().as_bytes());
        } else {
            self.write(text.as_bytes());
        }
    }
}

/// Writes the signing string: a line for each component in the order of the list, joined with newlines; most lines
/// are `name: value`.
///
/// Source: Tencent Cloud API Gateway, "signature generation instructions"; draft-cavage-http-signatures-12, section
/// 2.3. What differs is in [`Layout`].
pub(crate) fn write(
    layout: &Layout,
    key_id: &str,
    components: &[Component<'_>],
    sink: &mut impl Sink,
) {
    let mut newline: &[u8] = b"";
    if layout.begins_with_key_id {
        sink.write(key_id.as_bytes());
        newline = b"\n";
    }
    for component in components {
        if write_line(layout, component, newline, sink) {
            newline = b"\n";
        }
    }
    if layout.ends_with_newline {
        sink.write(b"\n");
    }
}

/// Writes a line with `newline` in front of it; `false` if the component has none.
fn write_line(
    layout: &Layout,
    component: &Component<'_>,
    newline: &[u8],
    sink: &mut impl Sink,
) -> bool {
    let is_absent = matches!(component.value, Value::Absent);
    if is_absent && layout.absent == Some(Absent::NoLine) {
        return false;
    }
    sink.write(newline);
    if !matches!(&component.value, Value::Target(target) if target.is_bare()) {
        if layout.lower_case_names {
            sink.write_lower_case(component.name);
        } else {
            sink.write(component.name.as_bytes());
        }
        sink.write(if is_absent { b":" } else { b": " });
    }
    match &component.value {
        Value::Text(value) => sink.write(value),
        Value::Target(target) => target.write(sink),
        Value::Absent => {}
    }
    true
}

/// The bytes a signature was, or would be, computed over.
///
/// Both sides can show theirs ([`Signer::signing_string`](crate::Signer::signing_string),
/// [`Credentials::signing_string`](crate::Credentials::signing_string)): a signature that does not match nearly
/// always means that the two differ. It holds no secret, but it does hold the values of all signed headers.
///
/// [`Display`](fmt::Display) writes it on one line, a newline as `\n` and every byte that is not printable
/// ASCII as an escape; [`as_bytes`](Self::as_bytes) gives the exact bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningString(Vec<u8>);

impl SigningString {
    pub(crate) fn new(layout: &Layout, key_id: &str, components: &[Component<'_>]) -> Self {
        let mut string = Self(Vec::new());
        write(layout, key_id, components, &mut string);
        string
    }

    /// The exact bytes that go into the MAC.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Sink for SigningString {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl AsRef<[u8]> for SigningString {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for SigningString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0 {
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
        write!(f, "SigningString(\"{}\")", self.0.escape_ascii())
    }
}
