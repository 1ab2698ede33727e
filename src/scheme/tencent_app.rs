//! Tencent Cloud API Gateway, "application authentication".
//!
//! Sources: the documentation's page on the signature, as Pudu Robotics' open platform repeats it,
//! and public client code. The gateway itself was not asked.

use std::borrow::Cow;

use http::header::{self, ACCEPT, CONTENT_TYPE};

use super::{
    DatePolicy,
    dialect::{Dialect, is_derived, is_key_id},
    tencent,
};
use crate::{
    Algorithm, Rejection, RequestHead,
    form::is_form,
    header::{CONTENT_MD5, DateHeader},
    limits::MAX_FORM_PARAMETERS,
    rejection::TargetError,
    wire::{
        component::ListSyntax,
        credentials::{Carrier, CredentialsSyntax, SignatureEncoding},
        signing_string::{RequestLine, RequestLines, SigningStringFormat},
        target::{escaped_byte, path_and_query},
    },
};

/// Credentials and texts are those of key pair authentication. The documentation has two algorithms
/// and requires `X-Date`; the window of 900 seconds is that of key pair authentication.
pub(super) static DIALECT: Dialect = Dialect {
    name: "tencent-app",
    syntax: CredentialsSyntax {
        header: &header::AUTHORIZATION,
        carrier: Carrier::Parameters,
        auth_scheme: "hmac",
        auth_scheme_spellings: &[],
        key_id: "id",
        other_form: None,
        separator: ", ",
        is_ordered: false,
        ignores_unknown: false,
        is_key_id,
        has_times: false,
        quotes_times: false,
        has_hs2019: false,
        implied_list: None,
        signature: SignatureEncoding::Base64,
        nonce: None,
    },
    format: SigningStringFormat {
        lower_case_names: true,
        begins_with_key_id: false,
        ends_with_newline: false,
        missing_header: None,
        joins_repeated: false,
        auxiliary_date: None,
        // The lines of listed headers have a colon. A method has none, so the first line without
        // one ends the list, and no other list makes the same string.
        request_lines: Some(RequestLines {
            lines: &[
                RequestLine::Method,
                RequestLine::Header {
                    name: &ACCEPT,
                    // It means the same as no `Accept` (RFC 9110, section 12.5.1).
                    supplied: Some("*/*"),
                },
                RequestLine::Header {
                    name: &CONTENT_TYPE,
                    supplied: None,
                },
                RequestLine::Header {
                    name: &CONTENT_MD5,
                    supplied: None,
                },
                RequestLine::Target(path_and_parameters),
            ],
            path_prefix: None,
        }),
    },
    list: ListSyntax {
        derived_components: &[],
        any_case_date: true,
        sends_date_as_spelled: false,
        unseen: &[],
        is_sorted: true,
        is_derived_elsewhere: is_derived,
    },
    default_list: &["content-digest", "digest", "source", "date"],
    algorithms: &[Algorithm::HmacSha1, Algorithm::HmacSha256],
    #[cfg(feature = "digest")]
    has_sha512_digest: false,
    date_headers: &[DateHeader::XDate],
    request_id: None,
    not_in_key_id: &[],
    max_skew: tencent::MAX_SKEW,
    max_created_ahead: None,
    lifetime: None,
    date_policy: DatePolicy::CheckAge,
    status: Rejection::status,
    text: tencent::text,
    known_texts: &[],
    message_member: "message",
    challenge: "hmac",
};

/// A decoded parameter: its name and its value.
type Parameter<'t> = (Cow<'t, [u8]>, Cow<'t, [u8]>);

/// Returns the last line: the path as sent, without the prefix, and the decoded parameters of the
/// query and the form, sorted by name. An empty value leaves the bare name.
///
/// As nothing comes after this line, a newline in a parameter cannot be taken for another line's
/// end. Everything else is checked so that the line has only one reading: a path has no `?`, so the
/// first one begins the parameters; no name and no value has an `&`; no name has an `=`.
fn path_and_parameters<'h>(
    head: RequestHead<'h>,
    path_prefix: Option<&str>,
) -> Result<Cow<'h, [u8]>, TargetError> {
    let target = path_and_query(head.uri())?;
    let mut parameters = Vec::new();
    read(
        target.query().unwrap_or_default().as_bytes(),
        &mut parameters,
    )?;
    if is_form(head.headers()) {
        let form = head.form().ok_or(TargetError::FormNotRead)?;
        read(form.bytes(), &mut parameters)?;
    }
    parameters.sort_unstable();
    let mut pairs = parameters.windows(2);
    if pairs.any(|pair| matches!(pair, [(name, _), (next, _)] if name == next)) {
        return Err(TargetError::RepeatedParameter);
    }

    let path = without_prefix(target.path(), path_prefix)?.as_bytes();
    if parameters.is_empty() {
        return Ok(path.into());
    }
    // A separator before each parameter, an equals sign before each value.
    let lengths = parameters
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2);
    let mut line = Vec::with_capacity(path.len() + lengths.sum::<usize>());
    line.extend_from_slice(path);
    let mut separator = b'?';
    for (name, value) in &parameters {
        line.push(separator);
        line.extend_from_slice(name);
        if !value.is_empty() {
            line.push(b'=');
            line.extend_from_slice(value);
        }
        separator = b'&';
    }
    Ok(line.into())
}

/// Returns the path after the prefix. It begins with a slash.
fn without_prefix<'p>(path: &'p str, prefix: Option<&str>) -> Result<&'p str, TargetError> {
    let rest = match prefix {
        // A path without the prefix is refused, because it would have the same signature as the one
        // with it. So is the prefix alone: its path would be that of the prefix and a slash.
        Some(prefix) => path.strip_prefix(prefix),
        None => Some(path),
    };
    match rest {
        Some(rest) if rest.starts_with('/') => Ok(rest),
        _ => Err(TargetError::OtherPathPrefix),
    }
}

/// Reads the parameters of a query or a form, as the URL Standard does (section 5.1): a `+` is a
/// space, and empty pieces are skipped.
fn read<'t>(text: &'t [u8], parameters: &mut Vec<Parameter<'t>>) -> Result<(), TargetError> {
    for piece in text.split(|byte| *byte == b'&') {
        if piece.is_empty() {
            continue;
        }
        if parameters.len() == MAX_FORM_PARAMETERS {
            return Err(TargetError::TooManyParameters);
        }
        let mut halves = piece.splitn(2, |byte| *byte == b'=');
        let name = decoded(halves.next().unwrap_or_default())?;
        let value = decoded(halves.next().unwrap_or_default())?;
        if name.is_empty() || name.contains(&b'=') || name.contains(&b'&') || value.contains(&b'&')
        {
            return Err(TargetError::AmbiguousParameter);
        }
        parameters.push((name, value));
    }
    Ok(())
}

fn decoded(text: &[u8]) -> Result<Cow<'_, [u8]>, TargetError> {
    if !text.contains(&b'%') && !text.contains(&b'+') {
        return Ok(text.into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        let (byte, after) = match byte {
            b'+' => (b' ', after),
            b'%' => escaped_byte(after)?,
            byte => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    Ok(bytes.into())
}
