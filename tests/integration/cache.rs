//! Signatures that are cached for a second. They are never used for another second, key, layer or
//! request.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tower_hmac_auth::{
    KeyPair, Signer, Verifier,
    clock::{Clock as _, ManualClock},
    error::SignError,
    scheme::DateHeader,
    sign::RotatingKeyPair,
    verify::{KeyAccess, KeyLookup, VerifyingKey},
};

use crate::common::{FRIDAY, KEY_ID, at, keys, verify};

fn sign(signer: &Signer, headers: &[(&'static str, &str)], now: SystemTime) -> HeaderMap {
    let mut request = Request::get("https://api.example.com/a").body(()).unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_static(name);
        request
            .headers_mut()
            .append(name, HeaderValue::from_str(value).unwrap());
    }
    signer.sign_request(&mut request, now).unwrap();
    let key = verify(&Verifier::new(), (&request).into(), now);
    assert!(key.is_ok(), "{key:?}: {request:?}");
    request.into_parts().0.headers
}

fn sourced(source: &'static str) -> Signer {
    Signer::builder(keys())
        .source(HeaderValue::from_static(source))
        .build()
        .unwrap()
}

#[test]
fn every_second_has_its_own_date_also_where_the_clock_jumps_back() {
    let (signer, clock) = (sourced("billing"), ManualClock::at(at(FRIDAY)));
    let mut dates = Vec::new();
    for seconds in [0, 0, 1, 1, 2, -3600, -3600, 0, 86_400] {
        clock.set(at(FRIDAY + seconds));
        let headers = sign(&signer, &[], clock.now());
        let date = httpdate::parse_http_date(headers["x-date"].to_str().unwrap());
        assert_eq!(date.unwrap(), at(FRIDAY + seconds));
        dates.push((headers["x-date"].clone(), headers["authorization"].clone()));
    }
    // The same second has the same signature, whenever it is.
    assert_eq!(dates[0], dates[1]);
    assert_eq!(dates[0], dates[7]);
    assert_ne!(dates[0].1, dates[2].1);
}

#[test]
fn within_a_second_no_fraction_makes_a_difference() {
    let signer = sourced("billing");
    let early = sign(&signer, &[], at(FRIDAY));
    let late = sign(&signer, &[], at(FRIDAY) + Duration::from_nanos(999_999_999));
    assert_eq!(early, late);
}

#[test]
fn a_pair_that_has_been_rotated_away_signs_no_more() {
    let keys = RotatingKeyPair::new(keys());
    let signer = Signer::new(keys.clone());
    let clone = signer.clone();
    let mut before = Request::new(());
    signer.sign_request(&mut before, at(FRIDAY)).unwrap();
    for round in 0..20 {
        let id = format!("AKID{round}");
        keys.rotate(KeyPair::new(id.clone(), "another-secret").unwrap());
        for signer in [&signer, &clone, &signer] {
            let mut request = Request::new(());
            signer.sign_request(&mut request, at(FRIDAY)).unwrap();
            let authorization = request.headers()["authorization"].to_str().unwrap();
            assert!(
                authorization.contains(&format!("id=\"{id}\"")),
                "{authorization}"
            );
        }
    }
}

#[test]
fn no_layer_gets_what_another_has_signed() {
    let base = Signer::builder(keys());
    let signers = [
        base.clone().source(HeaderValue::from_static("a")),
        base.clone().source(HeaderValue::from_static("b")),
        base.clone(),
        base.clone().source(HeaderValue::from_static("a")),
        base.clone().source(HeaderValue::from_static("")),
        base.date_header(DateHeader::Date),
    ]
    .map(|builder| builder.build().unwrap());
    let first: Vec<_> = signers
        .iter()
        .map(|signer| sign(signer, &[], at(FRIDAY)))
        .collect();
    for _ in 0..3 {
        for (signer, first) in signers.iter().zip(&first).rev() {
            assert_eq!(sign(signer, &[], at(FRIDAY)), *first);
        }
    }
    let sources = first.iter().map(|headers| headers.get("source"));
    let text = |value: Option<&HeaderValue>| value.map(|value| value.to_str().unwrap().to_owned());
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        sources.map(text).collect::<Vec<_>>(),
        [some("a"), some("b"), None, some("a"), some(""), None]
    );
    assert!(first[5].contains_key("date") && !first[5].contains_key("x-date"));
}

#[test]
fn a_request_with_a_header_of_its_own_is_signed_for_itself() {
    let signer = Signer::builder(keys())
        .signed_headers(["x-tenant"])
        .source(HeaderValue::from_static("billing"))
        .build()
        .unwrap();
    for _ in 0..3 {
        let plain = sign(&signer, &[], at(FRIDAY));
        assert_eq!(plain["source"], "billing");
        let own = sign(&signer, &[("source", "own")], at(FRIDAY));
        assert_eq!(own["source"], "own");
        let tenant = sign(&signer, &[("x-tenant", "7")], at(FRIDAY));
        let list = tenant["authorization"].to_str().unwrap();
        assert!(
            list.contains("headers=\"x-date source x-tenant\""),
            "{list}"
        );
        let padded = sign(&signer, &[("source", " own\t")], at(FRIDAY));
        assert_eq!(padded["source"], "own");
        assert_eq!(padded["authorization"], own["authorization"]);
    }
}

#[test]
fn what_is_supplied_replaces_nothing_on_the_request_and_stays_as_sensitive_as_it_was() {
    let mut source = HeaderValue::from_static("billing");
    source.set_sensitive(true);
    let (space, name) = (
        HeaderValue::from_static("ns"),
        HeaderValue::from_static("svc"),
    );
    let signer = Signer::builder(keys())
        .source(source)
        .microservice(space, name)
        .build()
        .unwrap();
    for _ in 0..3 {
        let own = sign(&signer, &[("x-namespace-code", "own")], at(FRIDAY));
        assert_eq!(own["x-namespace-code"], "own");
        assert_eq!(own["x-microservice-name"], "svc");
        let supplied = sign(&signer, &[], at(FRIDAY));
        assert_eq!(supplied["x-namespace-code"], "ns");
        assert!(supplied["source"].is_sensitive());
        assert!(!supplied["x-namespace-code"].is_sensitive());
    }
}

#[test]
fn what_an_earlier_signature_has_left_is_replaced() {
    let signer = sourced("billing");
    let left = [
        ("authorization", "Bearer token"),
        ("x-date", "old"),
        ("date", "old"),
    ];
    for _ in 0..3 {
        let headers = sign(&signer, &left, at(FRIDAY));
        assert_eq!(headers.get_all("authorization").iter().count(), 1);
        assert!(!headers.contains_key("date"));
        assert!(headers["authorization"].is_sensitive());
    }
}

#[test]
fn a_host_that_is_no_gateway_gets_nothing_that_was_signed_before() {
    let signer = Signer::builder(keys())
        .source(HeaderValue::from_static("billing"))
        .allowed_hosts(["api.example.com"])
        .build()
        .unwrap();
    sign(&signer, &[], at(FRIDAY));
    let mut request = Request::get("https://evil.example/").body(()).unwrap();
    assert!(signer.sign_request(&mut request, at(FRIDAY)).is_err());
    assert!(request.headers().is_empty());
}

#[test]
fn threads_never_see_another_pair_source_or_second_than_their_own() {
    let pair = |number: usize| KeyPair::new(format!("AKID{number}"), format!("secret-{number}"));
    let pairs: Vec<_> = (0..4).map(|number| pair(number).unwrap()).collect();
    let secrets: Vec<_> = pairs.iter().map(VerifyingKey::from).collect();
    let keys = RotatingKeyPair::new(pairs[0].clone());
    let base = Signer::builder(keys.clone());
    let (start, is_over) = (Barrier::new(5), AtomicBool::new(false));
    thread::scope(|scope| {
        for number in 0..4_i64 {
            let signer = base.clone().source(HeaderValue::from(number));
            let signer = signer.build().unwrap();
            let (start, secrets) = (&start, &secrets);
            scope.spawn(move || {
                start.wait();
                for round in 0..20_000 {
                    let now = at(FRIDAY + number * 10_000 + round / 16);
                    let mut request = Request::new(());
                    signer.sign_request(&mut request, now).unwrap();
                    assert_eq!(request.headers()["source"], number.to_string());
                    let verifier = Verifier::builder()
                        .max_skew(Duration::ZERO)
                        .build()
                        .unwrap();
                    let credentials = verifier.read(&request, now).unwrap();
                    let id: usize = credentials
                        .key_id()
                        .strip_prefix("AKID")
                        .unwrap()
                        .parse()
                        .unwrap();
                    let lookup = KeyLookup::Key(&secrets[id], KeyAccess::Bound);
                    verifier.verify(credentials, lookup).unwrap();
                }
            });
        }
        let (start, is_over, keys) = (&start, &is_over, &keys);
        scope.spawn(move || {
            start.wait();
            for round in 0..2_000 {
                keys.rotate(pairs[round % 4].clone());
                thread::yield_now();
            }
            is_over.store(true, Ordering::SeqCst);
        });
    });
    assert!(is_over.into_inner());
    assert_eq!(KEY_ID, "AKIDtestkey0001");
}

#[test]
fn a_request_is_answered_alike_whatever_was_signed_before() {
    let signer = || {
        Signer::builder(keys())
            .signed_headers(["x-microservice-name"])
            .source(HeaderValue::from_static("billing"))
            .microservice(HeaderValue::from_static("n"), HeaderValue::from_static("m"))
            .build()
            .unwrap()
    };
    let simple = || sourced("billing");
    let answered = |signer: &Signer, values: &[(&'static str, &str)], further: usize| {
        let mut request = Request::new(());
        let headers = request.headers_mut();
        for (name, value) in values {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        for number in 0..further {
            let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_static("further"));
        }
        let result = signer.sign_request(&mut request, at(FRIDAY));
        (result, request.into_parts().0.headers)
    };
    let warm = |signer: Signer| {
        signer
            .sign_request(&mut Request::new(()), at(FRIDAY))
            .unwrap();
        signer
    };
    let own = "x-microservice-name";
    // All of a repeated header, and several that are added, up to the most headers that are signed.
    for (values, further) in [
        (&[(own, "1"), (own, "2")][..], 0),
        (&[(own, "1")], 0),
        (&[(own, "1")], 16_383),
        (&[("source", "1"), ("source", "2")], 0),
    ] {
        let cold = answered(&signer(), values, further);
        assert_eq!(answered(&warm(signer()), values, further), cold);
        let cold = answered(&simple(), values, further);
        assert_eq!(answered(&warm(simple()), values, further), cold);
    }
}

#[test]
fn more_headers_than_are_looked_at_are_an_error_also_where_a_signature_is_kept() {
    let signer = sourced("billing");
    sign(&signer, &[], at(FRIDAY));
    let mut request = Request::new(());
    for number in 0..16_385 {
        let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
        let value = HeaderValue::from_static("further");
        request.headers_mut().append(name, value);
    }
    assert_eq!(
        signer.sign_request(&mut request, at(FRIDAY)),
        Err(SignError::TooManyHeaders)
    );
    assert!(!request.headers().contains_key("authorization"));
}

#[test]
fn up_to_16_384_headers_are_signed_whether_a_signature_is_kept_or_not() {
    for further in [1_040, 1_041, 12_288, 16_383, 16_384] {
        for own in [false, true] {
            let signer = Signer::builder(keys()).signed_headers(["x-0"]);
            let signer = signer.build().unwrap();
            sign(&signer, &[], at(FRIDAY));
            let mut request = Request::new(());
            for number in 0..further {
                let number = number + usize::from(!own);
                let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
                let value = HeaderValue::from_static("further");
                request.headers_mut().append(name, value);
            }
            signer.sign_request(&mut request, at(FRIDAY)).unwrap();
            let key = verify(&Verifier::new(), (&request).into(), at(FRIDAY)).unwrap();
            let covered: Vec<_> = key.covered().collect();
            let expected = &["x-date", "x-0"][..1 + usize::from(own)];
            assert_eq!(covered, expected, "{further}");
            assert_eq!(request.headers().len(), further + 2);
        }
    }
}

#[test]
fn a_repeated_source_is_an_error_also_where_a_signature_is_kept() {
    let signer = sourced("billing");
    sign(&signer, &[], at(FRIDAY));
    let mut request = Request::new(());
    for value in ["1", "2"] {
        let value = HeaderValue::from_static(value);
        request.headers_mut().append("source", value);
    }
    let name = HeaderName::from_static("source");
    assert_eq!(
        signer.sign_request(&mut request, at(FRIDAY)),
        Err(SignError::RepeatedHeader { name })
    );
    let sources = request.headers().get_all("source").iter();
    assert_eq!(sources.collect::<Vec<_>>(), ["1", "2"]);
    assert!(!request.headers().contains_key("authorization"));
}
