//! tower-http's layers around `VerifyLayer`, as layers of a router.

use std::time::Duration;

use axum::{Router, routing::get};
use http::{HeaderValue, Method, StatusCode, header};
use tower::ServiceBuilder;
use tower_hmac_auth::{StaticKeys, VerifyLayer};
use tower_http::{
    cors::CorsLayer, timeout::TimeoutLayer, validate_request::ValidateRequestHeaderLayer,
};

use super::{
    UNSIGNED,
    server::{Server, VERSIONS, client, send},
    who,
};
use crate::common::{KEY_ID, keys};

#[tokio::test]
async fn layers_that_answer_by_themselves_stand_outside_of_the_verifier_in_a_router() {
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30));
    let layers = ServiceBuilder::new()
        .layer(CorsLayer::permissive())
        .layer(timeout)
        .layer(ValidateRequestHeaderLayer::accept("text/plain"))
        .layer(VerifyLayer::new(StaticKeys::from(keys())));
    let server = Server::start(Router::new().route("/who", get(who)).layer(layers)).await;
    for version in VERSIONS {
        let client = client(version);
        let answer = send(&client, Some(keys()), server.get("/who")).await;
        assert_eq!((answer.status, &*answer.text), (StatusCode::OK, KEY_ID));

        let answer = send(&client, None, server.get("/who")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.text, UNSIGNED);
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");

        let mut preflight = server.request(Method::OPTIONS, "/who");
        let put = HeaderValue::from_static("PUT");
        let headers = preflight.headers_mut();
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, put);
        let answer = send(&client, None, preflight).await;
        assert_eq!((answer.status, &*answer.text), (StatusCode::OK, ""));
    }
}

#[cfg(feature = "digest")]
#[tokio::test]
async fn every_layer_of_tower_http_stands_around_the_verifiers_in_a_router() {
    use axum::{body::Body, routing::post};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    use tower_hmac_auth::{
        Scheme, SignLayer, Signer,
        digest::{DigestLayer, VerifyDigestLayer},
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
    async fn panic() {
        panic!("as it was asked to")
    }
    let echo = |body: String| async { body };
    let router = Router::new()
        .route("/echo", post(echo))
        .route("/panic", get(panic))
        .layer(layers);
    let server = Server::start(router).await;
    for version in VERSIONS {
        let signer = Signer::builder(keys())
            .scheme(Scheme::Kong)
            .build()
            .unwrap();
        let signing = ServiceBuilder::new()
            .layer(DigestLayer::new())
            .layer(SignLayer::from(signer))
            .map_request(|request: http::Request<_>| request.map(Body::new))
            .service(client(version));
        let send = |method, path, body: &'static str| {
            let request = server.request(method, path).map(|_| Body::from(body));
            let signing = signing.clone();
            async move {
                let answer = signing.oneshot(request).await.unwrap();
                let (head, body) = answer.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                assert_eq!(head.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
                assert!(head.headers.contains_key("x-request-id"));
                (head.status, String::from_utf8(body.to_vec()).unwrap())
            }
        };
        let (status, text) = send(Method::POST, "/echo", "hello").await;
        assert_eq!((status, &*text), (StatusCode::OK, "hello"));
        let (status, _) = send(Method::GET, "/panic", "").await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let (status, _) = send(Method::POST, "/admin", "").await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
}
