//! Requests that are sent again: nonces, guards and the layer.

mod guard;
mod layer;
mod nonces;
mod parameter;
mod server;
mod sets;
#[cfg(feature = "nonce")]
mod signing;

use http::{HeaderName, Request};
use tower_hmac_auth::{
    Scheme, Signer, Verifier,
    scheme::{DatePolicy, X_NONCE},
    verify::VerifierBuilder,
};

use crate::common::{FRIDAY, at, keys};

/// A verifier's builder for a scheme whose dates are all checked.
fn builder(scheme: Scheme) -> VerifierBuilder {
    Verifier::builder()
        .scheme(scheme)
        .date_policy(DatePolicy::CheckAge)
}

fn verifier(scheme: Scheme) -> Verifier {
    builder(scheme).nonce(X_NONCE).build().unwrap()
}

/// A request whose signature covers what it has of `name`.
fn signed(scheme: Scheme, name: &HeaderName, values: &[&str]) -> Request<()> {
    let mut request = Request::get("https://api.example.com/a").body(()).unwrap();
    for value in values {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let signer = Signer::builder(keys()).scheme(scheme);
    let signer = signer.signed_headers([name]).build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    request
}
