//! Protection of the body: a header carries its digest, and the signature covers that header.
//!
//! Requires the feature `digest`.

mod check;
mod check_future;
mod compute;
mod error;
mod known_body;
mod read_ahead;
mod streaming_body;

pub use self::{
    check::{VerifyDigestLayer, VerifyDigestService},
    check_future::VerifyDigestFuture,
    compute::{DigestFuture, DigestLayer, DigestService},
    error::DigestError,
    known_body::BufferedBody,
    streaming_body::{CheckedBody, DigestMismatch},
};
pub use crate::wire::digest_header::{DigestHeader, ParseDigestHeaderError};
