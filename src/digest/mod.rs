//! Protection of the body: a header carries its digest, and the signature covers that header.
//!
//! Requires the feature `digest`.

mod body_digest;
mod check;
mod check_future;
mod compute;
mod content_md5;
mod error;
mod known_body;
mod read_ahead;
mod read_form;
mod streaming_body;

pub use self::{
    check::{VerifyDigestLayer, VerifyDigestService},
    check_future::VerifyDigestFuture,
    compute::{DigestFuture, DigestLayer, DigestService},
    content_md5::content_md5,
    error::DigestError,
    known_body::BufferedBody,
    read_form::{ReadFormBody, ReadFormFuture, ReadFormLayer, ReadFormService},
    streaming_body::{CheckedBody, DigestMismatch},
};
type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub use crate::wire::digest_header::{DigestHeader, ParseDigestHeaderError};
