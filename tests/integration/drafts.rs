//! The cached text of a signer's list of names. It is never used for another list, key pair or
//! signer.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tower_hmac_auth::{
    Algorithm, KeyPair, Scheme, Signer, Verifier,
    clock::{Clock, SystemClock},
    sign::{RotatingKeyPair, SignerBuilder},
    verify::{KeyAccess, KeyLookup, VerifyingKey},
};

use crate::common::{FRIDAY, at, keys, verifier_of};

fn kong(keys: impl Into<RotatingKeyPair>) -> SignerBuilder {
    Signer::builder(keys)
        .scheme(Scheme::Kong)
        .signed_headers(["x-tenant", "x-region"])
}

fn signed(signer: &Signer, headers: &[(&'static str, &str)], now: SystemTime) -> Request<()> {
    let mut request = Request::get("https://api.example.com/a?x=1")
        .body(())
        .unwrap();
    for (name, value) in headers {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_str(value));
        request.headers_mut().insert(name, value.unwrap());
    }
    signer.sign_request(&mut request, now).unwrap();
    request
}

/// The parameter `headers`, after the signature was found right.
fn list(request: &Request<()>, pair: &KeyPair, now: SystemTime) -> String {
    let verifier = verifier_of(Scheme::Kong);
    let credentials = verifier.read(request, now).unwrap();
    assert_eq!(credentials.key_id(), pair.id().as_str());
    let key = VerifyingKey::from(pair);
    let verified = verifier.verify(credentials, KeyLookup::Key(&key, KeyAccess::Bound));
    verified.unwrap().covered().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_list_is_that_of_the_request_whatever_was_signed_before() {
    let builder = kong(keys()).source(HeaderValue::from_static("billing"));
    let signer = builder.clone().build().unwrap();
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "x-date @request-target source"),
        (
            &[("x-tenant", "7")],
            "x-date @request-target source x-tenant",
        ),
        (
            &[("x-region", "eu")],
            "x-date @request-target source x-region",
        ),
        (
            &[("x-tenant", "7"), ("x-region", "eu")],
            "x-date @request-target source x-tenant x-region",
        ),
        (&[("source", "own")], "x-date @request-target source"),
    ];
    // Each after each other and after itself, in the same and in another second.
    for seconds in [0, 0, 1, 60] {
        let now = at(FRIDAY + seconds);
        for (before, _) in &cases {
            for (headers, expected) in &cases {
                signed(&signer, before, now);
                let request = signed(&signer, headers, now);
                assert_eq!(list(&request, &keys(), now), *expected);
                // A signer that has signed nothing before.
                let fresh = builder.clone().build().unwrap();
                assert_eq!(
                    signed(&fresh, headers, now).headers(),
                    request.headers(),
                    "{expected}"
                );
            }
        }
    }
}

#[test]
fn the_text_of_a_pair_that_has_been_rotated_away_is_used_no_more() {
    for scheme in Scheme::ALL {
        let handle = RotatingKeyPair::new(keys());
        let signer = Signer::builder(handle.clone()).scheme(scheme);
        let signer = signer.build().unwrap();
        for round in 0..20 {
            let id = format!("AKID{}", "x".repeat(round));
            handle.rotate(KeyPair::new(id.as_str(), "another-secret").unwrap());
            for _ in 0..2 {
                let request = signed(&signer, &[("host", "api.example.com")], at(FRIDAY));
                let authorization = request.headers()["authorization"].to_str().unwrap();
                assert!(
                    authorization.contains(&format!("\"{id}\"")),
                    "{authorization}"
                );
            }
        }
    }
}

#[test]
fn no_signer_gets_the_text_of_another() {
    // More than a thread keeps.
    let signers: Vec<_> = (0..40)
        .map(|number| {
            let pair = KeyPair::new(format!("AKID{number}"), "test-secret-key-0001").unwrap();
            let algorithm = Algorithm::ALL[number % 4];
            let builder = Signer::builder(pair.clone()).scheme(Scheme::Kong);
            (pair, builder.algorithm(algorithm).build().unwrap())
        })
        .collect();
    for (round, (pair, signer)) in signers.iter().chain(&signers).enumerate() {
        let request = signed(signer, &[], at(FRIDAY));
        assert_eq!(list(&request, pair, at(FRIDAY)), "x-date @request-target");
        let authorization = request.headers()["authorization"].to_str().unwrap();
        let algorithm = Algorithm::ALL[round % 40 % 4];
        assert!(authorization.contains(algorithm.name()), "{authorization}");
    }
}

#[test]
fn signers_of_one_pair_take_turns_in_a_place_and_get_nothing_of_each_other() {
    // More than a thread keeps, each renewed where another was a second ago.
    let handle = RotatingKeyPair::new(keys());
    let base = Signer::builder(handle);
    let signers: Vec<_> = (0..40_i64)
        .map(|number| base.clone().source(HeaderValue::from(number)))
        .map(|builder| builder.build().unwrap())
        .collect();
    for seconds in 0..3 {
        for (number, signer) in signers.iter().enumerate() {
            let request = signed(signer, &[], at(FRIDAY + seconds));
            assert_eq!(request.headers()["source"], number.to_string());
            let key =
                crate::common::verify(&Verifier::new(), (&request).into(), at(FRIDAY + seconds));
            assert!(key.is_ok(), "{key:?}");
        }
    }
}

#[test]
fn a_signing_string_that_begins_with_the_key_id_is_made_again_for_another_pair() {
    let handle = RotatingKeyPair::new(KeyPair::new("AKIDold", "the-old-secret").unwrap());
    let builder = Signer::builder(handle.clone()).scheme(Scheme::Apisix);
    let signer = builder.components(["date"]).build().unwrap();
    let new = KeyPair::new("AKIDnew", "the-new-secret").unwrap();
    for (seconds, pair) in [(0, None), (1, Some(&new)), (2, None)] {
        if let Some(pair) = pair {
            handle.rotate(pair.clone());
        }
        let request = signed(&signer, &[], at(FRIDAY + seconds));
        if seconds > 0 {
            let verifier = verifier_of(Scheme::Apisix);
            let credentials = verifier.read(&request, at(FRIDAY + seconds)).unwrap();
            let key = VerifyingKey::from(&new);
            let lookup = KeyLookup::Key(&key, KeyAccess::Bound);
            assert!(verifier.verify(credentials, lookup).is_ok(), "{seconds}");
        }
    }
}

#[test]
fn threads_that_share_a_signer_list_what_their_own_requests_have() {
    let (signer, start) = (kong(keys()).build().unwrap(), Barrier::new(4));
    let sign = |number: usize| {
        start.wait();
        for round in 0..2_000 {
            let tenant = (round % (number + 2) == 0).then_some(("x-tenant", "7"));
            let request = signed(&signer, tenant.as_slice(), at(FRIDAY));
            let expected = match tenant {
                Some(_) => "x-date @request-target x-tenant",
                None => "x-date @request-target",
            };
            assert_eq!(list(&request, &keys(), at(FRIDAY)), expected);
        }
    };
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || sign(number));
        }
    });
}

#[test]
fn a_second_later_only_the_date_and_the_signature_are_others() {
    let signer = Signer::builder(keys())
        .source(HeaderValue::from_static("billing"))
        .build()
        .unwrap();
    let headers = |seconds| {
        let request = signed(&signer, &[], at(FRIDAY + seconds));
        request.into_parts().0.headers
    };
    let without_signature = |headers: &HeaderMap| {
        let authorization = headers["authorization"].to_str().unwrap().to_owned();
        authorization
            .rsplit_once("signature=")
            .unwrap()
            .0
            .to_owned()
    };
    let first = headers(0);
    // Also over the end of a minute, a day and a year, and back.
    for seconds in [1, 2, 59, 60, 86_399, 86_400, 7_200_000, 3, 0] {
        let later = headers(seconds);
        assert_eq!(later["source"], first["source"]);
        assert_eq!(without_signature(&later), without_signature(&first));
        let is_same = seconds == 0;
        assert_eq!(later["x-date"] == first["x-date"], is_same);
        assert_eq!(later["authorization"] == first["authorization"], is_same);
        assert!(later["authorization"].is_sensitive());
    }
}

#[test]
fn one_key_verifies_with_every_algorithm_whichever_comes_first() {
    for first in Algorithm::ALL {
        let key = VerifyingKey::from(&keys());
        let others = Algorithm::ALL.into_iter().filter(|other| *other != first);
        for algorithm in [first].into_iter().chain(others).chain([first]) {
            let signer = Signer::builder(keys())
                .algorithm(algorithm)
                .build()
                .unwrap();
            let request = signed(&signer, &[], at(FRIDAY));
            let verifier = Verifier::new();
            let credentials = verifier.read(&request, at(FRIDAY)).unwrap();
            assert_eq!(credentials.algorithm(), algorithm);
            let lookup = KeyLookup::Key(&key, KeyAccess::Bound);
            assert!(
                verifier.verify(credentials, lookup).is_ok(),
                "{algorithm} after {first}"
            );
        }
    }
}

#[test]
fn the_systems_clock_is_never_ahead_and_hardly_behind() {
    for _ in 0..1_000 {
        let before = SystemTime::now();
        let now = SystemClock.now();
        let after = SystemTime::now();
        assert!(now <= after, "{now:?} {after:?}");
        assert!(
            now + Duration::from_millis(50) >= before,
            "{now:?} {before:?}"
        );
    }
}
