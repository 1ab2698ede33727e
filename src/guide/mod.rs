//! The guide: one page for each question that a user of this crate has.
//!
//! | page | question |
//! |---|---|
//! | [`leaving_tencent`] | Tencent Cloud API Gateway is switched off. What do I do? |
//! | [`clients`] | How do I sign with hyper, tonic, reqwest, reqwest-middleware or without Tower? |
//! | [`servers`] | How do I verify in axum, hyper or tonic, and what about nginx, CORS and uploads? |
//! | [`gateways`] | Which lines match my gateway's settings? |
//! | [`own_gateway`] | How do I describe a gateway that has no preset? |
//! | [`gateway_differences`] | Where does a verifier differ from the gateway that it replaces? |
//! | [`keys`] | Where do keys come from, and how do I change them? |
//! | [`clocks`] | What if a clock is wrong, and how do I test with time? |
//! | [`bodies`] | How do I put the body under the signature? |
//! | [`replay`] | How do I refuse requests that were sent before? |
//! | [`security`] | What does a signature protect, and what does it not? |
//! | [`refusals`] | Why is a request refused? |
//! | [`layer_order`](crate::layer_order) | Where does each layer belong? |
//! | [`events`](crate::events) | What is logged, and what do I do about it? |
//! | [`tested_clients`] | Which clients are tested, and how? |
//!
//! All examples are whole programs. They are compiled, and run where they need no network, by the
//! crate's tests.

#[doc = include_str!("gateway_differences.md")]
pub mod gateway_differences {}

// A page is left out of the doctests if the features that its programs need are off.

#[cfg_attr(
    any(not(doctest), feature = "reqwest-middleware"),
    doc = include_str!("clients.md")
)]
pub mod clients {}

#[cfg_attr(any(not(doctest), feature = "digest"), doc = include_str!("servers.md"))]
pub mod servers {}

#[cfg_attr(any(not(doctest), feature = "digest"), doc = include_str!("gateways.md"))]
pub mod gateways {}

#[doc = include_str!("own_gateway.md")]
pub mod own_gateway {}

#[doc = include_str!("leaving_tencent.md")]
pub mod leaving_tencent {}

#[cfg_attr(any(not(doctest), feature = "cached-keys"), doc = include_str!("keys.md"))]
pub mod keys {}

#[cfg_attr(any(not(doctest), feature = "retry"), doc = include_str!("clocks.md"))]
pub mod clocks {}

#[cfg_attr(
    any(not(doctest), all(feature = "digest", feature = "reqwest")),
    doc = include_str!("bodies.md")
)]
pub mod bodies {}

#[cfg_attr(
    any(not(doctest), all(feature = "nonce", feature = "redis")),
    doc = include_str!("replay.md")
)]
pub mod replay {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("refusals.md")]
pub mod refusals {}

#[doc = include_str!("tested_clients.md")]
pub mod tested_clients {}
