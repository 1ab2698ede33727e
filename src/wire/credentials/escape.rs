//! Percent-encoding, of credentials in a query and of signatures.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Every character but the unreserved ones (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Appends the bytes, escaped.
pub(super) fn write_escaped(bytes: &[u8], text: &mut Vec<u8>) {
    for part in percent_encode(bytes, ESCAPED) {
        text.extend_from_slice(part.as_bytes());
    }
}
