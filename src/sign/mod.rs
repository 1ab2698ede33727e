//! Signing of requests: a Tower middleware, and its rules without I/O.
//!
//! Start with [`SignLayer`]. It takes a key pair, or a [`Signer`] with other rules than the default
//! ones, such as the scheme, the hosts that get a signature, and what is signed.
//! [`Signer::builder`] sets them. A [`RotatingKeyPair`] instead of a key pair can be changed while
//! services run, and a [`ServerClock`] corrects the time by the gateway's answers.
//!
//! Without Tower, call [`Signer::sign`] or [`Signer::sign_request`].

mod builder;
mod cache;
mod components;
mod error;
mod faults;
mod hosts;
mod layer;
mod nonce;
mod removal;
#[cfg(feature = "digest")]
mod renewed_digest;
mod report;
mod request_id;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest-middleware")]
mod reqwest_middleware;
mod rotation;
mod server_clock;
mod service;
mod signed_headers;
mod signer;

#[cfg(feature = "digest")]
pub(crate) use self::renewed_digest::ComputedFor;
#[cfg(feature = "reqwest-middleware")]
pub use self::reqwest_middleware::{RedirectFollowed, SignMiddleware};
#[cfg(feature = "retry")]
pub use self::server_clock::RetryOnClockSkew;
pub use self::{
    builder::SignerBuilder,
    error::SignError,
    layer::SignLayer,
    rotation::RotatingKeyPair,
    server_clock::{ServerClock, ServerClockFuture, ServerClockLayer, ServerClockService},
    service::SignService,
    signed_headers::{SignedHeaders, SignedHeadersIter},
    signer::Signer,
};
