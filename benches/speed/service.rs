//! Through `SignService` and `VerifyService`, as a request goes through a stack, over a service that is ready at once.
//!
//! The inner service gives the request back, so that no case pays for dropping a request but those that are refused: there
//! the request ends in the service.

use std::{convert::Infallible, sync::Arc, time::SystemTime};

use criterion::Bencher;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tower::{Layer as _, Service};
use tower_hmac_auth::{DateHeader, Rejection, Scheme, SignLayer, Signer, StaticKeys, VerifyLayer};

use crate::{
    clocks,
    echo::{Echo, call},
    floors,
    floors::{BATCH, Floor, Inserts},
    keys, requests,
    run::{Group, Run},
    verify::{self, Refused},
};

/// Signs `date source` or `x-date source`, as Tencent's clients do.
pub(crate) fn tencent(date_header: DateHeader) -> Signer {
    let builder = Signer::builder(keys::signing()).date_header(date_header);
    let signer = builder.build().unwrap();
    signer.source(HeaderValue::from_static("billing"))
}

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
}

fn from_cache(group: &mut Group<'_>, date_header: DateHeader, name: &'static HeaderName) {
    let signer = tencent(date_header);
    let shape = requests::usual();
    let inserts = Inserts::like(&signer, name);
    let floor = format!("clock and three inserts, {name}");
    group.floor(&floor, |bencher| inserts.measure(bencher, name, &shape));

    let mut standing = SignLayer::from(signer.clone())
        .clock(clocks::friday)
        .layer(Echo);
    assert_eq!(authorization(&mut standing), authorization(&mut standing));
    let mut service = SignLayer::from(signer).layer(Echo);
    let case = format!("sign, later request of a second, {name} source");
    group.case(&case, &floor, Some(1.2), |bencher| {
        sign(bencher, &mut service);
    });
    if date_header == DateHeader::XDate {
        let case = "the same request through the inner service alone";
        group.case(case, &floor, None, |bencher| sign(bencher, &mut Echo));
    }
}

fn first_of_second(group: &mut Group<'_>, date_header: DateHeader, name: &HeaderName) {
    let signer = tencent(date_header);
    let mac = Floor::of(&signer, &requests::usual().make());
    let floor = format!("mac of {name} source, hmac-sha1");
    group.floor(&floor, |bencher| mac.measure(bencher));

    let mut service = SignLayer::from(signer)
        .clock(clocks::a_second_each())
        .layer(Echo);
    assert_ne!(authorization(&mut service), authorization(&mut service));
    let case = format!("sign, first request of a second, {name} source");
    group.case(&case, &floor, Some(2.4), |bencher| {
        sign(bencher, &mut service);
    });
}

fn kong(group: &mut Group<'_>) {
    let builder = Signer::builder(keys::signing()).scheme(Scheme::Kong);
    let signer = builder.build().unwrap();
    let mac = Floor::of(&signer, &requests::usual().make());
    let floor = "mac of x-date @request-target, hmac-sha256";
    group.floor(floor, |bencher| mac.measure(bencher));

    let mut service = SignLayer::from(signer).layer(Echo);
    let sent = authorization(&mut service);
    let list = "algorithm=\"hmac-sha256\", headers=\"x-date @request-target\"";
    assert!(sent.to_str().unwrap().contains(list), "{sent:?}");
    let case = "sign, kong's default";
    group.case(case, floor, Some(2.4), |bencher| {
        sign(bencher, &mut service);
    });
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

fn sign<S>(bencher: &mut Bencher<'_>, service: &mut S)
where
    S: Service<Request<()>, Response = Response<Request<()>>, Error = Infallible>,
{
    let shape = requests::usual();
    let sign = |request| call(service, request);
    bencher.iter_batched(|| shape.make(), sign, BATCH);
}

/// What a service sends, after all else that has to be there.
fn authorization<S>(service: &mut S) -> HeaderValue
where
    S: Service<Request<()>, Response = Response<Request<()>>, Error = Infallible>,
{
    let request = requests::usual().make();
    let before = request.headers().len();
    let sent = call(service, request).into_body();
    let added = sent.headers().len() - before;
    assert!((2..=3).contains(&added), "{sent:?}");
    sent.headers()[header::AUTHORIZATION].clone()
}
