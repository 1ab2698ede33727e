//! Measures `SignService` and `VerifyService` over an inner service that is always ready.
//!
//! The inner service stores or returns the request, so dropping it is not measured. A refused
//! request is the exception: the service drops it.

use std::{convert::Infallible, sync::Arc, time::SystemTime};

use bytes::Bytes;
use criterion::Bencher;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header, uri::PathAndQuery};
use tower::{Layer, Service};
use tower_hmac_auth::{
    Rejection, Scheme, SignLayer, Signer, StaticKeys, Verifier, VerifyLayer, scheme::DateHeader,
};

use crate::{
    aside::Aside,
    clocks,
    echo::{Echo, call},
    floors,
    floors::{BATCH, Floor, Inserts},
    keys, requests,
    run::{Group, Run},
    verify::{self, Refused},
};

pub(crate) fn run(run: &mut Run, million: &Arc<StaticKeys>) {
    let mut group = run.group("service");
    for (date_header, name) in [
        (DateHeader::XDate, &floors::X_DATE),
        (DateHeader::Date, &header::DATE),
    ] {
        from_cache(&mut group, date_header, name);
    }
    for (date_header, name) in [
        (DateHeader::XDate, &floors::X_DATE),
        (DateHeader::Date, &header::DATE),
    ] {
        first_of_second(&mut group, date_header, name);
    }
    kong(&mut group);
    accepted(&mut group, million);
    refused_early(&mut group, million);
    query_form(&mut group);
    json_form(&mut group);
}

fn from_cache(group: &mut Group<'_>, date_header: DateHeader, name: &'static HeaderName) {
    let signer = keys::tencent(keys::signing(), date_header);
    let shape = requests::usual();
    let inserts = Inserts::like(&signer, name);
    let floor = format!("clock and three inserts, {name}");
    group.floor(&floor, |bencher| inserts.measure(bencher, name, &shape));

    let mut standing = Signing::new(SignLayer::new(signer.clone()).clock(clocks::friday));
    assert_eq!(standing.authorization(), standing.authorization());
    let mut signing = Signing::new(SignLayer::new(signer));
    let case = format!("sign, later request of a second, {name} source");
    group.case(&case, &floor, Some(1.2), |bencher| signing.measure(bencher));
    if date_header == DateHeader::XDate {
        let mut alone = Signing::new(tower::layer::util::Identity::new());
        let case = "the same request through the inner service alone";
        group.case(case, &floor, None, |bencher| alone.measure(bencher));
    }
}

fn first_of_second(group: &mut Group<'_>, date_header: DateHeader, name: &HeaderName) {
    let signer = keys::tencent(keys::signing(), date_header);
    let mac = Floor::of(&signer, &requests::usual().make());
    let floor = format!("mac of {name} source, hmac-sha1");
    group.floor(&floor, |bencher| mac.measure(bencher));

    let layer = SignLayer::new(signer).clock(clocks::a_second_each());
    let mut signing = Signing::new(layer);
    assert_ne!(signing.authorization(), signing.authorization());
    let case = format!("sign, first request of a second, {name} source");
    group.case(&case, &floor, Some(2.4), |bencher| signing.measure(bencher));
}

fn kong(group: &mut Group<'_>) {
    let signer = keys::signer(Scheme::Kong);
    let mac = Floor::of(&signer, &requests::usual().make());
    let floor = "mac of x-date @request-target, hmac-sha256";
    group.floor(floor, |bencher| mac.measure(bencher));

    let mut signing = Signing::new(SignLayer::new(signer));
    let sent = signing.authorization();
    let list = "algorithm=\"hmac-sha256\", headers=\"x-date @request-target\"";
    assert!(sent.to_str().unwrap().contains(list), "{sent:?}");
    let case = "sign, kong's default";
    group.case(case, floor, Some(2.4), |bencher| signing.measure(bencher));
}

/// A signing service over one that stores requests.
struct Signing<S> {
    service: S,
    aside: Aside,
}

impl<S: Service<Request<()>, Response = (), Error = Infallible>> Signing<S> {
    fn new(layer: impl Layer<Aside, Service = S>) -> Self {
        let aside = Aside::new();
        let service = layer.layer(aside.clone());
        Self { service, aside }
    }

    fn measure(&mut self, bencher: &mut Bencher<'_>) {
        let Self { service, aside } = self;
        let shape = requests::usual();
        let make = || {
            aside.tidy();
            shape.make()
        };
        bencher.iter_batched(make, |request| call(service, request), BATCH);
    }

    /// Sends a request and returns its `Authorization`, after checking how many headers were added.
    fn authorization(&mut self) -> HeaderValue {
        let before = requests::usual().make().headers().len();
        let sent = self.sent();
        let added = sent.headers().len() - before;
        assert!((2..=3).contains(&added), "{sent:?}");
        sent.headers()[header::AUTHORIZATION].clone()
    }

    /// Sends a request and returns it as it is sent.
    fn sent(&mut self) -> Request<()> {
        call(&mut self.service, requests::usual().make());
        self.aside.last().unwrap()
    }
}

const FLOOR: &str = "mac of what is verified, hmac-sha1";

fn accepted(group: &mut Group<'_>, keys: &Arc<StaticKeys>) {
    let now = SystemTime::now();
    let mac = verify::floor();
    group.floor(FLOOR, |bencher| mac.measure(bencher));

    let mut service = VerifyLayer::new(Arc::clone(keys)).layer(Echo);
    let mut different = verify::of_different_keys(keys, now);
    let same = different();
    for request in [requests::received(&same), different()] {
        let response = call(&mut service, request);
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.extensions().get::<Rejection>().is_none());
    }
    let case = "verify, accepted, the same of 1,000,000 keys";
    group.case(case, FLOOR, Some(2.2), |bencher| {
        let next = || requests::received(&same);
        bencher.iter_batched(next, |request| call(&mut service, request), BATCH);
    });
    let case = "verify, accepted, another of 1,000,000 keys each time";
    group.case(case, FLOOR, Some(2.2), |bencher| {
        let accept = |request| call(&mut service, request);
        bencher.iter_batched(&mut different, accept, BATCH);
    });
}

fn refused_early(group: &mut Group<'_>, keys: &Arc<StaticKeys>) {
    let mut service = VerifyLayer::new(Arc::clone(keys)).layer(Echo);
    for Refused {
        name,
        request,
        is_reason,
    } in verify::refused_requests(SystemTime::now())
    {
        let response = call(&mut service, requests::received(&request));
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let why = response.extensions().get::<Rejection>().unwrap();
        assert!(is_reason(why), "{name}: {why}");
        let case = format!("verify, refused, {name}");
        group.case(&case, FLOOR, Some(0.5), |bencher| {
            let next = || requests::received(&request);
            bencher.iter_batched(next, |request| call(&mut service, request), BATCH);
        });
    }
    let request = verify::signed(keys::pair(0), SystemTime::now());
    let case = "dropping a request, as refusing one does";
    group.case(case, FLOOR, None, |bencher| {
        bencher.iter_batched(|| requests::received(&request), drop, BATCH);
    });
}

/// Measures credentials that travel in the target's query, as iFlytek's WebSocket clients send
/// them.
fn query_form(group: &mut Group<'_>) {
    let signer = Signer::builder(keys::signing())
        .scheme(Scheme::Iflytek)
        .credentials_in_query(true)
        .build()
        .unwrap();
    let mac = Floor::of(&signer, &requests::usual().make());
    let floor = "mac of host date request-line, hmac-sha256";
    group.floor(floor, |bencher| mac.measure(bencher));

    let layer = SignLayer::new(signer.clone()).clock(clocks::a_second_each());
    let mut signing = Signing::new(layer);
    let (first, later) = (signing.sent(), signing.sent());
    assert_eq!(first.headers(), requests::usual().make().headers());
    assert_ne!(first.uri(), later.uri());
    let case = "sign, iflytek's query form";
    group.case(case, floor, Some(3.5), |bencher| signing.measure(bencher));

    let case = "verify, accepted, iflytek's query form";
    accepted_form(group, &signer, case, floor, None);
    let target = later.uri().path_and_query().unwrap().as_str().as_bytes();
    let case = "checking a signed target, by the crate http";
    group.case(case, floor, None, |bencher| {
        let make = || Bytes::copy_from_slice(target);
        bencher.iter_batched(make, PathAndQuery::from_maybe_shared, BATCH);
    });
}

/// Measures credentials that are a JSON object, as Tencent Cloud Market's clients send them.
fn json_form(group: &mut Group<'_>) {
    let signer = keys::signer(Scheme::TencentMarket);
    let mac = Floor::of(&signer, &requests::usual().make());
    let floor = "mac of x-date, hmac-sha1";
    group.floor(floor, |bencher| mac.measure(bencher));
    let case = "verify, accepted, tencent cloud market's JSON object";
    accepted_form(group, &signer, case, floor, Some(6.0));
}

/// Measures a request that is accepted by a verifier of this signer's scheme.
fn accepted_form(
    group: &mut Group<'_>,
    signer: &Signer,
    case: &str,
    floor: &str,
    goal: Option<f64>,
) {
    let mut signed = requests::usual().make();
    signer.sign_request(&mut signed, clocks::friday()).unwrap();
    let target: Uri = signed.uri().path_and_query().unwrap().clone().into();
    let make = || {
        let mut request = requests::received(&signed);
        *request.uri_mut() = target.clone();
        request
    };
    let verifier = Verifier::builder().scheme(signer.scheme()).build().unwrap();
    let mut service = VerifyLayer::new(StaticKeys::from(keys::signing()))
        .verifier(verifier)
        .clock(clocks::friday)
        .layer(Echo);
    assert_eq!(call(&mut service, make()).status(), StatusCode::OK);
    group.case(case, floor, goal, |bencher| {
        bencher.iter_batched(make, |request| call(&mut service, request), BATCH);
    });
}
