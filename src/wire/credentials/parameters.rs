//! Reads credentials that are parameters: `name="value"` and commas, after the scheme's word.

use arrayvec::ArrayVec;

use super::{CredentialsSyntax, Form, ascii_text};
use crate::{
    Rejection,
    header::is_field_name,
    limits::{MAX_PARAMETER_LEN, MAX_UNKNOWN_PARAMETERS},
    mac::HS2019,
    rejection::{CredentialsError, Excerpt},
    wire::split::split_at_byte,
};

/// The whitespace that the value of a header can contain: it has no control characters except tabs.
const WHITESPACE: [char; 2] = [' ', '\t'];

/// The parameters `created` and `expires`, if the scheme has them: when a signature was made and
/// when it ceases to be valid. Both are numbers of seconds since 1970, as text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times<T> {
    pub(crate) created: Option<T>,
    pub(crate) expires: Option<T>,
}

/// The parameters of an `Authorization`. All that are required are present and not empty. No value
/// has been interpreted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authorization<'h> {
    pub(crate) key_id: &'h str,
    /// `None` is the same as [`HS2019`].
    pub(crate) algorithm: Option<&'h str>,
    pub(crate) times: Times<&'h str>,
    pub(crate) headers: &'h str,
    pub(crate) signature: &'h str,
    /// The nonce; `None` if the scheme has no parameter for one.
    pub(crate) nonce: Option<&'h str>,
}

impl<'h> Authorization<'h> {
    /// Reads the parameters of a text that begins as `form` says.
    ///
    /// Their order does not matter (RFC 9110, section 11.2), because each is found by its name and
    /// a repeated one is refused. Only Kong's scheme requires an order. The scheme decides whether
    /// unknown parameters are ignored or refused. Values are quoted and have no escapes; times are
    /// not quoted.
    pub(crate) fn read(
        syntax: &CredentialsSyntax,
        text: &'h [u8],
        form: Form,
    ) -> Result<Self, Rejection> {
        Self::read_text(syntax, ascii_text(text)?, form)
    }

    /// [`read`](Self::read) for a text that is known to be ASCII.
    pub(super) fn read_text(
        syntax: &CredentialsSyntax,
        text: &'h str,
        form: Form,
    ) -> Result<Self, Rejection> {
        let rest = text.get(form.auth_scheme.len()..).unwrap_or_default();
        let rest = rest.trim_start_matches(WHITESPACE);
        let Parameters {
            key_id,
            algorithm,
            headers,
            signature,
            times,
            nonce,
        } = Parameters::read(syntax, form.key_id, text, rest)?;
        let missing = |parameter| Err(Rejection::ParameterMissing { parameter });
        let algorithm = match algorithm {
            None if syntax.has_hs2019 => None,
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
        let (Some(key_id), Some(signature)) = (not_empty(key_id), not_empty(signature)) else {
            return Err(Rejection::KeyIdOrSignatureMissing {
                key_id_parameter: form.key_id,
            });
        };
        if let Some(parameter) = syntax.nonce
            && not_empty(nonce).is_none()
        {
            return missing(parameter);
        }
        Ok(Self {
            key_id,
            algorithm,
            times,
            headers,
            signature,
            nonce,
        })
    }

    /// Returns whether the key determines the algorithm.
    pub(crate) fn is_hs2019(&self) -> bool {
        matches!(self.algorithm, None | Some(HS2019))
    }
}

fn not_empty(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

/// A parameter that schemes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    KeyId,
    Algorithm,
    Headers,
    Signature,
    Created,
    Expires,
    Nonce,
}

impl Known {
    const ALL: [Self; 7] = [
        Self::KeyId,
        Self::Algorithm,
        Self::Headers,
        Self::Signature,
        Self::Created,
        Self::Expires,
        Self::Nonce,
    ];

    /// Those that have a fixed place in schemes that require an order.
    const IN_ORDER: [Self; 4] = [Self::KeyId, Self::Algorithm, Self::Headers, Self::Signature];

    /// Returns the parameter's name, or `None` if the scheme does not have it.
    fn name(self, syntax: &CredentialsSyntax, key_id: &'static str) -> Option<&'static str> {
        match self {
            Self::KeyId => Some(key_id),
            Self::Algorithm => Some("algorithm"),
            Self::Headers => Some("headers"),
            Self::Signature => Some("signature"),
            Self::Created => syntax.has_times.then_some("created"),
            Self::Expires => syntax.has_times.then_some("expires"),
            Self::Nonce => syntax.nonce,
        }
    }
}

/// The parameters after the scheme's word. No value has been interpreted.
#[derive(Default)]
struct Parameters<'h> {
    key_id: Option<&'h str>,
    algorithm: Option<&'h str>,
    headers: Option<&'h str>,
    signature: Option<&'h str>,
    times: Times<&'h str>,
    nonce: Option<&'h str>,
}

impl<'h> Parameters<'h> {
    /// Reads the parameters in `rest`, which is the end of `text`. Errors have positions in `text`.
    /// `key_id` is the name of the key id's parameter.
    fn read(
        syntax: &CredentialsSyntax,
        key_id: &'static str,
        text: &str,
        mut rest: &'h str,
    ) -> Result<Self, CredentialsError> {
        let mut parameters = Self::default();
        let mut order = Known::IN_ORDER.into_iter();
        let mut unknown = Unknown::new();
        while !rest.is_empty() {
            let not_a_parameter = || CredentialsError::NotAParameter {
                position: text.len() - rest.len(),
            };
            let Parameter {
                known,
                name,
                value,
                rest: after,
            } = Parameter::split(syntax, key_id, rest).ok_or_else(not_a_parameter)?;
            if value.len() > MAX_PARAMETER_LEN {
                let name = Excerpt::new(name);
                return Err(CredentialsError::ParameterTooLong { name });
            }
            match known {
                None if !is_field_name(name) => return Err(not_a_parameter()),
                None => check_unknown(syntax, key_id, name, &mut unknown)?,
                Some(known) if parameters.slot(known).replace(value).is_some() => {
                    let name = Excerpt::new(name);
                    return Err(CredentialsError::RepeatedParameter { name });
                }
                Some(known)
                    if syntax.is_ordered
                        && Known::IN_ORDER.contains(&known)
                        && order.next() != Some(known) =>
                {
                    let name = Excerpt::new(name);
                    return Err(CredentialsError::OutOfOrder { name });
                }
                Some(_) => {}
            }
            rest = after;
        }
        Ok(parameters)
    }

    fn slot(&mut self, known: Known) -> &mut Option<&'h str> {
        match known {
            Known::KeyId => &mut self.key_id,
            Known::Algorithm => &mut self.algorithm,
            Known::Headers => &mut self.headers,
            Known::Signature => &mut self.signature,
            Known::Created => &mut self.times.created,
            Known::Expires => &mut self.times.expires,
            Known::Nonce => &mut self.nonce,
        }
    }
}

/// The names of the unknown parameters that are ignored.
type Unknown<'h> = ArrayVec<&'h str, MAX_UNKNOWN_PARAMETERS>;

/// Refuses an unknown parameter, unless the scheme ignores it.
///
/// A parameter is refused in every scheme if its name is a known one in another case, or that of
/// another scheme's key id. A reader that ignores case, or that accepts the other scheme, would use
/// its value, so the request could mean two things.
#[cold]
fn check_unknown<'h>(
    syntax: &CredentialsSyntax,
    key_id: &'static str,
    name: &'h str,
    unknown: &mut Unknown<'h>,
) -> Result<(), CredentialsError> {
    let excerpt = || Excerpt::new(name);
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let mut known = Known::ALL
        .into_iter()
        .filter_map(|known| known.name(syntax, key_id));
    let is_key_id = (syntax.is_key_id)(name);
    if !syntax.ignores_unknown || is_key_id || known.any(is) {
        return Err(CredentialsError::UnknownParameter {
            name: excerpt(),
            is_key_id,
            key_id_parameter: key_id,
        });
    }
    if unknown.iter().any(|other| is(other)) {
        return Err(CredentialsError::RepeatedParameter { name: excerpt() });
    }
    unknown
        .try_push(name)
        .map_err(|_full| CredentialsError::TooManyParameters)
}

/// One parameter, and the text after it.
struct Parameter<'h> {
    /// Which one it is, or `None` if the scheme does not have it.
    known: Option<Known>,
    name: &'h str,
    value: &'h str,
    rest: &'h str,
}

impl<'h> Parameter<'h> {
    /// Splits the text after the first parameter and its comma. Another parameter must follow a
    /// comma.
    fn split(syntax: &CredentialsSyntax, key_id: &'static str, text: &'h str) -> Option<Self> {
        let (name, rest) = split_at_byte(text, b'=')?;
        let mut all = Known::ALL.into_iter();
        let known = all.find(|known| known.name(syntax, key_id) == Some(name));
        let (value, rest) = split_value(syntax, known, rest)?;
        let rest = match (rest, syntax.is_ordered) {
            ("", _) => rest,
            // Kong's regular expression (`",\s*`) accepts any whitespace after a comma, but none
            // before.
            (rest, true) => after_comma(rest)?,
            (rest, false) => after_comma(rest.trim_start_matches(WHITESPACE))?,
        };
        Some(Self {
            known,
            name,
            value,
            rest,
        })
    }
}

/// Splits the text after a parameter's value. Values are quoted, except times, and unknown
/// parameters that are ignored need not be.
fn split_value<'h>(
    syntax: &CredentialsSyntax,
    known: Option<Known>,
    text: &'h str,
) -> Option<(&'h str, &'h str)> {
    let quoted = || split_at_byte(text.strip_prefix('"')?, b'"');
    let unquoted =
        |is_end: fn(char) -> bool| text.split_at_checked(text.find(is_end).unwrap_or(text.len()));
    match known {
        Some(Known::Created | Known::Expires) => {
            let (value, rest) = match syntax.quotes_times && text.starts_with('"') {
                true => quoted()?,
                false => unquoted(|c| !c.is_ascii_digit())?,
            };
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then_some((value, rest))
        }
        None if syntax.ignores_unknown && !text.starts_with('"') => {
            unquoted(|c| matches!(c, ',' | ' ' | '\t')).filter(|(token, _)| is_field_name(token))
        }
        _ => quoted(),
    }
}

/// Returns the text after a comma and whitespace, or `None` if there is no comma or no text.
fn after_comma(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(',')?.trim_start_matches(WHITESPACE);
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http::header;

    use super::{
        super::{Carrier, SignatureEncoding},
        *,
    };

    /// The grammar of Kong's plugin: four parameters in one order.
    const ORDERED: CredentialsSyntax = CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Parameters,
        auth_scheme: "hmac",
        auth_scheme_spellings: &["hmac", "Hmac"],
        key_id: "username",
        other_form: None,
        separator: ", ",
        is_ordered: true,
        ignores_unknown: false,
        is_key_id: |name| name.eq_ignore_ascii_case("keyId"),
        has_times: false,
        quotes_times: false,
        has_hs2019: false,
        implied_list: None,
        signature: SignatureEncoding::Base64,
        nonce: None,
    };

    /// The grammar of draft-cavage-http-signatures-12, section 2.1.
    const DRAFT: CredentialsSyntax = CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Parameters,
        auth_scheme: "Signature",
        auth_scheme_spellings: &[],
        key_id: "keyId",
        other_form: None,
        separator: ",",
        is_ordered: false,
        ignores_unknown: true,
        is_key_id: |name| name.eq_ignore_ascii_case("username"),
        has_times: true,
        quotes_times: false,
        has_hs2019: true,
        implied_list: None,
        signature: SignatureEncoding::Base64,
        nonce: None,
    };

    fn read<'h>(
        syntax: &CredentialsSyntax,
        text: &'h str,
    ) -> Result<Parameters<'h>, CredentialsError> {
        Parameters::read(syntax, syntax.key_id, text, text)
    }

    #[test]
    fn parameters_are_split_at_commas_outside_quotes() {
        let text =
            r#"username="a,b=c",algorithm="hmac-sha256", headers="date host",	signature="S=""#;
        let parameters = read(&ORDERED, text).unwrap();
        assert_eq!(parameters.key_id, Some("a,b=c"));
        assert_eq!(parameters.algorithm, Some("hmac-sha256"));
        assert_eq!(parameters.headers, Some("date host"));
        assert_eq!(parameters.signature, Some("S="));
    }

    /// Source: the example of draft-cavage-http-signatures-12, section 2.1, with times that are not
    /// quoted.
    #[test]
    fn the_draft_has_any_order_and_times_without_quotes() {
        let text =
            r#"signature="S", created=1402170695 ,expires=1402170699,note=x,keyId="rsa-key-1""#;
        let parameters = read(&DRAFT, text).unwrap();
        assert_eq!(parameters.key_id, Some("rsa-key-1"));
        assert_eq!((parameters.algorithm, parameters.headers), (None, None));
        assert_eq!(parameters.signature, Some("S"));
        assert_eq!(parameters.times.created, Some("1402170695"));
        assert_eq!(parameters.times.expires, Some("1402170699"));
        let quoted = read(&DRAFT, r#"created="1402170695""#).err();
        assert_eq!(
            quoted,
            Some(CredentialsError::NotAParameter { position: 0 })
        );
    }

    #[test]
    fn an_error_tells_where_the_text_stops_being_parameters() {
        for (text, position) in [
            (r#"username"a""#, 0),
            (r#"username="a"#, 0),
            (r#"username="a","#, 0),
            (r#"username="a" ,algorithm="b""#, 0),
            (r#"username="a", algorithm=b"#, 14),
        ] {
            let error = read(&ORDERED, text).err();
            assert_eq!(
                error,
                Some(CredentialsError::NotAParameter { position }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_parameter_that_could_mean_two_things_is_refused() {
        let name = |name| Excerpt::new(name);
        let repeated = read(&DRAFT, r#"keyId="a",keyId="b""#).err();
        let error = CredentialsError::RepeatedParameter {
            name: name("keyId"),
        };
        assert_eq!(repeated, Some(error));
        let moved = read(&ORDERED, r#"algorithm="b",username="a""#).err();
        let error = CredentialsError::OutOfOrder {
            name: name("algorithm"),
        };
        assert_eq!(moved, Some(error));
        for (other, is_key_id) in [("KEYID", false), ("Created", false), ("username", true)] {
            let text = format!("{other}=\"a\"");
            let name = name(other);
            let error = CredentialsError::UnknownParameter {
                name,
                is_key_id,
                key_id_parameter: "keyId",
            };
            assert_eq!(read(&DRAFT, &text).err(), Some(error), "{text}");
        }
    }
}
