//! Splits texts at a byte.

/// Splits a text at the first byte of this kind, which must be ASCII. Returns `None` if there is
/// none.
///
/// `str::split_once` does the same byte by byte. An accepted request searches some 200 bytes.
pub(crate) fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let position = memchr::memchr(byte, text.as_bytes())?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}
