//! Writes `Authorization` values.

use super::{CredentialsSyntax, Times, signature::SignatureEncoding};
use crate::{KeyId, mac::Tag};

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
    encoding: SignatureEncoding,
    /// The quote around times, if they have one.
    time_quote: &'static str,
}

impl Template {
    pub(crate) fn new(syntax: &CredentialsSyntax, algorithm: &str) -> Self {
        let CredentialsSyntax {
            auth_scheme,
            key_id,
            separator,
            signature: encoding,
            quotes_times,
            ..
        } = *syntax;
        let space = if auth_scheme.is_empty() { "" } else { " " };
        Self {
            begin: format!("{auth_scheme}{space}{key_id}=\""),
            algorithm: format!("\"{separator}algorithm=\"{algorithm}\"{separator}"),
            signature: format!("\"{separator}signature=\""),
            separator,
            encoding,
            time_quote: if quotes_times { "\"" } else { "" },
        }
    }

    /// Replaces the signature at the end of an `Authorization` value without a nonce. It is the
    /// text between the last two quotes.
    pub(crate) fn replace_signature(&self, authorization: &mut Vec<u8>, signature: &Tag) {
        authorization.pop();
        let quote = memchr::memrchr(b'"', authorization);
        authorization.truncate(quote.map_or(0, |quote| quote + 1));
        self.encoding.write(signature, authorization);
        authorization.push(b'"');
    }
}

/// Writes an `Authorization` value in the order of the documentation's samples: key id, algorithm,
/// headers, signature, each quoted. `created` and `expires` come before the headers.
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
                put(template.time_quote);
                put(time);
                put(template.time_quote);
                put(template.separator);
            }
        }
        put("headers=\"");
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

    /// Writes the signature, and after it the nonce with its parameter, if there is one.
    pub(crate) fn end(self, signature: &Tag, nonce: Option<(&str, &str)>) {
        let Self { text, template, .. } = self;
        text.extend_from_slice(template.signature.as_bytes());
        template.encoding.write(signature, text);
        text.push(b'"');
        if let Some((parameter, nonce)) = nonce {
            for part in [template.separator, parameter, "=\"", nonce, "\""] {
                text.extend_from_slice(part.as_bytes());
            }
        }
    }
}
