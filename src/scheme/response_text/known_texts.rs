//! The texts that `Rejection::from_response_text` knows.

use std::sync::LazyLock;

use crate::{
    Rejection, Scheme,
    header::DateHeader,
    rejection::{CredentialsError, Excerpt, RejectionKind, TargetError},
};

/// A placeholder for what a text repeats from the request.
const GAP: &str = "*";

/// A placeholder for a number in a text, one that no text contains otherwise.
const NUMBER: usize = 7_777_777;

/// Texts that servers other than gateways send too.
const COMMON: [&str; 2] = ["Unauthorized", "An unexpected error occurred"];

/// A known text, without the final full stop, which gateways do not always send.
pub(super) struct KnownText {
    /// The parts of the text between its placeholders.
    parts: Vec<Box<str>>,
    pub(super) kind: RejectionKind,
    pub(super) is_common: bool,
}

/// The known texts. The first match counts, so texts without placeholders come first, and among
/// rejections with the same text the most likely one is first.
static ALL: LazyLock<Vec<KnownText>> = LazyLock::new(|| {
    let mut all: Vec<KnownText> = Vec::new();
    let mut add = |text: &str, kind| {
        let text = text.strip_suffix('.').unwrap_or(text);
        let parts = text.split(GAP).map(Box::from).collect();
        if all.iter().all(|known| known.parts != parts) {
            let is_common = COMMON.contains(&text);
            all.push(KnownText {
                parts,
                kind,
                is_common,
            });
        }
    };
    for scheme in Scheme::ALL {
        for (text, kind) in scheme.dialect().known_texts {
            add(text, *kind);
        }
    }
    for scheme in Scheme::ALL {
        for rejection in rejections() {
            let text = scheme.text(&rejection);
            let text = text.replace(&NUMBER.to_string(), GAP);
            add(&text, rejection.kind());
        }
    }
    all.sort_by_key(|known| known.parts.len() > 1);
    all
});

/// Returns the known text that matches, if any.
pub(super) fn find(text: &str) -> Option<&'static KnownText> {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text).trim_end();
    ALL.iter().find(|known| known.fits(text))
}

impl KnownText {
    fn fits(&self, text: &str) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.iter().any(|whole| **whole == *text);
        };
        let rest = text.strip_prefix(&**first);
        let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        middle.iter().all(|part| match rest.split_once(&**part) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }
}

/// Returns one rejection of each kind. Among those that share a text, the most likely is first.
fn rejections() -> impl Iterator<Item = Rejection> {
    let gap = || Excerpt::new(GAP);
    let (skew, max_skew) = (NUMBER as u64, NUMBER as u64);
    let of_dates = DateHeader::ALL.map(|header| {
        [
            Rejection::DateOutOfRange {
                header,
                skew,
                max_skew,
            },
            Rejection::DateUnreadable { header },
            Rejection::DateNotUtc { header },
            Rejection::DateNotCovered { wanted: header },
        ]
    });
    let likely = [
        Rejection::AuthorizationMissing,
        Rejection::KeyUnknown,
        Rejection::SignatureMismatch,
        Rejection::DateNotCovered {
            wanted: DateHeader::XDate,
        },
        Rejection::KeyNotBound,
        Rejection::KeyStoreUnavailable,
    ];
    let others = [
        Rejection::ParameterMissing { parameter: GAP },
        Rejection::KeyIdOrSignatureMissing {
            key_id_parameter: GAP,
        },
        Rejection::AlgorithmNotSupported { algorithm: gap() },
        Rejection::HeaderRepeated { name: gap() },
        Rejection::HostMismatch,
        Rejection::HeaderMissing { name: gap() },
        Rejection::NotCovered { name: gap() },
        Rejection::XDateNotCovered,
        Rejection::CreatedOutOfRange { skew, max_skew },
        Rejection::Expired { since: skew },
        Rejection::NoUsagePlan,
        Rejection::DigestMalformed { name: gap() },
        Rejection::DigestMismatch,
        Rejection::BodyTooLarge {
            size: None,
            limit: NUMBER,
        },
        Rejection::BodyTooLarge {
            size: Some(NUMBER as u64),
            limit: NUMBER,
        },
        Rejection::BodyUnreadable,
        Rejection::NotVerified,
        Rejection::NonceInvalid { name: gap() },
        Rejection::Replayed,
        Rejection::ClaimsLost,
        Rejection::ReplayGuardFull,
        Rejection::ReplayGuardUnavailable,
        Rejection::NoClaim,
    ];
    let malformed = [
        CredentialsError::NotAscii,
        CredentialsError::OtherScheme { expected: GAP },
        CredentialsError::NotJson,
        CredentialsError::QueryNotBase64,
        CredentialsError::NotAParameter { position: NUMBER },
        CredentialsError::UnknownParameter {
            name: gap(),
            is_key_id: true,
            key_id_parameter: GAP,
        },
        CredentialsError::UnknownParameter {
            name: gap(),
            is_key_id: false,
            key_id_parameter: GAP,
        },
        CredentialsError::RepeatedParameter { name: gap() },
        CredentialsError::OutOfOrder { name: gap() },
        CredentialsError::TooManyParameters,
        CredentialsError::ParameterTooLong { name: gap() },
        CredentialsError::TooManyNames,
        CredentialsError::EmptyName,
        CredentialsError::ListSeparator,
        CredentialsError::NotSignable { name: gap() },
        CredentialsError::RepeatedName { name: gap() },
        CredentialsError::SignatureNotBase64,
        CredentialsError::SignatureLength,
    ];
    let targets = [
        TargetError::NoPath,
        TargetError::BadEscape,
        TargetError::ControlCharacter,
        TargetError::AboveRoot,
        TargetError::EscapedQuestionMark,
        TargetError::NotNormal,
        TargetError::LowerCaseMethod,
        TargetError::AmbiguousParameter,
        TargetError::RepeatedParameter,
        TargetError::TooManyParameters,
        TargetError::FormNotRead,
        TargetError::OtherPathPrefix,
    ];
    likely
        .into_iter()
        .chain(of_dates.into_iter().flatten())
        .chain(others)
        .chain(malformed.map(Rejection::from))
        .chain(targets.map(Rejection::from))
}
