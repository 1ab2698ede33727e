//! Verifying as Tower middleware: wiring around [`Verifier`](crate::Verifier).

mod async_service;
mod body;
mod drain;
mod explain;
mod future;
mod gate;
mod key_store;
mod layer;
mod refuse;
mod service;
mod static_keys;

#[cfg(feature = "digest")]
pub(crate) use self::gate::Refused;
pub use self::{
    async_service::AsyncVerifyFuture,
    body::VerifyBody,
    drain::{DrainBody, DrainFuture, DrainLayer, DrainService, DrainTask},
    explain::ServerSigningString,
    future::VerifyFuture,
    key_store::{AsyncKeyStore, AsyncKeys, KeyRef, KeyStore},
    layer::VerifyLayer,
    refuse::{Refusals, Refuse},
    service::VerifyService,
    static_keys::StaticKeys,
};
