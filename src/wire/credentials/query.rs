//! Credentials that travel in the query of the request's target.
//!
//! The parameter `authorization` is the base64 of what `Authorization` would contain. The date and
//! the host are parameters too, because WebSocket clients in browsers cannot set headers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Uri, uri::PathAndQuery};
use percent_encoding::percent_decode_str;

use super::{
    Authorization, CarriedValues, CredentialsSyntax, Form, escape::write_escaped, is_printable,
    signature::base64_len,
};
use crate::{
    Rejection,
    header::DateHeader,
    rejection::CredentialsError,
    wire::{split::split_at_byte, target::set_path_and_query},
};

/// The names of the parameters, in the order in which they are sent.
const NAMES: [&str; 3] = ["authorization", "date", "host"];

/// How many bytes are encoded at a time. A multiple of 3, so that only the last part is padded.
const BASE64_PART: usize = 192;

/// Room for the names of the parameters and for escaped padding.
const ROOM: usize = 48;

/// The credentials, decoded. Each text is printable ASCII.
#[derive(Debug, Clone)]
pub(crate) struct QueryCredentials {
    authorization: String,
    form: Form,
    date: Option<String>,
    host: Option<String>,
}

impl QueryCredentials {
    /// Returns the credentials in the target's query, or `None` if it has no parameter
    /// `authorization`. Parameters `date` and `host` are then the application's.
    pub(super) fn find(
        syntax: &CredentialsSyntax,
        target: &Uri,
    ) -> Result<Option<Self>, Rejection> {
        let [authorization, date, host] = FoundParameter::find(target);
        let Some(encoded) = authorization.value()? else {
            return Ok(None);
        };
        let (authorization, form) = decoded(syntax, encoded)?;
        Ok(Some(Self {
            authorization,
            form,
            date: date.text()?,
            host: host.text()?,
        }))
    }

    pub(super) fn authorization(
        &self,
        syntax: &CredentialsSyntax,
    ) -> Result<Authorization<'_>, Rejection> {
        Authorization::read_text(syntax, &self.authorization, self.form)
    }

    pub(super) fn carried(&self) -> CarriedValues<'_> {
        let date = self.date.as_deref();
        CarriedValues {
            date: date.map(|date| (DateHeader::Date, date)),
            host: self.host.as_deref(),
        }
    }
}

/// Returns whether a parameter `authorization` of the query begins as this scheme's credentials do.
/// The rest may be invalid or repeated. Any other parameter of that name is the application's.
pub(crate) fn has_credentials(syntax: &CredentialsSyntax, target: &Uri) -> bool {
    let [name, ..] = NAMES;
    parameters(target.query())
        .any(|parameter| parameter.is_named(name) && decoded(syntax, parameter.value).is_ok())
}

/// Returns the text of a parameter `authorization`, and its form.
fn decoded(syntax: &CredentialsSyntax, encoded: &str) -> Result<(String, Form), CredentialsError> {
    // A plus sign is not a space here, because it is a digit of base64.
    let text = STANDARD
        .decode(percent_decoded(encoded))
        .ok()
        .and_then(printable)
        .ok_or(CredentialsError::QueryNotBase64)?;
    match syntax.form(text.as_bytes()) {
        Some(form) => Ok((text, form)),
        None => Err(syntax.other_scheme()),
    }
}

/// A parameter of a query, as it is sent.
#[derive(Clone, Copy)]
struct QueryParameter<'t> {
    /// The whole text, between two `&`.
    text: &'t str,
    name: &'t str,
    value: &'t str,
}

impl QueryParameter<'_> {
    /// Returns whether this is the name, escaped or not. A plus sign need not be undone, because no
    /// name that is looked for has a space.
    fn is_named(&self, name: &str) -> bool {
        match self.name.contains('%') {
            true => percent_decode_str(self.name).eq(name.bytes()),
            false => self.name == name,
        }
    }
}

/// Returns the parameters of a query.
fn parameters(query: Option<&str>) -> impl Iterator<Item = QueryParameter<'_>> {
    let mut rest = query.filter(|query| !query.is_empty());
    std::iter::from_fn(move || {
        let (text, after) = match split_at_byte(rest?, b'&') {
            Some((text, after)) => (text, Some(after)),
            None => (rest?, None),
        };
        rest = after;
        let (name, value) = split_at_byte(text, b'=').unwrap_or((text, ""));
        Some(QueryParameter { text, name, value })
    })
}

/// One of the three parameters of credentials, as it was found in a query.
struct FoundParameter<'t> {
    name: &'static str,
    /// The value, not decoded.
    value: Option<&'t str>,
    is_repeated: bool,
}

impl<'t> FoundParameter<'t> {
    /// Finds the parameters of [`NAMES`] in the target's query.
    fn find(target: &'t Uri) -> [Self; 3] {
        let mut all = NAMES.map(|name| Self {
            name,
            value: None,
            is_repeated: false,
        });
        for parameter in parameters(target.query()) {
            if let Some(known) = all.iter_mut().find(|one| parameter.is_named(one.name)) {
                known.is_repeated |= known.value.replace(parameter.value).is_some();
            }
        }
        all
    }

    /// Returns the value, or `None` if there is none.
    fn value(&self) -> Result<Option<&'t str>, Rejection> {
        match self.is_repeated {
            true => Err(Rejection::repeated(self.name)),
            false => Ok(self.value),
        }
    }

    /// Returns the value, decoded. Some clients write a space as a plus sign.
    fn text(&self) -> Result<Option<String>, Rejection> {
        let Some(value) = self.value()? else {
            return Ok(None);
        };
        let text = match value.contains('+') {
            true => printable(percent_decoded(&value.replace('+', " "))),
            false => printable(percent_decoded(value)),
        };
        text.map(Some).ok_or(CredentialsError::NotAscii.into())
    }
}

/// Undoes percent-encoding. What precedes the first escape is copied at once, because in base64
/// usually only the padding is escaped.
fn percent_decoded(text: &str) -> Vec<u8> {
    let escape = memchr::memchr(b'%', text.as_bytes());
    let (plain, escaped) = escape
        .and_then(|position| text.split_at_checked(position))
        .unwrap_or((text, ""));
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend_from_slice(plain.as_bytes());
    bytes.extend(percent_decode_str(escaped));
    bytes
}

/// Returns the bytes as text. A control character would add a line to the signing string.
fn printable(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes)
        .ok()
        .filter(|text| is_printable(text))
}

/// Returns a target with these credentials instead of any that it has, or `None` if it would be
/// longer than a target can be. All other parameters stay byte for byte.
pub(crate) fn with_credentials(
    target: &PathAndQuery,
    authorization: &[u8],
    date: &[u8],
    host: Option<&[u8]>,
) -> Option<PathAndQuery> {
    let carried = date.len() + host.map_or(0, <[u8]>::len);
    // Base64 is longer by a third and has few escapes. An escape is three characters.
    let capacity = target.as_str().len() + 2 * authorization.len() + 3 * carried + ROOM;
    let mut text = Vec::with_capacity(capacity);
    text.extend_from_slice(target.path().as_bytes());
    text.push(b'?');
    for other in others(target.query()) {
        text.extend_from_slice(other.as_bytes());
        text.push(b'&');
    }
    let [authorization_name, date_name, host_name] = NAMES;
    write_name(&mut text, authorization_name);
    for part in authorization.chunks(BASE64_PART) {
        let mut room = [0; base64_len(BASE64_PART)];
        let len = STANDARD.encode_slice(part, &mut room).ok()?;
        write_escaped(room.get(..len)?, &mut text);
    }
    for (name, value) in [(date_name, Some(date)), (host_name, host)] {
        let Some(value) = value else {
            continue;
        };
        text.push(b'&');
        write_name(&mut text, name);
        write_escaped(value, &mut text);
    }
    PathAndQuery::from_maybe_shared(Bytes::from(text)).ok()
}

/// Writes a parameter's name.
fn write_name(text: &mut Vec<u8>, name: &str) {
    text.extend_from_slice(name.as_bytes());
    text.push(b'=');
}

/// Returns the target without credentials, or `None` if it has none of this scheme.
pub(crate) fn without_credentials(syntax: &CredentialsSyntax, target: &Uri) -> Option<Uri> {
    // Credentials that cannot be read have to be removed all the same.
    if !has_credentials(syntax, target) {
        return None;
    }
    let path = target.path();
    let others = others(target.query()).collect::<Vec<_>>().join("&");
    let path_and_query = match others.as_str() {
        "" => path.parse(),
        query => format!("{path}?{query}").parse(),
    };
    let mut target = target.clone();
    set_path_and_query(&mut target, path_and_query.ok()?);
    Some(target)
}

/// Returns the parameters of a query that are not of credentials.
fn others(query: Option<&str>) -> impl Iterator<Item = &str> {
    let is_other =
        |parameter: &QueryParameter<'_>| !NAMES.iter().any(|name| parameter.is_named(name));
    parameters(query)
        .filter(is_other)
        .map(|parameter| parameter.text)
}
