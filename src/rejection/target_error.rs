//! Errors in a request target.

use std::fmt;

use crate::limits::MAX_FORM_PARAMETERS;

/// Describes why a request target cannot be signed or is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetError {
    /// The target has no path: it is `*` or an authority.
    NoPath,
    /// A percent sign in the path, or in a parameter that is signed decoded, is not followed by two
    /// hexadecimal digits.
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
    /// A parameter's name is empty or has an escaped `&` or `=`, or its value has an escaped `&`.
    /// Parameters are signed decoded, and would then read as other parameters.
    AmbiguousParameter,
    /// Two parameters of the query and the form have the same name. Clients disagree about what is
    /// signed then: both, the first, or the values joined.
    RepeatedParameter,
    /// The query and the form have more than 1,000 parameters.
    TooManyParameters,
    /// The body is a form, whose parameters are signed, but no layer has read it: see
    /// [`FormParameters`](crate::scheme::FormParameters).
    FormNotRead,
    /// The path does not begin with the scheme's prefix and a slash: see
    /// [`SchemeBuilder::path_prefix`](crate::scheme::SchemeBuilder::path_prefix).
    OtherPathPrefix,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NoPath => {
                "the request target has no path and cannot be signed: send one that begins with /"
            }
            Self::BadEscape => {
                "the path or a parameter has a % without two hexadecimal digits after it: write % \
                 as %25"
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
            Self::AmbiguousParameter => {
                "a parameter has no name, or an escaped & or an = in its name, or an escaped & in \
                 its value, which reads as another parameter once decoded: leave it out"
            }
            Self::RepeatedParameter => {
                "two parameters have the same name, which clients sign differently: send one"
            }
            Self::TooManyParameters => {
                return write!(
                    f,
                    "the query and the form have more than {MAX_FORM_PARAMETERS} parameters: send \
                     fewer"
                );
            }
            Self::FormNotRead => {
                "the body is a form, whose parameters are signed, and was not read: put \
                 DigestLayer outside SignLayer, or ReadFormLayer outside VerifyLayer"
            }
            Self::OtherPathPrefix => {
                "the path does not begin with the scheme's path_prefix and a slash: send the \
                 request to the stage that it names"
            }
        };
        f.write_str(text)
    }
}

impl std::error::Error for TargetError {}
