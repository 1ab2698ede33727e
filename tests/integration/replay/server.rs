//! Over sockets, with tower-http's layers and a digest of the body.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::task::JoinSet;
use tower::{ServiceBuilder, service_fn};
use tower_hmac_auth::{
    Scheme, Signer, StaticKeys, VerifyLayer,
    scheme::X_NONCE,
    verify::{MemoryReplayGuard, ReplayLayer},
};
use tower_http::{compression::CompressionLayer, cors::CorsLayer, trace::TraceLayer};

use super::verifier;
use crate::common::{
    keys,
    loopback::{VERSIONS, client, serve},
    within,
};

type Body = Full<Bytes>;

fn guard() -> MemoryReplayGuard {
    let builder = MemoryReplayGuard::builder();
    builder.assume_no_earlier_claims(true).build()
}

fn signed(target: &str, nonce: &str) -> Request<Body> {
    let request = Request::get(target).header(X_NONCE, nonce);
    let mut request = request.body(Body::default()).unwrap();
    let signer = Signer::builder(keys()).scheme(Scheme::Kong);
    let signer = signer.signed_headers([X_NONCE]).build().unwrap();
    let now = std::time::SystemTime::now();
    signer.sign_request(&mut request, now).unwrap();
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_copies_that_arrive_together_over_sockets_one_is_accepted() {
    let guard = Arc::new(guard());
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(CorsLayer::permissive())
        .layer(CompressionLayer::new())
        .layer(VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier(Scheme::Kong)))
        .layer(ReplayLayer::new(Arc::clone(&guard)))
        .service(service_fn(|_: Request<_>| async {
            Ok::<_, Infallible>(Response::new(Body::from("done")))
        }));
    let address = serve(service).await;
    for version in VERSIONS {
        let client = client::<Body>(version);
        for round in 0..20 {
            let nonce = format!("{version:?}-{round}");
            let request = signed(&format!("http://{address}/a?x={round}"), &nonce);
            let mut copies = JoinSet::new();
            for _ in 0..10 {
                copies.spawn(client.request(request.clone()));
            }
            let mut statuses = Vec::new();
            while let Some(answer) = within(copies.join_next()).await {
                statuses.push(answer.unwrap().unwrap().status());
            }
            let accepted = |status: &&StatusCode| **status == StatusCode::OK;
            assert_eq!(statuses.iter().filter(accepted).count(), 1, "{statuses:?}");
            let replayed = |status: &&StatusCode| **status == StatusCode::UNAUTHORIZED;
            assert_eq!(statuses.iter().filter(replayed).count(), 9, "{statuses:?}");
        }
    }
    assert_eq!(guard.len(), 40);
}

#[cfg(feature = "digest")]
#[tokio::test]
async fn another_body_under_a_copied_head_uses_up_no_nonce() {
    use tower_hmac_auth::digest::VerifyDigestLayer;

    let service = ServiceBuilder::new()
        .layer(VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier(Scheme::Kong)))
        .layer(VerifyDigestLayer::buffered(1024))
        .layer(ReplayLayer::new(guard()))
        .service(service_fn(|_: Request<_>| async {
            Ok::<_, Infallible>(Response::new(Body::from("done")))
        }));
    let address = serve(service).await;
    let client = client::<Body>(http::Version::HTTP_11);

    // SHA-256 of `{"hello":"world"}`.
    let digest = "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=";
    let request = Request::post(format!("http://{address}/items"))
        .header("digest", digest)
        .header(X_NONCE, "d3b07384");
    let mut request = request.body(Body::from("{\"hello\":\"world\"}")).unwrap();
    let signer = Signer::builder(keys()).scheme(Scheme::Kong);
    let signer = signer.signed_headers([X_NONCE]).build().unwrap();
    let now = std::time::SystemTime::now();
    signer.sign_request(&mut request, now).unwrap();

    let mut forged = request.clone();
    *forged.body_mut() = Body::from("{\"hello\":\"thief\"}");
    let status = |request| {
        let answer = client.request(request);
        async { within(answer).await.unwrap().status() }
    };
    assert_eq!(status(forged).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(request.clone()).await, StatusCode::OK);
    assert_eq!(status(request).await, StatusCode::UNAUTHORIZED);
}
