//! `VerifyLayer` and `ReplayLayer` in two axum servers that share one Redis.

use std::time::{Duration, SystemTime};

use axum::{Router, routing::get};
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower_hmac_auth::{
    KeyPair, Signer, StaticKeys, Verifier, VerifyLayer,
    scheme::{DatePolicy, X_NONCE},
    verify::{AsyncGuard, RedisReplayGuard, ReplayLayer, WhenUnavailable},
};

use crate::server::Server;

type Layer = ReplayLayer<AsyncGuard<RedisReplayGuard>>;

fn keys() -> KeyPair {
    KeyPair::new("AKIDtestkey0001", "test-secret-key-0001").unwrap()
}

async fn replay_layer(redis: &Server) -> Layer {
    let guard = RedisReplayGuard::builder()
        .assume_no_earlier_claims(true)
        .deadline(Duration::from_secs(5))
        .connect(&redis.url())
        .await
        .unwrap();
    ReplayLayer::new(AsyncGuard(guard))
}

/// Returns the server's authority.
async fn serve(replay: Layer) -> String {
    let verifier = Verifier::builder()
        .nonce(X_NONCE)
        .date_policy(DatePolicy::Refuse)
        .build()
        .unwrap();
    let verify = VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier);
    let router = Router::new().route("/", get(|| async { "done" }));
    let router = router.layer(replay).layer(verify);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    authority
}

/// Sends the same signed request to each server.
async fn send(nonce: &str, servers: &[&str]) -> Vec<StatusCode> {
    let mut signed = Request::get("/").header("host", "service.example");
    signed = signed.header(X_NONCE, nonce);
    let mut signed = signed.body(()).unwrap();
    let signer = Signer::builder(keys()).signed_headers([X_NONCE]);
    let signer = signer.build().unwrap();
    signer.sign_request(&mut signed, SystemTime::now()).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&'static [u8]>>();
    let mut answers = Vec::new();
    for server in servers {
        let mut request = Request::new(Empty::new());
        *request.headers_mut() = signed.headers().clone();
        *request.uri_mut() = format!("http://{server}/").parse().unwrap();
        answers.push(client.request(request).await.unwrap().status());
    }
    answers
}

#[tokio::test]
async fn a_request_that_one_server_accepted_is_refused_by_all() {
    let redis = Server::start();
    let layers = [replay_layer(&redis).await, replay_layer(&redis).await];
    let [one, other] = [
        serve(layers[0].clone()).await,
        serve(layers[1].clone()).await,
    ];
    let (ok, refused) = (StatusCode::OK, StatusCode::UNAUTHORIZED);
    assert_eq!(
        send("a", &[&one, &other, &one]).await,
        [ok, refused, refused]
    );
    assert_eq!(send("b", &[&other, &one]).await, [ok, refused]);
    assert_eq!(layers[0].counts().seen, 2);
    assert_eq!(layers[1].counts().seen, 1);
}

#[tokio::test]
async fn without_redis_requests_are_refused_or_counted_as_configured() {
    let mut redis = Server::start();
    let refusing = replay_layer(&redis).await;
    let accepting = replay_layer(&redis)
        .await
        .when_unavailable(WhenUnavailable::Accept);
    let servers = [
        serve(refusing.clone()).await,
        serve(accepting.clone()).await,
    ];
    redis.kill();
    let answers = send("a", &[&servers[0], &servers[1]]).await;
    assert_eq!(answers, [StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK]);
    let counts = |layer: &Layer| (layer.counts().unavailable, layer.counts().unguarded);
    assert_eq!(counts(&refusing), (1, 0));
    assert_eq!(counts(&accepting), (1, 1));
}
