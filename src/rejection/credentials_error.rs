//! Errors in an `Authorization` header.

use std::fmt;

use crate::{
    limits::{MAX_COMPONENTS, MAX_PARAMETER_LEN, MAX_UNKNOWN_PARAMETERS},
    rejection::Excerpt,
};

/// Describes why an `Authorization` header cannot be read.
///
/// Positions count bytes of the header's value from 0. The header is `Authorization`, or the one
/// that a described scheme has [instead](crate::scheme::SchemeBuilder::credentials_header).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The header has a byte that is not printable ASCII.
    NotAscii,
    /// The header is not a JSON object of strings, which this scheme's credentials are.
    NotJson,
    /// The query parameter `authorization` is not standard base64 of printable ASCII.
    QueryNotBase64,
    /// The header is of another authentication scheme than the server's, such as `Bearer`.
    OtherScheme {
        /// What credentials of the server's scheme begin with: its word, such as `hmac`; for a
        /// scheme without one its parameter for the key id, or the `{` of a JSON object.
        expected: &'static str,
    },
    /// There is no valid `name="value"` at this position: the name or a required quote is missing,
    /// or there is a comma too many or too few.
    NotAParameter {
        /// The position where a parameter was expected, in bytes of the value without whitespace
        /// around it.
        position: usize,
    },
    /// The scheme has no parameter of this name and does not ignore it. Either it ignores none, or
    /// the name has a meaning in another scheme or in another spelling.
    UnknownParameter {
        /// The parameter's name.
        name: Excerpt,
        /// Whether a gateway uses this name for its key id.
        is_key_id: bool,
        /// The name that the server's scheme has for its key id.
        key_id_parameter: &'static str,
    },
    /// A parameter is repeated.
    RepeatedParameter {
        /// The parameter's name.
        name: Excerpt,
    },
    /// The scheme has a fixed order of parameters, and this one is out of order.
    OutOfOrder {
        /// The parameter's name.
        name: Excerpt,
    },
    /// The header has more than 16 parameters that the scheme does not know.
    TooManyParameters,
    /// A parameter is longer than 8 KiB.
    ParameterTooLong {
        /// The parameter's name.
        name: Excerpt,
    },
    /// The list of headers has more than 64 names.
    TooManyNames,
    /// The list of headers has an empty name: it must have exactly one space between names, and
    /// none at its ends.
    EmptyName,
    /// The list of headers has commas, semicolons or tabs between names.
    ListSeparator,
    /// The list has a name that is neither a header name nor a derived component of the scheme, or
    /// it has `authorization` itself.
    NotSignable {
        /// The name.
        name: Excerpt,
    },
    /// The list has this name twice, ignoring case.
    RepeatedName {
        /// The name.
        name: Excerpt,
    },
    /// The signature is not standard base64 with padding.
    SignatureNotBase64,
    /// The signature does not have the length of the algorithm's signatures.
    SignatureLength,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAscii => {
                f.write_str("the credentials have a byte that is not printable ASCII: send none")
            }
            Self::OtherScheme { expected } => write!(
                f,
                "the credentials do not begin with `{expected}`: sign for the scheme that this \
                 server checks"
            ),
            Self::NotJson => f.write_str(
                "the credentials are not a JSON object of strings: send the key id, the date and \
                 the signature as its members",
            ),
            Self::QueryNotBase64 => f.write_str(
                "the query parameter authorization is not standard base64 with padding: encode \
                 the credentials, then escape `+`, `/` and `=`",
            ),
            Self::NotAParameter { position } => write!(
                f,
                "the credentials have no name=\"value\" at byte {position}: quote every value, one \
                 comma between two"
            ),
            Self::UnknownParameter {
                name,
                is_key_id: true,
                key_id_parameter,
            } => write!(
                f,
                "the credentials name the key id {name}, as another scheme does: sign for the \
                 scheme that this server checks, which names it {key_id_parameter}"
            ),
            Self::UnknownParameter {
                name,
                is_key_id: false,
                ..
            } => {
                write!(
                    f,
                    "the credentials have a parameter {name}, which this scheme does not have: \
                     leave it out"
                )
            }
            Self::RepeatedParameter { name } => {
                write!(
                    f,
                    "the credentials have the parameter {name} twice: send it once"
                )
            }
            Self::OutOfOrder { name } => {
                write!(
                    f,
                    "the parameter {name} is out of order: send key id, algorithm, headers, \
                     signature"
                )
            }
            Self::TooManyParameters => {
                write!(
                    f,
                    "the credentials have more than {MAX_UNKNOWN_PARAMETERS} parameters that mean \
                     nothing here: leave them out"
                )
            }
            Self::ParameterTooLong { name } => {
                write!(
                    f,
                    "the parameter {name} is longer than {MAX_PARAMETER_LEN} bytes: shorten it"
                )
            }
            Self::TooManyNames => {
                write!(
                    f,
                    "the credentials list more than {MAX_COMPONENTS} headers: sign fewer"
                )
            }
            Self::EmptyName => {
                f.write_str("the list of headers has a space too many: put one between two names")
            }
            Self::ListSeparator => f.write_str(
                "the list of headers has a comma, semicolon or tab: separate names with one space",
            ),
            Self::NotSignable { name } if name.as_str().contains("request-target") => write!(
                f,
                "the credentials list {name}, as another scheme names the request target: sign \
                 for the scheme that this server checks"
            ),
            Self::NotSignable { name } => {
                write!(
                    f,
                    "the credentials list {name}, which cannot be signed here: do not list it"
                )
            }
            Self::RepeatedName { name } => {
                write!(f, "the credentials list {name} twice: list it once")
            }
            Self::SignatureNotBase64 => {
                f.write_str("the signature is not standard base64: use + and /, with = as padding")
            }
            Self::SignatureLength => f.write_str(
                "the signature has another length than the algorithm's: send all of it, and the \
                 right algorithm",
            ),
        }
    }
}

impl std::error::Error for CredentialsError {}
