//! Protection of the body: a header carries its digest, and the signature covers that header.
//!
//! Requires the feature `digest`.

mod body_digest;
mod compute;
mod content_md5;
mod error;
mod known_body;
mod read_ahead;
mod read_form;
mod streaming_body;
mod verify;
mod verify_future;

pub use self::{
    compute::{DigestFuture, DigestLayer, DigestService},
    content_md5::content_md5,
    error::DigestError,
    known_body::BufferedBody,
    read_form::{ReadFormBody, ReadFormFuture, ReadFormLayer, ReadFormService},
    streaming_body::{CheckedBody, DigestMismatch},
    verify::{VerifyDigestLayer, VerifyDigestService},
    verify_future::VerifyDigestFuture,
};
type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub use crate::wire::digest_header::{DigestHeader, ParseDigestHeaderError};
