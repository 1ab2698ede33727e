//! How credentials travel, and where a request has them: in `Authorization` or another header, as
//! parameters or a JSON object, or in the target's query.

mod encoder;
mod escape;
pub(crate) mod json;
mod parameters;
pub(crate) mod query;
mod recognition;
mod signature;

use http::{HeaderName, HeaderValue, header};

pub(crate) use self::{
    encoder::{Encoder, Template},
    parameters::{Authorization, Times},
    recognition::{Fit, Form},
    signature::{Signature, SignatureEncoding},
};
use self::{json::JsonCredentials, query::QueryCredentials};
use crate::{
    Algorithm, Rejection, RequestHead,
    header::{DateHeader, Repeated, single_value, trim},
    rejection::CredentialsError,
    wire::authority::names_another_host,
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
    /// Returns whether times can be signed. `is_hs2019` says whether the algorithm's name is
    /// `hs2019`.
    pub(crate) fn allows_times(&self, is_hs2019: bool) -> bool {
        self.has_times && (is_hs2019 || !self.has_hs2019)
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
