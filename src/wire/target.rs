//! The request target as it is signed: as it is sent, or decoded as APISIX has it.

mod normal;

use std::fmt;

use http::{Uri, Version, uri::PathAndQuery};

use self::normal::decoded_path;
pub(crate) use self::normal::{check_normal, normalised};
use super::buffer::Buffer;
use crate::{RequestHead, scheme::Special};

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
    /// Its path has an escaped question mark: decoded, as it is signed, it reads as another target's query.
    EscapedQuestionMark,
    /// Its path is not what it decodes to, so that a handler may serve something else than was signed: it has dot
    /// segments, empty segments, or an escaped slash, number sign, percent sign or unreserved character.
    NotNormal,
    /// The method has a lower-case letter, and the signing string holds it in lower case whatever its spelling, so that
    /// `DELETE` and `Delete` have the same signature. nginx, behind which these gateways run, answers 400 to such a method.
    LowerCaseMethod,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPath => "the request target has no path and cannot be signed: send one that begins with /",
            Self::BadEscape => "the path has a % without two hexadecimal digits behind it: write % as %25",
            Self::ControlCharacter => "the path has a control character, which cannot be signed: leave it out",
            Self::AboveRoot => "the path leads above the root with ..: leave it out",
            Self::EscapedQuestionMark => {
                "the path has an escaped ?, which reads as another target's query once decoded: leave it out"
            }
            Self::NotNormal => {
                "the path is not in normal form: send it without dot segments, empty segments and needless escapes"
            }
            Self::LowerCaseMethod => {
                "the method has a lower-case letter, which its signature does not cover: send it in upper case"
            }
        })
    }
}

impl std::error::Error for TargetError {}

/// Writes what `special` stands for on this request, which must be one that [is about the target](Special::is_target).
///
/// If there is an error, some of it may have been written.
pub(crate) fn write(
    special: Special,
    head: RequestHead<'_>,
    buffer: &mut Buffer,
) -> Result<(), TargetError> {
    let target = path_and_query(head.uri())?;
    let method = head.method().as_str();
    if special == Special::RequestTarget {
        // The only spelling that reaches a handler is the one that the lower-case form stands for.
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(TargetError::LowerCaseMethod);
        }
        buffer.extend_lower_case(method);
    } else {
        buffer.extend(method.as_bytes());
    }
    buffer.extend(b" ");
    if special == Special::DecodedTarget {
        buffer.extend(&decoded_path(target.path())?);
        if let Some(query) = signed_query(target) {
            buffer.extend(b"?");
            buffer.extend(query.as_bytes());
        }
        return Ok(());
    }
    let sent = target.as_str();
    if !sent.starts_with('/') {
        // It is sent, but not in the target: a query without a path.
        buffer.extend(b"/");
    }
    buffer.extend(sent.as_bytes());
    if special == Special::RequestLine {
        buffer.extend(b" ");
        buffer.extend(version(head.version()).as_bytes());
    }
    Ok(())
}

fn path_and_query(uri: &Uri) -> Result<&PathAndQuery, TargetError> {
    // Before 1.5 the crate http let HTTP/2 targets begin without a slash, which none that is signed lacks.
    let is_path = |target: &&PathAndQuery| {
        let text = target.as_str();
        text.is_empty() || text.starts_with(['/', '?'])
    };
    uri.path_and_query()
        .filter(is_path)
        .ok_or(TargetError::NoPath)
}

/// APISIX drops a question mark with nothing behind it.
fn signed_query(target: &PathAndQuery) -> Option<&str> {
    target.query().filter(|query| !query.is_empty())
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

/// Whether the target is a query without a path.
pub(crate) fn lacks_path(uri: &Uri) -> bool {
    uri.path_and_query()
        .is_some_and(|target| target.as_str().starts_with('?'))
}

/// The target with a slash before a query that has no path: on HTTP/1.1 hyper sends one, on HTTP/2 it does not.
/// `None` if it has its path.
pub(crate) fn with_sent_path(uri: &Uri) -> Option<Uri> {
    if !lacks_path(uri) {
        return None;
    }
    let target = uri.path_and_query()?.as_str();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("/{target}").parse().ok()?);
    Uri::from_parts(parts).ok()
}
