//! The request target as it is signed: as it is sent, or decoded as APISIX has it.

use std::{borrow::Cow, fmt};

use http::{Uri, Version, uri::PathAndQuery};

use crate::{RequestHead, buffer::Buffer, scheme::Special};

/// A request's method and target, as one of the [`Special`] components.
#[derive(Debug, Clone)]
pub(crate) struct Target<'h> {
    form: Form,
    method: &'h str,
    /// A slash that is sent, but not in the target: a query without a path.
    slash: &'static str,
    path: Cow<'h, [u8]>,
    query: Option<&'h str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Behind its name, the method in lower case.
    Named,
    /// Alone on its line.
    Bare,
    /// Alone on its line, with the version.
    WithVersion(&'static str),
}

/// Why a request target cannot be signed, or is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetError {
    /// It has no path: it is `*` or an authority.
    NoPath,
    /// A percent sign in its path is not followed by two hexadecimal digits.
    BadEscape,
    /// Its path has a control character, in the open or escaped, which would break the signing string's lines.
    ControlCharacter,
    /// Its path leads above the root.
    AboveRoot,
    /// Its path is not what it decodes to, so that a handler may serve something else than was signed: it has dot
    /// segments, empty segments, or an escaped slash, question mark, number sign, percent sign or unreserved character.
    NotNormal,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPath => "the request target has no path and cannot be signed: send one that begins with /",
            Self::BadEscape => "the path has a % without two hexadecimal digits behind it: write % as %25",
            Self::ControlCharacter => "the path has a control character, which cannot be signed: leave it out",
            Self::AboveRoot => "the path leads above the root with ..: leave it out",
            Self::NotNormal => {
                "the path is not in normal form: send it without dot segments, empty segments and needless escapes"
            }
        })
    }
}

impl std::error::Error for TargetError {}

impl<'h> Target<'h> {
    /// What `special` stands for on this request, which must be one that [is about the
    /// target](Special::is_target).
    pub(crate) fn new(special: Special, head: RequestHead<'h>) -> Result<Self, TargetError> {
        let target = path_and_query(head.uri())?;
        let method = head.method().as_str();
        let form = match special {
            Special::DecodedTarget => {
                return Ok(Self {
                    form: Form::Bare,
                    method,
                    slash: "",
                    path: decoded_path(target.path())?,
                    query: target.query().filter(|query| !query.is_empty()),
                });
            }
            Special::RequestLine => Form::WithVersion(version(head.version())),
            _ => Form::Named,
        };
        let path = target.as_str();
        Ok(Self {
            form,
            method,
            slash: if path.starts_with('/') { "" } else { "/" },
            path: path.as_bytes().into(),
            query: None,
        })
    }

    /// Whether its line has no name in front.
    pub(crate) fn is_bare(&self) -> bool {
        self.form != Form::Named
    }

    pub(crate) fn write(&self, buffer: &mut Buffer) {
        if self.form == Form::Named {
            buffer.extend_lower_case(self.method);
        } else {
            buffer.extend(self.method.as_bytes());
        }
        buffer.extend(b" ");
        buffer.extend(self.slash.as_bytes());
        buffer.extend(&self.path);
        if let Some(query) = self.query {
            buffer.extend(b"?");
            buffer.extend(query.as_bytes());
        }
        if let Form::WithVersion(version) = self.form {
            buffer.extend(b" ");
            buffer.extend(version.as_bytes());
        }
    }
}

fn path_and_query(uri: &Uri) -> Result<&PathAndQuery, TargetError> {
    uri.path_and_query()
        .filter(|target| target.path() != "*")
        .ok_or(TargetError::NoPath)
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

/// The target with a slash before a query that has no path: on HTTP/1.1 hyper sends one, on HTTP/2 it does not.
/// `None` if it has its path.
pub(crate) fn with_sent_path(uri: &Uri) -> Option<Uri> {
    let target = uri.path_and_query()?.as_str();
    if !target.starts_with('?') {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("/{target}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// A path as nginx hands it to APISIX: percent-decoded, adjacent slashes merged, dot segments resolved.
fn decoded_path(raw: &str) -> Result<Cow<'_, [u8]>, TargetError> {
    let is_normal = !raw.contains("//") && !raw.contains("/.") && raw.starts_with('/');
    if is_normal
        && raw
            .bytes()
            .all(|byte| byte != b'%' && !byte.is_ascii_control())
    {
        return Ok(raw.as_bytes().into());
    }
    let decoded = percent_decoded(raw)?;
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

fn percent_decoded(raw: &str) -> Result<Vec<u8>, TargetError> {
    let hex = |digit: u8| char::from(digit).to_digit(16);
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [byte, after @ ..] = rest {
        let (byte, after) = match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let (Some(high), Some(low)) = (hex(*high), hex(*low)) else {
                    return Err(TargetError::BadEscape);
                };
                let byte = u8::try_from(high * 16 + low).map_err(|_| TargetError::BadEscape)?;
                (byte, after)
            }
            (b'%', _) => return Err(TargetError::BadEscape),
            (byte, after) => (*byte, after),
        };
        if byte.is_ascii_control() {
            return Err(TargetError::ControlCharacter);
        }
        decoded.push(byte);
        rest = after;
    }
    Ok(decoded)
}

/// Refuses a path that is not what it decodes to: a handler that routes by it could be made to serve something else
/// than was signed.
pub(crate) fn check_normal(uri: &Uri) -> Result<(), TargetError> {
    let raw = path_and_query(uri)?.path();
    let decoded = decoded_path(raw)?;
    // Escapes aside, normalising takes bytes away only; and no escape may stand for a byte that means something or
    // needs none.
    let has_needless_escape = percent_escapes(raw).any(|byte| {
        matches!(byte, b'/' | b'?' | b'#' | b'%' | b'-' | b'.' | b'_' | b'~')
            || byte.is_ascii_alphanumeric()
    });
    let escaped = percent_escapes(raw).count();
    if has_needless_escape || raw.len() != decoded.len() + 2 * escaped {
        return Err(TargetError::NotNormal);
    }
    Ok(())
}

/// The bytes that valid escapes stand for.
fn percent_escapes(raw: &str) -> impl Iterator<Item = u8> + '_ {
    let escapes = raw.split('%').skip(1);
    escapes.filter_map(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok())
}

/// The target with its path decoded and normalised, then escaped again where it must be; the query as it was.
pub(crate) fn normalised(uri: &Uri) -> Option<Uri> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let target = path_and_query(uri).ok()?;
    let mut text = Vec::with_capacity(target.as_str().len());
    for byte in decoded_path(target.path()).ok()?.iter() {
        let is_plain = byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(byte);
        if is_plain {
            text.push(*byte);
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            text.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    if let Some(query) = target.query().filter(|query| !query.is_empty()) {
        text.push(b'?');
        text.extend_from_slice(query.as_bytes());
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}
