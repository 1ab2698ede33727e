//! Writes `Authorization` values.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{CredentialsSyntax, Times};
use crate::{KeyId, mac::Tag};

/// The text before the list of names.
const HEADERS: &str = "headers=\"";

/// The parts that are the same in all `Authorization` values of a signer. The key id is not among
/// them, because it changes when keys are rotated.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// The text before the key id: `hmac id="`.
    begin: String,
    /// The text after the key id: `", algorithm="hmac-sha1", `.
    algorithm: String,
    /// The text between the list and the signature: `", signature="`.
    signature: String,
    /// The text after `created` and after `expires`.
    separator: &'static str,
}

impl Template {
    pub(crate) fn new(syntax: &CredentialsSyntax, algorithm: &str) -> Self {
        let CredentialsSyntax {
            auth_scheme,
            key_id,
            separator,
            ..
        } = *syntax;
        let space = if auth_scheme.is_empty() { "" } else { " " };
        Self {
            begin: format!("{auth_scheme}{space}{key_id}=\""),
            algorithm: format!("\"{separator}algorithm=\"{algorithm}\"{separator}"),
            signature: format!("\"{separator}signature=\""),
            separator,
        }
    }
}

/// Writes an `Authorization` value in the order of the documentation's samples: key id, algorithm,
/// headers, signature, each quoted. `created` and `expires`, not quoted, come before the headers.
pub(crate) struct Encoder<'t> {
    text: &'t mut Vec<u8>,
    template: &'t Template,
    /// Whether the list has a name, so that a space is written before the next one.
    listed: bool,
}

impl<'t> Encoder<'t> {
    /// Writes the part before the list of names. The value begins at the present end of `text`.
    pub(crate) fn begin(
        text: &'t mut Vec<u8>,
        template: &'t Template,
        key_id: &KeyId,
        times: &Times<String>,
    ) -> Self {
        let mut put = |part: &str| text.extend_from_slice(part.as_bytes());
        put(&template.begin);
        put(key_id.as_str());
        put(&template.algorithm);
        for (name, time) in [("created=", &times.created), ("expires=", &times.expires)] {
            if let Some(time) = time {
                put(name);
                put(time);
                put(template.separator);
            }
        }
        put(HEADERS);
        Self {
            text,
            template,
            listed: false,
        }
    }

    /// Appends a name to the list of what is signed, or several names separated by spaces.
    pub(crate) fn list(&mut self, names: &str) {
        if self.listed {
            self.text.push(b' ');
        }
        self.listed = true;
        self.text.extend_from_slice(names.as_bytes());
    }

    /// Writes the signature, which is the end of the value.
    pub(crate) fn end(self, signature: &Tag) {
        let Self { text, template, .. } = self;
        text.extend_from_slice(template.signature.as_bytes());
        push_base64(text, signature);
        text.push(b'"');
    }
}

/// Appends the signature in base64.
pub(super) fn push_base64(text: &mut Vec<u8>, signature: &Tag) {
    let begin = text.len();
    text.resize(begin + base64_len(signature), 0);
    encode(signature, text.get_mut(begin..));
}

/// Replaces the signature at the end of an `Authorization` value with another of the same algorithm,
/// which has the same length.
pub(crate) fn replace_signature(authorization: &mut [u8], signature: &Tag) {
    if let Some((_quote, text)) = authorization.split_last_mut() {
        let place = text.rchunks_mut(base64_len(signature)).next();
        encode(signature, place);
    }
}

/// Returns the length of the signature in padded base64.
fn base64_len(signature: &Tag) -> usize {
    signature.as_bytes().len().div_ceil(3) * 4
}

/// Writes the signature in base64.
fn encode(signature: &Tag, place: Option<&mut [u8]>) {
    // The place has the length of the encoded signature, so the error cannot occur.
    let _written = STANDARD.encode_slice(signature.as_bytes(), place.unwrap_or_default());
}
