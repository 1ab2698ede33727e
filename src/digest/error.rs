use std::{error::Error, fmt};

use super::BoxError;

/// Describes why the digest of a request's body could not be computed. The request was not sent.
///
/// Requires the feature `digest`.
#[derive(Debug)]
#[non_exhaustive]
pub enum DigestError {
    /// The body is longer than the layer's limit.
    BodyTooLarge {
        /// How long a body may be, in bytes.
        limit: usize,
    },
    /// The body returned this error while it was read. It may have a limit of its own.
    Body(BoxError),
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyTooLarge { limit } => write!(
                f,
                "the body is longer than {limit} bytes, so it was not sent: raise DigestLayer's \
                 limit, or send less"
            ),
            Self::Body(error) => write!(
                f,
                "the body could not be read to compute its digest, so it was not sent: {error}"
            ),
        }
    }
}

impl Error for DigestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::BodyTooLarge { .. } => None,
            Self::Body(error) => Some(&**error),
        }
    }
}
