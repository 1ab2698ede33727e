//! The `Authorization` header: encode and strict decode.

mod encoder;
mod names;
mod parameters;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};

use self::parameters::Parameters;
pub(crate) use self::{
    encoder::{Encoder, Template, replace_signature},
    names::Names,
};
use crate::{
    Algorithm, Rejection, RequestHead,
    header::{Repeated, single_value, trim},
    mac::MAX_SIGNATURE_LEN,
    rejection::CredentialsError,
};

/// The whitespace that a header's value can have. It has no control characters but tabs.
const WHITESPACE: [char; 2] = [' ', '\t'];

/// The algorithm's name where the hash is to be known from the key (draft-cavage-http-signatures-12, section 2.1.3).
pub(crate) const HS2019: &str = "hs2019";

/// The longest signature in base64: four characters for every three bytes begun.
const MAX_BASE64_LEN: usize = MAX_SIGNATURE_LEN.div_ceil(3) * 4;

/// Room for what so many characters may decode to: three bytes for every four.
const DECODED_ROOM: usize = MAX_BASE64_LEN / 4 * 3;

/// How `Authorization` is written.
#[derive(Debug, Clone)]
pub(crate) struct CredentialsSyntax {
    /// The word it begins with, as it is sent.
    pub(crate) auth_scheme: &'static str,
    /// The spellings of that word that are read; any case (RFC 9110, section 11.1) if there are none.
    pub(crate) auth_scheme_spellings: &'static [&'static str],
    /// The parameter that carries the key id.
    pub(crate) key_id: &'static str,
    /// What is sent between two parameters.
    pub(crate) separator: &'static str,
    /// Whether parameters are read in the order in which they are sent only.
    pub(crate) is_ordered: bool,
    /// Whether parameters without a meaning are ignored (draft-cavage-http-signatures-12, section 2.2), not refused.
    pub(crate) ignores_unknown: bool,
    /// Whether a gateway names its key id so, in any case. Such a parameter is never ignored.
    pub(crate) is_key_id: fn(&str) -> bool,
    /// Whether there are parameters `created` and `expires`, and the algorithm `hs2019`, which leaves the hash to be
    /// known from the key.
    pub(crate) has_times: bool,
    /// What is signed where `headers` is left out: under `hs2019`, and under other algorithms.
    pub(crate) implied_list: Option<[&'static str; 2]>,
}

/// When a signature was made and until when it is good, in seconds since 1970, as text: the parameters `created` and
/// `expires`, where the scheme has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times<T> {
    pub(crate) created: Option<T>,
    pub(crate) expires: Option<T>,
}

/// The parameters, all that must be there, none empty, none looked into yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authorization<'h> {
    pub(crate) key_id: &'h str,
    /// `None` is the same as [`HS2019`].
    pub(crate) algorithm: Option<&'h str>,
    pub(crate) times: Times<&'h str>,
    pub(crate) headers: &'h str,
    pub(crate) signature: &'h str,
}

/// A request's one `Authorization` header, known to be of the scheme.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawCredentials<'h>(&'h HeaderValue);

impl<'h> RawCredentials<'h> {
    pub(crate) fn find(
        syntax: &CredentialsSyntax,
        head: &RequestHead<'h>,
    ) -> Result<Self, Rejection> {
        let value = single_value(head.headers(), header::AUTHORIZATION)
            .map_err(|Repeated| Rejection::repeated(header::AUTHORIZATION.as_str()))?;
        let Some(value) = value else {
            return Err(Rejection::AuthorizationMissing);
        };
        let spellings = syntax.auth_scheme_spellings;
        let word = auth_scheme(trim(value.as_bytes()));
        let is_spelled_so = |spelling: &&str| spelling.as_bytes() == word;
        if !word.eq_ignore_ascii_case(syntax.auth_scheme.as_bytes())
            || !spellings.is_empty() && !spellings.iter().any(is_spelled_so)
        {
            return Err(CredentialsError::OtherScheme.into());
        }
        Ok(Self(value))
    }
}

/// The word that an `Authorization` begins with.
///
/// A tab may follow it as well as a space: Kong's and APISIX's plugins take any whitespace there.
pub(crate) fn auth_scheme(value: &[u8]) -> &[u8] {
    let mut words = value.split(|byte| matches!(byte, b' ' | b'\t'));
    words.next().unwrap_or_default()
}

impl<'h> Authorization<'h> {
    /// Finds and reads a request's one `Authorization`.
    #[cfg(any(feature = "retry", feature = "tracing"))]
    pub(crate) fn of(
        syntax: &CredentialsSyntax,
        head: &RequestHead<'h>,
    ) -> Result<Self, Rejection> {
        let mut authorization = Self::default();
        authorization.read(syntax, RawCredentials::find(syntax, head)?)?;
        Ok(authorization)
    }

    /// Reads the parameters.
    ///
    /// They may come in any order, as RFC 9110, section 11.2, has it: which is which is plain from
    /// their names, and a repeated one is refused; Kong alone wants them in order. An unknown one is refused or ignored
    /// as the scheme says. Each is quoted, without escapes, but for the times.
    pub(crate) fn read(
        &mut self,
        syntax: &CredentialsSyntax,
        RawCredentials(value): RawCredentials<'h>,
    ) -> Result<(), Rejection> {
        let text = match str::from_utf8(value.as_bytes()) {
            Ok(text) if text.is_ascii() => text.trim_end_matches(WHITESPACE),
            _ => return Err(CredentialsError::NotAscii.into()),
        };
        let begun = text.trim_start_matches(WHITESPACE);
        let word = auth_scheme(begun.as_bytes());
        let rest = begun.get(word.len()..).unwrap_or_default();
        let parameters = Parameters::read(syntax, text, rest.trim_start_matches(WHITESPACE))?;

        let [key_id, algorithm, headers, signature] = parameters.values;
        let missing = |parameter| Err(Rejection::ParameterMissing { parameter });
        let algorithm = match algorithm {
            None if syntax.has_times => None,
            None | Some("") => return missing("algorithm"),
            algorithm => algorithm,
        };
        let headers = match (headers, syntax.implied_list) {
            (None, Some([under_hs2019, otherwise])) => match algorithm {
                None | Some(HS2019) => under_hs2019,
                Some(_) => otherwise,
            },
            (None | Some(""), _) => return missing("headers"),
            (Some(headers), _) => headers,
        };
        let (key_id, signature) = match (key_id, signature) {
            (Some(key_id), Some(signature)) if !key_id.is_empty() && !signature.is_empty() => {
                (key_id, signature)
            }
            _ => return Err(Rejection::KeyIdOrSignatureMissing),
        };
        *self = Self {
            key_id,
            algorithm,
            headers,
            signature,
            times: parameters.times,
        };
        Ok(())
    }

    /// Whether the hash is to be known from the key.
    pub(crate) fn is_hs2019(&self) -> bool {
        matches!(self.algorithm, None | Some(HS2019))
    }
}

/// A signature as it was received, decoded.
#[derive(Clone)]
pub(crate) struct Signature {
    bytes: [u8; DECODED_ROOM],
    len: usize,
}

impl Signature {
    /// No signature yet.
    pub(crate) const NONE: Self = Self {
        bytes: [0; DECODED_ROOM],
        len: 0,
    };

    /// Reads a signature: as many bytes as the algorithm has, in canonical, padded, standard base64.
    pub(crate) fn read(
        &mut self,
        text: &str,
        algorithm: Algorithm,
    ) -> Result<(), CredentialsError> {
        if text.len() > MAX_BASE64_LEN {
            return Err(CredentialsError::SignatureLength);
        }
        match STANDARD.decode_slice(text, &mut self.bytes) {
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
