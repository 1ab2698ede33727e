//! Reads credentials: the parameters of `Authorization` or of another header, a JSON object there,
//! or parameters in the target's query. `encoder` writes the parameters.

mod encoder;
mod escape;
pub(crate) mod json;
pub(crate) mod query;
mod signature;

use arrayvec::ArrayVec;
use http::{HeaderName, HeaderValue, header};

pub(crate) use self::{
    encoder::{Encoder, Template},
    signature::{Signature, SignatureEncoding},
};
use self::{json::JsonCredentials, query::QueryCredentials};
use crate::{
    Algorithm, Rejection, RequestHead,
    header::{DateHeader, Repeated, is_field_name, single_value, trim},
    limits::{MAX_PARAMETER_LEN, MAX_UNKNOWN_PARAMETERS},
    rejection::{CredentialsError, Excerpt},
    wire::{authority::names_another_host, split::split_at_byte},
};

/// The whitespace that a [`HeaderValue`] can contain: it has no control characters except tabs.
const WHITESPACE: [char; 2] = [' ', '\t'];

/// The algorithm's name in a request if the key determines the algorithm
/// (draft-cavage-http-signatures-12, section 2.1.3).
pub(crate) const HS2019: &str = "hs2019";

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
    /// Another form that is accepted: its word and the name of the key id's parameter.
    pub(crate) other_form: Option<(&'static str, &'static str)>,
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
    /// Whether there is the algorithm's name [`HS2019`]. Times are then signed only with it.
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
    /// Returns whether times can be signed. `is_hs2019` says whether the algorithm's name is
    /// [`HS2019`].
    pub(crate) fn allows_times(&self, is_hs2019: bool) -> bool {
        self.has_times && (is_hs2019 || !self.has_hs2019)
    }
}

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

impl CredentialsSyntax {
    /// Returns whether an `Authorization` begins as those of this scheme do.
    pub(crate) fn wrote(&self, authorization: &HeaderValue) -> bool {
        let value = trim(authorization.as_bytes());
        match self.carrier {
            Carrier::Parameters | Carrier::ParametersOrQuery => self.form(value).is_some(),
            Carrier::Json(_) => value.starts_with(b"{"),
        }
    }

    /// Returns how far a request's credentials have the form of this scheme's. They may be invalid.
    pub(crate) fn fit(&self, head: &RequestHead<'_>) -> Fit {
        let authorization = head.headers().get(self.header);
        let form = authorization.and_then(|value| {
            let form = self.form(trim(value.as_bytes()))?;
            Some((value, form))
        });
        match (self.carrier, form) {
            (Carrier::Parameters | Carrier::ParametersOrQuery, Some((value, form)))
                if !names_parameter(value, form.key_id) =>
            {
                Fit::Word
            }
            _ if self.signed(head) => Fit::Full,
            _ => Fit::None,
        }
    }

    /// Returns whether some credentials have the form of both schemes.
    pub(crate) fn is_same_form(&self, other: &Self) -> bool {
        let in_query = |syntax: &Self| syntax.carrier == Carrier::ParametersOrQuery;
        if in_query(self) && in_query(other) {
            return true;
        }
        if self.header != other.header {
            return false;
        }
        let forms = |syntax: &Self| {
            let first = (syntax.auth_scheme, syntax.key_id);
            std::iter::once(first).chain(syntax.other_form)
        };
        let is_same = |one: (&str, &str), other: (&str, &str)| {
            one.0.eq_ignore_ascii_case(other.0) && one.1.eq_ignore_ascii_case(other.1)
        };
        match (self.carrier, other.carrier) {
            (Carrier::Json(_), Carrier::Json(_)) => true,
            (Carrier::Json(_), _) | (_, Carrier::Json(_)) => false,
            _ => forms(self).any(|one| forms(other).any(|other| is_same(one, other))),
        }
    }

    /// Returns whether a request has credentials of this scheme.
    pub(crate) fn signed(&self, head: &RequestHead<'_>) -> bool {
        let authorization = head.headers().get(self.header);
        let in_query = || {
            self.carrier == Carrier::ParametersOrQuery
                && matches!(QueryCredentials::find(self, head.uri()), Ok(Some(_)))
        };
        authorization.is_some_and(|value| self.wrote(value)) || in_query()
    }

    /// Returns how this text begins, or `None` if it is of another scheme.
    fn form(&self, text: &[u8]) -> Option<Form> {
        let begins = match self.auth_scheme {
            "" => {
                let rest = text.strip_prefix(self.key_id.as_bytes());
                rest.is_some_and(|rest| rest.starts_with(b"="))
            }
            word => begins_with_word(text, word),
        };
        let form = |word: &str, key_id| Form {
            word_len: word.len(),
            key_id,
        };
        if begins {
            return Some(form(self.auth_scheme, self.key_id));
        }
        let (other, key_id) = self.other_form?;
        begins_with_word(text, other).then(|| form(other, key_id))
    }
}

/// How far credentials have the form of a scheme's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// There are none, or they are of another scheme.
    None,
    /// They begin with the scheme's word.
    Word,
    /// They also have the scheme's parameter for the key id.
    Full,
}

/// Returns whether a parameter has this name, in any case. What is between quotes is no name.
fn names_parameter(value: &HeaderValue, name: &str) -> bool {
    let unquoted = value.as_bytes().split(|byte| *byte == b'"').step_by(2);
    let mut before_equals = unquoted.flat_map(|part| part.split(|byte| *byte == b'='));
    before_equals.any(|part| {
        let mut words = trim(part).rsplit(|byte| matches!(byte, b' ' | b'\t' | b','));
        let word = words.next().unwrap_or_default();
        word.eq_ignore_ascii_case(name.as_bytes())
    })
}

/// How the text of credentials begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// The length of the scheme's word.
    word_len: usize,
    /// The name of the key id's parameter.
    key_id: &'static str,
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
            let word = text.get(..form.word_len);
            spellings.is_empty() || spellings.iter().any(|other| Some(other.as_bytes()) == word)
        };
        match syntax.form(text).filter(is_spelled_so) {
            Some(form) => Ok(Self::Parameters(text, form)),
            None => Err(CredentialsError::OtherScheme.into()),
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
            (Carrier::Json(_), Some(value)) if !syntax.wrote(value) => {
                Err(CredentialsError::OtherScheme.into())
            }
            (Carrier::Json(implied), Some(value)) => {
                let text = ascii_text(trim(value.as_bytes()))?;
                let credentials = JsonCredentials::read(syntax, implied, text)?;
                Ok(Some(Self::Json(credentials)))
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

/// Returns whether a text begins with this word, in any case.
///
/// The word ends at a space or a tab, because Kong's and APISIX's plugins accept any whitespace
/// there.
fn begins_with_word(text: &[u8], word: &str) -> bool {
    text.split_at_checked(word.len())
        .is_some_and(|(begin, rest)| {
            begin.eq_ignore_ascii_case(word.as_bytes())
                && matches!(rest.first(), None | Some(b' ' | b'\t'))
        })
}

/// Returns whether a text has printable ASCII only, as the value of a header that is read has.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Returns the bytes as text.
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
            let mut authorization = Authorization::default();
            authorization.read(syntax, text, form)?;
            Ok(read(&authorization, None))
        }
        RawCredentials::Decoded(decoded) => Ok(read(
            &decoded.authorization(syntax)?,
            Some(decoded.carried()),
        )),
    }
}

impl<'h> Authorization<'h> {
    /// Reads the parameters.
    ///
    /// Their order does not matter (RFC 9110, section 11.2), because each is found by its name and
    /// a repeated one is refused. Only Kong's scheme requires an order. The scheme decides whether
    /// unknown parameters are ignored or refused. Values are quoted and have no escapes; times are
    /// not quoted.
    pub(crate) fn read(
        &mut self,
        syntax: &CredentialsSyntax,
        text: &'h [u8],
        form: Form,
    ) -> Result<(), Rejection> {
        self.read_text(syntax, ascii_text(text)?, form)
    }

    /// [`read`](Self::read) for a text that is known to be ASCII.
    fn read_text(
        &mut self,
        syntax: &CredentialsSyntax,
        text: &'h str,
        Form { word_len, key_id }: Form,
    ) -> Result<(), Rejection> {
        let rest = text.get(word_len..).unwrap_or_default();
        let rest = rest.trim_start_matches(WHITESPACE);
        let parameters = Parameters::read(syntax, key_id, text, rest)?;

        let [key_id, algorithm, headers, signature] = parameters.values;
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
            nonce: parameters.nonce,
        };
        match syntax.nonce {
            Some(parameter) if self.nonce.is_none_or(str::is_empty) => missing_nonce(parameter),
            _ => Ok(()),
        }
    }

    /// Returns whether the key determines the algorithm.
    pub(crate) fn is_hs2019(&self) -> bool {
        matches!(self.algorithm, None | Some(HS2019))
    }
}

#[cold]
fn missing_nonce(parameter: &'static str) -> Result<(), Rejection> {
    Err(Rejection::ParameterMissing { parameter })
}

/// The parameters after the scheme's word. No value has been interpreted.
#[derive(Default)]
struct Parameters<'h> {
    /// The key id, the algorithm, the list and the signature.
    values: [Option<&'h str>; 4],
    times: Times<&'h str>,
    nonce: Option<&'h str>,
}

/// One parameter, and the text after it.
struct Parameter<'h> {
    /// Its position in [`Parameters::values`], or `None` if it is not one of those.
    place: Option<usize>,
    name: &'h str,
    value: &'h str,
    rest: &'h str,
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
        // In the order in which signers send them.
        let names = [key_id, "algorithm", "headers", "signature"];
        let mut expected = 0;
        let mut unknown = Unknown::new();
        while !rest.is_empty() {
            let not_a_parameter = || CredentialsError::NotAParameter {
                position: text.len() - rest.len(),
            };
            let Some(Parameter {
                place,
                name,
                value,
                rest: after,
            }) = split_parameter(syntax, &names, expected, rest)
            else {
                return Err(not_a_parameter());
            };
            if value.len() > MAX_PARAMETER_LEN {
                return Err(CredentialsError::ParameterTooLong {
                    name: Excerpt::new(name),
                });
            }
            let Some(slot) = parameters.slot(syntax, place, name) else {
                if !is_field_name(name) {
                    return Err(not_a_parameter());
                }
                check_unknown(syntax, &names, name, &mut unknown)?;
                rest = after;
                continue;
            };
            if slot.replace(value).is_some() {
                return Err(CredentialsError::RepeatedParameter {
                    name: Excerpt::new(name),
                });
            }
            if syntax.is_ordered && place.is_some_and(|place| place != expected) {
                return Err(CredentialsError::OutOfOrder {
                    name: Excerpt::new(name),
                });
            }
            expected = place.map_or(expected, |place| place + 1);
            rest = after;
        }
        Ok(parameters)
    }

    /// Returns the place for a parameter's value, or `None` if the parameter is unknown.
    fn slot(
        &mut self,
        syntax: &CredentialsSyntax,
        place: Option<usize>,
        name: &str,
    ) -> Option<&mut Option<&'h str>> {
        match (place, name) {
            (Some(place), _) => self.values.get_mut(place),
            (None, "created") if syntax.has_times => Some(&mut self.times.created),
            (None, "expires") if syntax.has_times => Some(&mut self.times.expires),
            (None, name) if syntax.nonce == Some(name) => Some(&mut self.nonce),
            _ => None,
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
    names: &[&str],
    name: &'h str,
    unknown: &mut Unknown<'h>,
) -> Result<(), CredentialsError> {
    let excerpt = || Excerpt::new(name);
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let looks_known = names.iter().any(|known| is(known))
        || syntax.has_times && (is("created") || is("expires"))
        || syntax.nonce.is_some_and(is);
    let is_key_id = (syntax.is_key_id)(name);
    if !syntax.ignores_unknown || looks_known || is_key_id {
        let name = excerpt();
        return Err(CredentialsError::UnknownParameter { name, is_key_id });
    }
    if unknown.iter().any(|other| is(other)) {
        return Err(CredentialsError::RepeatedParameter { name: excerpt() });
    }
    unknown
        .try_push(name)
        .map_err(|_full| CredentialsError::TooManyParameters)
}

/// Splits the text after the first `name="value"` and its comma. Another parameter must follow a
/// comma. Times are not quoted, and unknown parameters that are ignored need not be.
///
/// `expected` is the position in `names` of the parameter that signers send next.
fn split_parameter<'h>(
    syntax: &CredentialsSyntax,
    names: &[&'static str],
    expected: usize,
    text: &'h str,
) -> Option<Parameter<'h>> {
    // Most clients send the parameters in that order. Comparing with one name is faster than the
    // search for `=` and for the name below.
    let is_expected =
        |name: &&'static str| Some((*name, text.strip_prefix(*name)?.strip_prefix('=')?));
    let (place, name, rest) = match names.get(expected).and_then(is_expected) {
        Some((name, rest)) => (Some(expected), name, rest),
        None => {
            let (name, rest) = split_at_byte(text, b'=')?;
            (names.iter().position(|other| *other == name), name, rest)
        }
    };
    let is_time = place.is_none() && syntax.has_times && matches!(name, "created" | "expires");
    let is_quoted_time = is_time && syntax.quotes_times && rest.starts_with('"');
    let (value, rest) = if is_quoted_time {
        let (value, rest) = split_at_byte(rest.strip_prefix('"')?, b'"')?;
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some((value, rest))?
    } else if is_time {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest.split_at_checked(end)
            .filter(|(digits, _)| !digits.is_empty())?
    } else if place.is_none()
        && syntax.ignores_unknown
        && syntax.nonce != Some(name)
        && !rest.starts_with('"')
    {
        let end = rest.find([',', ' ', '\t']).unwrap_or(rest.len());
        rest.split_at_checked(end)
            .filter(|(token, _)| is_field_name(token))?
    } else {
        split_at_byte(rest.strip_prefix('"')?, b'"')?
    };
    let rest = match (rest, syntax.is_ordered) {
        ("", _) => rest,
        // Kong's regular expression (`",\s*`) accepts any whitespace after a comma, but none
        // before.
        (rest, true) => after_comma(rest)?,
        (rest, false) => after_comma(rest.trim_start_matches(WHITESPACE))?,
    };
    Some(Parameter {
        place,
        name,
        value,
        rest,
    })
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
        let values = [
            Some("a,b=c"),
            Some("hmac-sha256"),
            Some("date host"),
            Some("S="),
        ];
        assert_eq!(read(&ORDERED, text).unwrap().values, values);
    }

    /// Source: the example of draft-cavage-http-signatures-12, section 2.1, with times that are not
    /// quoted.
    #[test]
    fn the_draft_has_any_order_and_times_without_quotes() {
        let text =
            r#"signature="S", created=1402170695 ,expires=1402170699,note=x,keyId="rsa-key-1""#;
        let parameters = read(&DRAFT, text).unwrap();
        assert_eq!(
            parameters.values,
            [Some("rsa-key-1"), None, None, Some("S")]
        );
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
            let error = CredentialsError::UnknownParameter { name, is_key_id };
            assert_eq!(read(&DRAFT, &text).err(), Some(error), "{text}");
        }
    }
}
