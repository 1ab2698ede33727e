//! What several subjects need.

mod fixtures;
pub(crate) mod raw_server;
#[cfg(feature = "digest")]
pub(crate) mod serve;
#[cfg(feature = "digest")]
pub(crate) mod server_layers;
pub(crate) mod sign_by_hand;

pub(crate) use fixtures::*;

use tower_hmac_auth::{Scheme, Verifier};

/// A verifier with all of the scheme's defaults.
pub(crate) fn verifier_of(scheme: Scheme) -> Verifier {
    Verifier::builder().scheme(scheme).build().unwrap()
}
