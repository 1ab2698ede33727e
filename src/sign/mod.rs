//! Signing: from a request's head to its headers, without I/O, and the Tower middleware around it.
//!
//! [`SignLayer`] is the middleware, [`Signer`] its rules, and a [`RotatingKeyPair`] changes keys
//! while services run.

mod builder;
mod cache;
mod components;
mod error;
mod faults;
mod hosts;
mod layer;
mod report;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest-middleware")]
mod reqwest_middleware;
mod rotation;
mod server_clock;
mod service;
mod signed_headers;
mod signer;

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
