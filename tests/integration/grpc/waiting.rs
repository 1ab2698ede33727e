//! Keys that have to be waited for, in a tonic server.

use std::{sync::Arc, time::Duration};

use tonic::{Code, transport};
use tower_hmac_auth::{
    RequestHead, VerifyLayer,
    verify::{AsyncKeys, KeyAccess, KeyLookup, VerifyingKey},
};

use super::{
    assert_answered,
    echo::{Kind, answers, call},
    server::{Server, client, signed, within},
};
use crate::common::{
    KEY_ID,
    asking::{Found, asking},
    keys,
};

fn path(key_id: &str, head: RequestHead<'_>) -> String {
    assert_eq!(key_id, KEY_ID);
    head.uri().path().to_owned()
}

fn found() -> Found {
    KeyLookup::Key(Arc::new(VerifyingKey::from(&keys())), KeyAccess::Bound)
}

#[tokio::test]
async fn calls_of_every_kind_wait_for_their_keys_and_are_served_in_the_order_of_the_keys() {
    let (store, mut asked) = asking(path);
    let layer = VerifyLayer::new(AsyncKeys(store));
    let server = Server::start(transport::Server::builder().layer(layer)).await;
    let channel = server.connect().await;

    let mut waiting = Vec::new();
    for kind in Kind::ALL {
        let called = tokio::spawn(call(kind, signed(&channel)));
        let (path, answer) = within(asked.recv()).await.unwrap();
        assert_eq!(path, kind.path().as_str());
        waiting.push((kind, called, answer));
    }
    assert_eq!(server.take_calls(), 0);
    while let Some((kind, called, answer)) = waiting.pop() {
        answer.send(found()).unwrap();
        assert_eq!(
            within(called).await.unwrap().unwrap(),
            answers(kind, KEY_ID)
        );
        assert_eq!(server.take_calls(), 1);
        assert!(waiting.iter().all(|(_, called, _)| !called.is_finished()));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_the_store_finds_too_late_or_never_has_the_same_codes_as_at_once() {
    let (store, mut asked) = asking(path);
    let layer = VerifyLayer::new(AsyncKeys(store));
    let server = Server::start(transport::Server::builder().layer(layer)).await;
    let channel = server.connect().await;
    for kind in Kind::ALL {
        for (answer, code) in [
            (Some(KeyLookup::Unknown), Code::Unauthenticated),
            (Some(KeyLookup::Unavailable), Code::Unavailable),
            (None, Code::Unavailable),
        ] {
            let called = tokio::spawn(call(kind, signed(&channel)));
            let (_, answering) = within(asked.recv()).await.unwrap();
            let message = match answer {
                Some(KeyLookup::Unknown) => "HMAC signature cannot be verified.",
                _ => "HMAC signature cannot be verified at present.",
            };
            match answer {
                Some(answer) => answering.send(answer).unwrap(),
                None => drop(answering),
            }
            assert_answered(within(called).await.unwrap(), code, message);
        }
        // What needs no key to be refused is refused without a lookup.
        let called = within(call(kind, client(&channel, None))).await;
        assert_answered(called, Code::Unauthenticated, super::UNSIGNED);
    }
    assert!(asked.is_empty());
    assert_eq!((server.take_calls(), server.connections()), (0, 1));
}

#[tokio::test]
async fn a_call_that_is_cancelled_drops_its_lookup() {
    let (store, mut asked) = asking(path);
    let layer = VerifyLayer::new(AsyncKeys(store));
    let server = Server::start(transport::Server::builder().layer(layer)).await;
    let channel = server.connect().await;
    for kind in Kind::ALL {
        let called = tokio::spawn(call(kind, signed(&channel)));
        let (_, mut answer) = within(asked.recv()).await.unwrap();
        called.abort();
        within(answer.closed()).await;
    }
    let called = tokio::spawn(call(Kind::Unary, signed(&channel)));
    let (_, answer) = within(asked.recv()).await.unwrap();
    answer.send(found()).unwrap();
    within(called).await.unwrap().unwrap();
    assert_eq!((server.take_calls(), server.connections()), (1, 1));
}

#[tokio::test]
async fn the_servers_timeout_ends_the_wait_for_a_key() {
    let (store, mut asked) = asking(path);
    let layer = VerifyLayer::new(AsyncKeys(store));
    let server = transport::Server::builder()
        .timeout(Duration::from_millis(1))
        .layer(layer);
    let server = Server::start(server).await;
    let channel = server.connect().await;
    let called = within(call(Kind::Unary, signed(&channel))).await;
    assert_answered(called, Code::Cancelled, "Timeout expired");
    let (_, mut answer) = within(asked.recv()).await.unwrap();
    within(answer.closed()).await;
    assert_eq!(server.take_calls(), 0);
}
