//! `VerifyLayer` and `ReplayLayer` in two axum servers that share one Redis, and around requests
//! that wait.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Router, routing::get};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Channel, Empty, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_test::task;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    KeyPair, RequestHead, Scheme, Signer, StaticKeys, Verifier, VerifyLayer,
    clock::ManualClock,
    digest::{CheckedBody, DigestHeader, VerifyDigestLayer},
    scheme::{DatePolicy, X_NONCE},
    verify::{
        AsyncGuard, AsyncKeys, KeyLookup, RedisReplayGuard, ReplayLayer, VerifyingKey,
        WhenUnavailable,
    },
};

use crate::{NOW, SKEW, at, builder, claims::expire_claims, old_server, server::Server};

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

type Body = Channel<Bytes, Infallible>;

/// A request that is signed at `NOW`, without its body `pay=100`.
fn transfer() -> Request<()> {
    let digest = DigestHeader::Digest.value_of("pay=100");
    let request = Request::post("/transfers").header("digest", digest);
    let mut request = request.body(()).unwrap();
    let signer = Signer::builder(keys()).scheme(Scheme::Kong).nonce(X_NONCE);
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, at(NOW)).unwrap();
    request
}

fn transfers() -> Verifier {
    let verifier = Verifier::builder().scheme(Scheme::Kong).nonce(X_NONCE);
    let verifier = verifier.require(["@request-target", "digest"]);
    verifier
        .max_skew(Duration::from_secs(SKEW))
        .build()
        .unwrap()
}

async fn shared_claims(redis: &Server, clock: &ManualClock) -> Layer {
    let guard = builder().clock(clock.clone());
    let guard = guard.deadline(Duration::from_secs(20));
    ReplayLayer::new(AsyncGuard(guard.build(redis.connection().await).unwrap()))
}

/// A copy whose date is checked in time and whose last byte comes when Redis has removed the claim.
#[tokio::test]
async fn a_copy_whose_body_ends_after_the_claim_expired_is_refused() {
    let redis = old_server().await;
    let clock = ManualClock::at(at(NOW));
    let server = ServiceBuilder::new()
        .layer(
            VerifyLayer::new(StaticKeys::from(keys()))
                .verifier(transfers())
                .clock(clock.clone()),
        )
        .layer(VerifyDigestLayer::buffered(1024))
        .layer(shared_claims(&redis, &clock).await)
        .service(service_fn(|_: Request<CheckedBody<Body>>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
    let signed = transfer();
    let send = async |ends_at: u64| {
        let (mut sender, body) = Channel::new(2);
        let answer = server.clone().oneshot(signed.clone().map(|()| body));
        let mut answer = task::spawn(answer);
        sender.send_data("pay=10".into()).await.unwrap();
        // The head is read now, by the clock as it is.
        assert!(answer.poll().is_pending());
        clock.set(at(ends_at));
        if ends_at > NOW + SKEW {
            expire_claims(&redis).await;
        }
        sender.send_data("0".into()).await.unwrap();
        drop(sender);
        answer.await.unwrap().status()
    };
    assert_eq!(send(NOW).await, StatusCode::OK);
    assert_eq!(send(NOW + SKEW).await, StatusCode::UNAUTHORIZED);
    assert_eq!(send(NOW + SKEW + 1).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_copy_whose_key_is_found_after_the_claim_expired_is_refused() {
    let redis = old_server().await;
    let clock = ManualClock::at(at(NOW));
    let (key, found) = (
        Arc::new(VerifyingKey::from(&keys())),
        Arc::new(Semaphore::new(1)),
    );
    let store = {
        let found = Arc::clone(&found);
        move |_: &str, _: RequestHead<'_>| {
            let (key, found) = (Arc::clone(&key), Arc::clone(&found));
            async move {
                found.acquire_owned().await.unwrap().forget();
                KeyLookup::from(Some(key))
            }
        }
    };
    let server = ServiceBuilder::new()
        .layer(
            VerifyLayer::new(AsyncKeys(store))
                .verifier(transfers())
                .clock(clock.clone()),
        )
        .layer(shared_claims(&redis, &clock).await)
        .service(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
    let signed = transfer();
    let first = server.clone().oneshot(signed.clone()).await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let mut copy = task::spawn(server.oneshot(signed));
    assert!(copy.poll().is_pending());
    clock.set(at(NOW + SKEW + 1));
    expire_claims(&redis).await;
    found.add_permits(1);
    let copy = copy.await.unwrap();
    assert_eq!(copy.status(), StatusCode::SERVICE_UNAVAILABLE);
}
