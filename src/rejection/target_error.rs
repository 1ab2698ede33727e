//! Errors in a request target.

use std::fmt;

/// Describes why a request target cannot be signed or is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetError {
    /// The target has no path: it is `*` or an authority.
    NoPath,
    /// A percent sign in the path is not followed by two hexadecimal digits.
    BadEscape,
    /// The path has a control character, escaped or not, which would break the signing string's
    /// lines.
    ControlCharacter,
    /// The path leads above the root.
    AboveRoot,
    /// The path has an escaped question mark. The path is signed decoded, and would then read as a
    /// path with a query.
    EscapedQuestionMark,
    /// The path is not in normal form, so a handler may serve something that was not signed. It has
    /// dot segments, empty segments, or an escaped slash, number sign, percent sign or unreserved
    /// character.
    NotNormal,
    /// The method has a lower-case letter. The signing string contains the method in lower case, so
    /// `DELETE` and `Delete` have the same signature. nginx, which these gateways run on, answers
    /// such a method with 400.
    LowerCaseMethod,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPath => {
                "the request target has no path and cannot be signed: send one that begins with /"
            }
            Self::BadEscape => {
                "the path has a % without two hexadecimal digits behind it: write % as %25"
            }
            Self::ControlCharacter => {
                "the path has a control character, which cannot be signed: leave it out"
            }
            Self::AboveRoot => "the path leads above the root with ..: leave it out",
            Self::EscapedQuestionMark => {
                "the path has an escaped ?, which reads as another target's query once decoded: \
                 leave it out"
            }
            Self::NotNormal => {
                "the path is not in normal form: send it without dot segments, empty segments \
                 and needless escapes"
            }
            Self::LowerCaseMethod => {
                "the method has a lower-case letter, which its signature does not cover: send it \
                 in upper case"
            }
        })
    }
}

impl std::error::Error for TargetError {}
