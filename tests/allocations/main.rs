//! Counts allocations. A test fails if there are more than the documentation promises.
//!
//! It is a binary of its own, because its allocator counts for the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[cfg(feature = "cached-keys")]
mod cached_keys;
#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "`integration` needs all of it"
)]
#[path = "../integration/common/mod.rs"]
mod common;
#[cfg(feature = "digest")]
mod digest;
mod drain;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
    time::Duration,
};

use allocation_counter::measure;
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::Empty;
use tower::{Layer, Service};
use tower_hmac_auth::{
    Algorithm, KeyPair, Rejection, Scheme, SignLayer, Signer, StaticKeys, Verifier, VerifyLayer,
    clock::ManualClock,
    scheme::DateHeader,
    sign::SignerBuilder,
    verify::{DefaultResponseForRejection, KeyAccess, KeyLookup, KeyStore as _, VerifyingKey},
};

use common::{FRIDAY, KEY_ID, SECRET, at, keys};

/// Takes the request and gives it back.
#[derive(Clone)]
struct Echo;

impl Service<Request<()>> for Echo {
    type Response = Request<()>;
    type Error = Infallible;
    type Future = Ready<Result<Request<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready(Ok(request))
    }
}

/// With six headers, and room for more.
fn request() -> Request<()> {
    let target = "https://api.example.com/v1/orders/0123456789/items?limit=100&offset=20";
    let mut request = Request::get(target).body(()).unwrap();
    request.headers_mut().reserve(24);
    for (name, value) in [
        ("host", "api.example.com"),
        ("accept", "*/*"),
        ("user-agent", "billing/1.0"),
        ("content-type", "application/json"),
        ("accept-encoding", "gzip"),
        ("x-request-id", "0123456789"),
    ] {
        let name = HeaderName::from_static(name);
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    request
}

fn clock() -> ManualClock {
    ManualClock::at(at(FRIDAY))
}

/// Returns how many allocations signing one request makes.
fn count(
    service: &mut impl Service<
        Request<()>,
        Response = Request<()>,
        Error = Infallible,
        Future = Ready<Result<Request<()>, Infallible>>,
    >,
) -> u64 {
    let request = request();
    let mut signed = None;
    let counted = measure(|| signed = Some(service.call(request).into_inner().unwrap()));
    assert!(signed.unwrap().headers().contains_key("authorization"));
    counted.count_total
}

fn tencent(date_header: DateHeader) -> SignerBuilder {
    Signer::builder(keys())
        .date_header(date_header)
        .source(HeaderValue::from_static("billing"))
}

#[test]
fn a_later_request_of_the_same_second_is_signed_without_allocating() {
    for date_header in [DateHeader::Date, DateHeader::XDate] {
        let layer = SignLayer::from(tencent(date_header).build().unwrap()).clock(clock());
        let mut service = layer.layer(Echo);
        count(&mut service);
        assert_eq!(count(&mut service), 0);
        // Nor does another service made of the same layer.
        assert_eq!(count(&mut layer.layer(Echo)), 0);
    }
}

#[test]
fn the_gateways_hosts_are_found_without_allocating() {
    let signer = tencent(DateHeader::XDate)
        .allowed_hosts(["other.example", "*.example.com", "[::1]"])
        .https_only(true)
        .build()
        .unwrap();
    let mut service = SignLayer::from(signer).clock(clock()).layer(Echo);
    count(&mut service);
    assert_eq!(count(&mut service), 0);
}

#[test]
fn the_first_request_of_a_second_allocates_twice() {
    for date_header in [DateHeader::Date, DateHeader::XDate] {
        let clock = clock();
        let layer = SignLayer::from(tencent(date_header).build().unwrap()).clock(clock.clone());
        let mut service = layer.layer(Echo);
        // The first of all also puts the key into the MAC.
        count(&mut service);
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            assert_eq!(count(&mut service), 2);
        }
    }
}

#[test]
fn a_request_whose_target_is_signed_allocates_twice() {
    for scheme in [Scheme::Kong, Scheme::Apisix, Scheme::Cavage, Scheme::Tyk] {
        let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
        let mut service = SignLayer::from(signer).clock(clock()).layer(Echo);
        count(&mut service);
        assert_eq!(count(&mut service), 2, "{scheme}");
    }
}

#[test]
fn a_request_whose_target_carries_the_credentials_allocates_three_times() {
    let signer = Signer::builder(keys()).scheme(Scheme::Iflytek);
    let signer = signer.credentials_in_query(true).build().unwrap();
    let clock = clock();
    let mut service = SignLayer::from(signer).clock(clock.clone()).layer(Echo);
    let mut count = |target: &'static str| {
        clock.advance(Duration::from_secs(1));
        let mut request = request();
        *request.uri_mut() = Uri::from_static(target);
        let mut signed = None;
        let counted = measure(|| signed = Some(service.call(request).into_inner().unwrap()));
        let signed = signed.unwrap();
        assert!(signed.uri().query().unwrap().contains("authorization="));
        counted.count_total
    };
    for target in [
        "https://api.example.com/v2/iat",
        "https://api.example.com/v1/orders?limit=100&offset=20",
        "https://api.example.com/v2/iat?date=1&x=1&host=a&%61uthorization=b",
    ] {
        count(target);
        assert_eq!(count(target), 3, "{target}");
    }
}

#[test]
fn a_request_that_gets_an_id_allocates_once_more() {
    let signer = Signer::builder(keys())
        .scheme(Scheme::TencentMarket)
        .build();
    let mut service = SignLayer::from(signer.unwrap()).clock(clock()).layer(Echo);
    count(&mut service);
    let mut own = request();
    let id = HeaderValue::from_static("an-id-of-its-own");
    own.headers_mut().insert("request-id", id);
    let without = measure(|| drop(service.call(own).into_inner().unwrap())).count_total;
    assert_eq!(count(&mut service), without + 1);
}

#[cfg(feature = "nonce")]
#[test]
fn a_request_with_a_nonce_allocates_at_most_four_times_or_six_if_parameters_are_sorted() {
    for scheme in common::schemes_with_lists() {
        let signer = Signer::builder(keys()).scheme(scheme);
        let signer = signer.nonce(tower_hmac_auth::scheme::X_NONCE).build();
        let mut service = SignLayer::from(signer.unwrap()).clock(clock()).layer(Echo);
        count(&mut service);
        let more = match scheme {
            // Two times are a text each.
            Scheme::TraefikHub => 2,
            // The parameters of the query are sorted in a list, and joined again.
            Scheme::TencentApp => 2,
            _ => 0,
        };
        assert!(count(&mut service) <= 4 + more, "{scheme}");
    }
}

#[test]
fn a_claim_does_not_allocate_unless_the_guard_has_to_grow() {
    use tower_hmac_auth::verify::{Claim, ClaimOutcome, MemoryReplayGuard, ReplayGuard as _};

    let guard = MemoryReplayGuard::builder().capacity(1000).clock(clock());
    let guard = guard.assume_no_earlier_claims(true).build();
    let (now, skew) = (at(FRIDAY), Duration::from_secs(60));
    let claim = |nonce: &[u8]| guard.claim(&Claim::new(KEY_ID, nonce, now, skew, now));
    assert_eq!(claim(b"first"), ClaimOutcome::New);
    let again = || assert_eq!(claim(b"first"), ClaimOutcome::Seen);
    assert_eq!(measure(again).count_total, 0);
    let another = || assert_eq!(claim(b"another"), ClaimOutcome::New);
    assert_eq!(measure(another).count_total, 0);
}

#[test]
fn a_request_is_verified_without_asking_for_memory() {
    let mut request = request();
    let signer = tencent(DateHeader::XDate).build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    let (verifier, key) = (Verifier::new(), VerifyingKey::from(&keys()));
    let verify = || {
        let credentials = verifier.read(&request, at(FRIDAY)).unwrap();
        verifier
            .verify(credentials, KeyLookup::Key(&key, KeyAccess::Bound))
            .unwrap();
    };
    verify();
    assert_eq!(measure(verify).count_total, 0);

    let wrong = VerifyingKey::from(&KeyPair::new("AKID", "another").unwrap());
    let refuse = || {
        let credentials = verifier.read(&request, at(FRIDAY)).unwrap();
        assert!(
            verifier
                .verify(credentials, KeyLookup::Key(&wrong, KeyAccess::Bound))
                .is_err()
        );
    };
    refuse();
    assert_eq!(measure(refuse).count_total, 0);
}

/// Returns how many allocations it takes to refuse a request signed with another key, whose id is
/// known or not, before and after the answer to the first.
fn refused(algorithm: Algorithm, is_known: bool) -> [u64; 2] {
    let forger = KeyPair::new(KEY_ID, "another-secret").unwrap();
    let signer = Signer::builder(forger).algorithm(algorithm).build();
    let mut request = request();
    let signed = signer.unwrap().sign_request(&mut request, at(FRIDAY));
    signed.unwrap();

    let store = if is_known {
        StaticKeys::from(keys())
    } else {
        StaticKeys::from(KeyPair::new("AKIDanother", SECRET).unwrap())
    };
    store.prepare(algorithm);
    let verifier = Verifier::new();
    let refuse = || {
        let head = (&request).into();
        let credentials = verifier.read(head, at(FRIDAY)).unwrap();
        let lookup = store.lookup(credentials.key_id(), head);
        let why = verifier.verify(credentials, lookup).unwrap_err();
        assert_eq!(why == Rejection::SignatureMismatch, is_known);
        assert_eq!(why == Rejection::KeyUnknown, !is_known);
    };
    [(); 2].map(|()| measure(refuse).count_total)
}

#[test]
fn an_unknown_key_and_a_wrong_signature_do_not_allocate_not_even_the_first_time() {
    for algorithm in Algorithm::ALL {
        assert_eq!(refused(algorithm, true), [0, 0], "{algorithm}");
        assert_eq!(refused(algorithm, false), [0, 0], "{algorithm}");
    }
}

#[test]
fn the_service_answers_an_unknown_key_and_a_wrong_signature_with_the_same_allocations() {
    let handler = tower::service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(
            Empty::<bytes::Bytes>::new(),
        )))
    });
    for algorithm in Algorithm::ALL {
        let [unknown, wrong] = ["AKIDnobody", KEY_ID].map(|id| {
            let forger = KeyPair::new(id, "another-secret").unwrap();
            let signer = Signer::builder(forger).algorithm(algorithm).build();
            let signer = signer.unwrap();
            let store = StaticKeys::from(keys());
            store.prepare(algorithm);
            let layer = VerifyLayer::new(store)
                .refuse(DefaultResponseForRejection::new().hide_reason(true))
                .clock(clock());
            let mut service = layer.layer(handler);
            [(); 2].map(|()| {
                let mut request = request();
                signer.sign_request(&mut request, at(FRIDAY)).unwrap();
                let counted = measure(|| drop(service.call(request)));
                (counted.count_total, counted.bytes_total)
            })
        });
        assert_eq!(unknown, wrong, "{algorithm}");
    }
}

#[test]
fn a_request_is_admitted_by_the_service_with_three_allocations_at_most() {
    let handler = tower::service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(
            Empty::<bytes::Bytes>::new(),
        )))
    });
    let layer = VerifyLayer::new(StaticKeys::from(keys())).clock(clock());
    let mut service = layer.layer(handler);
    let mut admitted = || {
        let mut request = request();
        let signer = tencent(DateHeader::XDate).build().unwrap();
        signer.sign_request(&mut request, at(FRIDAY)).unwrap();
        measure(|| drop(service.call(request))).count_total
    };
    admitted();
    let count = admitted();
    assert!(count <= 3, "{count}");
}

#[test]
fn what_is_refused_early_does_not_allocate_before_the_answer() {
    let unsigned = request();
    let mut bearer = request();
    bearer
        .headers_mut()
        .insert("authorization", HeaderValue::from_static("Bearer token"));
    let mut stale = request();
    let signer = tencent(DateHeader::XDate).build().unwrap();
    signer.sign_request(&mut stale, at(FRIDAY)).unwrap();
    let later = at(FRIDAY + 901);
    let verifier = Verifier::new();
    for request in [unsigned, bearer, stale] {
        let refuse = || assert!(verifier.read(&request, later).is_err());
        refuse();
        assert_eq!(measure(refuse).count_total, 0);
    }
}

#[test]
fn memory_does_not_grow_with_layers_that_have_come_and_gone() {
    let use_and_drop = |count: usize| {
        for number in 0..count {
            let pair = KeyPair::new(format!("AKID{number}"), "a-secret-of-its-own").unwrap();
            // What is kept for the one depends on the time alone, for the other on the request too.
            let scheme = [Scheme::Tencent, Scheme::Kong][number % 2];
            let signer = Signer::builder(pair).scheme(scheme).build().unwrap();
            let mut service = SignLayer::from(signer).clock(clock()).layer(Echo);
            drop(service.call(request()));
        }
    };
    // Until every place is taken.
    use_and_drop(256);
    let counted = measure(|| use_and_drop(100_000));
    assert!(counted.bytes_current.abs() < 4096, "{counted:?}");
    assert!(counted.bytes_max < 64 * 1024, "{counted:?}");
}

#[test]
fn a_prepared_key_takes_96_bytes_more_at_most_and_256_with_a_longer_hash() {
    for (algorithm, limit) in [
        (Algorithm::HmacSha1, 96),
        (Algorithm::HmacSha256, 96),
        (Algorithm::HmacSha384, 256),
        (Algorithm::HmacSha512, 256),
    ] {
        let key = VerifyingKey::from(&keys());
        let counted = measure(|| key.prepare(algorithm));
        assert!(counted.bytes_current <= limit, "{algorithm}: {counted:?}");
    }
}

#[test]
fn a_key_in_memory_takes_512_bytes_at_most() {
    let pairs = 10_000;
    let clock = at(FRIDAY);
    let mut stored = None;
    let counted = measure(|| {
        let ids = (0..pairs).map(|number| format!("AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj{number:05}"));
        let pairs = ids.map(|id| KeyPair::new(id, "ZxF2whO0RhuwnVCj5JMMAuqcDcN2oPrC").unwrap());
        stored = Some(pairs.collect::<StaticKeys>());
    });
    let a_key = counted.bytes_current / i64::from(pairs);
    assert!(a_key <= 512, "{a_key}");
    let _ = (stored, clock, Algorithm::ALL);
}
