//! The text of a signature: encodes and decodes it.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::escape::write_escaped;
use crate::{
    Algorithm,
    mac::{MAX_SIGNATURE_LEN, Tag},
    rejection::CredentialsError,
};

/// The length of the longest signature in padded base64.
const MAX_BASE64_LEN: usize = base64_len(MAX_SIGNATURE_LEN);

/// How many bytes [`MAX_BASE64_LEN`] characters can decode to: three for each four. If none of them
/// is padding, this is more than [`MAX_SIGNATURE_LEN`].
const DECODED_ROOM: usize = MAX_BASE64_LEN / 4 * 3;

/// The characters of base64 that a query has to escape, and their escapes. The escapes are accepted
/// in lower case too, as .NET writes them.
const ESCAPES: [(u8, &str); 3] = [(b'+', "%2B"), (b'/', "%2F"), (b'=', "%3D")];

/// How a signature is written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureEncoding {
    /// Padded standard base64.
    Base64,
    /// Padded standard base64 with `+`, `/` and `=` percent-encoded, as in a query.
    PercentEncodedBase64,
}

impl SignatureEncoding {
    /// Appends the signature to the text.
    pub(super) fn write(self, signature: &Tag, text: &mut Vec<u8>) {
        let mut room = [0; MAX_BASE64_LEN];
        // There is room for the longest signature, so this cannot fail.
        let len = STANDARD.encode_slice(signature.as_bytes(), &mut room);
        let base64 = room.get(..len.unwrap_or_default()).unwrap_or_default();
        match self {
            Self::Base64 => text.extend_from_slice(base64),
            Self::PercentEncodedBase64 => write_escaped(base64, text),
        }
    }
}

/// Returns the length of this many bytes in padded base64: four characters for each three bytes or
/// fewer.
pub(super) const fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// The decoded signature of a request.
#[derive(Clone)]
pub(crate) struct Signature {
    bytes: [u8; DECODED_ROOM],
    len: usize,
}

impl Signature {
    /// No signature, before one is read.
    pub(crate) const NONE: Self = Self {
        bytes: [0; DECODED_ROOM],
        len: 0,
    };

    /// Decodes a signature: as many bytes as the algorithm's MAC has, in canonical, padded,
    /// standard base64.
    pub(crate) fn read(
        &mut self,
        text: &str,
        encoding: SignatureEncoding,
        algorithm: Algorithm,
    ) -> Result<(), CredentialsError> {
        match encoding {
            SignatureEncoding::Base64 => self.read_base64(text.as_bytes(), algorithm),
            SignatureEncoding::PercentEncodedBase64 => {
                let mut room = [0; MAX_BASE64_LEN];
                let base64 = unescaped(text, &mut room)?;
                self.read_base64(base64, algorithm)
            }
        }
    }

    fn read_base64(&mut self, base64: &[u8], algorithm: Algorithm) -> Result<(), CredentialsError> {
        if base64.len() > MAX_BASE64_LEN {
            return Err(CredentialsError::SignatureLength);
        }
        match STANDARD.decode_slice(base64, &mut self.bytes) {
            Ok(len) if len == algorithm.signature_len() => self.len = len,
            Ok(_) => return Err(CredentialsError::SignatureLength),
            Err(_not_base64) => return Err(CredentialsError::SignatureNotBase64),
        }
        Ok(())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Writes the base64 without its escapes into `room`, and returns it.
///
/// Only the three characters that need an escape may have one, and they must have it. So apart from
/// the case of its escapes a signature has one text, as the gateways compare texts.
fn unescaped<'r>(
    text: &str,
    room: &'r mut [u8; MAX_BASE64_LEN],
) -> Result<&'r [u8], CredentialsError> {
    let mut rest = text.as_bytes();
    let mut len = 0;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match first {
            b'%' => {
                let is = |escape: &str| {
                    let sent = rest.get(..escape.len());
                    sent.is_some_and(|sent| sent.eq_ignore_ascii_case(escape.as_bytes()))
                };
                let found = ESCAPES.iter().find(|(_, escape)| is(escape));
                let (byte, escape) = found.ok_or(CredentialsError::SignatureNotBase64)?;
                (*byte, rest.get(escape.len()..).unwrap_or_default())
            }
            byte if ESCAPES.iter().any(|(escaped, _)| escaped == byte) => {
                return Err(CredentialsError::SignatureNotBase64);
            }
            byte => (*byte, after),
        };
        let place = room.get_mut(len).ok_or(CredentialsError::SignatureLength)?;
        *place = byte;
        len += 1;
        rest = after;
    }
    Ok(room.get(..len).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(), CredentialsError> {
        let encoding = SignatureEncoding::PercentEncodedBase64;
        let mut signature = Signature::NONE;
        signature.read(text, encoding, Algorithm::HmacSha1)
    }

    /// Source: Tyk's own comparison of texts, and the lower-case escapes that it tolerates.
    #[test]
    fn a_percent_encoded_signature_has_one_text_apart_from_the_case_of_its_escapes() {
        let mut signature = Signature::NONE;
        let text = "zJ1fUmiWSmSZUoqgZi%2BdGUJvxn0%3D";
        let encoding = SignatureEncoding::PercentEncodedBase64;
        signature.read(text, encoding, Algorithm::HmacSha1).unwrap();
        assert_eq!(
            STANDARD.encode(signature.as_bytes()),
            "zJ1fUmiWSmSZUoqgZi+dGUJvxn0="
        );
        assert_eq!(read("zJ1fUmiWSmSZUoqgZi%2bdGUJvxn0%3d"), Ok(()));
        for text in [
            "zJ1fUmiWSmSZUoqgZi+dGUJvxn0%3D",
            "zJ1fUmiWSmSZUoqgZi%2BdGUJvxn0=",
            "%7AJ1fUmiWSmSZUoqgZi%2BdGUJvxn0%3D",
            "zJ1fUmiWSmSZUoqgZi%252BdGUJvxn0%3D",
            "zJ1fUmiWSmSZUoqgZi%2BdGUJvxn0%3",
            "zJ1fUmiWSmSZUoqgZi%2BdGUJvxn0%",
        ] {
            let error = Err(CredentialsError::SignatureNotBase64);
            assert_eq!(read(text), error, "{text}");
        }
        let long = "%3D".repeat(MAX_BASE64_LEN + 1);
        assert_eq!(read(&long), Err(CredentialsError::SignatureLength));
    }
}
