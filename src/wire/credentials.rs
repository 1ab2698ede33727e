//! How credentials travel: in `Authorization` or another header, as parameters or a JSON object, or
//! in the target's query. Finds them, and reads those that are parameters.

mod encoder;
mod escape;
pub(crate) mod json;
pub(crate) mod query;
mod recognition;
mod signature;

use std::iter;

use arrayvec::ArrayVec;
use http::{HeaderName, HeaderValue, header};

pub(crate) use self::{
    encoder::{Encoder, Template},
    recognition::Fit,
    signature::{Signature, SignatureEncoding},
};
use self::{json::JsonCredentials, query::QueryCredentials};
use crate::{
    Algorithm, Rejection, RequestHead,
    header::{DateHeader, Repeated, is_field_name, single_value, trim},
    limits::{MAX_PARAMETER_LEN, MAX_UNKNOWN_PARAMETERS},
    mac::HS2019,
    rejection::{CredentialsError, Excerpt},
    wire::{authority::names_another_host, split::split_at_byte},
};

/// How credentials travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// As parameters after a scheme's word, in a header.
    Parameters,
    /// As the members of a JSON object in a header: the key id, the date and the signature.
    Json(ImpliedParameters),
    /// As [`Parameters`](Self::Parameters), or the same text as base64 in the target's query, with
    /// the signed date and host as further parameters there.
    ParametersOrQuery,
}

/// The parameters that a JSON object does not have. Both sides know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ImpliedParameters {
    /// The one name in the list, a date header's. It is also the name of the date's member.
    pub(crate) list: &'static str,
    /// The algorithm.
    pub(crate) algorithm: Algorithm,
}

/// How a scheme writes credentials, and what it accepts.
#[derive(Debug, Clone)]
pub(crate) struct CredentialsSyntax {
    /// The header that is used: `Authorization` with every preset.
    pub(crate) header: &'static HeaderName,
    /// How the credentials travel.
    pub(crate) carrier: Carrier,
    /// The word that the value begins with, as it is sent. If it is empty, the value begins with
    /// the key id's parameter.
    pub(crate) auth_scheme: &'static str,
    /// The spellings of that word that are accepted. If there are none, every case is accepted (RFC
    /// 9110, section 11.1).
    pub(crate) auth_scheme_spellings: &'static [&'static str],
    /// The name of the parameter that carries the key id.
    pub(crate) key_id: &'static str,
    /// Another form that is accepted.
    pub(crate) other_form: Option<Form>,
    /// What is sent between two parameters.
    pub(crate) separator: &'static str,
    /// Whether parameters are accepted only in the order in which signers send them.
    pub(crate) is_ordered: bool,
    /// Whether unknown parameters are ignored (draft-cavage-http-signatures-12, section 2.2) or
    /// refused.
    pub(crate) ignores_unknown: bool,
    /// Returns whether any gateway's parameter for the key id has this name, in any case. Such a
    /// parameter is never ignored.
    pub(crate) is_key_id: fn(&str) -> bool,
    /// Whether there are parameters `created` and `expires`.
    pub(crate) has_times: bool,
    /// Whether these two are sent in quotes. Readers then accept them with and without.
    pub(crate) quotes_times: bool,
    /// Whether there is the algorithm's name `hs2019`. Times are then signed only with it.
    pub(crate) has_hs2019: bool,
    /// The lists that are signed if `headers` is missing: with `hs2019`, and with other algorithms.
    pub(crate) implied_list: Option<[&'static str; 2]>,
    /// How the signature is written.
    pub(crate) signature: SignatureEncoding,
    /// The parameter that carries a nonce, if there is one. It comes last, and is signed in a last
    /// line of the same name, which the list does not name.
    pub(crate) nonce: Option<&'static str>,
}

impl CredentialsSyntax {
    /// Returns the forms that are accepted, the one that is sent first.
    fn forms(&self) -> impl Iterator<Item = Form> {
        let sent = Form {
            auth_scheme: self.auth_scheme,
            key_id: self.key_id,
        };
        iter::once(sent).chain(self.other_form)
    }

    /// Returns the form of this text, or `None` if it is of another scheme.
    pub(super) fn form(&self, text: &[u8]) -> Option<Form> {
        self.forms().find(|form| form.begins(text))
    }

    /// Returns the error for credentials of another scheme.
    pub(super) fn other_scheme(&self) -> CredentialsError {
        let expected = match (self.carrier, self.auth_scheme) {
            (Carrier::Json(_), _) => "{",
            (_, "") => self.key_id,
            (_, word) => word,
        };
        CredentialsError::OtherScheme { expected }
    }

    /// Returns whether times can be signed. `is_hs2019` says whether the algorithm's name is
    /// `hs2019`.
    pub(crate) fn allows_times(&self, is_hs2019: bool) -> bool {
        self.has_times && (is_hs2019 || !self.has_hs2019)
    }
}

/// A form of credentials that are parameters: how their text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// The scheme's word. If it is empty, the text begins with the key id's parameter.
    pub(crate) auth_scheme: &'static str,
    /// The name of the key id's parameter.
    pub(crate) key_id: &'static str,
}

impl Form {
    /// Returns whether a text begins so. The case of the word does not matter.
    fn begins(self, text: &[u8]) -> bool {
        if self.auth_scheme.is_empty() {
            let rest = text.strip_prefix(self.key_id.as_bytes());
            return rest.is_some_and(|rest| rest.starts_with(b"="));
        }
        // The word ends at a space or a tab, because Kong's and APISIX's plugins accept any
        // whitespace there.
        let split = text.split_at_checked(self.auth_scheme.len());
        split.is_some_and(|(word, rest)| {
            word.eq_ignore_ascii_case(self.auth_scheme.as_bytes())
                && matches!(rest.first(), None | Some(b' ' | b'\t'))
        })
    }

    /// Returns whether some text has both forms.
    fn overlaps(self, other: Self) -> bool {
        self.auth_scheme.eq_ignore_ascii_case(other.auth_scheme)
            && self.key_id.eq_ignore_ascii_case(other.key_id)
    }
}

/// The credentials of a request, of which nothing is read but that they are of this scheme.
#[derive(Debug)]
pub(crate) enum RawCredentials<'h> {
    /// The value of the one `Authorization`, without whitespace around it. It begins with the
    /// scheme's word.
    Parameters(&'h [u8], Form),
    /// Credentials whose text is not part of the request. They are boxed, because no other scheme
    /// should have to move them.
    Decoded(Box<DecodedCredentials>),
}

impl<'h> RawCredentials<'h> {
    /// Returns the request's credentials. Refuses an `Authorization` that is missing, repeated or
    /// of another scheme.
    pub(crate) fn find(
        syntax: &CredentialsSyntax,
        head: &RequestHead<'h>,
    ) -> Result<Self, Rejection> {
        let value = single_value(head.headers(), syntax.header)
            .map_err(|Repeated| Rejection::repeated(syntax.header.as_str()))?;
        if syntax.carrier != Carrier::Parameters
            && let Some(decoded) = DecodedCredentials::find(syntax, head, value)?
        {
            return Ok(Self::Decoded(Box::new(decoded)));
        }
        let Some(value) = value else {
            return Err(Rejection::AuthorizationMissing);
        };
        let text = trim(value.as_bytes());
        let is_spelled_so = |form: &Form| {
            let spellings = syntax.auth_scheme_spellings;
            let word = text.get(..form.auth_scheme.len());
            spellings.is_empty() || spellings.iter().any(|other| Some(other.as_bytes()) == word)
        };
        match syntax.form(text).filter(is_spelled_so) {
            Some(form) => Ok(Self::Parameters(text, form)),
            None => Err(syntax.other_scheme().into()),
        }
    }
}

/// Credentials whose text is not part of the request, because it is escaped there.
#[derive(Debug)]
pub(crate) enum DecodedCredentials {
    Json(JsonCredentials),
    Query(QueryCredentials),
}

impl DecodedCredentials {
    /// Returns the request's credentials, or `None` if they are parameters in `Authorization`, or
    /// if there are none.
    #[cold]
    fn find(
        syntax: &CredentialsSyntax,
        head: &RequestHead<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Option<Self>, Rejection> {
        match (syntax.carrier, authorization) {
            (Carrier::Parameters, _) | (Carrier::Json(_), None) => Ok(None),
            (Carrier::Json(_), Some(value)) if !syntax.recognizes(value) => {
                Err(syntax.other_scheme().into())
            }
            (Carrier::Json(implied), Some(value)) => {
                let text = ascii_text(trim(value.as_bytes()))?;
                let credentials = JsonCredentials::read(syntax, implied, text)?;
                Ok(Some(Self::Json(credentials)))
            }
            // A parameter of that name that is the application's is not signed, and neither is the
            // rest of the query. So anyone can add one, and it must not count.
            (Carrier::ParametersOrQuery, Some(value))
                if syntax.recognizes(value) && !query::has_credentials(syntax, head.uri()) =>
            {
                Ok(None)
            }
            (Carrier::ParametersOrQuery, authorization) => {
                let credentials = QueryCredentials::find(syntax, head.uri())?;
                match authorization {
                    Some(_) if credentials.is_some() => {
                        Err(Rejection::repeated(syntax.header.as_str()))
                    }
                    _ => Ok(credentials.map(Self::Query)),
                }
            }
        }
    }

    pub(crate) fn authorization(
        &self,
        syntax: &CredentialsSyntax,
    ) -> Result<Authorization<'_>, Rejection> {
        match self {
            Self::Json(credentials) => Ok(credentials.authorization()),
            Self::Query(credentials) => credentials.authorization(syntax),
        }
    }

    /// Returns what travels with the credentials instead of in a header.
    pub(crate) fn carried(&self) -> CarriedValues<'_> {
        match self {
            Self::Json(credentials) => credentials.carried(),
            Self::Query(credentials) => credentials.carried(),
        }
    }
}

/// The values of signed headers that travel with the credentials.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarriedValues<'c> {
    pub(crate) date: Option<(DateHeader, &'c str)>,
    pub(crate) host: Option<&'c str>,
}

impl<'c> CarriedValues<'c> {
    /// Returns the value of this date header.
    pub(crate) fn date(&self, header: DateHeader) -> Option<&'c str> {
        let (carried, date) = self.date?;
        (carried == header).then_some(date)
    }

    /// Returns the value of the header of this name, other than a date header.
    pub(crate) fn header(&self, name: &str) -> Option<&'c str> {
        self.host
            .filter(|_| name.eq_ignore_ascii_case(header::HOST.as_str()))
    }

    /// Refuses a request whose header says something else than the value that is signed. A handler
    /// that reads the header would see what nobody signed.
    pub(crate) fn check_headers(&self, head: &RequestHead<'_>) -> Result<(), Rejection> {
        if self.host.is_some_and(|host| names_another_host(head, host)) {
            return Err(Rejection::HostMismatch);
        }
        let Some((header, date)) = self.date else {
            return Ok(());
        };
        let mut sent = head.headers().get_all(header.name()).iter();
        match sent.all(|sent| trim(sent.as_bytes()) == date.as_bytes()) {
            true => Ok(()),
            false => Err(Rejection::repeated(header.name().as_str())),
        }
    }
}

/// Returns whether a text has printable ASCII only, as the value of a header that is read has.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Returns the bytes of a header's value as text. Such a value has no control characters but tabs.
fn ascii_text(bytes: &[u8]) -> Result<&str, CredentialsError> {
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Ok(text),
        _ => Err(CredentialsError::NotAscii),
    }
}

/// Reads a request's credentials, and calls `read` with their parameters and with the values that
/// travel with them.
pub(crate) fn with_parameters<T>(
    syntax: &CredentialsSyntax,
    head: &RequestHead<'_>,
    read: impl FnOnce(&Authorization<'_>, Option<CarriedValues<'_>>) -> T,
) -> Result<T, Rejection> {
    match RawCredentials::find(syntax, head)? {
        RawCredentials::Parameters(text, form) => {
            Ok(read(&Authorization::read(syntax, text, form)?, None))
        }
        RawCredentials::Decoded(decoded) => Ok(read(
            &decoded.authorization(syntax)?,
            Some(decoded.carried()),
        )),
    }
}

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

    use super::*;

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
