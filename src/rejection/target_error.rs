//! What can be wrong with a request target.

use std::fmt;

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
