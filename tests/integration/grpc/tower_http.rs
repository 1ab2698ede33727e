//! tower-http's layers around `VerifyLayer`, as layers of a tonic server.

use std::time::Duration;

use http::StatusCode;
use tonic::{Code, transport};
use tower::ServiceBuilder;
use tower_hmac_auth::{StaticKeys, VerifyLayer};
use tower_http::{
    cors::CorsLayer, timeout::TimeoutLayer, validate_request::ValidateRequestHeaderLayer,
};

use super::{
    UNSIGNED, assert_answered,
    echo::{Kind, answers, call},
    server::{Server, signed, within},
};
use crate::common::{KEY_ID, keys};

#[tokio::test]
async fn layers_that_answer_by_themselves_stand_outside_of_the_verifier_in_a_tonic_server() {
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30));
    let layers = ServiceBuilder::new()
        .layer(CorsLayer::permissive())
        .layer(timeout)
        .layer(ValidateRequestHeaderLayer::accept("application/grpc"))
        .layer(VerifyLayer::new(StaticKeys::from(keys())));
    let server = Server::start(transport::Server::builder().layer(layers)).await;
    let channel = server.connect().await;
    for kind in Kind::ALL {
        let called = within(call(kind, signed(&channel))).await;
        assert_eq!(called.unwrap(), answers(kind, KEY_ID));
        let called = within(call(kind, channel.clone())).await;
        assert_answered(called, Code::Unauthenticated, UNSIGNED);
    }
}

#[cfg(feature = "digest")]
#[tokio::test]
async fn every_layer_of_tower_http_stands_around_the_verifiers_in_a_tonic_server() {
    use tonic::body::Body;
    use tower_hmac_auth::{
        Scheme, SignLayer, Signer,
        digest::{BufferedBody, DigestLayer, VerifyDigestLayer},
        sign::ServerClock,
    };

    use crate::common::{
        server_layers::{LIMIT, server_layers},
        verifier_of,
    };

    let verify = VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier_of(Scheme::Kong));
    let digest = VerifyDigestLayer::buffered(LIMIT);
    let layers = server_layers!(verify, digest).layer(
        ::tower_http::map_request_body::MapRequestBodyLayer::new(Body::new),
    );
    let server = Server::start(transport::Server::builder().layer(layers)).await;
    let channel = server.connect().await;

    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .build()
        .unwrap();
    let clock = ServerClock::new();
    let client = ServiceBuilder::new()
        .layer(DigestLayer::new())
        .layer(SignLayer::from(signer).clock(clock.clone()))
        .layer(clock.observe())
        .map_request(|request: http::Request<BufferedBody>| request.map(Body::new))
        .service(channel.clone());
    // The digest is that of a whole body, which a stream of the client's has only at its end.
    for kind in [Kind::Unary, Kind::ServerStreaming, Kind::ClientStreaming] {
        let called = within(call(kind, client.clone())).await;
        assert_eq!(called.unwrap(), answers(kind, KEY_ID));
        let called = within(call(kind, channel.clone())).await;
        assert_answered(called, Code::Unauthenticated, "Unauthorized");
    }
}
