//! Decides which headers and trailers are forwarded, and removes the others.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self, CONNECTION, COOKIE, TE, TRANSFER_ENCODING},
};
use tower_hmac_auth::VerifiedKey;

pub(crate) static CONSUMER_KEY_ID: HeaderName = HeaderName::from_static("x-consumer-key-id");

/// The headers that concern one connection only, in addition to those that `Connection` names.
static HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Headers that must not be sent as trailers, whether or not the head has them. They say who sends
/// the request and when, where it goes, how to read its body, and under which conditions to process
/// it. A server that merges trailers into its headers would use an unsigned value.
static NOT_IN_TRAILERS: [HeaderName; 20] = [
    HeaderName::from_static("x-consumer-key-id"),
    HeaderName::from_static("x-date"),
    header::DATE,
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    COOKIE,
    header::HOST,
    header::CONTENT_LENGTH,
    TRANSFER_ENCODING,
    header::TRAILER,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::EXPECT,
    header::RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
];

/// Joins the `Cookie` headers. HTTP/2 clients may send several, HTTP/1.1 allows one (RFC 9113,
/// section 8.2.3).
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().collect();
    if cookies.len() < 2 {
        return;
    }
    let joined = cookies
        .iter()
        .map(|cookie| cookie.as_bytes())
        .collect::<Vec<_>>()
        .join(&b"; "[..]);
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, joined);
    }
}

/// Returns the members of a comma-separated header, in lowercase.
pub(crate) fn options<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = String> + use<'h> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|option| String::from_utf8_lossy(option.trim_ascii()).to_ascii_lowercase())
}

pub(crate) fn named_in_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    options(headers, &CONNECTION).filter_map(|name| name.parse().ok())
}

pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<_> = named_in_connection(headers).collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Removes from `Trailer` the names of the trailers that [`clean_trailers`] removes, so that only
/// trailers that will be sent are announced.
pub(crate) fn clean_announced_trailers(headers: &mut HeaderMap, signed: &[String]) {
    let announced: Vec<_> = options(headers, &header::TRAILER).collect();
    let is_wanted = |name: &&str| !name.is_empty() && !is_unwanted_trailer(name, signed);
    let kept: Vec<_> = announced
        .iter()
        .map(String::as_str)
        .filter(is_wanted)
        .collect();
    if kept.len() == announced.len() {
        return;
    }
    headers.remove(header::TRAILER);
    if let Ok(names) = HeaderValue::try_from(kept.join(", "))
        && !kept.is_empty()
    {
        headers.insert(header::TRAILER, names);
    }
}

/// Returns `true` if there is a transfer coding other than `chunked`.
///
/// Such a coding would have to be decoded here: `Transfer-Encoding` is valid for one connection
/// only, so the receiver would take the encoded bytes for the body.
pub(crate) fn is_coded_otherwise(headers: &HeaderMap) -> bool {
    let codings: Vec<_> = options(headers, &TRANSFER_ENCODING).collect();
    !codings.is_empty() && codings != ["chunked"]
}

/// Removes `X-Consumer-Key-Id`, also in spellings that some servers treat as the same name, such as
/// `X_Consumer_Key_Id`.
pub(crate) fn remove_consumer_key_ids(headers: &mut HeaderMap) {
    remove_alike(headers, |name| is_alike(name, CONSUMER_KEY_ID.as_str()));
}

/// Returns `true` if some servers treat the two as the same name, as CGI does with `-` and `_`.
pub(crate) fn is_alike(one: &str, other: &str) -> bool {
    let fold = |byte: u8| match byte.to_ascii_lowercase() {
        byte @ (b'a'..=b'z' | b'0'..=b'9') => byte,
        _ => b'-',
    };
    let [one, other] = [one, other].map(|name| name.bytes().map(fold));
    one.eq(other)
}

fn remove_alike(headers: &mut HeaderMap, is_unwanted: impl Fn(&str) -> bool) {
    let names = headers.keys().filter(|name| is_unwanted(name.as_str()));
    for name in names.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// Removes the trailers that a server might mistake for a header that is signed, or that decides
/// how the request is read or routed (RFC 9110, section 6.5.1). Trailers arrive after the signature
/// has been verified, so none of them is signed.
pub(crate) fn clean_trailers(trailers: &mut HeaderMap, signed: &[String]) {
    remove_hop_by_hop(trailers);
    remove_alike(trailers, |name| is_unwanted_trailer(name, signed));
}

fn is_unwanted_trailer(name: &str, signed: &[String]) -> bool {
    let known = HOP_BY_HOP.iter().chain(&NOT_IN_TRAILERS);
    let mut unwanted = known
        .map(HeaderName::as_str)
        .chain(signed.iter().map(String::as_str));
    unwanted.any(|unwanted| is_alike(name, unwanted))
}

/// Returns the names that a request's signature covers, for [`clean_trailers`] and
/// [`clean_announced_trailers`].
pub(crate) fn signed_names(key: &VerifiedKey) -> Vec<String> {
    key.covered().map(str::to_owned).collect()
}
