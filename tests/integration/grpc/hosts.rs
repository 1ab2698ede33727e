//! `host` among the signed headers: a tonic channel adds the authority below all layers.

use http::{Uri, header, uri::Authority};
use tonic::{Code, Request, Status, client::Grpc, transport, transport::Channel};
use tower::ServiceBuilder;
use tower_hmac_auth::{
    SignLayer, Signer, StaticKeys, Verifier, VerifyLayer, clock::ManualClock, sign::SignerBuilder,
};

use super::{
    assert_answered,
    echo::{Kind, Text, answers, call},
    server::{Server, client, on_time, within},
};
use crate::common::{KEY_ID, keys};

/// A server that wants the host to be covered.
async fn start() -> Server {
    let verifier = Verifier::builder().require([header::HOST]).build().unwrap();
    let layer = VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier);
    Server::start(transport::Server::builder().layer(layer)).await
}

fn signing_host() -> SignerBuilder {
    Signer::builder(keys()).signed_headers([header::HOST])
}

fn layer_of(builder: SignerBuilder) -> SignLayer<ManualClock> {
    on_time(builder.build().unwrap())
}

#[tokio::test]
async fn the_configured_authority_is_signed_and_accepted() {
    let server = start().await;
    let channel = server.connect().await;
    let authority: Authority = server.address.to_string().parse().unwrap();
    for kind in Kind::ALL {
        let layer = layer_of(signing_host().authority(authority.clone()));
        let called = within(call(kind, client(&channel, Some(layer)))).await;
        assert_eq!(called.unwrap(), answers(kind, KEY_ID));
    }
}

#[tokio::test]
async fn without_an_authority_the_host_is_not_signed_and_a_server_that_wants_it_refuses() {
    let server = start().await;
    let channel = server.connect().await;
    let layer = layer_of(signing_host());
    let called = within(call(Kind::Unary, client(&channel, Some(layer)))).await;
    let message = "HMAC signature cannot be verified, a valid host header is required.";
    assert_answered(called, Code::Unauthenticated, message);

    let elsewhere = signing_host().authority(Authority::from_static("api.example.com"));
    let called = call(Kind::Unary, client(&channel, Some(layer_of(elsewhere))));
    let called = within(called).await;
    let message = "HMAC signature does not match.";
    assert_answered(called, Code::Unauthenticated, message);
    assert_eq!((server.take_calls(), server.connections()), (0, 1));
}

/// A client whose requests say where they go; the channel sends them to its own endpoint all the
/// same.
async fn call_with_origin(
    channel: Channel,
    layer: SignLayer<ManualClock>,
    origin: Uri,
) -> Result<String, Status> {
    let service = ServiceBuilder::new().layer(layer).service(channel);
    let mut grpc = Grpc::with_origin(service, origin);
    grpc.ready().await.unwrap();
    let request = Request::new("a".to_owned());
    let answer = grpc.unary(request, Kind::Unary.path(), Text).await?;
    Ok(answer.into_inner())
}

#[tokio::test]
async fn a_client_made_with_its_origin_shows_the_layer_the_host() {
    let server = start().await;
    let origin = format!("http://{}", server.address).parse().unwrap();
    let called = call_with_origin(server.connect().await, layer_of(signing_host()), origin);
    assert_eq!(within(called).await.unwrap(), format!("{KEY_ID}: a"));
}

#[tokio::test]
async fn the_count_of_unsigned_requests_shows_a_client_with_allowed_hosts_and_no_authority() {
    let server = Server::start(
        transport::Server::builder().layer(VerifyLayer::new(StaticKeys::from(keys()))),
    )
    .await;
    let channel = server.connect().await;
    let host = server.address.ip().to_string();
    let builder = Signer::builder(keys()).allowed_hosts([host]);

    let silent = layer_of(builder.clone());
    for expected in [1, 2] {
        let called = within(call(Kind::Unary, client(&channel, Some(silent.clone())))).await;
        let message =
            "HMAC signature cannot be verified, a validate authorization header is required";
        assert_answered(called, Code::Unauthenticated, message);
        assert_eq!(silent.signer().unsigned_requests(), expected);
    }

    let authority: Authority = server.address.to_string().parse().unwrap();
    let told = layer_of(builder.authority(authority));
    let called = within(call(Kind::Unary, client(&channel, Some(told.clone())))).await;
    assert_eq!(called.unwrap(), answers(Kind::Unary, KEY_ID));
    assert_eq!(told.signer().unsigned_requests(), 0);

    let host_unknown = layer_of(signing_host());
    let called = call(Kind::Unary, client(&channel, Some(host_unknown.clone())));
    assert_eq!(within(called).await.unwrap(), answers(Kind::Unary, KEY_ID));
    assert_eq!(host_unknown.signer().requests_without_host(), 1);
}

#[tokio::test]
async fn only_its_origin_says_that_a_client_speaks_https() {
    let layer = VerifyLayer::new(StaticKeys::from(keys()));
    let server = Server::start(transport::Server::builder().layer(layer)).await;
    let channel = server.connect().await;
    let authority = Authority::from_static("gateway.example:443");
    let https_only = Signer::builder(keys())
        .authority(authority)
        .https_only(true);
    let https_only = layer_of(https_only);

    let called = within(call(
        Kind::Unary,
        client(&channel, Some(https_only.clone())),
    ))
    .await;
    let message = "HMAC signature cannot be verified, a validate authorization header is required";
    assert_answered(called, Code::Unauthenticated, message);

    for (origin, is_signed) in [
        ("https://gateway.example", true),
        ("http://gateway.example:443", false),
    ] {
        let called = call_with_origin(
            channel.clone(),
            https_only.clone(),
            Uri::from_static(origin),
        );
        assert_eq!(within(called).await.is_ok(), is_signed, "{origin}");
    }
}
