//! What can be signed, and what it stands for in a request.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{self, AsHeaderName},
    uri::Authority,
};

use crate::{RequestHead, scheme::Layout};

/// Which header carries the date that is signed.
///
/// Source: Tencent Cloud API Gateway, "key pair authentication". The gateway checks the age of `X-Date` (15
/// minutes either way) and never that of `Date`: a request captured with a signed `Date` can be sent again for
/// ever. So `X-Date` is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DateHeader {
    /// `Date`: not checked for age by Tencent Cloud API Gateway.
    Date,
    /// `X-Date`: checked for age.
    XDate,
}

impl DateHeader {
    /// The header's name, in lower case as it is signed.
    #[must_use]
    pub fn name(self) -> &'static HeaderName {
        match self {
            Self::Date => &header::DATE,
            Self::XDate => &X_DATE,
        }
    }

    /// The one of the two that this is not.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Date => Self::XDate,
            Self::XDate => Self::Date,
        }
    }
}

/// `Source`, the caller's mark on its requests ("signature watermark").
pub(crate) static SOURCE: HeaderName = HeaderName::from_static("source");

/// `X-NameSpace-Code`, the namespace of a microservice API.
pub(crate) static NAME_SPACE_CODE: HeaderName = HeaderName::from_static("x-namespace-code");

/// `X-MicroService-Name`, the service of a microservice API.
pub(crate) static MICRO_SERVICE_NAME: HeaderName = HeaderName::from_static("x-microservice-name");

/// The headers that carry a body's digest (RFC 3230, RFC 9530).
pub(crate) static DIGESTS: [HeaderName; 2] = [
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
];

static X_DATE: HeaderName = HeaderName::from_static("x-date");

/// The header has more than one value: "HMAC do not support multiple HTTP header".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeated;

/// Whether any header has more than one value.
pub(crate) fn has_repeats(headers: &HeaderMap) -> bool {
    headers.keys_len() != headers.len()
}

/// Up to how many headers it takes less time to look at each than to hash a name.
const FEW: usize = 16;

/// Whether a header is there, which nearly always it is not.
#[inline]
pub(crate) fn has(headers: &HeaderMap, name: &HeaderName) -> bool {
    if headers.keys_len() > FEW {
        return headers.contains_key(name);
    }
    headers.keys().any(|other| other == name)
}

/// Whether this date header is there, which nearly always it is not.
#[inline]
pub(crate) fn has_date(headers: &HeaderMap, header: DateHeader) -> bool {
    // Each compared with a name that is known when this is compiled.
    match header {
        DateHeader::Date => has(headers, &header::DATE),
        DateHeader::XDate => has(headers, &X_DATE),
    }
}

/// The one value of a header, if it is there; `name` in any case.
pub(crate) fn single_value(
    headers: &HeaderMap,
    name: impl AsHeaderName,
) -> Result<Option<&HeaderValue>, Repeated> {
    if !has_repeats(headers) {
        return Ok(headers.get(name));
    }
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Repeated),
    }
}

/// What is signed of a header, if it is there: its one value, or all of them where the scheme joins them.
pub(crate) fn header_value<'h>(
    layout: &Layout,
    headers: &'h HeaderMap,
    name: impl AsHeaderName + AsRef<str> + Copy,
) -> Result<Option<Cow<'h, [u8]>>, Repeated> {
    if let Ok(value) = single_value(headers, name) {
        return Ok(value.map(|value| trim(value.as_bytes()).into()));
    }
    let separator = separator(layout, name.as_ref()).ok_or(Repeated)?;
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.map(|value| trim(value.as_bytes())).collect();
    let joined = values.join(separator);
    if separator == CRUMBS {
        // An empty crumb at an end leaves whitespace there, which is not part of the one line that is sent on.
        return Ok(Some(trim(&joined).to_vec().into()));
    }
    Ok(Some(joined.into()))
}

/// What joins the crumbs of a cookie.
const CRUMBS: &[u8] = b"; ";

/// What joins the values of a repeated header; `None` if it must not be repeated.
///
/// HTTP/2 clients may send a cookie in crumbs, a field each, and who reads them as one header joins them with `; ` (RFC
/// 9113, section 8.2.3). A second `Host` makes a request invalid (RFC 9112, section 3.2).
fn separator(layout: &Layout, name: &str) -> Option<&'static [u8]> {
    if name.eq_ignore_ascii_case(header::COOKIE.as_str()) {
        return Some(CRUMBS);
    }
    if name.eq_ignore_ascii_case(header::HOST.as_str()) {
        return None;
    }
    layout.join
}

/// The one value that is signed of a repeated header; `None` if it is not repeated, or must not be.
pub(crate) fn joined(
    layout: &Layout,
    headers: &HeaderMap,
    name: &HeaderName,
) -> Option<HeaderValue> {
    let Err(Repeated) = single_value(headers, name) else {
        return None;
    };
    let joined = header_value(layout, headers, name).ok().flatten()?;
    let mut joined = HeaderValue::from_bytes(&joined).ok()?;
    let mut values = headers.get_all(name).iter();
    joined.set_sensitive(values.any(HeaderValue::is_sensitive));
    Some(joined)
}

/// Replaces the values of each named header that is repeated by the one value that was signed.
///
/// Two lines `X-Role: reader` and `X-Role: not-admin` have the signature of one line `X-Role: reader, not-admin`. A handler
/// that looks at the first line only would see a value that nobody signed.
pub(crate) fn join_repeated<'n>(
    layout: &Layout,
    headers: &mut HeaderMap,
    names: impl Iterator<Item = &'n str>,
) {
    if !has_repeats(headers) {
        return;
    }
    for name in names {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        if let Some(joined) = joined(layout, headers, &name) {
            headers.insert(name, joined);
        }
    }
}

/// The value without spaces and tabs around it, which HTTP does not count as part of it (RFC 9110, 5.5).
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The value without blanks around it, if it has any.
pub(crate) fn trimmed(value: &HeaderValue) -> Option<HeaderValue> {
    let bytes = trim(value.as_bytes());
    if bytes.len() == value.len() {
        return None;
    }
    let mut trimmed = HeaderValue::from_bytes(bytes).ok()?;
    trimmed.set_sensitive(value.is_sensitive());
    Some(trimmed)
}

/// Whether `name` can be a field name (RFC 9110, section 5.1: one or more token characters).
pub(crate) fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'-' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'.' | b'^'..=b'`' | b'|' | b'~'))
}

/// The host and port that HTTP clients send for a target: without user information, an empty port, or the
/// port that is the scheme's default.
///
/// HTTP/1.1 clients drop a default port from `Host`; on HTTP/2 the authority goes out as it stands, so what is
/// signed holds on both only if the target has this form.
pub(crate) fn sent_authority(uri: &Uri) -> Option<&str> {
    Some(without_default_port(
        without_user(uri.authority()?),
        uri.scheme_str(),
    ))
}

/// Host and port.
fn without_user(authority: &Authority) -> &str {
    let authority = authority.as_str();
    authority
        .rsplit_once('@')
        .map_or(authority, |(_user, rest)| rest)
}

/// Whether a target's scheme means TLS. `wss` connects as `https` does, and `ws` as `http` (RFC 6455, section 3).
pub(crate) fn is_tls(scheme: &str) -> bool {
    matches!(scheme, "https" | "wss")
}

/// The port that is meant where a target names none, as HTTP clients have it; `None` if the target has no scheme.
pub(crate) fn default_port(scheme: Option<&str>) -> Option<u16> {
    scheme.map(|scheme| if is_tls(scheme) { 443 } else { 80 })
}

fn without_default_port<'a>(host_and_port: &'a str, scheme: Option<&str>) -> &'a str {
    let (host, Some(port)) = split_port(host_and_port) else {
        return host_and_port;
    };
    let default_port = default_port(scheme);
    let is_default = default_port.is_some() && port_number(port) == default_port;
    if port.is_empty() || is_default {
        host
    } else {
        host_and_port
    }
}

/// Host and port; what is behind the last colon may be the end of an IPv6 address.
fn split_port(host_and_port: &str) -> (&str, Option<&str>) {
    match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    }
}

/// The port that is named, if one is; what is no number of 16 bits, as an empty one, is an error. [`Authority::port`]
/// takes it for none, and clients for the default port.
pub(crate) fn named_port(authority: &Authority) -> Result<Option<u16>, InvalidPort> {
    let (_, Some(port)) = split_port(without_user(authority)) else {
        return Ok(None);
    };
    port_number(port).map(Some).ok_or(InvalidPort)
}

/// Digits only: `parse` alone takes a plus sign, too.
fn port_number(port: &str) -> Option<u16> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|_| is_number)
}

/// A port that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidPort;

/// Whether there is a host before the port.
pub(crate) fn has_host(host_and_port: &str) -> bool {
    !split_port(host_and_port).0.is_empty()
}

/// Whether the host's port, if it has one, is spelled as clients send it.
pub(crate) fn has_sendable_port(host_and_port: &str) -> bool {
    let (_, port) = split_port(host_and_port);
    port.is_none_or(|port| !port.starts_with('0') && port_number(port).is_some())
}

/// Whether the target's authority is not in the form of [`sent_authority`].
pub(crate) fn is_authority_changed(uri: &Uri) -> bool {
    let authority = uri.authority().map(Authority::as_str);
    authority.is_some_and(|authority| sent_authority(uri) != Some(authority))
}

/// The target with its authority in the form of [`sent_authority`]; `None` if it has that form already.
pub(crate) fn with_sent_authority(uri: &Uri) -> Option<Uri> {
    if !is_authority_changed(uri) {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(sent_authority(uri)?.parse::<Authority>().ok()?);
    Uri::from_parts(parts).ok()
}

/// The target's authority, where a request that lists `host` has no such header: on HTTP/2 it has none.
pub(crate) fn authority_as_host<'h>(head: RequestHead<'h>, name: &str) -> Option<&'h [u8]> {
    let authority = head.uri().authority()?;
    name.eq_ignore_ascii_case(header::HOST.as_str())
        .then_some(authority.as_str().as_bytes())
}

/// Whether the request names two different hosts: in `Host` and in its target (`:authority` on HTTP/2).
///
/// Upper and lower case are one, and so are a default port and none.
pub(crate) fn names_two_hosts(head: &RequestHead<'_>) -> bool {
    // Most requests have either: a `Host` on HTTP/1.1, an authority on HTTP/2.
    let has_both = head.uri().authority().is_some() && head.headers().contains_key(header::HOST);
    if !has_both {
        return false;
    }
    let Some(expected) = sent_authority(head.uri()) else {
        return false;
    };
    let is_expected = |host: &[u8]| {
        std::str::from_utf8(host).is_ok_and(|host| {
            without_default_port(host, head.uri().scheme_str()).eq_ignore_ascii_case(expected)
        })
    };
    let mut hosts = head.headers().get_all(header::HOST).iter();
    hosts.any(|host| !is_expected(trim(host.as_bytes())))
}
