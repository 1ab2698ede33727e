//! Credentials that travel in the query of the request's target.
//!
//! The parameter `authorization` is the base64 of what `Authorization` would contain. The date and
//! the host are parameters too, because WebSocket clients in browsers cannot set headers.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    Uri,
    header::{AUTHORIZATION, DATE, HOST},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{Authorization, CarriedValues, CredentialsSyntax, Form, is_printable};
use crate::{Rejection, header::DateHeader, rejection::CredentialsError};

/// Every character but the unreserved ones (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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
        let Some(encoded) = parameter(target, AUTHORIZATION.as_str())? else {
            return Ok(None);
        };
        // A plus sign is not a space here, because it is a digit of base64.
        let authorization = STANDARD
            .decode(percent_decode_str(encoded).collect::<Vec<u8>>())
            .ok()
            .and_then(printable)
            .ok_or(CredentialsError::QueryNotBase64)?;
        let form = syntax.form(authorization.as_bytes());
        let form = form.ok_or(CredentialsError::OtherScheme)?;
        let value = |name| match parameter(target, name)? {
            None => Ok(None),
            Some(value) => match printable(decoded(value)) {
                None => Err(Rejection::from(CredentialsError::NotAscii)),
                value => Ok(value),
            },
        };
        Ok(Some(Self {
            authorization,
            form,
            date: value(DATE.as_str())?,
            host: value(HOST.as_str())?,
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

/// Returns the undecoded value of the parameter of this name, or `None` if there is none.
fn parameter<'t>(target: &'t Uri, name: &str) -> Result<Option<&'t str>, Rejection> {
    let parameters = target.query().unwrap_or_default().split('&');
    let parameters = parameters.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = parameters.filter(|(other, _)| decoded(other) == name.as_bytes());
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(|(_, value)| value)),
        (_, Some(_)) => Err(Rejection::repeated(name)),
    }
}

/// Undoes the escapes of a query. Some clients write a space as a plus sign.
fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(&text.replace('+', " ")).collect()
}

/// Returns the bytes as text. A control character would add a line to the signing string.
fn printable(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes)
        .ok()
        .filter(|text| is_printable(text))
}

/// Returns the target with these credentials instead of any that it has, or `None` if it would be
/// longer than a target can be. All other parameters stay byte for byte.
pub(crate) fn with_credentials(
    target: &Uri,
    authorization: &[u8],
    date: &[u8],
    host: Option<&[u8]>,
) -> Option<Uri> {
    let mut query = others(target);
    let authorization = STANDARD.encode(authorization);
    let values = [
        (AUTHORIZATION, Some(authorization.as_bytes())),
        (DATE, Some(date)),
        (HOST, host),
    ];
    for (name, value) in values {
        let Some(value) = value else {
            continue;
        };
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name.as_str());
        query.push('=');
        query.extend(percent_encode(value, ESCAPED));
    }
    with_query(target, &query)
}

/// Returns the target without credentials, or `None` if it has none of this scheme.
pub(crate) fn without_credentials(syntax: &CredentialsSyntax, target: &Uri) -> Option<Uri> {
    // Repeated credentials cannot be read, but have to be removed all the same.
    match QueryCredentials::find(syntax, target) {
        Ok(None) | Err(Rejection::AuthorizationMalformed(_)) => None,
        Ok(Some(_)) | Err(_) => with_query(target, &others(target)),
    }
}

/// Returns the query without the parameters of credentials.
fn others(target: &Uri) -> String {
    let names = [AUTHORIZATION, DATE, HOST];
    let is_other = |pair: &&str| {
        let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name);
        names.iter().all(|other| other.as_str().as_bytes() != name)
    };
    let pairs = target.query().unwrap_or_default().split('&');
    pairs.filter(is_other).collect::<Vec<_>>().join("&")
}

fn with_query(target: &Uri, query: &str) -> Option<Uri> {
    let path = target.path();
    let path_and_query = match query {
        "" => path.parse(),
        query => format!("{path}?{query}").parse(),
    };
    let mut parts = target.clone().into_parts();
    parts.path_and_query = Some(path_and_query.ok()?);
    Uri::from_parts(parts).ok()
}
