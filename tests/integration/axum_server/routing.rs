//! Where the layer stands in a router: before or after the choice of a route, inside a nest.

use std::{sync::Arc, time::SystemTime};

use axum::{
    Router,
    body::Body,
    extract::{OriginalUri, Path},
    routing::{any, get},
};
use http::{Method, Request, Response, StatusCode, Uri, header};
use tower::{ServiceBuilder, ServiceExt as _};
use tower_hmac_auth::{
    RequestHead, Scheme, SignLayer, Signer, StaticKeys, Verifier, VerifyLayer,
    verify::{KeyAccess, KeyLookup, KeyStore, VerifyingKey},
};

use super::{
    server::{Server, VERSIONS, client, send, within},
    who,
};
use crate::common::{KEY_ID, keys};

/// Asks for each of these, unsigned and signed, and compares the statuses.
async fn assert_statuses(router: Router, expected: &[(Method, &str, [u16; 2])]) {
    let server = Server::start(router).await;
    for version in VERSIONS {
        let client = client(version);
        for (method, path, [unsigned, signed]) in expected {
            for (keys, expected) in [(None, unsigned), (Some(keys()), signed)] {
                let request = server.request(method.clone(), path);
                let context = format!("{version:?} {method} {path} {}", keys.is_some());
                let answer = send(&client, keys, request).await;
                assert_eq!(answer.status, *expected, "{context}");
            }
        }
    }
}

fn verify() -> VerifyLayer<StaticKeys> {
    VerifyLayer::new(StaticKeys::from(keys()))
}

#[tokio::test]
async fn layer_asks_before_a_route_is_chosen() {
    let router = Router::new().route("/a", get(who)).layer(verify());
    let expected = [
        (Method::GET, "/a", [401, 200]),
        (Method::POST, "/a", [401, 405]),
        (Method::GET, "/nothing", [401, 404]),
    ];
    assert_statuses(router, &expected).await;
}

#[tokio::test]
async fn route_layer_asks_only_where_there_is_a_route() {
    let router = Router::new().route("/a", get(who)).route_layer(verify());
    let expected = [
        (Method::GET, "/a", [401, 200]),
        (Method::POST, "/a", [401, 405]),
        (Method::GET, "/nothing", [404, 404]),
    ];
    assert_statuses(router, &expected).await;

    let router = Router::new().route("/a", get(who).route_layer(verify()));
    let expected = [
        (Method::GET, "/a", [401, 200]),
        (Method::POST, "/a", [405, 405]),
        (Method::GET, "/nothing", [404, 404]),
    ];
    assert_statuses(router, &expected).await;
}

#[tokio::test]
async fn routes_that_are_added_after_the_layer_are_open() {
    let router = Router::new()
        .route("/closed", get(who))
        .layer(verify())
        .route("/added", get(who))
        .merge(Router::new().route("/merged", get(who)));
    let expected = [
        (Method::GET, "/closed", [401, 200]),
        (Method::GET, "/added", [200, 200]),
        (Method::GET, "/merged", [200, 200]),
    ];
    assert_statuses(router, &expected).await;
}

/// A store that binds the key to one API only.
fn bound_to(prefix: &'static str) -> impl KeyStore {
    let key = Arc::new(VerifyingKey::from(&keys()));
    move |_: &str, head: RequestHead<'_>| {
        let binding = match head.uri().path().strip_prefix(prefix) {
            Some(_) => KeyAccess::Bound,
            None => KeyAccess::NotBound,
        };
        KeyLookup::Key(Arc::clone(&key), binding)
    }
}

/// The layer inside two nests.
fn nested<K: KeyStore + Send + Sync + 'static>(layer: VerifyLayer<K>) -> Router {
    let orders = Router::new().route("/orders", get(who)).layer(layer);
    let versions = Router::new()
        .nest("/v1", orders.clone())
        .nest("/v2", orders);
    Router::new().nest("/api", versions)
}

async fn asked_for(router: Router, path: &str) -> [(StatusCode, String); 2] {
    let server = Server::start(router).await;
    let mut answers = Vec::new();
    for version in VERSIONS {
        let request = server.get(path);
        let answer = send(&client(version), Some(keys()), request).await;
        answers.push((answer.status, answer.text));
    }
    answers.try_into().unwrap()
}

#[tokio::test]
async fn inside_a_nest_the_key_store_sees_the_original_target_if_original_target_is_set() {
    let bound = (StatusCode::OK, KEY_ID.to_owned());
    let not_bound = (
        StatusCode::UNAUTHORIZED,
        r#"{"message":"HMAC apikey is invalid for API."}"#.to_owned(),
    );
    let stripped = |prefix| nested(VerifyLayer::new(bound_to(prefix)));
    let original = |prefix| {
        let layer = VerifyLayer::new(bound_to(prefix))
            .original_target(|extensions| Some(&extensions.get::<OriginalUri>()?.0));
        nested(layer)
    };
    for (router, path, expected) in [
        (original("/api/v1/"), "/api/v1/orders", &bound),
        (original("/api/v1/"), "/api/v2/orders", &not_bound),
        (original("/orders"), "/api/v1/orders", &not_bound),
        (stripped("/api/v1/"), "/api/v1/orders", &not_bound),
        (stripped("/orders"), "/api/v1/orders", &bound),
        (stripped("/orders"), "/api/v2/orders", &bound),
    ] {
        let answers = asked_for(router, path).await;
        assert_eq!(answers, [expected.clone(), expected.clone()], "{path}");
    }
}

#[tokio::test]
async fn inside_a_nest_a_signed_host_is_verified_with_the_original_target_and_without() {
    let verifier = Verifier::builder().require([header::HOST]).build();
    let layer = verify().verifier(verifier.unwrap());
    let original = layer
        .clone()
        .original_target(|extensions| Some(&extensions.get::<OriginalUri>()?.0));
    for layer in [layer, original] {
        let server = Server::start(nested(layer)).await;
        for version in VERSIONS {
            let signer = Signer::builder(keys()).signed_headers([header::HOST]);
            let service = ServiceBuilder::new()
                .layer(SignLayer::from(signer.build().unwrap()))
                .service(client(version));
            let request = server.get("/api/v1/orders?x=1");
            let response = within(service.oneshot(request)).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{version:?}");
        }
    }
}

/// A router whose handlers say which of them was called, and what target they see.
fn telling() -> Router {
    let user = |Path(name): Path<String>, uri: Uri| async move { format!("user {name} {uri}") };
    Router::new()
        .route("/users/{name}", any(user))
        .route("/users/{name}/secrets", any(|| async { "secrets" }))
        .route("/admin/{*rest}", any(|| async { "admin" }))
        .fallback(|| async { "nowhere" })
}

/// A layer that normalizes targets, in a scheme that signs the decoded one.
fn normalizing(scheme: Scheme, target: &str) -> VerifyLayer<StaticKeys> {
    let verifier = Verifier::builder().scheme(scheme).normalize_target(true);
    verify().verifier(verifier.require([target]).build().unwrap())
}

/// Signs a target, and sends another with that signature.
async fn send_instead(
    server: &Server,
    scheme: Scheme,
    signed: &str,
    sent: &str,
) -> (StatusCode, String) {
    let mut request = Request::get(signed).body(()).unwrap();
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    signer
        .sign_request(&mut request, SystemTime::now())
        .unwrap();
    let mut instead = server.get(sent);
    *instead.headers_mut() = request.headers().clone();
    let answer = send(&client(http::Version::HTTP_11), None, instead).await;
    (answer.status, answer.text)
}

fn refused(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Tyk => 400,
        _ => 401,
    }
}

const DECODING: [(Scheme, &str); 2] = [
    (Scheme::Apisix, "@request-target"),
    (Scheme::Tyk, "(request-target)"),
];

#[tokio::test]
async fn inside_a_router_a_target_is_refused_and_not_normalized() {
    for (scheme, target) in DECODING {
        let inside = telling().layer(normalizing(scheme, target));
        let on_routes = telling().route_layer(normalizing(scheme, target));
        for router in [inside, on_routes] {
            let server = Server::start(router).await;
            for (signed, sent) in [
                ("/users/bob%2Fsecrets", "/users/bob/secrets"),
                ("/users/bob/secrets", "/users/bob%2Fsecrets"),
                ("/users/bob", "/users/%62ob"),
            ] {
                let answer = send_instead(&server, scheme, signed, sent).await;
                let is_normal = !sent.contains('%');
                let expected = if is_normal { 200 } else { refused(scheme) };
                assert_eq!(answer.0, expected, "{scheme} {sent}: {answer:?}");
            }
            let answer = send_instead(&server, scheme, "/users/b%40b", "/users/b%40b").await;
            let expected = (StatusCode::OK, "user b@b /users/b%40b".to_owned());
            assert_eq!(answer, expected, "{scheme}");
            if scheme == Scheme::Apisix {
                let answer = send_instead(&server, scheme, "/users/b", "/admin/../users/b").await;
                assert_eq!(answer.0, StatusCode::UNAUTHORIZED, "{answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn around_a_router_a_target_is_normalized_and_routed_by_its_normal_form() {
    for (scheme, target) in DECODING {
        let service = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(Body::new))
            .layer(normalizing(scheme, target).before_routing(true))
            .service(telling());
        let server = Server::start_service(service).await;
        for (signed, sent, text) in [
            ("/users/bob%2Fsecrets", "/users/bob/secrets", "secrets"),
            ("/users/bob/secrets", "/users/bob%2Fsecrets", "secrets"),
            ("/users/bob", "/users/%62ob", "user bob /users/bob"),
            ("/users/b%40b", "/users/b%40b", "user b@b /users/b@b"),
        ] {
            let answer = send_instead(&server, scheme, signed, sent).await;
            assert_eq!(answer, (StatusCode::OK, text.into()), "{scheme} {sent}");
        }
        if scheme == Scheme::Apisix {
            let answer = send_instead(&server, scheme, "/users/b", "/admin/../users/b").await;
            assert_eq!(answer, (StatusCode::OK, "user b /users/b".to_owned()));
        }
    }
}
