//! The authority of a target and `Host`: ports, default ports, and the form in which clients send
//! them.

use http::{Uri, header, uri::Authority};

use crate::{RequestHead, header::trim};

/// Returns the host and port that HTTP clients send for a target: without user information, an
/// empty port, or the scheme's default port.
///
/// HTTP/1.1 clients drop a default port from `Host`, but on HTTP/2 the authority is sent as it is.
/// So a signature is valid on both only if the target has this form.
pub(crate) fn sent_authority(uri: &Uri) -> Option<&str> {
    Some(without_default_port(
        without_user(uri.authority()?),
        uri.scheme_str(),
    ))
}

/// Returns the host and port, without user information.
pub(crate) fn without_user(authority: &Authority) -> &str {
    let authority = authority.as_str();
    authority
        .rsplit_once('@')
        .map_or(authority, |(_user, rest)| rest)
}

/// Returns whether a target's scheme means TLS. `wss` connects as `https` does, and `ws` as `http`
/// (RFC 6455, section 3).
///
/// The comparison ignores case, because the crate `http` keeps that of schemes other than `http`
/// and `https`.
pub(crate) fn is_tls(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("wss")
}

/// Returns the port of a target that names none, or `None` if the target has no scheme, or one
/// without a known port.
pub(crate) fn default_port(scheme: Option<&str>) -> Option<u16> {
    match scheme? {
        scheme if is_tls(scheme) => Some(443),
        scheme if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("ws") => {
            Some(80)
        }
        _ => None,
    }
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

/// Splits host and port. In an IPv6 address without a port, the last colon is within the brackets,
/// and what follows it is not a port.
fn split_port(host_and_port: &str) -> (&str, Option<&str>) {
    match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    }
}

/// Returns the port, or `None` if the authority has none.
///
/// A port that is empty or not a number of 16 bits is an error. [`Authority::port`] returns `None`
/// for it, and clients use the default port. Treated so here, a pattern for one port would match a
/// destination whose port cannot be read.
pub(crate) fn named_port(authority: &Authority) -> Result<Option<u16>, InvalidPort> {
    let (_, Some(port)) = split_port(without_user(authority)) else {
        return Ok(None);
    };
    port_number(port).map(Some).ok_or(InvalidPort)
}

/// Parses a port of digits only: `parse` alone also accepts a plus sign.
fn port_number(port: &str) -> Option<u16> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|_| is_number)
}

/// A port that is empty or not a number of 16 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidPort;

/// Returns whether there is a host before the port.
pub(crate) fn has_host(host_and_port: &str) -> bool {
    !split_port(host_and_port).0.is_empty()
}

/// Returns whether the port, if there is one, is spelled as clients send it.
pub(crate) fn has_sendable_port(host_and_port: &str) -> bool {
    let (_, port) = split_port(host_and_port);
    port.is_none_or(|port| !port.starts_with('0') && port_number(port).is_some())
}

/// Returns whether the target's authority differs from that of [`sent_authority`].
pub(crate) fn is_authority_changed(uri: &Uri) -> bool {
    let authority = uri.authority().map(Authority::as_str);
    authority.is_some_and(|authority| sent_authority(uri) != Some(authority))
}

/// Returns the target with the authority of [`sent_authority`], or `None` if it has that form
/// already.
pub(crate) fn with_sent_authority(uri: &Uri) -> Option<Uri> {
    if !is_authority_changed(uri) {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(sent_authority(uri)?.parse::<Authority>().ok()?);
    Uri::from_parts(parts).ok()
}

/// Returns the target's authority if `name` is `host`. On HTTP/2 it replaces the `Host` header,
/// which clients do not send.
pub(crate) fn authority_as_host<'h>(head: RequestHead<'h>, name: &str) -> Option<&'h [u8]> {
    let authority = head.uri().authority()?;
    name.eq_ignore_ascii_case(header::HOST.as_str())
        .then_some(authority.as_str().as_bytes())
}

/// Returns whether the request names another host than this one, in `Host` or in its target. Case
/// does not matter, and neither does a default port.
pub(crate) fn names_another_host(head: &RequestHead<'_>, host: &str) -> bool {
    let scheme = head.uri().scheme_str();
    let expected = without_default_port(host, scheme);
    let is_another = |other: &str| {
        let other = without_default_port(other, scheme);
        !other.eq_ignore_ascii_case(expected)
    };
    let mut hosts = head.headers().get_all(header::HOST).iter();
    sent_authority(head.uri()).is_some_and(is_another)
        || hosts.any(|host| std::str::from_utf8(trim(host.as_bytes())).map_or(true, is_another))
}

/// Returns whether the request names two different hosts, in `Host` and in its target (`:authority`
/// on HTTP/2).
///
/// The signature covers only one of them, and a handler could read the other.
pub(crate) fn names_two_hosts(head: &RequestHead<'_>) -> bool {
    sent_authority(head.uri()).is_some_and(|authority| names_another_host(head, authority))
}
