//! `ReplayLayer`: what reaches the handler, and what is answered.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::{mpsc, oneshot};
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Rejection, Scheme, StaticKeys, VerifiedKey, VerifyLayer,
    clock::ManualClock,
    error::RejectionKind,
    scheme::X_NONCE,
    verify::{
        AsyncGuard, Claim, ClaimOutcome, DefaultResponseForRejection, MemoryReplayGuard, Refusal,
        ReplayGuard, ReplayLayer, WhenUnavailable,
    },
};
use tower_test::mock;

use super::{signed, verifier};
use crate::common::{FRIDAY, at, keys, within};

type Answer = Response<Full<Bytes>>;

fn verify(scheme: Scheme) -> VerifyLayer<StaticKeys, DefaultResponseForRejection, ManualClock> {
    let clock = ManualClock::at(at(FRIDAY));
    let layer = VerifyLayer::new(StaticKeys::from(keys())).clock(clock);
    layer.verifier(verifier(scheme))
}

fn memory() -> MemoryReplayGuard {
    let clock = ManualClock::at(at(FRIDAY));
    let builder = MemoryReplayGuard::builder().clock(clock);
    builder.assume_no_earlier_claims(true).build()
}

/// Counts the requests that reach it.
fn handler(
    calls: &Arc<AtomicUsize>,
) -> impl Service<Request<()>, Response = Answer, Error = Infallible, Future: Send> + Clone + Send + use<>
{
    let calls = Arc::clone(calls);
    service_fn(move |_: Request<()>| {
        calls.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(Answer::default()))
    })
}

fn nonce(text: &str) -> Request<()> {
    signed(Scheme::Tencent, &X_NONCE, &[text])
}

#[tokio::test]
async fn a_copy_of_a_request_is_refused_with_the_words_of_its_scheme() {
    for (scheme, expected) in [
        (
            Scheme::Tencent,
            "HMAC signature cannot be verified, the request has been sent before.",
        ),
        (
            Scheme::Kong,
            "HMAC signature cannot be verified, the request has been sent before",
        ),
        (
            Scheme::Apisix,
            "client request can't be validated: it has been sent before",
        ),
        (
            Scheme::Cavage,
            "the request has been sent before: sign every request again before it is sent, with \
             a new nonce",
        ),
    ] {
        let calls = Arc::default();
        let layer = ReplayLayer::new(memory());
        let counts = layer.clone();
        let service = ServiceBuilder::new()
            .layer(verify(scheme))
            .layer(layer)
            .service(handler(&calls));
        let request = signed(scheme, &X_NONCE, &["d3b07384"]);
        let first = service.clone().oneshot(request.clone()).await.unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let copy = service.clone().oneshot(request).await.unwrap();
        assert_eq!(copy.status(), StatusCode::UNAUTHORIZED);
        assert!(copy.headers().contains_key(header::WWW_AUTHENTICATE));
        let why = copy.extensions().get::<Rejection>().unwrap();
        assert_eq!(*why, Rejection::Replayed);
        assert_eq!(why.kind(), RejectionKind::Replayed);
        let body = copy.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains(expected), "{text}");
        assert_eq!(
            Rejection::from_response_text(&text),
            Some(RejectionKind::Replayed)
        );
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(counts.counts().seen, 1);
    }
}

#[tokio::test]
async fn what_a_guard_answers_decides_the_status() {
    for (outcome, status, rejection) in [
        (ClaimOutcome::New, StatusCode::OK, None),
        (
            ClaimOutcome::Seen,
            StatusCode::UNAUTHORIZED,
            Some(Rejection::Replayed),
        ),
        (
            ClaimOutcome::Lost,
            StatusCode::SERVICE_UNAVAILABLE,
            Some(Rejection::ClaimsLost),
        ),
        (
            ClaimOutcome::Full,
            StatusCode::SERVICE_UNAVAILABLE,
            Some(Rejection::ReplayGuardFull),
        ),
        (
            ClaimOutcome::Unavailable,
            StatusCode::SERVICE_UNAVAILABLE,
            Some(Rejection::ReplayGuardUnavailable),
        ),
    ] {
        let calls = Arc::default();
        let layer = ReplayLayer::new(move |_: &Claim<'_>| outcome);
        let service = verify(Scheme::Tencent).layer(layer.layer(handler(&calls)));
        let answer = service.oneshot(nonce("one")).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.extensions().get(), rejection.as_ref());
        assert_eq!(
            calls.load(Ordering::SeqCst),
            usize::from(rejection.is_none())
        );
        // Asynchronous guards are answered in the same way.
        let calls = Arc::default();
        let guard = move |_: &Claim<'_>| async move { outcome };
        let layer = ReplayLayer::new(AsyncGuard(guard));
        let service = verify(Scheme::Tencent).layer(layer.layer(handler(&calls)));
        let answer = service.oneshot(nonce("one")).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.extensions().get(), rejection.as_ref());
        let counts = layer.counts();
        let counted = [counts.seen, counts.lost, counts.full, counts.unavailable];
        assert_eq!(counted.iter().sum::<u64>(), u64::from(rejection.is_some()));
        assert_eq!(counts.unguarded, 0);
    }
}

#[tokio::test]
async fn an_unavailable_guard_lets_requests_through_only_where_that_is_configured() {
    let calls = Arc::default();
    let layer = ReplayLayer::new(|_: &Claim<'_>| ClaimOutcome::Unavailable);
    let layer = layer.when_unavailable(WhenUnavailable::Accept);
    let service = verify(Scheme::Tencent).layer(layer.layer(handler(&calls)));
    let answer = service.oneshot(nonce("one")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let counts = layer.counts();
    assert_eq!((counts.unavailable, counts.unguarded), (1, 1));
    // A full guard is never let through.
    let layer = ReplayLayer::new(|_: &Claim<'_>| ClaimOutcome::Full);
    let layer = layer.when_unavailable(WhenUnavailable::Accept);
    let service = verify(Scheme::Tencent).layer(layer.layer(handler(&calls)));
    let answer = service.oneshot(nonce("one")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_layer_in_the_wrong_place_or_without_nonces_is_the_servers_mistake() {
    let calls = Arc::default();
    let alone = ReplayLayer::new(memory()).layer(handler(&calls));
    let answer = alone.oneshot(nonce("one")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.extensions().get(), Some(&Rejection::NotVerified));

    let without =
        verify(Scheme::Tencent).verifier(super::builder(Scheme::Tencent).build().unwrap());
    let service = without.layer(ReplayLayer::new(memory()).layer(handler(&calls)));
    let answer = service.oneshot(nonce("one")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.extensions().get(), Some(&Rejection::NoClaim));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// Nobody without a key can fill the guard, or use up the nonce of somebody else.
#[tokio::test]
async fn a_flood_of_requests_that_are_not_verified_claims_nothing() {
    let guard = Arc::new(memory());
    let calls = Arc::default();
    let service = ServiceBuilder::new()
        .layer(verify(Scheme::Tencent))
        .layer(ReplayLayer::new(Arc::clone(&guard)))
        .service(handler(&calls));
    for number in 0..10_000 {
        let mut request = nonce("mine");
        let headers = request.headers_mut();
        match number % 4 {
            0 => headers.insert(X_NONCE, number.to_string().parse().unwrap()),
            1 => headers.insert(
                "x-date",
                HeaderValue::from_static("Fri, 09 Oct 2015 00:00:01 GMT"),
            ),
            2 => {
                let text = headers[header::AUTHORIZATION].to_str().unwrap();
                let text = text.replace("AKIDtestkey0001", &format!("AKID{number}"));
                headers.insert(header::AUTHORIZATION, text.parse().unwrap())
            }
            _ => headers.remove(header::AUTHORIZATION),
        };
        let answer = service.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    assert!(guard.is_empty());
    let answer = service.oneshot(nonce("mine")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(guard.len(), 1);
}

#[tokio::test]
async fn refusals_are_answered_by_the_type_that_is_set_and_can_hide_their_reason() {
    let calls = Arc::default();
    let hidden = ReplayLayer::new(|_: &Claim<'_>| ClaimOutcome::Seen)
        .refuse(DefaultResponseForRejection::new().hide_reason(true));
    let service = verify(Scheme::Tencent).layer(hidden.layer(handler(&calls)));
    let answer = service.oneshot(nonce("one")).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"message":"HMAC signature cannot be verified."}"#);

    let own =
        ReplayLayer::new(|_: &Claim<'_>| ClaimOutcome::Seen).refuse(|refusal: &Refusal<'_>| {
            assert_eq!(refusal.scheme(), Scheme::Kong);
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = StatusCode::CONFLICT;
            answer
        });
    let service = verify(Scheme::Kong).layer(own.layer(handler(&calls)));
    let request = signed(Scheme::Kong, &X_NONCE, &["one"]);
    assert_eq!(
        service.oneshot(request).await.unwrap().status(),
        StatusCode::CONFLICT
    );
}

/// A guard that asks the test.
type Asked = (Vec<u8>, oneshot::Sender<ClaimOutcome>);

type Answered = Pin<Box<dyn Future<Output = ClaimOutcome> + Send>>;

fn asking() -> (
    impl Fn(&Claim<'_>) -> Answered,
    mpsc::UnboundedReceiver<Asked>,
) {
    let (ask, asked) = mpsc::unbounded_channel();
    let guard = move |claim: &Claim<'_>| {
        let (answer, answered) = oneshot::channel();
        ask.send((claim.nonce().to_vec(), answer)).unwrap();
        Box::pin(async move { answered.await.unwrap_or(ClaimOutcome::Unavailable) }) as Answered
    };
    (guard, asked)
}

#[tokio::test]
async fn a_waiting_request_does_not_keep_others_from_being_claimed() {
    let (guard, mut asked) = asking();
    let calls = Arc::default();
    let mut service = ServiceBuilder::new()
        .layer(verify(Scheme::Tencent))
        .layer(ReplayLayer::new(AsyncGuard(guard)))
        .service(handler(&calls));
    let first = service.ready().await.unwrap().call(nonce("first"));
    let second = service.ready().await.unwrap().call(nonce("second"));
    let (nonce, answer_first) = asked.recv().await.unwrap();
    assert_eq!(nonce, b"first");
    let (nonce, answer_second) = asked.recv().await.unwrap();
    assert_eq!(nonce, b"second");
    answer_second.send(ClaimOutcome::New).unwrap();
    assert_eq!(within(second).await.unwrap().status(), StatusCode::OK);
    answer_first.send(ClaimOutcome::Seen).unwrap();
    assert_eq!(
        within(first).await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// A clone may not be ready: the service that was polled has to get the request.
#[tokio::test]
async fn the_service_that_was_ready_is_called_after_the_claim() {
    let (mock, mut handle) = mock::pair::<Request<()>, Answer>();
    let guard = |_: &Claim<'_>| async { ClaimOutcome::New };
    let service = ReplayLayer::new(AsyncGuard(guard)).layer(mock);
    let service = service_fn({
        let service = Arc::new(Mutex::new(service));
        move |mut request: Request<()>| {
            let verified = {
                let head = (&request).into();
                crate::common::verify(&verifier(Scheme::Tencent), head, at(FRIDAY)).unwrap()
            };
            request.extensions_mut().insert::<VerifiedKey>(verified);
            let service = Arc::clone(&service);
            async move {
                let mut ready = service.lock().unwrap().clone();
                ready.ready().await.unwrap();
                ready.call(request).await
            }
        }
    });
    handle.allow(1);
    let call = tokio::spawn(service.oneshot(nonce("one").map(|()| ())));
    let (request, respond) = within(handle.next_request()).await.unwrap();
    assert_eq!(request.headers()[X_NONCE], "one");
    respond.send_response(Answer::default());
    assert_eq!(
        within(call).await.unwrap().unwrap().status(),
        StatusCode::OK
    );
}

#[test]
fn a_guard_can_be_shared() {
    fn is_guard<G: ReplayGuard>(_: &G) {}
    is_guard(&Arc::new(memory()));
    is_guard(&Arc::new(|_: &Claim<'_>| ClaimOutcome::New));
}
