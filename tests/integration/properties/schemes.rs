//! The schemes that sign the target: any request that is signed is accepted, and no other in its stead.

use http::{HeaderValue, Request, Uri};
use proptest::prelude::*;
use tower_hmac_auth::{Scheme, Signer, Verifier};

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

/// In normal form, as APISIX's verifier wants it.
fn target() -> impl Strategy<Value = String> {
    let segment = "([a-zA-Z0-9_~!$&'()*+,;=:@-]|%20|%C3%A9|%22|%5B){1,8}";
    let path = prop::collection::vec(segment, 0..4);
    let query = prop::option::of("[a-zA-Z0-9=&%/?.-]{1,12}");
    (path, query).prop_map(|(path, query)| match query {
        Some(query) => format!("/{}?{query}", path.join("/")),
        None => format!("/{}", path.join("/")),
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
        for reads in Scheme::ALL {
            let verifier = match reads == scheme {
                true => verifier(scheme),
                false => verifier_of(reads),
            };
            let checked = verify(&verifier, (&request).into(), at(FRIDAY));
            prop_assert_eq!(checked.is_ok(), reads == scheme, "{}: {:?}", reads, checked);
        }
    }

    #[test]
    fn no_other_target_method_or_header_passes_with_its_signature(
        scheme in scheme(),
        target in target(),
        other in target(),
        other_method in prop_oneof!["[PpUuTt]{3}", "(?i)put", "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}"],
        value in "[!-~]{1,20}",
    ) {
        let request = signed(scheme, &target, &value);
        let check = |request: &Request<()>| verify(&verifier(scheme), request.into(), at(FRIDAY));

        let mut elsewhere = request.clone();
        *elsewhere.uri_mut() = other.parse::<Uri>().unwrap();
        // Tyk does not sign the query.
        let signed = |target: &str| match scheme {
            Scheme::Tyk => target.split('?').next().unwrap().to_owned(),
            _ => target.to_owned(),
        };
        let is_same = signed(&target) == signed(&other);
        prop_assert_eq!(check(&elsewhere).is_ok(), is_same, "{} {}", target, other);

        let mut another = request.clone();
        *another.method_mut() = other_method.parse().unwrap();
        prop_assert_eq!(check(&another).is_ok(), other_method == "PUT", "{}", other_method);

        let mut tenant = request;
        let longer = HeaderValue::from_str(&format!("{value}x")).unwrap();
        tenant.headers_mut().insert("x-tenant", longer);
        prop_assert!(check(&tenant).is_err());
        tenant.headers_mut().remove("x-tenant");
        prop_assert!(check(&tenant).is_err());
    }
}
