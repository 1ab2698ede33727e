//! Credentials that travel in the query of the request's target.
//!
//! The parameter `authorization` is the base64 of what `Authorization` would contain. The date and
//! the host are parameters too, because WebSocket clients in browsers cannot set headers.

use std::{borrow::Cow, mem};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderName, Uri,
    header::{AUTHORIZATION, DATE, HOST},
    uri::PathAndQuery,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{
    Authorization, CarriedValues, CredentialsSyntax, Form, is_printable,
    signature::{base64_len, write_escaped},
};
use crate::{
    Rejection, header::DateHeader, rejection::CredentialsError, wire::split::split_at_byte,
};

/// Every character but the unreserved ones (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How many bytes are encoded at a time. A multiple of 3, so that only the last part is padded.
const BASE64_PART: usize = 192;

/// Room in a target for the names of the credentials' parameters and for padding.
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
        let Some(encoded) = parameter(target, &AUTHORIZATION)? else {
            return Ok(None);
        };
        // A plus sign is not a space here, because it is a digit of base64.
        let authorization = STANDARD
            .decode(Cow::from(percent_decode_str(encoded)))
            .ok()
            .and_then(printable)
            .ok_or(CredentialsError::QueryNotBase64)?;
        let form = syntax.form(authorization.as_bytes());
        let form = form.ok_or(CredentialsError::OtherScheme)?;
        let value = |name: &HeaderName| match parameter(target, name)? {
            None => Ok(None),
            Some(value) => match printable(decoded(value)) {
                None => Err(Rejection::from(CredentialsError::NotAscii)),
                value => Ok(value),
            },
        };
        Ok(Some(Self {
            authorization,
            form,
            date: value(&DATE)?,
            host: value(&HOST)?,
        }))
    }

    pub(super) fn authorization(
        &self,
        syntax: &CredentialsSyntax,
    ) -> Result<Authorization<'_>, Rejection> {
        let mut authorization = Authorization::default();
        authorization.read_text(syntax, &self.authorization, self.form)?;
        Ok(authorization)
    }

    pub(super) fn carried(&self) -> CarriedValues<'_> {
        let date = self.date.as_deref();
        CarriedValues {
            date: date.map(|date| (DateHeader::Date, date)),
            host: self.host.as_deref(),
        }
    }
}

/// A parameter of a query, as it is sent.
#[derive(Clone, Copy)]
struct Parameter<'t> {
    /// The whole text, between two `&`.
    text: &'t str,
    name: &'t str,
    value: &'t str,
}

impl Parameter<'_> {
    /// Returns whether this is the name, however it is escaped. A plus sign need not be undone,
    /// because no name that is asked for has a space.
    fn is_named(&self, name: &HeaderName) -> bool {
        percent_decode_str(self.name).eq(name.as_str().bytes())
    }
}

/// Returns the parameters of the target's query.
fn parameters(target: &Uri) -> impl Iterator<Item = Parameter<'_>> {
    let query = target.query().filter(|query| !query.is_empty());
    query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|text| {
            let (name, value) = split_at_byte(text, b'=').unwrap_or((text, ""));
            Parameter { text, name, value }
        })
}

/// Returns the undecoded value of the parameter of this name, or `None` if there is none.
fn parameter<'t>(target: &'t Uri, name: &HeaderName) -> Result<Option<&'t str>, Rejection> {
    let mut named = parameters(target).filter(|parameter| parameter.is_named(name));
    match (named.next(), named.next()) {
        (parameter, None) => Ok(parameter.map(|parameter| parameter.value)),
        (_, Some(_)) => Err(Rejection::repeated(name.as_str())),
    }
}

/// Undoes the escapes of a query. Some clients write a space as a plus sign.
fn decoded(text: &str) -> Vec<u8> {
    let with_spaces = match text.contains('+') {
        true => Cow::Owned(text.replace('+', " ")),
        false => Cow::Borrowed(text),
    };
    Cow::from(percent_decode_str(&with_spaces)).into_owned()
}

/// Returns the bytes as text. A control character would add a line to the signing string.
fn printable(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes)
        .ok()
        .filter(|text| is_printable(text))
}

/// Returns the target's path and query with these credentials instead of any that it has, or `None`
/// if they would be longer than a target can be, or if the target is an authority alone. All other
/// parameters stay byte for byte.
pub(crate) fn with_credentials(
    target: &Uri,
    authorization: &[u8],
    date: &[u8],
    host: Option<&[u8]>,
) -> Option<PathAndQuery> {
    let sent = target.path_and_query()?.as_str();
    let host_len = host.map_or(0, <[u8]>::len);
    let longest = sent.len() + 2 * authorization.len() + 3 * (date.len() + host_len) + ROOM;
    let mut text = Vec::with_capacity(longest);
    text.extend_from_slice(target.path().as_bytes());
    text.push(b'?');
    for other in others(target) {
        text.extend_from_slice(other.as_bytes());
        text.push(b'&');
    }
    begin(&mut text, &AUTHORIZATION);
    for part in authorization.chunks(BASE64_PART) {
        let mut room = [0; base64_len(BASE64_PART)];
        let len = STANDARD.encode_slice(part, &mut room).ok()?;
        write_escaped(room.get(..len)?, &mut text);
    }
    for (name, value) in [(DATE, Some(date)), (HOST, host)] {
        let Some(value) = value else {
            continue;
        };
        text.push(b'&');
        begin(&mut text, &name);
        for part in percent_encode(value, ESCAPED) {
            text.extend_from_slice(part.as_bytes());
        }
    }
    PathAndQuery::from_maybe_shared(Bytes::from(text)).ok()
}

/// Writes a parameter up to its value.
fn begin(text: &mut Vec<u8>, name: &HeaderName) {
    text.extend_from_slice(name.as_str().as_bytes());
    text.push(b'=');
}

/// Returns the target without credentials, or `None` if it has none of this scheme.
pub(crate) fn without_credentials(syntax: &CredentialsSyntax, target: &Uri) -> Option<Uri> {
    // Repeated credentials cannot be read, but have to be removed all the same.
    match QueryCredentials::find(syntax, target) {
        Ok(None) | Err(Rejection::AuthorizationMalformed(_)) => None,
        Ok(Some(_)) | Err(_) => {
            let path = target.path();
            let path_and_query = match others(target).collect::<Vec<_>>().join("&").as_str() {
                "" => path.parse(),
                query => format!("{path}?{query}").parse(),
            };
            let mut target = target.clone();
            set_path_and_query(&mut target, path_and_query.ok()?);
            Some(target)
        }
    }
}

/// Returns the parameters of the target's query that are not of credentials.
fn others(target: &Uri) -> impl Iterator<Item = &str> {
    let is_other = |parameter: &Parameter<'_>| {
        let mut names = [AUTHORIZATION, DATE, HOST].into_iter();
        !names.any(|name| parameter.is_named(&name))
    };
    parameters(target)
        .filter(is_other)
        .map(|parameter| parameter.text)
}

/// Replaces the path and query of a target. An authority alone, which has none, stays as it is.
pub(crate) fn set_path_and_query(target: &mut Uri, path_and_query: PathAndQuery) {
    if target.path_and_query().is_none() {
        return;
    }
    let mut parts = mem::take(target).into_parts();
    parts.path_and_query = Some(path_and_query);
    // The parts are those of a target that had a path, so they are accepted.
    *target = Uri::from_parts(parts).unwrap_or_default();
}
