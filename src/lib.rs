//! Tower middleware for the HMAC key-pair authentication that API gateways speak.
//!
//! [`SignLayer`] signs every [`http::Request`] that passes through a Tower stack; [`VerifyLayer`] lets a server accept
//! such requests as the gateway does. The scheme is that of Tencent Cloud API Gateway ("key pair authentication") unless
//! another [`Scheme`] is asked for, Kong's, Apache APISIX's or draft-cavage's:
//!
//! ```text
//! GET /v1/orders HTTP/1.1
//! X-Date: Fri, 09 Oct 2015 00:00:00 GMT
//! Source: billing
//! Authorization: hmac id="AKID…", algorithm="hmac-sha1", headers="x-date source", signature="…"
//! ```
//!
//! The signature is the base64 of an HMAC, under the secret key, over the *signing string*: a line `name: value`
//! for each listed header, joined with newlines.
//!
//! # A tour
//!
//! Data flows one way, and the verifier walks the same rooms from the other end:
//!
//! | | sign | verify |
//! |---|---|---|
//! | a key | [`KeyPair`], [`RotatingKeyPair`](crate::sign::RotatingKeyPair) | [`VerifyingKey`](crate::verify::VerifyingKey), found by a [`KeyLookup`](crate::verify::KeyLookup) |
//! | rules, without I/O; the time is an argument | [`Signer`], [`SignerBuilder`](crate::sign::SignerBuilder) | [`Verifier`], [`Credentials`](crate::verify::Credentials) |
//! | what goes in | [`RequestHead`] | [`RequestHead`] |
//! | the bytes under the MAC | [`SigningString`](crate::scheme::SigningString) | [`SigningString`](crate::scheme::SigningString) |
//! | what comes out | [`SignedHeaders`](crate::sign::SignedHeaders) | [`Verified`](crate::verify::Verified), [`VerifiedKey`] |
//! | what can go wrong | [`KeyError`](crate::error::KeyError), [`BuildError`](crate::error::BuildError) at setup, [`SignError`](crate::error::SignError) | [`BuildError`](crate::error::BuildError) at setup, [`Rejection`] |
//! | middleware, with a [`Clock`](crate::clock::Clock) | [`SignLayer`], [`SignService`](crate::sign::SignService) | [`VerifyLayer`], [`VerifyService`](crate::verify::VerifyService) |
//! | where keys are found | | [`KeyStore`](crate::verify::KeyStore), [`StaticKeys`], [`AsyncKeyStore`](crate::verify::AsyncKeyStore) |
//! | which hosts get a signature | [`SignLayer::allowed_hosts`] | |
//! | the body under the signature (feature `digest`) | `DigestLayer` | `VerifyDigestLayer` |
//! | whose time it is | [`ServerClock`](crate::sign::ServerClock) | |
//! | how a refusal is answered | | [`ResponseForRejection`](crate::verify::ResponseForRejection), [`DefaultResponseForRejection`](crate::verify::DefaultResponseForRejection) |
//! | how the answer reaches a client that uploads | | [`DrainLayer`](crate::verify::DrainLayer) |
//! | what a refusal means | [`Rejection::from_response_text`], [`RejectionKind`](crate::error::RejectionKind) | [`Rejection::kind`] |
//!
//! # Layer order
//!
//! Outermost first, in a client: retry, redirects, timeout and limits, whatever sets a signed header, [`SignLayer`], the
//! client. On a server: log, CORS, timeout and limits, [`VerifyLayer`], the check of the body's digest, whatever changes
//! headers or the target, the handler. Each layer's place, those of tower-http among them, and what goes wrong elsewhere, is in
//! [`layer_order`].
//!
//! # Differences from the real gateways
//!
//! Where a verifier is stricter or more lenient than the gateway whose scheme it speaks, and why, is in
//! [`gateway_differences`].
//!
//! # What goes wrong, and who is told
//!
//! Requests that are not signed and requests that are refused make events with the feature `tracing`: [`events`] has the
//! table of targets, levels and fields. Without it, [`Signer::unsigned_requests`] counts the former, and a refusal's
//! response has its [`Rejection`] in the extensions. [`VerifyLayer::explain`] reports what the server has hashed where a
//! signature does not match.
//!
//! # What a signature does not protect
//!
//! It covers what is listed and nothing else. With a date and a source, as in Tencent Cloud's samples, it is good
//! for **any method, target and body**, sent to any API the key may use, by anyone who has seen it, until the date is
//! 15 minutes old; with `Date` instead of `X-Date`, for ever. TLS protects it on the way; further headers can be
//! signed with [`SignerBuilder::signed_headers`](crate::sign::SignerBuilder::signed_headers) and demanded with [`Verifier::require`]. The other schemes cover the
//! method and the target too, and the body where the request has a digest.
//!
//! # Secrets
//!
//! Secret keys and the MAC states made of them have a redacted `Debug`, no `Display`, and are overwritten when they
//! are dropped. No error, event or text of this crate holds one, and `Authorization` is marked sensitive.
//!
//! # Panics
//!
//! Nothing in this crate panics.
//!
//! # Features
//!
//! - `digest`: `DigestLayer` computes the digest of bodies to be signed, `VerifyDigestLayer` checks it.
//! - `reqwest`: [`SignService`](crate::sign::SignService) takes `reqwest::Request`s; `SignLayer::reqwest_client` makes a client of both.
//! - `reqwest-middleware`: `SignMiddleware` and `SignLayer::reqwest_middleware`, for the middleware chains of the crate
//!   of that name. Implies `reqwest`.
//! - `retry`: `RetryOnClockSkew`, a policy for `tower::retry`.
//! - `tracing`: an event for every request that could not be signed and every request that was refused: the table is in
//!   [`events`].
//!
//! None is on by default.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
#[cfg(feature = "digest")]
pub mod digest;
pub mod events;
pub mod gateway_differences;
mod header;
mod key;
pub mod layer_order;
mod limits;
mod mac;
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
    pub use crate::{
        key::KeyError,
        mac::ParseAlgorithmError,
        rejection::{CredentialsError, Excerpt, RejectionKind, TargetError},
        scheme::{BuildError, ParseDateHeaderError, ParseDatePolicyError, ParseSchemeError},
        sign::SignError,
    };
}

/// The README's examples, compiled as the crate's own; one of them needs the feature.
#[cfg(all(doctest, feature = "reqwest-middleware"))]
#[doc = include_str!("../README.md")]
struct Readme;
