//! The signing string: the only place where the signed bytes are built, for both directions.

use std::fmt::{self, Write as _};

use crate::component::Component;

/// Where signed bytes go: into a MAC, or into a [`SigningString`] to be looked at.
pub(crate) trait Sink {
    fn write(&mut self, bytes: &[u8]);
}

/// Writes the signing string: for each component in the order of the list `name: value`, the name in lower
/// case, joined with newlines, none at the end.
///
/// Source: Tencent Cloud API Gateway, "signature generation instructions".
pub(crate) fn write(components: &[Component<'_>], sink: &mut impl Sink) {
    for (position, component) in components.iter().enumerate() {
        if position > 0 {
            sink.write(b"\n");
        }
        write_lower_case(component.name, sink);
        sink.write(b": ");
        sink.write(component.value);
    }
}

fn write_lower_case(name: &str, sink: &mut impl Sink) {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        sink.write(name.to_ascii_lowercase().as_bytes());
    } else {
        sink.write(name.as_bytes());
    }
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
    pub(crate) fn new(components: &[Component<'_>]) -> Self {
        let mut string = Self(Vec::new());
        write(components, &mut string);
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
