//! Tower middleware for the HMAC key-pair authentication of API gateways.
//!
//! [`SignLayer`] signs every request that a client sends. [`VerifyLayer`] accepts such requests on
//! a server as the gateway does, and refuses all others. The default scheme is that of Tencent
//! Cloud API Gateway. [`Scheme`] has presets for its application authentication, Tencent Cloud
//! Market, Kong, Apache APISIX, iFlytek, draft-cavage, Tyk and Traefik Hub. Other gateways [can be
//! described](guide::own_gateway).
//!
//! # Sign
//!
//! ```
//! use http::{Request, Response};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! use tower_hmac_auth::{KeyPair, Scheme, SignLayer, Signer};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), BoxError> {
//!     let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
//!     let signer = Signer::builder(keys)
//!         .scheme(Scheme::Kong)
//!         .allowed_hosts(["gateway.example"]) // other hosts get no signature
//!         .build()?;
//!
//!     // Stands for the client of hyper, tonic or reqwest.
//!     let client = service_fn(|request: Request<String>| async move {
//!         assert!(request.headers().contains_key("x-date"));
//!         let authorization = request.headers()["authorization"].to_str()?;
//!         assert!(authorization.starts_with(r#"hmac username="AKIDtestkey0001", algorithm="#));
//!         Ok::<_, BoxError>(Response::new(()))
//!     });
//!
//!     let client = ServiceBuilder::new()
//!         // Retry, redirects and timeout belong here, outside.
//!         .layer(SignLayer::new(signer))
//!         .service(client);
//!     let request = Request::get("https://gateway.example/v1/orders").body(String::new())?;
//!     client.oneshot(request).await?;
//!     Ok(())
//! }
//! ```
//!
//! # Verify
//!
//! ```
//! use std::time::SystemTime;
//!
//! use axum::{Extension, Router, body::Body, routing::get};
//! use http::{Request, StatusCode};
//! use tower::{BoxError, ServiceExt};
//! use tower_hmac_auth::{
//!     KeyPair, Scheme, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
//! };
//!
//! async fn orders(Extension(key): Extension<VerifiedKey>) -> String {
//!     format!("the orders of {}", key.key_id())
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), BoxError> {
//!     let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
//!     let verifier = Verifier::builder()
//!         .scheme(Scheme::Kong)
//!         .require(["@request-target"]) // remove it for clients that sign a date alone
//!         .build()?;
//!     let app = Router::new()
//!         .route("/v1/orders", get(orders))
//!         .layer(VerifyLayer::new(StaticKeys::from(keys.clone())).verifier(verifier));
//!
//!     // `axum::serve(listener, app)` would serve it. Here it is asked twice.
//!     let unsigned = Request::get("/v1/orders").body(Body::empty())?;
//!     let response = app.clone().oneshot(unsigned).await?;
//!     assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//!
//!     let mut signed = Request::get("/v1/orders").body(Body::empty())?;
//!     let signer = Signer::builder(keys).scheme(Scheme::Kong).build()?;
//!     signer.sign_request(&mut signed, SystemTime::now())?;
//!     let response = app.oneshot(signed).await?;
//!     assert_eq!(response.status(), StatusCode::OK);
//!     Ok(())
//! }
//! ```
//!
//! # What is sent
//!
//! ```text
//! GET /v1/orders HTTP/1.1
//! X-Date: Fri, 09 Oct 2015 00:00:00 GMT
//! Authorization: hmac username="AKID…", algorithm="hmac-sha256", headers="x-date @request-target", signature="…"
//! ```
//!
//! The signature is the base64 of an HMAC, under the secret key, over the *signing string*: a line
//! `name: value` for each listed name, joined with newlines. **It covers what is listed and nothing
//! else**: [`guide::security`] says what that leaves open.
//!
//! # A tour
//!
//! The signing and verifying APIs mirror each other.
//!
//! | | sign | verify |
//! |---|---|---|
//! | a key | [`KeyPair`], [`RotatingKeyPair`](sign::RotatingKeyPair) | [`VerifyingKey`](verify::VerifyingKey), found by a [`KeyLookup`](verify::KeyLookup) |
//! | rules, without I/O; the time is an argument | [`Signer`], [`SignerBuilder`](sign::SignerBuilder) | [`Verifier`], [`VerifierBuilder`](verify::VerifierBuilder), [`Credentials`](verify::Credentials) |
//! | what goes in | [`RequestHead`] | [`RequestHead`] |
//! | the bytes under the MAC | [`SigningString`](scheme::SigningString) | [`SigningString`](scheme::SigningString) |
//! | what comes out | [`SignedHeaders`](sign::SignedHeaders) | [`VerifiedKey`] |
//! | what can go wrong | [`KeyError`](error::KeyError) and [`BuildError`](error::BuildError) at setup, [`SignError`](error::SignError) | [`BuildError`](error::BuildError) at setup, [`Rejection`] |
//! | middleware, with a [`Clock`](clock::Clock) | [`SignLayer`], [`SignService`](sign::SignService) | [`VerifyLayer`], [`VerifyService`](verify::VerifyService) |
//! | where keys are found | | [`StaticKeys`], [`SharedKeys`](verify::SharedKeys), `CachedKeys` (feature `cached-keys`), [`KeyStore`](verify::KeyStore), [`AsyncKeyStore`](verify::AsyncKeyStore) |
//! | which hosts get a signature | [`allowed_hosts`](sign::SignerBuilder::allowed_hosts) | |
//! | the body under the signature (feature `digest`) | `DigestLayer` | `VerifyDigestLayer` |
//! | the gateway's time | [`ServerClock`](sign::ServerClock) | |
//! | a request that was sent before | `SignerBuilder::nonce` (feature `nonce`) | [`ReplayLayer`](verify::ReplayLayer), [`MemoryReplayGuard`](verify::MemoryReplayGuard), `RedisReplayGuard` (feature `redis`) |
//! | how a refusal is answered | | [`ResponseForRejection`](verify::ResponseForRejection), [`DefaultResponseForRejection`](verify::DefaultResponseForRejection) |
//! | how the answer reaches a client that uploads | | [`DrainLayer`](verify::DrainLayer) |
//! | what a refusal means | [`Rejection::from_response_text`], [`RejectionKind`](error::RejectionKind) | [`Rejection::kind`] |
//!
//! # The guide
//!
//! | page | question |
//! |---|---|
//! | [`guide::leaving_tencent`] | Tencent Cloud API Gateway is switched off. What do I do? |
//! | [`guide::clients`] | How do I sign with hyper, tonic, reqwest, reqwest-middleware or without Tower? |
//! | [`guide::servers`] | How do I verify in axum, hyper or tonic, and what about nginx, CORS and uploads? |
//! | [`guide::gateways`] | Which lines match my gateway's settings? |
//! | [`guide::own_gateway`] | How do I describe a gateway that has no preset? |
//! | [`guide::keys`] | Where do keys come from, and how do I change them? |
//! | [`guide::clocks`] | What if a clock is wrong, and how do I test with time? |
//! | [`guide::bodies`] | How do I put the body under the signature? |
//! | [`guide::replay`] | How do I refuse requests that were sent before? |
//! | [`guide::security`] | What does a signature protect, and what does it not? |
//! | [`guide::refusals`] | Why is a request refused? |
//! | [`layer_order`] | Where does each layer belong, those of tower-http among them? |
//! | [`events`] | What is logged, and what do I do about it? |
//! | [`guide::gateway_differences`] | Where does a verifier differ from the gateway that it replaces? |
//! | [`guide::tested_clients`] | Which clients are tested, and how? |
//!
//! # Secrets
//!
//! Secret keys are overwritten when they are dropped, and shown in no `Debug`, error or event: see
//! [`guide::keys`](guide::keys#secrets).
//!
//! # Panics
//!
//! Nothing in this crate panics, whatever a request, a response or an option contains.
//!
//! # Features
//!
//! - `cached-keys`: `CachedKeys`, a cache in front of a database or another source of keys.
//! - `digest`: `DigestLayer` computes the digest of bodies to be signed, `VerifyDigestLayer` checks
//!   it. `ReadFormLayer` reads forms whose parameters are signed.
//! - `nonce`: `SignerBuilder::nonce` sends a random nonce with every signature.
//! - `redis`: `RedisReplayGuard`, with which several servers refuse requests that one of them has
//!   accepted before.
//! - `reqwest`: [`SignService`](sign::SignService) takes `reqwest::Request`s, and
//!   `SignLayer::reqwest_client` builds a client that signs.
//! - `reqwest-middleware`: `SignMiddleware` and `SignLayer::reqwest_middleware`, for the middleware
//!   chains of the crate of that name. Implies `reqwest`.
//! - `retry`: `RetryOnClockSkew`, a policy for `tower::retry`.
//! - `tracing`: an event for every request that could not be signed and every request that was
//!   refused; see [`events`].
//!
//! None is on by default.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
#[cfg(feature = "digest")]
pub mod digest;
pub mod events;
mod form;
pub mod guide;
mod header;
mod key;
pub mod layer_order;
mod limits;
mod mac;
mod readiness;
mod rejection;
mod request_head;
pub mod scheme;
pub mod sign;
pub mod verify;
mod wire;

pub use self::{
    key::{KeyId, KeyPair, SecretKey},
    mac::Algorithm,
    rejection::Rejection,
    request_head::RequestHead,
    scheme::Scheme,
    sign::{SignLayer, Signer},
    verify::{StaticKeys, VerifiedKey, Verifier, VerifyLayer},
};

/// What can go wrong: at setup, when a request is signed, and when one is refused ([`Rejection`]).
pub mod error {
    #[cfg(feature = "digest")]
    pub use crate::digest::{DigestError, DigestMismatch, ParseDigestHeaderError};
    #[cfg(feature = "reqwest-middleware")]
    pub use crate::sign::RedirectFollowed;
    #[cfg(feature = "redis")]
    pub use crate::verify::RedisGuardError;
    pub use crate::{
        key::KeyError,
        mac::ParseAlgorithmError,
        rejection::{CredentialsError, Excerpt, RejectionKind, TargetError},
        scheme::{BuildError, ParseDateHeaderError, ParseDatePolicyError, ParseSchemeError},
        sign::SignError,
    };
}

/// The README's examples, compiled as the crate's own; one of them needs the feature.
#[cfg(all(doctest, feature = "reqwest"))]
#[doc = include_str!("../README.md")]
struct Readme;
