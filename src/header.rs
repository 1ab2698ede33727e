//! Names of headers that all schemes know, and functions that read header values.

use std::{fmt, str::FromStr};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self, AsHeaderName},
};

/// Selects the header that carries the signed date.
///
/// Source: Tencent Cloud API Gateway, "key pair authentication". The gateway checks the age of
/// `X-Date` (15 minutes, before or after) and never that of `Date`: a captured request with a
/// signed `Date` can be sent again at any time. So `X-Date` is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DateHeader {
    /// `Date`. Tencent Cloud API Gateway does not check its age.
    Date,
    /// `X-Date`. Its age is checked.
    XDate,
}

impl DateHeader {
    pub(crate) const ALL: [Self; 2] = [Self::Date, Self::XDate];

    /// Returns the header's name.
    #[must_use]
    pub fn name(self) -> &'static HeaderName {
        match self {
            Self::Date => &header::DATE,
            Self::XDate => &X_DATE,
        }
    }

    /// Returns the other date header.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Date => Self::XDate,
            Self::XDate => Self::Date,
        }
    }
}

impl FromStr for DateHeader {
    type Err = ParseDateHeaderError;

    /// Reads `date` or `x-date`, in any case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|header| name.eq_ignore_ascii_case(header.name().as_str()))
            .ok_or(ParseDateHeaderError)
    }
}

/// Reports that a name is not that of a [`DateHeader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseDateHeaderError;

impl fmt::Display for ParseDateHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown date header: use date or x-date")
    }
}

impl std::error::Error for ParseDateHeaderError {}

/// `Source`, a text that the caller chooses ("signature watermark").
pub(crate) static SOURCE: HeaderName = HeaderName::from_static("source");

/// `X-NameSpace-Code`, the namespace of a microservice API.
pub(crate) static NAME_SPACE_CODE: HeaderName = HeaderName::from_static("x-namespace-code");

/// `X-MicroService-Name`, the service of a microservice API.
pub(crate) static MICRO_SERVICE_NAME: HeaderName = HeaderName::from_static("x-microservice-name");

/// `X-Nonce`, the usual header for a nonce: a text that a client sends once.
pub const X_NONCE: HeaderName = HeaderName::from_static("x-nonce");

/// The headers that carry a body's digest (RFC 3230, RFC 9530).
pub(crate) static DIGESTS: [HeaderName; 2] = [
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
];

/// `Content-MD5`, a digest that protects nothing against whoever can choose the body.
pub(crate) static CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// The hop-by-hop headers (RFC 9110, sections 7.6.1 and 11.7; RFC 7540, section 3.2.1). Connections
/// below all layers, and proxies on the way, write or remove them, so a signature over one fails at
/// the gateway. `Expect` is one too: a proxy that answers it with 100 does not forward it (RFC
/// 9110, section 10.1.1).
pub(crate) static HOP_BY_HOP: [HeaderName; 11] = [
    header::CONNECTION,
    header::EXPECT,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// `X-Date`, the other date header beside `Date`.
static X_DATE: HeaderName = HeaderName::from_static("x-date");

/// Reports that a header has more than one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeated;

/// Returns whether any header has more than one value.
pub(crate) fn has_repeats(headers: &HeaderMap) -> bool {
    // `keys_len` counts names, and `len` counts values.
    headers.keys_len() != headers.len()
}

/// Returns the header's one value, or `None` if the header is missing. If `name` is a text, its
/// case does not matter.
pub(crate) fn single_value(
    headers: &HeaderMap,
    name: impl AsHeaderName,
) -> Result<Option<&HeaderValue>, Repeated> {
    // In most requests no header is repeated, and one lookup is enough.
    if !has_repeats(headers) {
        return Ok(headers.get(name));
    }
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Repeated),
    }
}

/// Returns the name of `source` or `host`, which are often signed, or `None` for another text.
///
/// It is for lookups in a request's headers. A lookup by text validates, lowercases and hashes the
/// text each time.
pub(crate) fn often_signed(name: &str) -> Option<&'static HeaderName> {
    match name {
        "source" => Some(&SOURCE),
        "host" => Some(&header::HOST),
        _ => None,
    }
}

/// Returns the value without surrounding spaces and tabs, which are not part of it (RFC 9110,
/// section 5.5).
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Returns the value without surrounding spaces and tabs, or `None` if there are none around it.
pub(crate) fn trimmed(value: &HeaderValue) -> Option<HeaderValue> {
    let bytes = trim(value.as_bytes());
    if bytes.len() == value.len() {
        return None;
    }
    // A part of a valid value is valid, so this does not fail.
    let mut trimmed = HeaderValue::from_bytes(bytes).ok()?;
    trimmed.set_sensitive(value.is_sensitive());
    Some(trimmed)
}

/// Returns whether `name` is a field name: one or more token characters (RFC 9110, section 5.1).
pub(crate) fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| {
            matches!(byte,
                b'a'..=b'z' | b'-' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+'
                | b'.' | b'^'..=b'`' | b'|' | b'~')
        })
}
