//! The request target as it is signed: as it is sent, or decoded.

mod normal;

use std::mem;

use http::{Uri, Version, uri::PathAndQuery};

use self::normal::decoded_path;
pub(crate) use self::normal::{check_normal, escaped_byte, normalized};
use super::{buffer::Buffer, component::DerivedComponent};
use crate::{RequestHead, rejection::TargetError};

/// Writes the value of `derived` for this request. It must be a component that [covers the
/// target](DerivedComponent::is_target).
///
/// If it returns an error, part of the value may have been written.
pub(crate) fn write(
    derived: DerivedComponent,
    head: RequestHead<'_>,
    buffer: &mut Buffer,
) -> Result<(), TargetError> {
    let target = path_and_query(head.uri())?;
    let method = head.method().as_str();
    if derived.has_lower_case_method() {
        // Methods are case-sensitive, but the signed form has lower case only. If `get` were
        // accepted too, the signature of a `GET` would be valid for a method that a handler may
        // treat in another way.
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(TargetError::LowerCaseMethod);
        }
        buffer.extend_lower_case(method);
    } else {
        buffer.extend(method.as_bytes());
    }
    buffer.extend(b" ");
    if derived.is_decoded() {
        buffer.extend(&decoded_path(derived, target.path())?);
        if derived == DerivedComponent::DecodedTarget
            && let Some(query) = signed_query(target)
        {
            buffer.extend(b"?");
            buffer.extend(query.as_bytes());
        }
        return Ok(());
    }
    if derived == DerivedComponent::PathLine {
        buffer.extend(target.path().as_bytes());
        buffer.extend(b" HTTP/1.1");
        return Ok(());
    }
    let sent = target.as_str();
    if !sent.starts_with('/') {
        // The target is a query without a path. Clients send a slash before it.
        buffer.extend(b"/");
    }
    buffer.extend(sent.as_bytes());
    if derived == DerivedComponent::RequestLine {
        buffer.extend(b" ");
        buffer.extend(version(head.version()).as_bytes());
    }
    Ok(())
}

/// Returns the target's path and query.
pub(crate) fn path_and_query(uri: &Uri) -> Result<&PathAndQuery, TargetError> {
    // Before 1.5, the crate http accepted HTTP/2 targets that do not begin with a slash. Such a
    // target would get the same signing string as the one with the slash.
    let is_path = |target: &&PathAndQuery| {
        let text = target.as_str();
        text.is_empty() || text.starts_with(['/', '?'])
    };
    uri.path_and_query()
        .filter(is_path)
        .ok_or(TargetError::NoPath)
}

/// Returns the query as it is signed: APISIX drops a question mark with nothing after it.
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

/// Returns whether the target is a query without a path.
pub(crate) fn lacks_path(uri: &Uri) -> bool {
    uri.path_and_query()
        .is_some_and(|target| target.as_str().starts_with('?'))
}

/// Returns the target with a slash before a query that has no path, or `None` if it has a path.
///
/// hyper sends such a slash on HTTP/1.1, but not on HTTP/2. Without it, the signature would be
/// valid on one of them only.
pub(crate) fn with_sent_path(uri: &Uri) -> Option<Uri> {
    if !lacks_path(uri) {
        return None;
    }
    let target = uri.path_and_query()?.as_str();
    let mut with_path = uri.clone();
    set_path_and_query(&mut with_path, format!("/{target}").parse().ok()?);
    Some(with_path)
}

/// Replaces the path and query of a target that has a path. `*` and an authority have none, and
/// stay as they are.
pub(crate) fn set_path_and_query(target: &mut Uri, path_and_query: PathAndQuery) {
    if self::path_and_query(target).is_err() {
        return;
    }
    let mut parts = mem::take(target).into_parts();
    parts.path_and_query = Some(path_and_query);
    let replaced = Uri::from_parts(parts);
    debug_assert!(replaced.is_ok(), "a target with a path was refused");
    *target = replaced.unwrap_or_default();
}
