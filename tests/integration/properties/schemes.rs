//! The schemes that sign the target: any request that is signed is accepted by its own verifier
//! only.

use http::{HeaderValue, Request};
use proptest::prelude::*;
use tower_hmac_auth::{Scheme, Signer, Verifier};

use super::clients::path;
use crate::common::{FRIDAY, at, keys, verifier_of, verify};

fn scheme() -> impl Strategy<Value = Scheme> {
    prop_oneof![
        Just(Scheme::Kong),
        Just(Scheme::Apisix),
        Just(Scheme::Cavage),
        Just(Scheme::Tyk),
        Just(Scheme::TraefikHub)
    ]
}

fn target() -> impl Strategy<Value = String> {
    let query = prop::option::of("[a-zA-Z0-9=&%/?.-]{1,12}");
    (path(), query).prop_map(|(path, query)| match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    })
}

fn signed(scheme: Scheme, target: &str, value: &str) -> Request<()> {
    let signer = Signer::builder(keys())
        .scheme(scheme)
        .signed_headers(["X-Tenant"])
        .build()
        .unwrap();
    let mut request = Request::put(target).body(()).unwrap();
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("h.example"));
    headers.insert("x-tenant", HeaderValue::from_str(value).unwrap());
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    request
}

fn verifier(scheme: Scheme) -> Verifier {
    let name = match scheme {
        Scheme::Kong | Scheme::Apisix => "@request-target",
        _ => "(request-target)",
    };
    Verifier::builder()
        .scheme(scheme)
        .require([name, "x-tenant"])
        .build()
        .unwrap()
}

proptest! {
    #[test]
    fn what_is_signed_is_accepted_by_its_own_schemes_verifier_only(
        scheme in scheme(),
        target in target(),
        value in "[ -~]{0,20}",
    ) {
        let request = signed(scheme, &target, &value);
        // Tyk signs an empty header like a missing one, so it does not count as covered.
        let is_covered = scheme != Scheme::Tyk || !value.trim().is_empty();
        for reads in Scheme::ALL {
            let verifier = match reads == scheme {
                true => verifier(scheme),
                false => verifier_of(reads),
            };
            let checked = verify(&verifier, (&request).into(), at(FRIDAY));
            let is_accepted = reads == scheme && is_covered;
            prop_assert_eq!(checked.is_ok(), is_accepted, "{}: {:?}", reads, checked);
        }
    }
}
