//! `DigestLayer` outside the layer of tower-http that follows redirects, in front of a server that
//! requires a digest on every request.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Scheme, SignLayer, Signer,
    digest::{BufferedBody, CheckedBody, DigestHeader, DigestLayer, VerifyDigestLayer},
};
use tower_http::follow_redirect::{
    FollowRedirectLayer,
    policy::{self, PolicyExt as _},
};

use super::{HELLO, value, verifying};
use crate::common::{
    date_header, keys,
    loopback::{client, serve},
    schemes_with_lists,
};

/// A server that redirects with this from `/items` to `/done`, and there answers what has arrived.
async fn redirecting(scheme: Scheme, layer: VerifyDigestLayer, status: StatusCode) -> String {
    let handler = service_fn(move |request: Request<CheckedBody<Incoming>>| async move {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else {
            let mut wrong = Response::new(Full::from("a wrong body"));
            *wrong.status_mut() = StatusCode::BAD_REQUEST;
            return Ok::<_, Infallible>(wrong);
        };
        let body = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        let text = format!("{} {} {body:?}", head.method, head.uri.path());
        let mut answer = Response::new(Full::<Bytes>::from(text));
        if head.uri.path() == "/items" {
            *answer.status_mut() = status;
            let headers = answer.headers_mut();
            headers.insert(header::LOCATION, value("/done"));
        }
        Ok(answer)
    });
    let address = serve(verifying(scheme).layer(layer.layer(handler))).await;
    format!("http://{address}/items")
}

/// What is answered in the end.
async fn post(url: &str, scheme: Scheme, header: DigestHeader) -> (StatusCode, String) {
    // A list of one's own, in which no digest is.
    let list = [date_header(scheme).name()];
    let signer = Signer::builder(keys()).scheme(scheme).components(list);
    let with_body = policy::clone_body_fn(|body: &BufferedBody| Some(body.clone()));
    let policy = with_body.and::<_, BufferedBody, tower::BoxError>(policy::Standard::default());
    let service = ServiceBuilder::new()
        .layer(DigestLayer::new().header(header))
        .layer(FollowRedirectLayer::with_policy(policy))
        .layer(SignLayer::from(signer.build().unwrap()))
        .map_err(tower::BoxError::from)
        .service(client::<BufferedBody>(Version::HTTP_11));
    let request = Request::post(url).body(Full::<Bytes>::from(HELLO)).unwrap();
    let response = service.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn is_answered(status: StatusCode, expected: &str) {
    for scheme in schemes_with_lists() {
        for header in [DigestHeader::Digest, DigestHeader::ContentDigest] {
            for layer in [
                VerifyDigestLayer::buffered(1024),
                VerifyDigestLayer::streaming(),
            ] {
                let url = redirecting(scheme, layer, status).await;
                let answer = post(&url, scheme, header).await;
                assert_eq!(answer, (StatusCode::OK, expected.to_owned()), "{scheme}");
            }
        }
    }
}

#[tokio::test]
async fn a_post_that_became_a_get_has_the_signed_digest_of_an_empty_body() {
    for status in [StatusCode::SEE_OTHER, StatusCode::FOUND] {
        is_answered(status, r#"GET /done """#).await;
    }
}

#[tokio::test]
async fn a_post_that_stays_one_keeps_its_body_and_digest() {
    let expected = format!("POST /done {HELLO:?}");
    is_answered(StatusCode::TEMPORARY_REDIRECT, &expected).await;
}
