//! Keys that have to be waited for: in an axum server, and in front of a service that counts its
//! readiness.

use std::sync::Arc;

use axum::{Router, routing::get};
use http::{Request, Response, StatusCode, Version};
use tokio::sync::Notify;
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::Layer as _;
use tower_hmac_auth::{
    KeyPair, RequestHead, Signer, VerifiedKey, VerifyLayer,
    clock::{Clock as _, SystemClock},
    verify::{AsyncKeys, KeyAccess, KeyLookup, VerifyingKey},
};
use tower_test::mock;

use super::{
    UNSIGNED,
    server::{Server, VERSIONS, client, send, within},
    who,
};
use crate::common::{
    KEY_ID,
    asking::{Found, asking},
    keys,
};

fn pair(number: usize) -> KeyPair {
    KeyPair::new(format!("AKID{number}"), format!("secret {number}")).unwrap()
}

fn found(pair: &KeyPair) -> Found {
    KeyLookup::Key(Arc::new(VerifyingKey::from(pair)), KeyAccess::Bound)
}

#[tokio::test]
async fn requests_are_served_in_the_order_of_their_keys() {
    let (store, mut asked) = asking(|key_id, _| key_id.to_owned());
    let layer = VerifyLayer::new(AsyncKeys(store));
    let server = Server::start(Router::new().route("/who", get(who)).layer(layer)).await;
    for version in VERSIONS {
        let client = client(version);
        let mut waiting = Vec::new();
        for number in 0..5 {
            let (client, request) = (client.clone(), server.get("/who"));
            let sending =
                tokio::spawn(async move { send(&client, Some(pair(number)), request).await });
            let (key_id, answer) = within(asked.recv()).await.unwrap();
            assert_eq!(key_id, format!("AKID{number}"));
            waiting.push((key_id, pair(number), sending, answer));
        }
        for next in [3, 0, 2, 1, 0] {
            let (key_id, pair, sending, answer) = waiting.remove(next);
            answer.send(found(&pair)).unwrap();
            let answer = within(sending).await.unwrap();
            assert_eq!((answer.status, answer.text), (StatusCode::OK, key_id));
            let mut others = waiting.iter();
            assert!(others.all(|(_, _, sending, _)| !sending.is_finished()));
        }
        // What needs no key to be refused does not wait for one.
        let answer = send(&client, None, server.get("/who")).await;
        assert_eq!(answer.text, UNSIGNED);
        assert!(asked.is_empty());
    }
}

#[tokio::test]
async fn requests_that_wait_for_the_same_thing_all_go_on_when_it_is_there() {
    const REQUESTS: usize = 50;
    let (loaded, arrived) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (wait, arrive) = (Arc::clone(&loaded), Arc::clone(&arrived));
    let store = move |key_id: &str, _: RequestHead<'_>| {
        let (is_known, wait) = (key_id == KEY_ID, Arc::clone(&wait).notified_owned());
        arrive.notify_one();
        async move {
            wait.await;
            match is_known {
                true => found(&keys()),
                false => KeyLookup::Unknown,
            }
        }
    };
    let layer = VerifyLayer::new(AsyncKeys(store));
    let server = Server::start(Router::new().route("/who", get(who)).layer(layer)).await;
    for version in VERSIONS {
        let client = client(version);
        let mut sending = Vec::new();
        for number in 0..REQUESTS {
            let (client, request) = (client.clone(), server.get("/who"));
            let keys = if number % 2 == 0 {
                keys()
            } else {
                pair(number)
            };
            sending.push(tokio::spawn(async move {
                send(&client, Some(keys), request).await
            }));
            within(arrived.notified()).await;
        }
        loaded.notify_waiters();
        for (number, sending) in sending.into_iter().enumerate() {
            let answer = within(sending).await.unwrap();
            let expected = match number % 2 {
                0 => (StatusCode::OK, KEY_ID),
                _ => (
                    StatusCode::UNAUTHORIZED,
                    r#"{"message":"HMAC signature cannot be verified."}"#,
                ),
            };
            assert_eq!((answer.status, &*answer.text), expected);
        }
    }
}

#[tokio::test]
async fn a_client_that_disconnects_drops_its_lookup() {
    let (store, mut asked) = asking(|key_id, _| key_id.to_owned());
    let layer = VerifyLayer::new(AsyncKeys(store));
    let server = Server::start(Router::new().route("/who", get(who)).layer(layer)).await;
    for version in VERSIONS {
        let (client, request) = (client(version), server.get("/who"));
        let sending = tokio::spawn(async move { send(&client, Some(keys()), request).await });
        let (_, mut answer) = within(asked.recv()).await.unwrap();
        sending.abort();
        within(answer.closed()).await;
    }
}

#[tokio::test]
async fn a_store_that_gives_up_is_unavailable_and_the_connection_goes_on() {
    let (store, mut asked) = asking(|key_id, _| key_id.to_owned());
    let layer = VerifyLayer::new(AsyncKeys(store));
    let server = Server::start(Router::new().route("/who", get(who)).layer(layer)).await;
    let client = client(Version::HTTP_2);
    for _ in 0..2 {
        let (client, request) = (client.clone(), server.get("/who"));
        let sending = tokio::spawn(async move { send(&client, Some(keys()), request).await });
        let (_, answer) = within(asked.recv()).await.unwrap();
        drop(answer);
        let answer = within(sending).await.unwrap();
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            answer.text,
            r#"{"message":"HMAC signature cannot be verified at present."}"#
        );
    }
    assert_eq!(server.connections(), 1);
}

fn signed(pair: KeyPair) -> Request<()> {
    let mut request = Request::new(());
    let signer = Signer::new(pair);
    signer
        .sign_request(&mut request, SystemClock.now())
        .unwrap();
    request
}

/// The mock panics if it is called without having been polled ready; a clone of it never was.
#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called_when_the_key_is_there() {
    let (store, mut asked) = asking(|key_id, _| key_id.to_owned());
    let layer = VerifyLayer::new(AsyncKeys(store));
    let (mut service, mut handle) = mock::spawn_layer::<Request<()>, Response<()>, _>(layer);

    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(2);
    let mut calls = Vec::new();
    for number in 0..2 {
        assert_ready_ok!(service.poll_ready());
        let mut call = task::spawn(service.call(signed(pair(number))));
        assert_pending!(call.poll());
        calls.push((call, asked.try_recv().unwrap().1));
    }

    for (number, (mut call, answer)) in calls.into_iter().enumerate().rev() {
        assert_pending!(task::spawn(handle.next_request()).poll());
        answer.send(found(&pair(number))).unwrap();
        assert!(call.is_woken());
        assert_pending!(call.poll());
        let (request, response) = within(handle.next_request()).await.unwrap();
        let key = request.extensions().get::<VerifiedKey>().unwrap();
        assert_eq!(key.key_id(), format!("AKID{number}"));
        response.send_response(Response::new(()));
        assert_ready_ok!(call.poll());
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_drops_its_lookup_and_gives_its_readiness_back() {
    let (store, mut asked) = asking(|key_id, _| key_id.to_owned());
    let layer = VerifyLayer::new(AsyncKeys(store));
    let limited = tower::limit::ConcurrencyLimit::new(
        tower::service_fn(|_: Request<()>| async { Ok::<_, std::io::Error>(Response::new(())) }),
        1,
    );
    let mut service = mock::Spawn::new(layer.layer(limited));

    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call(signed(keys())));
    assert_pending!(call.poll());
    let (_, answer) = asked.try_recv().unwrap();
    assert_pending!(service.poll_ready());
    drop(call);
    assert!(answer.is_closed());
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
}

#[tokio::test]
async fn a_refusal_does_not_call_the_inner_service() {
    let (store, mut asked) = asking(|key_id, _| key_id.to_owned());
    let layer = VerifyLayer::new(AsyncKeys(store));
    let (mut service, mut handle) = mock::spawn_layer::<Request<()>, Response<()>, _>(layer);
    handle.allow(2);

    assert_ready_ok!(service.poll_ready());
    let mut refused = task::spawn(service.call(Request::new(())));
    let response = assert_ready_ok!(refused.poll());
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(asked.try_recv().is_err());

    assert_ready_ok!(service.poll_ready());
    let mut refused = task::spawn(service.call(signed(keys())));
    assert_pending!(refused.poll());
    let (_, answer) = asked.try_recv().unwrap();
    answer.send(KeyLookup::Unknown).unwrap();
    let response = assert_ready_ok!(refused.poll());
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_pending!(task::spawn(handle.next_request()).poll());
}
