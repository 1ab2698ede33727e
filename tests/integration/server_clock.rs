//! `ServerClock`: from which answers it learns a gateway's time, and from which it does not.

use std::{
    convert::Infallible,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::Empty;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_hmac_auth::{
    Algorithm, Scheme, SignLayer, Signer, StaticKeys, VerifyLayer,
    clock::{Clock, ManualClock},
    sign::{RetryOnClockSkew, ServerClock},
    verify::{DefaultResponseForRejection, Refusal, ResponseForRejection},
};

use crate::common::loopback::client;
use crate::common::raw_server::RawServer;
use crate::common::{FRIDAY, at, keys, verifier_of, verifying};

const HOUR: i64 = 3600;
const TARGET: &str = "https://api.example.com/a";

/// How far the clock shows another time for `target` than it does for nobody.
fn offset(clock: &ServerClock<ManualClock>, target: &str) -> i64 {
    let request = Request::get(target).body(()).unwrap();
    let (shown, base) = (clock.now_for((&request).into()), clock.now());
    let seconds = |ahead: Duration| i64::try_from(ahead.as_secs()).unwrap();
    match shown.duration_since(base) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

fn date(seconds: i64) -> String {
    httpdate::fmt_http_date(at(seconds))
}

/// A signed request to `target`, answered so.
async fn answered(
    clock: &ServerClock<ManualClock>,
    target: &str,
    status: u16,
    headers: &[(&'static str, String)],
) {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().append(*name, value.parse().unwrap());
    }
    let service = ServiceBuilder::new()
        .layer(SignLayer::new(keys()).clock(clock.clone()))
        .layer(clock.observe())
        .service(service_fn(move |_: Request<()>| {
            ready(Ok::<_, Infallible>(response.clone()))
        }));
    service
        .oneshot(Request::get(target).body(()).unwrap())
        .await
        .unwrap();
}

fn clock() -> ServerClock<ManualClock> {
    ServerClock::with_base(ManualClock::at(at(FRIDAY)))
}

#[tokio::test]
async fn a_clock_two_hours_off_is_answered_200_after_one_retry_and_from_then_on_without() {
    let server = RawServer::start(VerifyLayer::new(StaticKeys::from(keys()))).await;
    let requests = Arc::new(AtomicUsize::new(0));
    for off in [-2 * HOUR, 2 * HOUR] {
        requests.store(0, Ordering::SeqCst);
        let counter = requests.clone();
        let wrong = move || match off {
            ..0 => SystemTime::now() - Duration::from_secs(off.unsigned_abs()),
            _ => SystemTime::now() + Duration::from_secs(off.unsigned_abs()),
        };
        let clock = ServerClock::with_base(wrong);
        let mut service = ServiceBuilder::new()
            .retry(RetryOnClockSkew::new(clock.clone()))
            .layer(SignLayer::new(keys()).clock(clock.clone()))
            .layer(clock.observe())
            .map_request(move |request: Request<Empty<Bytes>>| {
                counter.fetch_add(1, Ordering::SeqCst);
                request
            })
            .service(client(Version::HTTP_11));
        for expected in [2, 3, 4] {
            let request = Request::get(format!("http://{}/a", server.address));
            let request = request.body(Empty::new()).unwrap();
            let response = service.ready().await.unwrap().call(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(requests.load(Ordering::SeqCst), expected);
        }
    }
}

#[tokio::test]
async fn the_403_of_tencent_cloud_market_is_learnt_from() {
    let layer = VerifyLayer::new(StaticKeys::from(keys()));
    let server = RawServer::start(layer.verifier(verifier_of(Scheme::TencentMarket))).await;
    let statuses = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = statuses.clone();
    let clock = ServerClock::with_base(|| SystemTime::now() - Duration::from_secs(7200));
    let signer = Signer::builder(keys()).scheme(Scheme::TencentMarket);
    let service = ServiceBuilder::new()
        .retry(RetryOnClockSkew::new(clock.clone()))
        .layer(SignLayer::new(signer.build().unwrap()).clock(clock.clone()))
        .layer(clock.observe())
        .map_response(move |response: Response<_>| {
            seen.lock().unwrap().push(response.status().as_u16());
            response
        })
        .service(client(Version::HTTP_11));
    let request = Request::get(format!("http://{}/a", server.address));
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    service.oneshot(request).await.unwrap();
    assert_eq!(*statuses.lock().unwrap(), [403, 200]);
}

#[tokio::test]
async fn a_market_request_that_went_stale_is_sent_again() {
    // Suspended between signing and sending: the base clock jumps, the answer's date shows it.
    let base = ManualClock::at(at(FRIDAY));
    let clock = ServerClock::with_base(base.clone());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    let signer = Signer::builder(keys()).scheme(Scheme::TencentMarket);
    let waits = base.clone();
    let service = ServiceBuilder::new()
        .retry(RetryOnClockSkew::new(clock.clone()))
        .layer(SignLayer::new(signer.build().unwrap()).clock(clock.clone()))
        .map_request(move |request: Request<()>| {
            if counter.fetch_add(1, Ordering::SeqCst) == 0 {
                waits.advance(Duration::from_secs(7200));
            }
            request
        })
        .layer(clock.observe())
        .service(service_fn(move |_: Request<()>| {
            let response = Response::builder()
                .status(403)
                .header("date", date(FRIDAY + 7200));
            ready(Ok::<_, Infallible>(response.body(()).unwrap()))
        }));
    service
        .oneshot(Request::get(TARGET).body(()).unwrap())
        .await
        .unwrap();
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn each_attempt_has_a_query_of_its_own_and_the_clock_learns_from_its_answer() {
    // The server's clock is two hours ahead.
    let servers_time = at(FRIDAY + 7200);
    let handler =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let layer = verifying(Scheme::Iflytek).clock(ManualClock::at(servers_time));
    let server = layer.layer(handler);
    let targets = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = targets.clone();
    let signer = Signer::builder(keys())
        .scheme(Scheme::Iflytek)
        .credentials_in_query(true);
    let clock = ServerClock::with_base(ManualClock::at(at(FRIDAY)));
    let service = ServiceBuilder::new()
        .retry(RetryOnClockSkew::new(clock.clone()))
        .layer(SignLayer::new(signer.build().unwrap()).clock(clock.clone()))
        .layer(clock.observe())
        .map_request(move |request: Request<()>| {
            seen.lock().unwrap().push(request.uri().clone());
            request
        })
        .map_response(move |mut response: Response<_>| {
            let date = httpdate::fmt_http_date(servers_time).parse().unwrap();
            response.headers_mut().insert("date", date);
            response
        })
        .service(server);
    let request = Request::get("wss://iat-api.xfyun.cn/v2/iat?x=1")
        .body(())
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let targets: Vec<http::Uri> = targets.lock().unwrap().clone();
    let [first, second] = targets.as_slice() else {
        panic!("{targets:?}");
    };
    assert_ne!(first, second);
    for target in [first, second] {
        assert_eq!(target.query().unwrap().matches("authorization=").count(), 1);
        assert!(target.query().unwrap().starts_with("x=1&authorization="));
    }
}

#[tokio::test]
async fn a_refusal_that_has_nothing_to_do_with_the_clock_is_not_tried_again() {
    let clock = clock();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    let service = ServiceBuilder::new()
        .retry(RetryOnClockSkew::new(clock.clone()))
        .layer(SignLayer::new(keys()).clock(clock.clone()))
        .layer(clock.observe())
        .service(service_fn(move |_: Request<()>| {
            counter.fetch_add(1, Ordering::SeqCst);
            let response = Response::builder().status(401).header("date", date(FRIDAY));
            ready(Ok::<_, Infallible>(response.body(()).unwrap()))
        }));
    let request = Request::get(TARGET).body(()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().status(), 401);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_is_tried_again_only_once_however_often_the_clock_learns() {
    let clock = clock();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    let mut service = ServiceBuilder::new()
        .retry(RetryOnClockSkew::new(clock.clone()))
        .layer(SignLayer::new(keys()).clock(clock.clone()))
        .layer(clock.observe())
        .service(service_fn(move |_: Request<()>| {
            let hours = i64::try_from(counter.fetch_add(1, Ordering::SeqCst)).unwrap() + 1;
            let response = Response::builder()
                .status(401)
                .header("date", date(FRIDAY + hours * HOUR));
            ready(Ok::<_, Infallible>(response.body(()).unwrap()))
        }));
    for expected in [2, 4] {
        let request = Request::get(TARGET).body(()).unwrap();
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(requests.load(Ordering::SeqCst), expected);
    }
}

/// How often a request is sent whose refusal shows this time, while `meanwhile` happens.
async fn times_sent<F: Future<Output = ()>>(
    clock: &ServerClock<ManualClock>,
    target: &str,
    shown: i64,
    meanwhile: impl Fn() -> F,
) -> usize {
    let requests = AtomicUsize::new(0);
    let service = ServiceBuilder::new()
        .retry(RetryOnClockSkew::new(clock.clone()))
        .layer(SignLayer::new(keys()).clock(clock.clone()))
        .layer(clock.observe())
        .service(service_fn(|_: Request<()>| async {
            requests.fetch_add(1, Ordering::SeqCst);
            meanwhile().await;
            let response = Response::builder().status(401).header("date", date(shown));
            Ok::<_, Infallible>(response.body(()).unwrap())
        }));
    let request = Request::get(target).body(()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().status(), 401);
    requests.load(Ordering::SeqCst)
}

/// Where a request is held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeldUp {
    AboveObserve,
    BelowObserve,
}

#[tokio::test]
async fn a_request_that_was_signed_then_suspended_for_an_hour_is_signed_once_more_and_accepted() {
    let time = ManualClock::at(at(FRIDAY));
    let servers_time = time.clone();
    let refuse = move |refusal: &Refusal<'_>| {
        let mut response = DefaultResponseForRejection::new().refuse(refusal);
        let date = httpdate::fmt_http_date(servers_time.now());
        response.headers_mut().insert("date", date.parse().unwrap());
        response
    };
    let verify = VerifyLayer::new(StaticKeys::from(keys())).clock(time.clone());
    let server = RawServer::start(verify.refuse(refuse)).await;
    for held_up in [HeldUp::AboveObserve, HeldUp::BelowObserve] {
        let clock = ServerClock::with_base(time.clone());
        let requests = Arc::new(AtomicUsize::new(0));
        let suspended = |place| {
            let (time, requests) = (time.clone(), requests.clone());
            move |request: Request<Empty<Bytes>>| {
                if place == held_up && requests.fetch_add(1, Ordering::SeqCst) == 0 {
                    time.advance(Duration::from_secs(3600));
                }
                request
            }
        };
        let mut service = ServiceBuilder::new()
            .retry(RetryOnClockSkew::new(clock.clone()))
            .layer(SignLayer::new(keys()).clock(clock.clone()))
            .map_request(suspended(HeldUp::AboveObserve))
            .layer(clock.observe())
            .map_request(suspended(HeldUp::BelowObserve))
            .service(client(Version::HTTP_11));
        for expected in [2, 3] {
            let request = Request::get(format!("http://{}/a", server.address));
            let request = request.body(Empty::new()).unwrap();
            let response = service.ready().await.unwrap().call(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{held_up:?}");
            assert_eq!(requests.load(Ordering::SeqCst), expected);
        }
        let target = format!("http://{}/", server.address);
        assert_eq!(offset(&clock, &target), 0, "the clock was right");
    }
}

/// How often a request is sent that is held up for so many seconds each time, and refused with this
/// answer's headers.
async fn times_sent_held_up(
    signer: Signer,
    target: &str,
    seconds: u64,
    further: &[(&'static str, &'static str)],
) -> usize {
    let time = ManualClock::at(at(FRIDAY));
    let clock = ServerClock::with_base(time.clone());
    let requests = AtomicUsize::new(0);
    let service = ServiceBuilder::new()
        .retry(RetryOnClockSkew::new(clock.clone()))
        .layer(SignLayer::new(signer).clock(clock.clone()))
        .layer(clock.observe())
        .service(service_fn(|_: Request<()>| {
            requests.fetch_add(1, Ordering::SeqCst);
            time.advance(Duration::from_secs(seconds));
            let mut response = Response::builder()
                .status(401)
                .header("date", httpdate::fmt_http_date(time.now()));
            for (name, value) in further {
                response = response.header(*name, *value);
            }
            ready(Ok::<_, Infallible>(response.body(()).unwrap()))
        }));
    let request = Request::get(target).body(()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().status(), 401);
    requests.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_stale_date_is_a_reason_for_one_retry_at_most_whichever_time_was_signed() {
    let kong = Signer::builder(keys()).scheme(Scheme::Kong);
    let date = Signer::builder(keys()).scheme(Scheme::Apisix);
    let created = Signer::builder(keys())
        .scheme(Scheme::Cavage)
        .algorithm(Algorithm::HmacSha256)
        .hs2019(true)
        .components(["(request-target)", "(created)"]);
    for signer in [kong, date, created] {
        let signer = signer.build().unwrap();
        assert_eq!(times_sent_held_up(signer, TARGET, 3600, &[]).await, 2);
    }
}

#[tokio::test]
async fn a_date_that_is_not_stale_or_not_to_be_trusted_is_no_reason_to_try_again() {
    let plain = "http://api.example.com/a";
    for (target, seconds, further, expected) in [
        (TARGET, 300, &[][..], 2),
        // An upstream that works for a while before it answers 403 has done its work.
        (TARGET, 299, &[], 1),
        (TARGET, 0, &[], 1),
        (TARGET, 3600, &[("age", "1")], 1),
        (plain, 3600, &[], 1),
    ] {
        let times = times_sent_held_up(Signer::new(keys()), target, seconds, further).await;
        assert_eq!(times, expected, "{target} {seconds} {further:?}");
    }
    let other = Signer::builder(keys())
        .allowed_hosts(["other.example"])
        .build()
        .unwrap();
    assert_eq!(times_sent_held_up(other, TARGET, 3600, &[]).await, 1);
}

#[tokio::test]
async fn a_date_that_signing_again_would_not_bring_nearer_is_no_reason_to_try_again() {
    // Further off than may be learnt: the second request would have the same date.
    let clock = clock();
    let nothing = || ready(());
    let far = FRIDAY + 25 * HOUR;
    assert_eq!(times_sent(&clock, TARGET, far, nothing).await, 1);
    assert_eq!(offset(&clock, TARGET), 0);
}

#[tokio::test]
async fn what_is_learnt_of_another_authority_meanwhile_is_no_reason_to_try_again() {
    let clock = clock();
    let learns = |target| {
        let clock = &clock;
        move || async move {
            answered(clock, target, 401, &[("date", date(FRIDAY + HOUR))]).await;
        }
    };
    let other = "https://other.example.com/";
    assert_eq!(times_sent(&clock, TARGET, FRIDAY, learns(other)).await, 1);
    assert_eq!(offset(&clock, other), HOUR);

    let same = "https://user@API.example.com:443/b";
    let hour_ahead = FRIDAY + HOUR;
    assert_eq!(
        times_sent(&clock, TARGET, hour_ahead, learns(same)).await,
        2
    );
}

#[tokio::test]
async fn of_more_than_64_authorities_the_last_ones_are_known() {
    let clock = clock();
    let nothing = || ready(());
    let ahead = FRIDAY + HOUR;
    for number in 0..64 {
        let target = format!("https://{number}.example.com/");
        assert_eq!(times_sent(&clock, &target, ahead, nothing).await, 2);
    }
    assert_eq!(times_sent(&clock, TARGET, ahead, nothing).await, 2);
    assert_eq!(offset(&clock, TARGET), HOUR);
    assert_eq!(offset(&clock, "https://0.example.com/"), 0, "the oldest");
    for number in 1..64 {
        let target = format!("https://{number}.example.com/");
        assert_eq!(offset(&clock, &target), HOUR);
    }
    // What was forgotten is learnt again, and is a reason to try again.
    let forgotten = "https://0.example.com/";
    assert_eq!(times_sent(&clock, forgotten, ahead, nothing).await, 2);
    assert_eq!(offset(&clock, forgotten), HOUR);
}

#[tokio::test]
async fn it_learns_from_a_401_and_a_403_whether_the_clock_is_ahead_or_behind() {
    for status in [401, 403] {
        for hours in [-23, -2, 2, 23] {
            let clock = clock();
            answered(
                &clock,
                TARGET,
                status,
                &[("date", date(FRIDAY + hours * HOUR))],
            )
            .await;
            assert_eq!(offset(&clock, TARGET), hours * HOUR);
            assert_eq!(clock.now(), at(FRIDAY), "for nobody, it is the clock below");
        }
    }
}

#[tokio::test]
async fn what_it_has_learnt_is_corrected_later() {
    let clock = clock();
    for hours in [2, 5, 0, -1] {
        answered(
            &clock,
            TARGET,
            401,
            &[("date", date(FRIDAY + hours * HOUR))],
        )
        .await;
        assert_eq!(offset(&clock, TARGET), hours * HOUR);
    }
}

#[tokio::test]
async fn it_learns_nothing_from_other_answers() {
    let two_hours = || ("date", date(FRIDAY + 2 * HOUR));
    let answers: [(u16, Vec<(&'static str, String)>); 10] = [
        (200, vec![two_hours()]),
        (302, vec![two_hours()]),
        (404, vec![two_hours()]),
        (500, vec![two_hours()]),
        (401, vec![]),
        (401, vec![two_hours(), ("age", "0".to_owned())]),
        (401, vec![("date", "yesterday".to_owned())]),
        (
            401,
            vec![("date", "Fri, 32 Oct 2015 02:00:00 GMT".to_owned())],
        ),
        (401, vec![("date", date(FRIDAY + 25 * HOUR))]),
        (401, vec![("date", date(FRIDAY - 25 * HOUR))]),
    ];
    for (status, headers) in answers {
        let clock = clock();
        answered(&clock, TARGET, status, &headers).await;
        assert_eq!(offset(&clock, TARGET), 0, "{status} {headers:?}");
    }
}

#[tokio::test]
async fn it_reads_a_date_in_every_spelling_of_utc_and_in_no_other_zone() {
    for (zone, learnt) in [
        ("GMT", 2 * HOUR),
        ("UTC", 2 * HOUR),
        ("+0000", 2 * HOUR),
        ("", 2 * HOUR),
        ("+0800", 0),
        ("EST", 0),
    ] {
        let clock = clock();
        let date = date(FRIDAY + 2 * HOUR).replace("GMT", zone);
        answered(&clock, TARGET, 401, &[("date", date)]).await;
        assert_eq!(offset(&clock, TARGET), learnt, "{zone}");
    }
}

#[tokio::test]
async fn it_learns_over_https_or_from_this_machine_only() {
    for (target, is_trusted) in [
        ("https://api.example.com/", true),
        ("wss://api.example.com/", true),
        ("ws://127.0.0.1:8080/", true),
        ("ws://api.example.com/", false),
        ("http://127.0.0.1:8080/", true),
        ("http://localhost/", true),
        ("http://[::1]:8080/", true),
        ("http://api.example.com/", false),
        ("http://10.0.0.1/", false),
        ("ftp://api.example.com/", false),
    ] {
        let clock = clock();
        answered(&clock, target, 401, &[("date", date(FRIDAY + HOUR))]).await;
        assert_eq!(
            offset(&clock, target),
            if is_trusted { HOUR } else { 0 },
            "{target}"
        );
    }
}

#[tokio::test]
async fn it_learns_from_those_who_are_signed_for_only() {
    let clock = clock();
    let response = Response::builder()
        .status(401)
        .header("date", date(FRIDAY + HOUR));
    let response = response.body(()).unwrap();
    let client = service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(response.clone())));
    let signer = Signer::builder(keys())
        .allowed_hosts(["api.example.com"])
        .build()
        .unwrap();
    let signs = SignLayer::new(signer);
    let other_host = "https://evil.example/";
    for authorization in [None, Some("Bearer token"), Some("hmac id=\"left over\"")] {
        let mut request = Request::get(other_host).body(()).unwrap();
        if let Some(authorization) = authorization {
            let headers: &mut HeaderMap = request.headers_mut();
            headers.insert("authorization", authorization.parse().unwrap());
        }
        let service = signs
            .clone()
            .clock(clock.clone())
            .layer(clock.observe().layer(client.clone()));
        service.oneshot(request).await.unwrap();
        assert_eq!(offset(&clock, other_host), 0);
    }
}

#[tokio::test]
async fn each_authority_has_a_time_of_its_own_in_any_spelling() {
    let clock = clock();
    answered(&clock, TARGET, 401, &[("date", date(FRIDAY + HOUR))]).await;
    for (target, seconds) in [
        ("https://API.example.com:443/other?x=1", HOUR),
        ("https://user@api.example.com/", HOUR),
        ("https://api.example.com:8443/", 0),
        ("https://other.example.com/", 0),
    ] {
        assert_eq!(offset(&clock, target), seconds, "{target}");
    }
}

#[tokio::test]
async fn an_offset_that_may_be_right_is_kept() {
    let base = ManualClock::at(at(FRIDAY));
    let clock = ServerClock::with_base(base.clone()).threshold(Duration::ZERO);
    // Sent on the hour, received 100 s later: any date between may be of a clock that is right.
    for (date_off, learnt) in [(-2, -52), (-1, 0), (0, 0), (50, 0), (100, 0), (101, 51)] {
        let clock = ServerClock::with_base(base.clone()).threshold(Duration::ZERO);
        base.set(at(FRIDAY));
        let slow = base.clone();
        let service = ServiceBuilder::new()
            .layer(SignLayer::new(keys()).clock(clock.clone()))
            .layer(clock.observe())
            .service(service_fn(move |_: Request<()>| {
                slow.set(at(FRIDAY + 100));
                let response = Response::builder()
                    .status(401)
                    .header("date", date(FRIDAY + date_off));
                ready(Ok::<_, Infallible>(response.body(()).unwrap()))
            }));
        service
            .oneshot(Request::get(TARGET).body(()).unwrap())
            .await
            .unwrap();
        assert_eq!(offset(&clock, TARGET), learnt, "{date_off}");
    }
    assert_eq!(offset(&clock, TARGET), 0);
}

#[tokio::test]
async fn a_difference_under_the_threshold_is_not_learnt() {
    for (seconds, learnt) in [(9, 0), (10, 10), (-9, 0), (-10, -10)] {
        let clock = clock();
        answered(&clock, TARGET, 401, &[("date", date(FRIDAY + seconds))]).await;
        assert_eq!(offset(&clock, TARGET), learnt);
    }
}

#[tokio::test]
async fn the_greatest_offset_is_an_option() {
    let clock = clock().max_offset(Duration::from_secs(60));
    answered(&clock, TARGET, 401, &[("date", date(FRIDAY + 61))]).await;
    assert_eq!(offset(&clock, TARGET), 0);
    answered(&clock, TARGET, 401, &[("date", date(FRIDAY + 60))]).await;
    assert_eq!(offset(&clock, TARGET), 60);
}

#[tokio::test]
async fn it_learns_of_no_more_than_64_authorities() {
    let clock = clock();
    let target = |number: usize| format!("https://{number}.example.com/");
    for number in 0..65 {
        answered(
            &clock,
            &target(number),
            401,
            &[("date", date(FRIDAY + HOUR))],
        )
        .await;
    }
    let learnt = (0..65).filter(|number| offset(&clock, &target(*number)) == HOUR);
    assert_eq!(learnt.count(), 64);
    answered(
        &clock,
        &target(7),
        401,
        &[("date", date(FRIDAY + 2 * HOUR))],
    )
    .await;
    assert_eq!(
        offset(&clock, &target(7)),
        2 * HOUR,
        "those it knows it goes on to learn of"
    );
}
