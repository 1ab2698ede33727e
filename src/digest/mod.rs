//! The body under the signature: a digest of it in a header, which is signed. With the feature `digest`.

mod check;
mod check_future;
mod compute;
mod header;
mod known_body;
mod streaming_body;

pub use self::{
    check::{VerifyDigestLayer, VerifyDigestService},
    check_future::VerifyDigestFuture,
    compute::{DigestError, DigestFuture, DigestLayer, DigestService},
    header::DigestHeader,
    known_body::KnownBody,
    streaming_body::{CheckedBody, DigestMismatch},
};
