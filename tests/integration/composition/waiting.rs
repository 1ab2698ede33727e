use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{
    Layer as _, Service as _, ServiceBuilder, ServiceExt as _, balance::p2c::Balance,
    discover::ServiceList, limit::ConcurrencyLimitLayer, load::Constant,
    load_shed::error::Overloaded, timeout::error::Elapsed,
};
use tower_hmac_auth::{SignLayer, Verifier, clock::ManualClock};
use tower_test::mock::{self, Handle, Mock};

use super::{Gateway, assert_signed_once, clock, get, one, sign};
use crate::common::{keys, verify};

type Inner = Mock<Request<()>, Response<()>>;

/// A client whose readiness the test sets.
fn client() -> (Inner, Handle<Request<()>, Response<()>>) {
    let (service, mut handle) = mock::pair();
    handle.allow(0);
    (service, handle)
}

fn layer(clock: &ManualClock) -> SignLayer<ManualClock> {
    SignLayer::new(keys()).clock(clock.clone())
}

const LATER: Duration = Duration::from_secs(1000);
const LATER_DATE: &str = "Fri, 09 Oct 2015 00:16:40 GMT";

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_ends_a_signed_request_that_is_not_answered() {
    let (inner, mut handle) = client();
    handle.allow(1);
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .layer(layer(&clock()))
        .service(inner);
    let call = tokio::spawn(service.oneshot(Request::new(())));
    let (request, _never_answered) = handle.next_request().await.unwrap();
    verify(&Verifier::new(), (&request).into(), clock_time()).unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
}

fn clock_time() -> std::time::SystemTime {
    crate::common::at(crate::common::FRIDAY)
}

#[tokio::test]
async fn a_request_that_waits_in_a_buffer_outside_has_the_date_of_its_sending() {
    let clock = clock();
    let (inner, mut handle) = client();
    let service = ServiceBuilder::new()
        .buffer(4)
        .layer(layer(&clock))
        .service(inner);
    let mut call = task::spawn(service.oneshot(Request::new(())));
    assert_pending!(call.poll());
    clock.advance(LATER);
    handle.allow(1);
    let (request, _) = handle.next_request().await.unwrap();
    assert_eq!(one(request.headers(), "x-date"), LATER_DATE);
    verify(&Verifier::new(), (&request).into(), clock_time() + LATER).unwrap();
}

#[tokio::test]
async fn a_request_that_waits_in_a_buffer_inside_has_the_date_of_its_arrival() {
    let clock = clock();
    let (inner, mut handle) = client();
    let service = ServiceBuilder::new()
        .layer(layer(&clock))
        .buffer(4)
        .service(inner);
    let mut call = task::spawn(service.oneshot(Request::new(())));
    assert_pending!(call.poll());
    clock.advance(LATER);
    handle.allow(1);
    let (request, _) = handle.next_request().await.unwrap();
    let refused = verify(&Verifier::new(), (&request).into(), clock_time() + LATER);
    assert_eq!(refused.unwrap_err().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_request_that_waits_for_a_permit_outside_has_the_date_of_its_sending() {
    let clock = clock();
    let (inner, mut handle) = client();
    handle.allow(2);
    let mut first = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(layer(&clock))
        .service(inner);
    let mut second = mock::Spawn::new(first.clone());
    first.ready().await.unwrap();
    let first_call = first.call(Request::new(()));
    let (_, answer) = handle.next_request().await.unwrap();
    assert_pending!(second.poll_ready());

    clock.advance(LATER);
    answer.send_response(Response::new(()));
    first_call.await.unwrap();
    assert_ready!(second.poll_ready()).unwrap();
    let _call = second.call(Request::new(()));
    let (request, _) = handle.next_request().await.unwrap();
    assert_eq!(one(request.headers(), "x-date"), LATER_DATE);
}

#[tokio::test]
async fn what_load_shedding_turns_away_is_never_sent() {
    let (inner, mut handle) = client();
    let mut service = ServiceBuilder::new()
        .load_shed()
        .layer(layer(&clock()))
        .service(inner);
    let shed = service.ready().await.unwrap().call(Request::new(())).await;
    assert!(shed.unwrap_err().is::<Overloaded>());

    handle.allow(1);
    let call = tokio::spawn(service.oneshot(Request::new(())));
    let (request, answer) = handle.next_request().await.unwrap();
    verify(&Verifier::new(), (&request).into(), clock_time()).unwrap();
    answer.send_response(Response::new(()));
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn every_balanced_endpoint_gets_signed_requests() {
    let clock = clock();
    let gateways = [Gateway::open(&clock), Gateway::open(&clock)];
    let endpoints = gateways
        .iter()
        .map(|gateway| Constant::new(gateway.service.clone(), 1))
        .collect::<Vec<_>>();
    let balance = Balance::new(ServiceList::new::<super::Call>(endpoints));
    let mut service = sign(&clock).layer(balance);
    for _ in 0..32 {
        let answer = service.ready().await.unwrap().call(get()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let accepted = gateways.map(|gateway| gateway.accepted());
    assert_eq!(accepted.iter().map(Vec::len).sum::<usize>(), 32);
    accepted.iter().flatten().for_each(assert_signed_once);
}

#[tokio::test]
async fn signed_inside_the_balance_each_endpoint_signs_for_itself() {
    let clock = clock();
    let gateways = [Gateway::open(&clock), Gateway::open(&clock)];
    let endpoints = gateways
        .iter()
        .map(|gateway| Constant::new(sign(&clock).layer(gateway.service.clone()), 1))
        .collect::<Vec<_>>();
    let mut service = Balance::new(ServiceList::new::<super::Call>(endpoints));
    for _ in 0..32 {
        let answer = service.ready().await.unwrap().call(get()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let accepted: usize = gateways
        .iter()
        .map(|gateway| gateway.accepted().len())
        .sum();
    assert_eq!(accepted, 32);
}
