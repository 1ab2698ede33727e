//! The request target as it is signed: as it is sent, or decoded as APISIX has it.

mod normal;

use http::{Uri, Version, uri::PathAndQuery};

use self::normal::decoded_path;
pub(crate) use self::normal::{check_normal, normalized};
use super::{buffer::Buffer, component::DerivedComponent};
use crate::{RequestHead, rejection::TargetError};

/// Writes what `derived` stands for on this request, which must be one that [is about the target](DerivedComponent::is_target).
///
/// If there is an error, some of it may have been written.
pub(crate) fn write(
    derived: DerivedComponent,
    head: RequestHead<'_>,
    buffer: &mut Buffer,
) -> Result<(), TargetError> {
    let target = path_and_query(head.uri())?;
    let method = head.method().as_str();
    if derived == DerivedComponent::RequestTarget {
        // The only spelling that reaches a handler is the one that the lower-case form stands for.
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(TargetError::LowerCaseMethod);
        }
        buffer.extend_lower_case(method);
    } else {
        buffer.extend(method.as_bytes());
    }
    buffer.extend(b" ");
    if derived == DerivedComponent::DecodedTarget {
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
    if derived == DerivedComponent::RequestLine {
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
