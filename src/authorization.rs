//! The `Authorization` header: encode and strict decode.

mod malformed;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{BufMut as _, BytesMut};
use http::header;

pub use self::malformed::Malformed;
use crate::{
    Algorithm, Excerpt, KeyId, Rejection, RequestHead,
    algorithm::{MAX_SIGNATURE_LEN, Tag},
    component::{self, Repeated},
    scheme::Scheme,
};

/// Longest parameter value that is looked at, in bytes.
pub(crate) const MAX_PARAMETER_LEN: usize = 8 * 1024;

/// Most names that are looked at in a `headers` list.
pub(crate) const MAX_COMPONENTS: usize = 64;

/// The longest signature in base64: four characters for every three bytes begun.
const MAX_BASE64_LEN: usize = MAX_SIGNATURE_LEN.div_ceil(3) * 4;

/// Writes an `Authorization` value in the order of the documentation's samples: key id, algorithm, headers,
/// signature, each quoted, separated by `, `.
pub(crate) struct Encoder<'b> {
    buffer: &'b mut BytesMut,
    listed: bool,
}

impl<'b> Encoder<'b> {
    pub(crate) fn new(
        buffer: &'b mut BytesMut,
        scheme: &Scheme,
        key_id: &KeyId,
        algorithm: Algorithm,
    ) -> Self {
        for part in [
            scheme.auth_scheme,
            " ",
            scheme.key_id,
            "=\"",
            key_id.as_str(),
            "\", algorithm=\"",
            algorithm.name(),
            "\", headers=\"",
        ] {
            buffer.put_slice(part.as_bytes());
        }
        Self {
            buffer,
            listed: false,
        }
    }

    /// Room for a whole header with a list of names of `list_len` bytes.
    pub(crate) fn max_len(scheme: &Scheme, key_id: &KeyId, list_len: usize) -> usize {
        // The rest of what is fixed, with the longest algorithm's name.
        const FIXED: usize = r#" ="", algorithm="hmac-sha512", headers="", signature="""#.len();
        let Scheme {
            auth_scheme,
            key_id: parameter,
            ..
        } = scheme;
        let given = auth_scheme.len() + parameter.len() + key_id.as_str().len() + list_len;
        FIXED + given + MAX_BASE64_LEN
    }

    /// Adds the next name to the list of what is signed.
    pub(crate) fn list(&mut self, name: &str) {
        if self.listed {
            self.buffer.put_u8(b' ');
        }
        self.listed = true;
        self.buffer.put_slice(name.as_bytes());
    }

    pub(crate) fn finish(self, signature: &Tag) {
        self.buffer.put_slice(b"\", signature=\"");
        let mut base64 = [0; MAX_BASE64_LEN];
        // The array has room for the longest signature, so this cannot fail.
        let len = STANDARD
            .encode_slice(signature.as_bytes(), &mut base64)
            .unwrap_or(0);
        self.buffer.put_slice(base64.get(..len).unwrap_or_default());
        self.buffer.put_u8(b'"');
    }
}

/// The four parameters, each there, none empty, none looked into yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Authorization<'h> {
    pub(crate) key_id: &'h str,
    pub(crate) algorithm: &'h str,
    pub(crate) headers: &'h str,
    pub(crate) signature: &'h str,
}

impl<'h> Authorization<'h> {
    /// Reads the request's one `Authorization` header.
    ///
    /// The parameters may come in any order, as RFC 9110, section 11.2, has it: which is which is plain from
    /// their names, and a repeated or unknown one is refused. Each is quoted, without escapes.
    pub(crate) fn decode(scheme: &Scheme, head: RequestHead<'h>) -> Result<Self, Rejection> {
        let name = header::AUTHORIZATION.as_str();
        let value = component::single_value(head, name)
            .map_err(|Repeated| Rejection::repeated(name))?
            .ok_or(Rejection::AuthorizationMissing)?;
        let text = value.to_str().map_err(|_not_ascii| Malformed::NotAscii)?;
        let text = text.trim_end_matches([' ', '\t']);
        let begun = text.trim_start_matches([' ', '\t']);
        let (auth_scheme, mut rest) = begun.split_once(' ').unwrap_or((begun, ""));
        if !auth_scheme.eq_ignore_ascii_case(scheme.auth_scheme) {
            return Err(Malformed::OtherScheme.into());
        }

        let [mut key_id, mut algorithm, mut headers, mut signature] = [None; 4];
        rest = rest.trim_start_matches(' ');
        while !rest.is_empty() {
            let unreadable = Malformed::NotAParameter {
                position: text.len() - rest.len(),
            };
            let Some((name, value, after)) = split_parameter(rest) else {
                return Err(unreadable.into());
            };
            let slot = match name {
                name if name == scheme.key_id => &mut key_id,
                "algorithm" => &mut algorithm,
                "headers" => &mut headers,
                "signature" => &mut signature,
                name => {
                    return Err(Malformed::UnknownParameter {
                        name: Excerpt::new(name),
                    }
                    .into());
                }
            };
            if value.len() > MAX_PARAMETER_LEN {
                return Err(Malformed::ParameterTooLong {
                    name: Excerpt::new(name),
                }
                .into());
            }
            if slot.replace(value).is_some() {
                return Err(Malformed::RepeatedParameter {
                    name: Excerpt::new(name),
                }
                .into());
            }
            rest = after;
        }

        let some = |value: Option<&'h str>| value.filter(|value| !value.is_empty());
        let missing = |parameter| Rejection::ParameterMissing { parameter };
        Ok(Self {
            algorithm: some(algorithm).ok_or(missing("algorithm"))?,
            headers: some(headers).ok_or(missing("headers"))?,
            key_id: some(key_id).ok_or(Rejection::KeyIdOrSignatureMissing)?,
            signature: some(signature).ok_or(Rejection::KeyIdOrSignatureMissing)?,
        })
    }

    /// The names in the list: at most [`MAX_COMPONENTS`], one space between two, each a field name, none twice.
    pub(crate) fn names(
        &self,
        scheme: &Scheme,
    ) -> Result<impl Iterator<Item = &'h str> + use<'h>, Malformed> {
        let names = self.headers.split(' ');
        if names.clone().nth(MAX_COMPONENTS).is_some() {
            return Err(Malformed::TooManyNames);
        }
        for (position, name) in names.clone().enumerate() {
            let is = |other: &&str| name.eq_ignore_ascii_case(other);
            if name.is_empty() {
                return Err(Malformed::EmptyName);
            }
            if !component::is_field_name(name)
                || is(&header::AUTHORIZATION.as_str())
                || scheme.ambiguous_names.iter().any(is)
            {
                return Err(Malformed::NotSignable {
                    name: Excerpt::new(name),
                });
            }
            if names.clone().take(position).any(|other| is(&other)) {
                return Err(Malformed::RepeatedName {
                    name: Excerpt::new(name),
                });
            }
        }
        Ok(names)
    }

    /// The signature's bytes: as many as the algorithm has, in canonical, padded, standard base64.
    pub(crate) fn signature(&self, algorithm: Algorithm) -> Result<Signature, Malformed> {
        if self.signature.len() > MAX_BASE64_LEN {
            return Err(Malformed::SignatureLength);
        }
        let mut bytes = [0; MAX_BASE64_LEN];
        let len = STANDARD
            .decode_slice(self.signature, &mut bytes)
            .map_err(|_not_base64| Malformed::SignatureNotBase64)?;
        if len != algorithm.signature_len() {
            return Err(Malformed::SignatureLength);
        }
        Ok(Signature { bytes, len })
    }
}

/// Splits `name="value"` and the comma behind it off; a comma must be followed by another parameter.
fn split_parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_once("=\"")?;
    let (value, rest) = rest.split_once('"')?;
    if !component::is_field_name(name) {
        return None;
    }
    let rest = rest.trim_start_matches([' ', '\t']);
    if rest.is_empty() {
        return Some((name, value, rest));
    }
    let rest = rest.strip_prefix(',')?.trim_start_matches([' ', '\t']);
    (!rest.is_empty()).then_some((name, value, rest))
}

/// A signature as it was received, decoded.
#[derive(Clone)]
pub(crate) struct Signature {
    bytes: [u8; MAX_BASE64_LEN],
    len: usize,
}

impl Signature {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
