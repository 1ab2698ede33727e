//! Verification of signed requests: a Tower middleware, and its rules without I/O.
//!
//! Start with [`VerifyLayer`]. It has three parts:
//!
//! - a key store, which finds the key of a key id: [`StaticKeys`], a closure or another
//!   [`KeyStore`], or an [`AsyncKeyStore`] inside [`AsyncKeys`], such as `CachedKeys`;
//! - a [`Verifier`] with the rules, such as the scheme, the algorithms and what has to be covered.
//!   [`Verifier::builder`] sets them;
//! - a [`ResponseForRejection`], which answers refused requests. The default is
//!   [`DefaultResponseForRejection`].
//!
//! A [`ReplayLayer`] inside it refuses requests that were sent before.
//!
//! The handler finds a [`VerifiedKey`] in the extensions of each request that passes.
//! [`DrainLayer`], outside, lets an early answer reach clients that are still uploading.
//!
//! Without Tower, call [`Verifier::read`], look up the key of [`Credentials::key_id`], and call
//! [`Verifier::verify`].

mod async_service;
mod builder;
#[cfg(feature = "cached-keys")]
mod cached_keys;
mod components;
mod drain;
mod explain;
mod freshness;
mod future;
mod key_store;
mod layer;
mod nonce;
mod replay;
mod response;
mod response_body;
mod service;
mod shared_keys;
mod static_keys;
mod verified;
mod verifier;
mod verifier_set;
mod verifying_key;

#[cfg(feature = "cached-keys")]
pub use self::cached_keys::{
    CacheStats, CachedKeys, CachedKeysBuilder, CachedLookup, KeySource, RefreshTask,
};
#[cfg(feature = "redis")]
pub use self::replay::{
    RedisClaimFuture, RedisCluster, RedisGuardError, RedisReplayGuard, RedisReplayGuardBuilder,
    RedisWarning,
};
pub use self::{
    async_service::AsyncVerifyFuture,
    builder::VerifierBuilder,
    drain::{DrainBody, DrainFuture, DrainLayer, DrainService, DrainTask},
    explain::ServerSigningString,
    future::VerifyFuture,
    key_store::{AsyncKeyStore, AsyncKeys, KeyRef, KeyStore},
    layer::VerifyLayer,
    replay::{
        AsyncGuard, AsyncReplayFuture, AsyncReplayGuard, Claim, ClaimOutcome, MemoryReplayGuard,
        MemoryReplayGuardBuilder, ReplayCounts, ReplayGuard, ReplayLayer, ReplayService,
        WhenUnavailable,
    },
    response::{DefaultResponseForRejection, Refusal, ResponseForRejection},
    response_body::VerifyBody,
    service::VerifyService,
    shared_keys::SharedKeys,
    static_keys::StaticKeys,
    verified::{CoveredComponents, VerifiedKey},
    verifier::{Credentials, Verifier},
    verifier_set::VerifierSet,
    verifying_key::{KeyAccess, KeyLookup, VerifyingKey},
};
pub(crate) use self::{
    future::{Continue, Wait},
    response::Refused,
};
