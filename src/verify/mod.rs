//! Verification of signed requests, without I/O, and the Tower middleware around it.
//!
//! [`VerifyLayer`] is the middleware, a [`Verifier`] holds its rules, and a [`KeyStore`] finds
//! keys.

mod async_service;
mod body;
mod builder;
mod components;
mod credentials;
mod drain;
mod explain;
mod freshness;
mod future;
mod key_store;
mod layer;
mod response;
mod service;
mod shared_keys;
mod static_keys;
mod verified;
mod verifier;
mod verifying_key;

#[cfg(feature = "digest")]
pub(crate) use self::response::Refused;
pub use self::{
    async_service::AsyncVerifyFuture,
    body::VerifyBody,
    builder::VerifierBuilder,
    credentials::Credentials,
    drain::{DrainBody, DrainFuture, DrainLayer, DrainService, DrainTask},
    explain::ServerSigningString,
    future::VerifyFuture,
    key_store::{AsyncKeyStore, AsyncKeys, KeyGuard, KeyRef, KeyStore},
    layer::VerifyLayer,
    response::{DefaultResponseForRejection, Refusal, ResponseForRejection},
    service::VerifyService,
    shared_keys::SharedKeys,
    static_keys::StaticKeys,
    verified::{CoveredComponents, VerifiedKey},
    verifier::Verifier,
    verifying_key::{KeyAccess, KeyLookup, VerifyingKey},
};
