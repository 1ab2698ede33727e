//! Finds a gateway's documented text in what it answered.

use std::borrow::Cow;

use super::{Rejection, RejectionKind};

/// How much of an answer is looked at, in bytes: refusals are short.
const MAX_LEN: usize = 64 * 1024;

/// The longest piece that can be one of the texts, escapes included, in bytes.
const MAX_PIECE_LEN: usize = 1024;

const UNVERIFIED: &str = "HMAC signature cannot be verified";

/// Source: Tencent Cloud API Gateway, "error codes"; Kong's plugins `hmac-auth` and `acl`; Apache APISIX's plugin
/// `hmac-auth`. Without the final stop, which comes and goes.
const TEXTS: [(&str, RejectionKind); 13] = [
    ("Unauthorized", RejectionKind::AuthorizationMissing),
    (
        "HMAC authorization format error",
        RejectionKind::AuthorizationMalformed,
    ),
    (
        "HMAC authorization headers is invalidate",
        RejectionKind::ParameterMissing,
    ),
    (
        "authorization headers is invalidate",
        RejectionKind::ParameterMissing,
    ),
    (
        "HMAC id or signature missing",
        RejectionKind::KeyIdOrSignatureMissing,
    ),
    (
        "id or signature missing",
        RejectionKind::KeyIdOrSignatureMissing,
    ),
    (
        "HMAC do not support multiple HTTP header",
        RejectionKind::HeaderRepeated,
    ),
    (UNVERIFIED, RejectionKind::KeyUnknown),
    (
        "HMAC signature cannot be verified at present",
        RejectionKind::KeyStoreUnavailable,
    ),
    (
        "HMAC signature does not match",
        RejectionKind::SignatureMismatch,
    ),
    ("HMAC apikey is invalid for API", RejectionKind::KeyNotBound),
    (
        "You cannot consume this service",
        RejectionKind::KeyNotBound,
    ),
    ("Found no validate usage plan", RejectionKind::NoUsagePlan),
];

/// What stands behind [`UNVERIFIED`] and a comma.
const REASONS: [(&str, RejectionKind); 6] = [
    (
        "a validate authorization header is required",
        RejectionKind::AuthorizationMissing,
    ),
    (
        "a valid date or x-date header is required",
        RejectionKind::DateMissing,
    ),
    (
        "a valid date header is required",
        RejectionKind::DateMissing,
    ),
    // Which header it is said of does not matter.
    (
        "a valid x-date header is required for HMAC Authentication",
        RejectionKind::DateUnreadable,
    ),
    (
        "the x-date header is out of date for HMAC Authentication",
        RejectionKind::OutOfDate,
    ),
    (
        "the date header is out of date for HMAC Authentication",
        RejectionKind::OutOfDate,
    ),
];

impl Rejection {
    /// Understands what a gateway answered: Tencent Cloud's, Kong's and APISIX's documented texts, with or without the
    /// final stop, alone, in JSON, HTML or XML, or in a `grpc-message`. `None` if there is none of them.
    ///
    /// Of a longer answer the first 64 KiB are looked at. The text is a stranger's: what is found in it is a hint, not a
    /// proof.
    ///
    /// ```
    /// use tower_hmac_auth::{Rejection, RejectionKind};
    ///
    /// let page = "<html><body><p>HMAC signature cannot be verified, a valid date or x-date header is required \
    ///             for HMAC Authentication.</p></body></html>";
    /// assert_eq!(Rejection::from_response_text(page), Some(RejectionKind::DateMissing));
    /// assert_eq!(Rejection::from_response_text("no such host"), None);
    /// ```
    #[must_use]
    pub fn from_response_text(text: &str) -> Option<RejectionKind> {
        let mut ends = (0..=MAX_LEN.min(text.len())).rev();
        let end = ends.find(|end| text.is_char_boundary(*end));
        let text = text.get(..end.unwrap_or_default()).unwrap_or_default();
        // The ends of strings, of elements and of lines.
        let pieces = text.split(['"', '<', '>', '\n', '\r']);
        let mut pieces = pieces.filter(|piece| piece.len() <= MAX_PIECE_LEN);
        pieces.find_map(|piece| kind(piece).or_else(|| kind(&unescaped(piece)?)))
    }
}

fn kind(text: &str) -> Option<RejectionKind> {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text).trim_end();
    let is = |(documented, _): &&(&str, RejectionKind)| *documented == text;
    if let Some((_, kind)) = TEXTS.iter().find(is) {
        return Some(*kind);
    }
    if let Some(reason) = text.strip_prefix(UNVERIFIED) {
        return kind_of_reason(reason.strip_prefix(',')?.trim_start());
    }
    if let Some(rest) = text.strip_prefix("client request can't be validated") {
        return match rest {
            "" => Some(RejectionKind::Unspecified),
            rest if !rest.starts_with(':') => None,
            rest if rest.contains("missing Authorization header") => {
                Some(RejectionKind::AuthorizationMissing)
            }
            rest if rest.contains("Authorization header") => {
                Some(RejectionKind::AuthorizationMalformed)
            }
            _ => Some(RejectionKind::Unspecified),
        };
    }
    let algorithm = text.strip_prefix("HMAC algorithm ")?;
    let is_refused = algorithm.ends_with(" not supported");
    is_refused.then_some(RejectionKind::AlgorithmNotSupported)
}

fn kind_of_reason(reason: &str) -> Option<RejectionKind> {
    let is = |(documented, _): &&(&str, RejectionKind)| *documented == reason;
    if let Some((_, kind)) = REASONS.iter().find(is) {
        return Some(*kind);
    }
    // Kong's.
    if reason == "a valid date or x-date header is required for HMAC Authentication" {
        return Some(RejectionKind::DateMissing);
    }
    let is_header = reason.starts_with("a valid ") && reason.ends_with(" header is required");
    is_header.then_some(RejectionKind::HeaderMissing)
}

/// The piece without JSON's, HTML's and gRPC's escapes of ASCII; `None` if it has none.
fn unescaped(piece: &str) -> Option<Cow<'_, str>> {
    piece.contains(['\\', '&', '%']).then_some(())?;
    let mut text = String::with_capacity(piece.len());
    let mut rest = piece;
    while let Some(c) = rest.chars().next() {
        let (c, after) = escape(rest).unwrap_or((c, rest.get(c.len_utf8()..)?));
        text.push(c);
        rest = after;
    }
    Some(text.into())
}

/// The character that an escape at the beginning stands for, and what comes behind it.
fn escape(text: &str) -> Option<(char, &str)> {
    const ENTITIES: [(&str, char); 5] = [
        ("&apos;", '\''),
        ("&quot;", '"'),
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
    ];
    let entity = |(entity, c): &(&str, char)| Some((*c, text.strip_prefix(entity)?));
    if let Some(found) = ENTITIES.iter().find_map(entity) {
        return Some(found);
    }
    let (digits, radix, after) = if let Some(rest) = text.strip_prefix("\\u") {
        let (digits, after) = rest.split_at_checked(4)?;
        (digits, 16, after)
    } else if let Some(rest) = text.strip_prefix('%') {
        let (digits, after) = rest.split_at_checked(2)?;
        (digits, 16, after)
    } else if let Some(rest) = text.strip_prefix("&#") {
        let (number, after) = rest.split_once(';')?;
        match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16, after),
            None => (number, 10, after),
        }
    } else {
        let after = text.strip_prefix('\\')?;
        let c = after.chars().next().filter(char::is_ascii_punctuation)?;
        return Some((c, after.get(1..)?));
    };
    let is_short = digits.len() <= 6;
    let code = is_short.then(|| u32::from_str_radix(digits, radix).ok())??;
    let c = char::from_u32(code).filter(char::is_ascii)?;
    Some((c, after))
}
