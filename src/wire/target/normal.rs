//! The decoded path that some gateways sign, and the one target that decodes to it and that a
//! handler may see.

use std::borrow::Cow;

use http::{Uri, uri::PathAndQuery};

use super::{path_and_query, signed_query};
use crate::{rejection::TargetError, wire::component::DerivedComponent};

/// Returns a path as `derived` signs it: percent-decoded, and for
/// [`DecodedTarget`](DerivedComponent::DecodedTarget) also with adjacent slashes merged and dot
/// segments resolved, as nginx passes it to APISIX.
pub(super) fn decoded_path(
    derived: DerivedComponent,
    raw: &str,
) -> Result<Cow<'_, [u8]>, TargetError> {
    let is_decoded = |byte: u8| byte != b'%' && !byte.is_ascii_control();
    if has_plain_segments(raw) && raw.bytes().all(is_decoded) {
        return Ok(raw.as_bytes().into());
    }
    let decoded = percent_decoded(raw)?;
    if derived == DerivedComponent::DecodedPath {
        return Ok(decoded.into());
    }
    let mut path = Vec::with_capacity(decoded.len() + 1);
    let mut segments = decoded.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            b"" | b"." if is_last => path.push(b'/'),
            b"" | b"." => {}
            b".." => {
                let parent = path.iter().rposition(|byte| *byte == b'/');
                path.truncate(parent.ok_or(TargetError::AboveRoot)?);
                if is_last {
                    path.push(b'/');
                }
            }
            segment => {
                path.push(b'/');
                path.extend_from_slice(segment);
            }
        }
    }
    Ok(path.into())
}

/// Returns whether there is nothing to merge or to resolve.
fn has_plain_segments(path: &str) -> bool {
    path.starts_with('/') && !path.contains("//") && !path.contains("/.")
}

fn percent_decoded(raw: &str) -> Result<Vec<u8>, TargetError> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [byte, after @ ..] = rest {
        let (byte, after) = match byte {
            b'%' => escaped_byte(after)?,
            byte => (*byte, after),
        };
        if byte.is_ascii_control() {
            return Err(TargetError::ControlCharacter);
        }
        decoded.push(byte);
        rest = after;
    }
    Ok(decoded)
}

/// Reads what follows a percent sign: the byte that two hexadecimal digits stand for, and the rest.
pub(crate) fn escaped_byte(after: &[u8]) -> Result<(u8, &[u8]), TargetError> {
    let hex = |digit: u8| char::from(digit).to_digit(16);
    if let [high, low, rest @ ..] = after
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        && let Ok(byte) = u8::try_from(high * 16 + low)
    {
        return Ok((byte, rest));
    }
    Err(TargetError::BadEscape)
}

/// Returns whether a byte needs no escape in a path (RFC 3986, section 3.3: `pchar`, and the
/// slash).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte)
}

/// Returns the normal form, which all paths share that decode to the same bytes.
fn normal_path(derived: DerivedComponent, raw: &str) -> Result<Cow<'_, [u8]>, TargetError> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if has_plain_segments(raw) && raw.bytes().all(is_plain) {
        return Ok(raw.as_bytes().into());
    }
    let decoded = decoded_path(derived, raw)?;
    let mut path = Vec::with_capacity(raw.len());
    for byte in decoded.iter().copied() {
        match byte {
            // The signing string has the path decoded, so `/a%3Fb` and `/a?b` have the same
            // signature. What follows would be a path to one reader and a query to the other.
            b'?' => return Err(TargetError::EscapedQuestionMark),
            byte if is_plain(byte) => path.push(byte),
            byte => {
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                path.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    Ok(path.into())
}

/// Checks that a path does not decode to other segments than it shows, and would not change if it
/// were decoded a second time. Otherwise a handler that routes by the raw path could serve
/// something other than what was signed.
pub(crate) fn check_normal(derived: DerivedComponent, uri: &Uri) -> Result<(), TargetError> {
    let raw = path_and_query(uri)?.path();
    let decoded = decoded_path(derived, raw)?;
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut escaped = 0;
    for byte in percent_escapes(raw) {
        match byte {
            b'?' => return Err(TargetError::EscapedQuestionMark),
            b'/' | b'#' | b'%' => return Err(TargetError::NotNormal),
            byte if is_unreserved(byte) => return Err(TargetError::NotNormal),
            _ => escaped += 1,
        }
    }
    // Apart from the escapes, which become one byte instead of three, decoding only removes bytes.
    // So an equal length means that no slash was merged and no dot segment resolved.
    if raw.len() != decoded.len() + 2 * escaped {
        return Err(TargetError::NotNormal);
    }
    Ok(())
}

/// Returns the bytes that the path's valid escapes stand for.
fn percent_escapes(raw: &str) -> impl Iterator<Item = u8> + '_ {
    let escapes = raw.split('%').skip(1);
    escapes.filter_map(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok())
}

/// Returns the one target in normal form that has the same signature and the same query, or `None`
/// if this one is in normal form.
pub(crate) fn normalized(derived: DerivedComponent, uri: &Uri) -> Result<Option<Uri>, TargetError> {
    let target = path_and_query(uri)?;
    let path = normal_path(derived, target.path())?;
    let query = signed_query(target);
    if *path == *target.path().as_bytes() && query == target.query() {
        return Ok(None);
    }
    let mut text = path.into_owned();
    if let Some(query) = query {
        text.push(b'?');
        text.extend_from_slice(query.as_bytes());
    }
    // With its escapes the target may have become too long.
    let target = PathAndQuery::try_from(text).map_err(|_| TargetError::NotNormal)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    let uri = Uri::from_parts(parts).map_err(|_| TargetError::NotNormal)?;
    Ok(Some(uri))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn decoded_path(raw: &str) -> Result<Cow<'_, [u8]>, TargetError> {
        super::decoded_path(DerivedComponent::DecodedTarget, raw)
    }

    fn normalized_text(target: &str) -> Result<Option<String>, TargetError> {
        let uri: Uri = target.parse().unwrap();
        normalized(DerivedComponent::DecodedTarget, &uri).map(|uri| uri.map(|uri| uri.to_string()))
    }

    /// Source: the line that Apache APISIX signs for this path.
    #[test]
    fn a_path_is_percent_decoded() {
        let decoded = decoded_path("/v1/caf%C3%A9%20b").unwrap();
        assert_eq!(*decoded, *"/v1/café b".as_bytes());
        // Reserved characters are decoded as well, and only once.
        assert_eq!(*decoded_path("/a%2Fb%3Fc%23d").unwrap(), *b"/a/b?c#d");
        assert_eq!(*decoded_path("/%2561").unwrap(), *b"/%61");
    }

    /// Source: the examples of RFC 3986, section 5.2.4.
    #[test]
    fn dot_segments_are_resolved_as_in_rfc_3986() {
        assert_eq!(*decoded_path("/a/b/c/./../../g").unwrap(), *b"/a/g");
        assert_eq!(*decoded_path("/mid/content=5/../6").unwrap(), *b"/mid/6");
        assert_eq!(*decoded_path("/a/b/..").unwrap(), *b"/a/");
        assert_eq!(*decoded_path("//a///b/").unwrap(), *b"/a/b/");
    }

    #[test]
    fn a_path_that_no_gateway_decodes_is_refused() {
        for path in ["/%", "/%4", "/%4g", "/%+1"] {
            assert_eq!(decoded_path(path), Err(TargetError::BadEscape), "{path}");
        }
        let injected = decoded_path("/a%0Ax-role:%20user");
        assert_eq!(injected, Err(TargetError::ControlCharacter));
        for path in ["/..", "/a/../..", "/%2e%2E/a"] {
            assert_eq!(decoded_path(path), Err(TargetError::AboveRoot), "{path}");
        }
    }

    /// Source: RFC 3986, section 6.2.2, and for the query's bare question mark Apache APISIX.
    #[test]
    fn spellings_of_one_target_have_one_normal_form() {
        let normal = "/a/~b%20c?x=1";
        for target in [
            "/a/%7Eb%20c?x=1",
            "//a/./~b%20c?x=1",
            "/admin/../%61/%7eb%20c?x=1",
        ] {
            assert_eq!(
                normalized_text(target).unwrap().as_deref(),
                Some(normal),
                "{target}"
            );
        }
        assert_eq!(normalized_text(normal), Ok(None));
        assert_eq!(normalized_text("/a?"), Ok(Some("/a".to_owned())));
        let hidden_query = normalized_text("/a%3Fx=1");
        assert_eq!(hidden_query, Err(TargetError::EscapedQuestionMark));
    }

    /// Source: Go's `URL.Path`, which Tyk signs.
    #[test]
    fn a_path_without_its_query_is_decoded_and_nothing_else() {
        let derived = DerivedComponent::DecodedPath;
        let decoded = |raw| super::decoded_path(derived, raw);
        assert_eq!(
            *decoded("/a%2Fb//./c/../%C3%A9").unwrap(),
            *"/a/b//./c/../\u{e9}".as_bytes()
        );
        assert_eq!(decoded("/a%0A"), Err(TargetError::ControlCharacter));
        let uri: Uri = "/a/%7Eb//./c?x=%7E".parse().unwrap();
        let normal = normalized(derived, &uri).unwrap().unwrap();
        assert_eq!(normal.to_string(), "/a/~b//./c?x=%7E");
    }
}
