//! `VerifyLayer` in an axum server on loopback: what handlers find, and what clients get, over
//! HTTP/1.1 and HTTP/2.

mod routing;
mod server;
mod tower_http;
mod uploads;
mod waiting;

use axum::{
    Extension, Router,
    body::Body,
    routing::{any, get, post},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, channel::Channel};
use tokio::task::JoinSet;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_hmac_auth::{KeyPair, SignLayer, StaticKeys, VerifiedKey, VerifyLayer};

use crate::common::{KEY_ID, keys};
use server::{Server, VERSIONS, client, send, within};

const UNSIGNED: &str = r#"{"message":"HMAC signature cannot be verified, a validate authorization header is required"}"#;

/// The key id the handler finds, or "nobody".
async fn who(key: Option<Extension<VerifiedKey>>) -> String {
    key.map_or_else(|| "nobody".into(), |key| key.key_id().to_owned())
}

#[tokio::test]
async fn the_handler_finds_who_signed_and_an_unsigned_request_never_reaches_it() {
    let router = Router::new()
        .route("/who", get(who))
        .layer(VerifyLayer::new(StaticKeys::from(keys())));
    let server = Server::start(router).await;
    for version in VERSIONS {
        let client = client(version);
        let answer = send(&client, Some(keys()), server.get("/who")).await;
        assert_eq!((answer.status, &*answer.text), (StatusCode::OK, KEY_ID));

        let answer = send(&client, None, server.get("/who")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.text, UNSIGNED);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "hmac");
        let length = answer.headers[header::CONTENT_LENGTH].to_str().unwrap();
        assert_eq!(length.parse(), Ok(UNSIGNED.len()));
    }
}

#[tokio::test]
async fn no_header_of_a_clients_own_makes_a_verified_key() {
    let router = Router::new()
        .route("/closed", get(who))
        .layer(VerifyLayer::new(StaticKeys::from(keys())))
        .route("/open", get(who));
    let server = Server::start(router).await;
    let forged = |path| {
        let mut request = server.get(path);
        for name in [
            "verified-key",
            "verifiedkey",
            "x-verified-key",
            "x-key-id",
            "key-id",
            "username",
            "x-consumer-username",
            "extension",
        ] {
            let name = HeaderName::from_static(name);
            let value = HeaderValue::from_static("AKIDadmin");
            request.headers_mut().insert(name, value);
        }
        request
    };
    for version in VERSIONS {
        let client = client(version);
        let answer = send(&client, None, forged("/closed")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let answer = send(&client, Some(keys()), forged("/closed")).await;
        assert_eq!(answer.text, KEY_ID);
        // Outside the layer, what is signed is not verified either.
        for keys in [None, Some(keys())] {
            let answer = send(&client, keys, forged("/open")).await;
            assert_eq!((answer.status, &*answer.text), (StatusCode::OK, "nobody"));
        }
    }
}

#[tokio::test]
async fn the_handler_sees_authorization_unless_it_is_to_be_removed() {
    let seen = || {
        get(|headers: HeaderMap| async move {
            format!(
                "{} {}",
                headers.contains_key(header::AUTHORIZATION),
                headers.contains_key("x-date")
            )
        })
    };
    let layer = VerifyLayer::new(StaticKeys::from(keys()));
    let removing = layer.clone().remove_authorization(true);
    let router = Router::new()
        .merge(Router::new().route("/left", seen()).layer(layer))
        .merge(Router::new().route("/removed", seen()).layer(removing));
    let server = Server::start(router).await;
    for version in VERSIONS {
        for (path, text) in [("/left", "true true"), ("/removed", "false true")] {
            let answer = send(&client(version), Some(keys()), server.get(path)).await;
            assert_eq!((answer.status, &*answer.text), (StatusCode::OK, text));
        }
    }
}

#[tokio::test]
async fn head_and_options_are_verified_like_all_methods_and_a_refused_head_has_no_body() {
    let router = Router::new()
        .route("/get", get(who))
        .route("/any", any(who))
        .layer(VerifyLayer::new(StaticKeys::from(keys())));
    let server = Server::start(router).await;
    for version in VERSIONS {
        let client = client(version);
        let connections = server.connections();
        for (method, path, status, length, text) in [
            (Method::HEAD, "/get", StatusCode::OK, KEY_ID.len(), ""),
            (Method::HEAD, "/any", StatusCode::OK, KEY_ID.len(), ""),
            (
                Method::OPTIONS,
                "/any",
                StatusCode::OK,
                KEY_ID.len(),
                KEY_ID,
            ),
            (
                Method::OPTIONS,
                "/get",
                StatusCode::METHOD_NOT_ALLOWED,
                0,
                "",
            ),
        ] {
            let length_of = |answer: &server::Answer| {
                let length = answer.headers[header::CONTENT_LENGTH].to_str();
                length.unwrap().parse::<usize>().unwrap()
            };
            let answer = send(&client, Some(keys()), server.request(method.clone(), path)).await;
            assert_eq!(answer.status, status, "{version:?} {method} {path}");
            assert_eq!((length_of(&answer), &*answer.text), (length, text));

            let answer = send(&client, None, server.request(method.clone(), path)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            assert_eq!(length_of(&answer), UNSIGNED.len());
            let expected = if method == Method::HEAD { "" } else { UNSIGNED };
            assert_eq!(answer.text, expected, "{version:?} {method} {path}");
        }
        if version == Version::HTTP_2 {
            assert_eq!(server.connections(), connections + 1);
        }
    }
}

#[tokio::test]
async fn a_body_is_handed_on_while_it_is_still_being_sent_with_its_trailers() {
    let router = Router::new()
        .route("/echo", post(|body: Body| async { body }))
        .layer(VerifyLayer::new(StaticKeys::from(keys())));
    let server = Server::start(router).await;
    let service = ServiceBuilder::new()
        .layer(SignLayer::new(keys()))
        .service(client(Version::HTTP_2));

    let (mut sender, body) = Channel::<Bytes>::new(1);
    let mut request = server.request(Method::POST, "/echo");
    *request.body_mut() = Body::new(body);
    let response = within(service.oneshot(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut echo = response.into_body();
    for chunk in ["first", "second", "third"] {
        within(sender.send_data(chunk.into())).await.unwrap();
        let frame = within(echo.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), chunk);
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("3"));
    let frame = Frame::trailers(trailers.clone());
    within(sender.send(frame)).await.unwrap();
    drop(sender);
    let frame = within(echo.frame()).await.unwrap().unwrap();
    assert_eq!(frame.into_trailers().unwrap(), trailers);
    assert!(within(echo.frame()).await.is_none());
}

#[tokio::test]
async fn a_long_body_without_a_length_arrives_whole_and_one_of_a_refused_request_is_not_waited_for()
{
    let router = Router::new()
        .route("/echo", post(|body: Body| async { body }))
        .layer(VerifyLayer::new(StaticKeys::from(keys())));
    let server = Server::start(router).await;
    let chunk = |number: u8| Bytes::from(vec![number; 50_000]);
    for version in VERSIONS {
        let (mut sender, body) = Channel::<Bytes>::new(1);
        let sending = tokio::spawn(async move {
            for number in 0..40 {
                sender.send_data(chunk(number)).await.unwrap();
            }
        });
        let mut request = server.request(Method::POST, "/echo");
        *request.body_mut() = Body::new(body);
        let service = SignLayer::new(keys());
        let service = ServiceBuilder::new()
            .layer(service)
            .service(client(version));
        let response = within(service.oneshot(request)).await.unwrap();
        let echo = within(response.into_body().collect()).await.unwrap();
        let expected: Vec<_> = (0..40).flat_map(chunk).collect();
        assert!(echo.to_bytes() == expected, "{version:?}");
        within(sending).await.unwrap();

        // Nothing of this one's body is ever sent.
        let (sender, body) = Channel::<Bytes>::new(1);
        let mut request = server.request(Method::POST, "/echo");
        *request.body_mut() = Body::new(body);
        let answer = send(&client(version), None, request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.text, UNSIGNED);
        drop(sender);
    }
}

#[tokio::test]
async fn requests_at_once_over_some_connections_are_each_answered_for_their_own_key() {
    const CONNECTIONS: usize = 8;
    const REQUESTS: usize = 25;
    let pairs: Vec<_> = (0..CONNECTIONS * REQUESTS)
        .map(|number| KeyPair::new(format!("AKID{number}"), format!("secret {number}")).unwrap())
        .collect();
    let known = StaticKeys::from_iter(pairs.iter().step_by(2).cloned());
    let router = Router::new()
        .route("/who", get(who))
        .layer(VerifyLayer::new(known));
    let server = Server::start(router).await;

    let mut answers = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let client = client(Version::HTTP_2);
        // Connected, so that it has but one connection when all come at once.
        send(&client, None, server.get("/who")).await;
        for number in (connection..pairs.len()).step_by(CONNECTIONS) {
            let (client, keys, request) =
                (client.clone(), pairs[number].clone(), server.get("/who"));
            answers.spawn(async move { (number, send(&client, Some(keys), request).await) });
        }
    }
    for (number, answer) in within(answers.join_all()).await {
        let expected = match number % 2 {
            0 => (StatusCode::OK, format!("AKID{number}")),
            _ => (
                StatusCode::UNAUTHORIZED,
                r#"{"message":"HMAC signature cannot be verified."}"#.to_owned(),
            ),
        };
        assert_eq!((answer.status, answer.text), expected);
    }
    assert_eq!(server.connections(), CONNECTIONS);
}
