//! `VerifyLayer` in a tonic server and `SignLayer` over a tonic channel, on loopback, and the
//! statuses that gRPC clients get.

mod echo;
mod hosts;
mod raw;
mod server;
mod tower_http;
mod waiting;

use std::{
    convert::Infallible,
    error::Error as _,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use http::{HeaderValue, header};
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Code, Request, Status,
    body::Body,
    client::Grpc,
    server::NamedService,
    service::LayerExt as _,
    transport::{self, Channel},
};
use tower::{Service, ServiceBuilder};
use tower_hmac_auth::{
    KeyPair, RequestHead, SignLayer, Signer, StaticKeys, VerifyLayer,
    clock::ManualClock,
    verify::{DefaultResponseForRejection, KeyAccess, KeyLookup, VerifyingKey},
};

use crate::common::{KEY_ID, SECRET, keys, loopback::bind};
use echo::{Echo, Kind, Text, answers, call};
use server::{Server, client, on_time, signed, within};

const UNSIGNED: &str =
    "HMAC signature cannot be verified, a validate authorization header is required";

async fn start() -> Server {
    let layer = VerifyLayer::new(StaticKeys::from(keys()));
    Server::start(transport::Server::builder().layer(layer)).await
}

/// The call was answered with this status, and not ended by an error of the transport.
fn assert_answered<T: std::fmt::Debug>(called: Result<T, Status>, code: Code, message: &str) {
    let status = called.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, message));
    assert!(status.source().is_none(), "{status:?}");
}

#[tokio::test]
async fn a_signed_call_of_every_kind_reaches_the_handler_with_the_id_of_its_key() {
    let server = start().await;
    let service = ServiceBuilder::new()
        .layer(SignLayer::new(keys()))
        .service(server.connect().await);
    for kind in Kind::ALL {
        let answered = within(call(kind, service.clone())).await.unwrap();
        assert_eq!(answered, answers(kind, KEY_ID), "{kind:?}");
        assert_eq!(server.take_calls(), 1);
    }
}

#[tokio::test]
async fn a_call_of_any_kind_that_is_refused_ends_as_unauthenticated_with_the_documented_message() {
    let server = start().await;
    let channel = server.connect().await;
    let pair = |id, secret| Signer::new(KeyPair::new(id, secret).unwrap());
    let a_while_ago = ManualClock::at(SystemTime::now() - Duration::from_secs(960));
    let refused = [
        (None, UNSIGNED),
        (
            Some(on_time(pair(KEY_ID, "another-secret"))),
            "HMAC signature does not match.",
        ),
        (
            Some(on_time(pair("AKIDnobody", SECRET))),
            "HMAC signature cannot be verified.",
        ),
        (
            Some(SignLayer::new(keys()).clock(a_while_ago)),
            "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication.",
        ),
    ];
    for kind in Kind::ALL {
        for (layer, message) in refused.clone() {
            let called = within(call(kind, client(&channel, layer))).await;
            assert_answered(called, Code::Unauthenticated, message);
            assert_eq!(server.take_calls(), 0, "{kind:?}: {message}");

            let called = within(call(kind, signed(&channel))).await;
            assert_eq!(called.unwrap(), answers(kind, KEY_ID));
            assert_eq!(server.take_calls(), 1);
        }
    }
    assert_eq!(server.connections(), 1);
}

/// Stands for tonic-health's service.
#[derive(Clone)]
struct Health;

impl NamedService for Health {
    const NAME: &'static str = "test.Health";
}

impl Service<http::Request<Body>> for Health {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        ready(Ok(Status::not_found("healthy").into_http()))
    }
}

#[tokio::test]
async fn a_layer_around_one_service_leaves_the_others_open() {
    let (listener, address) = bind().await;
    let layer = VerifyLayer::new(StaticKeys::from(keys()));
    let server = transport::Server::builder()
        .add_service(layer.named_layer(Echo::default()))
        .add_service(Health);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    let channel = within(endpoint.connect()).await.unwrap();
    let mut grpc = Grpc::new(channel.clone());
    within(grpc.ready()).await.unwrap();
    let path = "/test.Health/Check".parse().unwrap();
    let called = within(grpc.unary(Request::new(String::new()), path, Text)).await;
    assert_answered(called, Code::NotFound, "healthy");

    let called = within(call(Kind::Unary, channel.clone())).await;
    assert_answered(called, Code::Unauthenticated, UNSIGNED);
    let called = within(call(Kind::Unary, signed(&channel))).await;
    assert_eq!(called.unwrap(), answers(Kind::Unary, KEY_ID));
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_streams_gets_the_refusal_and_keeps_its_connection() {
    let server = start().await;
    let channel = server.connect().await;
    let without_end = || tokio_stream::iter(std::iter::repeat_with(|| "a word ".repeat(2000)));
    for _ in 0..8 {
        let mut grpc = Grpc::new(channel.clone());
        within(grpc.ready()).await.unwrap();
        let path = Kind::ClientStreaming.path();
        let called = grpc.client_streaming(Request::new(without_end()), path, Text);
        assert_answered(within(called).await, Code::Unauthenticated, UNSIGNED);

        within(grpc.ready()).await.unwrap();
        let path = Kind::Bidirectional.path();
        let called = grpc.streaming(Request::new(without_end()), path, Text);
        assert_answered(within(called).await, Code::Unauthenticated, UNSIGNED);

        within(grpc.ready()).await.unwrap();
        let path = Kind::ClientStreaming.path();
        let silent = tokio_stream::pending::<String>();
        let called = grpc.client_streaming(Request::new(silent), path, Text);
        assert_answered(within(called).await, Code::Unauthenticated, UNSIGNED);
    }
    let called = within(call(Kind::ClientStreaming, signed(&channel))).await;
    assert_eq!(called.unwrap(), answers(Kind::ClientStreaming, KEY_ID));
    assert_eq!((server.take_calls(), server.connections()), (1, 1));
}

#[tokio::test]
async fn calls_that_are_accepted_and_refused_at_once_do_not_disturb_each_other() {
    let server = start().await;
    let channel = server.connect().await;
    let mut calls = JoinSet::new();
    for round in 0..100 {
        for kind in Kind::ALL {
            let is_signed = (round + kind as usize).is_multiple_of(2);
            let layer = is_signed.then(|| on_time(Signer::new(keys())));
            let called = call(kind, client(&channel, layer));
            calls.spawn(async move {
                let called = called.await;
                if is_signed {
                    assert_eq!(called.unwrap(), answers(kind, KEY_ID));
                } else {
                    assert_answered(called, Code::Unauthenticated, UNSIGNED);
                }
            });
        }
    }
    within(calls.join_all()).await;
    assert_eq!((server.take_calls(), server.connections()), (200, 1));
}

#[tokio::test]
async fn each_answer_of_the_key_store_has_its_code_and_the_store_sees_the_method() {
    let key = Arc::new(VerifyingKey::from(&keys()));
    let store = move |_: &str, head: RequestHead<'_>| match head.uri().path() {
        "/test.Echo/Unary" => KeyLookup::Unavailable,
        "/test.Echo/ServerStreaming" => KeyLookup::Key(Arc::clone(&key), KeyAccess::NoUsagePlan),
        "/test.Echo/ClientStreaming" => KeyLookup::Key(Arc::clone(&key), KeyAccess::NotBound),
        "/test.Echo/Bidirectional" => KeyLookup::Unknown,
        other => panic!("no method of the test's: {other}"),
    };
    let layer = VerifyLayer::new(store);
    let server = Server::start(transport::Server::builder().layer(layer)).await;
    let channel = server.connect().await;
    for (kind, code, message) in [
        (
            Kind::Unary,
            Code::Unavailable,
            "HMAC signature cannot be verified at present.",
        ),
        (
            Kind::ServerStreaming,
            Code::PermissionDenied,
            "Found no validate usage plan.",
        ),
        (
            Kind::ClientStreaming,
            Code::Unauthenticated,
            "HMAC apikey is invalid for API.",
        ),
        (
            Kind::Bidirectional,
            Code::Unauthenticated,
            "HMAC signature cannot be verified.",
        ),
    ] {
        let called = within(call(kind, signed(&channel))).await;
        assert_answered(called, code, message);
    }
    assert_eq!((server.take_calls(), server.connections()), (0, 1));
}

#[tokio::test]
async fn a_message_with_percent_signs_arrives_as_it_was_meant() {
    let server = start().await;
    let with_algorithm = |name: &'static str| {
        ServiceBuilder::new()
            .layer(SignLayer::new(keys()))
            .map_request(move |mut request: http::Request<Body>| {
                let authorization = request.headers()[header::AUTHORIZATION].to_str().unwrap();
                let authorization = authorization.replace("hmac-sha1", name);
                let authorization = HeaderValue::from_str(&authorization).unwrap();
                request
                    .headers_mut()
                    .insert(header::AUTHORIZATION, authorization);
                request
            })
    };
    let channel = server.connect().await;
    for name in ["100%", "%41%2541", "%", "a  b + %zz", "{'~'}"] {
        let service = with_algorithm(name).service(channel.clone());
        let called = within(call(Kind::Unary, service)).await;
        let message = format!("HMAC algorithm {name} not supported.");
        assert_answered(called, Code::Unauthenticated, &message);
    }
}

#[tokio::test]
async fn an_unsigned_client_does_not_learn_which_methods_there_are() {
    let server = start().await;
    let channel = server.connect().await;
    for path in ["/test.Echo/Nothing", "/test.Nobody/Unary"] {
        let request = |service| async move {
            let mut grpc = Grpc::new(service);
            within(grpc.ready()).await.unwrap();
            let request = Request::new(String::new());
            grpc.unary(request, path.parse().unwrap(), Text).await
        };
        let called = within(request(client(&channel, None))).await;
        assert_answered(called, Code::Unauthenticated, UNSIGNED);
        let called = within(request(signed(&channel))).await;
        assert_eq!(called.unwrap_err().code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn refusals_without_a_reason_are_one_status_and_another_http_status_does_not_change_it() {
    let refusals = DefaultResponseForRejection::new()
        .hide_reason(true)
        .unauthorized_status(http::StatusCode::FORBIDDEN);
    let layer = VerifyLayer::new(StaticKeys::from(keys())).refuse(refusals);
    let server = Server::start(transport::Server::builder().layer(layer)).await;
    let channel = server.connect().await;
    let other = on_time(Signer::new(KeyPair::new(KEY_ID, "another-secret").unwrap()));
    for layer in [None, Some(other)] {
        let called = within(call(Kind::Unary, client(&channel, layer))).await;
        let message = "HMAC signature cannot be verified.";
        assert_answered(called, Code::Unauthenticated, message);
    }
}
