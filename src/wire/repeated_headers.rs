//! Joins headers that are repeated, where that is allowed.

use std::borrow::Cow;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{self, AsHeaderName},
};

use crate::header::{Repeated, single_value, trim};

/// Returns what is signed of a header, or `None` if the request lacks it: its one value, or all
/// values joined if the scheme joins them.
pub(crate) fn header_value<'h>(
    joins_repeated: bool,
    headers: &'h HeaderMap,
    name: impl AsHeaderName + AsRef<str> + Copy,
) -> Result<Option<Cow<'h, [u8]>>, Repeated> {
    if let Ok(value) = single_value(headers, name) {
        return Ok(value.map(|value| trim(value.as_bytes()).into()));
    }
    let separator = separator(joins_repeated, name.as_ref()).ok_or(Repeated)?;
    let values = headers.get_all(name).iter();
    let values: Vec<_> = values.map(|value| trim(value.as_bytes())).collect();
    let joined = values.join(separator);
    if separator == COOKIE_SEPARATOR {
        // An empty field at the end leaves whitespace after the last `;`. HTTP removes it from the
        // one line that is passed on, so it must not be signed.
        return Ok(Some(trim(&joined).to_vec().into()));
    }
    Ok(Some(joined.into()))
}

/// Joins the fields of a cookie.
const COOKIE_SEPARATOR: &[u8] = b"; ";

/// Joins the lines of other headers (RFC 9110, section 5.3).
const LIST_SEPARATOR: &[u8] = b", ";

/// Returns what joins the values of a repeated header, or `None` if it must not be repeated.
///
/// HTTP/2 clients may send a cookie in several fields, which are joined with `; ` to one header
/// (RFC 9113, section 8.2.3). A second `Host` makes a request invalid (RFC 9112, section 3.2).
fn separator(joins_repeated: bool, name: &str) -> Option<&'static [u8]> {
    if name.eq_ignore_ascii_case(header::COOKIE.as_str()) {
        return Some(COOKIE_SEPARATOR);
    }
    if name.eq_ignore_ascii_case(header::HOST.as_str()) {
        return None;
    }
    joins_repeated.then_some(LIST_SEPARATOR)
}

/// Returns one line with the joined value of a repeated header.
///
/// It is sensitive if any line that it replaces is. Otherwise HPACK would put a value that was
/// excluded into its table, and `Debug` would print it.
pub(crate) fn joined_line(
    headers: &HeaderMap,
    name: &HeaderName,
    joined: &[u8],
) -> Option<HeaderValue> {
    let mut line = HeaderValue::from_bytes(joined).ok()?;
    let mut values = headers.get_all(name).iter();
    line.set_sensitive(values.any(HeaderValue::is_sensitive));
    Some(line)
}

/// Replaces the values of each named header that is repeated by the one value that was signed.
///
/// Two lines `X-Role: reader` and `X-Role: not-admin` have the same signature as one line `X-Role:
/// reader, not-admin`. A handler that reads the first line only would see a value that nobody
/// signed.
pub(crate) fn join_repeated<'n>(
    joins_repeated: bool,
    headers: &mut HeaderMap,
    names: impl Iterator<Item = &'n str>,
) {
    for name in names {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            continue;
        };
        // A borrowed value is that of a single line, which stays as it is.
        if let Ok(Some(Cow::Owned(joined))) = header_value(joins_repeated, headers, &name)
            && let Some(line) = joined_line(headers, &name, &joined)
        {
            headers.insert(name, line);
        }
    }
}
