//! What `VerifyDigestLayer` refuses.

use std::{convert::Infallible, sync::atomic::Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{Full, Limited, StreamBody};
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Rejection, Scheme, Signer,
    digest::{CheckedBody, VerifyDigestLayer},
};

use super::{
    EMPTY_DIGEST, HELLO, HELLO_DIGEST, post,
    server::{server, text},
    value, verifying,
};
use crate::common::keys;

/// A request with these headers, signed, then sent with `unsigned` ones.
pub(super) fn signed(
    scheme: Scheme,
    body: &str,
    headers: &[(&'static str, &str)],
    unsigned: &[(&'static str, &str)],
) -> Request<Full<Bytes>> {
    let mut request = post(body);
    for (name, text) in headers {
        request.headers_mut().append(*name, value(text));
    }
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    signer
        .sign_request(&mut request, std::time::SystemTime::now())
        .unwrap();
    for (name, text) in unsigned {
        request.headers_mut().append(*name, value(text));
    }
    request
}

pub(super) async fn refused(
    scheme: Scheme,
    layer: VerifyDigestLayer,
    request: Request<Full<Bytes>>,
) -> (Rejection, StatusCode, String) {
    let (server, calls) = server(scheme, layer);
    let response = server.oneshot(request).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let why = response.extensions().get::<Rejection>().unwrap().clone();
    let status = response.status();
    (why, status, text(response).await)
}

pub(super) fn buffered() -> VerifyDigestLayer {
    VerifyDigestLayer::buffered(1024)
}

#[tokio::test]
async fn a_digest_that_is_missing_or_not_signed_is_refused() {
    for layer in [buffered(), VerifyDigestLayer::streaming()] {
        for unsigned in [&[][..], &[("digest", HELLO_DIGEST)]] {
            let request = signed(Scheme::Kong, HELLO, &[], unsigned);
            let (why, status, _) = refused(Scheme::Kong, layer.clone(), request).await;
            assert!(matches!(why, Rejection::NotCovered { name } if name.as_str() == "digest"));
            assert_eq!(status, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn a_digest_that_cannot_be_read_is_refused() {
    for digest in [
        "",
        "SHA-256=",
        "SHA-256",
        "MD5=k6I5cakU5erL8KjSUVTNow==",
        "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg",
        "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYh=",
        "SHA-256=:k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=:",
        &format!("{HELLO_DIGEST},{HELLO_DIGEST}"),
        &format!("{HELLO_DIGEST},"),
    ] {
        let request = signed(Scheme::Kong, HELLO, &[("digest", digest)], &[]);
        let (why, _, _) = refused(Scheme::Kong, buffered(), request).await;
        assert!(
            matches!(why, Rejection::DigestMalformed { .. }),
            "{digest}: {why}"
        );
    }
    for digest in [
        "sha-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=",
        "sha-256=::",
    ] {
        let request = signed(Scheme::Cavage, HELLO, &[("content-digest", digest)], &[]);
        let (why, _, _) = refused(Scheme::Cavage, buffered(), request).await;
        assert!(
            matches!(why, Rejection::DigestMalformed { .. }),
            "{digest}: {why}"
        );
    }
}

#[tokio::test]
async fn the_sha_256_of_a_list_counts_in_any_case_and_other_algorithms_are_passed_over() {
    for digest in [
        "MD5=k6I5cakU5erL8KjSUVTNow==, sha-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=",
        "Sha-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=,unixsum=30637",
    ] {
        let (server, calls) = server(Scheme::Kong, buffered());
        let request = signed(Scheme::Kong, HELLO, &[("digest", digest)], &[]);
        let response = server.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{digest}");
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn two_digests_that_are_signed_both_have_to_be_right() {
    let right = "sha-256=:k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=:";
    let both = |digest| [("digest", digest), ("content-digest", right)];
    let (server, _) = server(Scheme::Cavage, buffered());
    let request = signed(Scheme::Cavage, HELLO, &both(HELLO_DIGEST), &[]);
    assert_eq!(
        server.oneshot(request).await.unwrap().status(),
        StatusCode::OK
    );

    let request = signed(Scheme::Cavage, HELLO, &both(EMPTY_DIGEST), &[]);
    let (why, _, _) = refused(Scheme::Cavage, buffered(), request).await;
    assert_eq!(why, Rejection::DigestMismatch);
}

#[tokio::test]
async fn a_repeated_digest_is_refused() {
    let headers = [("digest", HELLO_DIGEST)];
    let request = signed(Scheme::Kong, HELLO, &headers, &headers);
    let (why, _, _) = refused(Scheme::Kong, buffered(), request).await;
    assert!(matches!(why, Rejection::HeaderRepeated { .. }), "{why}");

    // Draft-cavage joins the two, signs both, and hands them on in one line, which has two digests.
    let request = signed(Scheme::Cavage, HELLO, &[headers[0], headers[0]], &[]);
    let (why, _, _) = refused(Scheme::Cavage, buffered(), request).await;
    assert!(matches!(why, Rejection::DigestMalformed { .. }), "{why}");
}

#[tokio::test]
async fn the_answer_is_in_the_words_of_the_schemes_gateway() {
    for (scheme, message) in [
        (Scheme::Kong, "HMAC signature does not match"),
        (Scheme::Apisix, "client request can't be validated"),
        (
            Scheme::Cavage,
            "the body is not what its digest says: hash what is sent",
        ),
    ] {
        let request = signed(scheme, "another", &[("digest", HELLO_DIGEST)], &[]);
        let (why, status, text) = refused(scheme, buffered(), request).await;
        assert_eq!(why, Rejection::DigestMismatch);
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(text, format!("{{\"message\":\"{message}\"}}"));
    }
}

#[tokio::test]
async fn without_a_body_the_digest_of_an_empty_one_is_required_unless_none_is_allowed() {
    let request = || signed(Scheme::Kong, "", &[], &[]);
    let (why, _, _) = refused(Scheme::Kong, buffered(), request()).await;
    assert!(matches!(why, Rejection::NotCovered { .. }), "{why}");

    for layer in [buffered(), VerifyDigestLayer::streaming()] {
        let layer = layer.allow_none_without_body(true);
        let (server, calls) = server(Scheme::Kong, layer.clone());
        let response = server.oneshot(request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(calls.load(Ordering::SeqCst), 1);

        let with_body = signed(Scheme::Kong, HELLO, &[], &[]);
        let (why, _, _) = refused(Scheme::Kong, layer, with_body).await;
        assert!(matches!(why, Rejection::NotCovered { .. }), "{why}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_refused_when_it_passes_the_limit() {
    let chunk = || Ok::<_, std::io::Error>(Frame::data(Bytes::from("12345678")));
    let body = StreamBody::new(tokio_stream::iter([chunk(), chunk(), chunk()]));
    let (head, _) = signed(Scheme::Apisix, "", &[("digest", HELLO_DIGEST)], &[]).into_parts();
    let (server, calls) = server(Scheme::Apisix, VerifyDigestLayer::buffered(23));
    let response = server
        .oneshot(Request::from_parts(head, body))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    // How long it would have been is not known.
    let message = "request size is greater than the maximum size 23 allowed";
    assert_eq!(
        text(response).await,
        format!("{{\"message\":\"{message}\"}}")
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_never_reaches_the_handler() {
    let chunk = Ok(Frame::data(Bytes::from(HELLO)));
    let broken = Err(std::io::Error::other("reset"));
    let body = StreamBody::new(tokio_stream::iter([chunk, broken]));
    let (head, _) = signed(Scheme::Kong, "", &[("digest", HELLO_DIGEST)], &[]).into_parts();
    let (server, calls) = server(Scheme::Kong, buffered());
    let response = server
        .oneshot(Request::from_parts(head, body))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_limit_of_another_layer_is_not_reported_as_this_ones() {
    // As RequestBodyLimit of tower-http has it, for a body whose length is not known.
    let chunk = || Ok::<_, std::io::Error>(Frame::data(Bytes::from("12345678")));
    let body = StreamBody::new(tokio_stream::iter([chunk(), chunk()]));
    let body = Limited::new(body, 10);
    let (head, _) = signed(Scheme::Kong, "", &[("digest", HELLO_DIGEST)], &[]).into_parts();
    let (server, calls) = server(Scheme::Kong, buffered());
    let response = server
        .oneshot(Request::from_parts(head, body))
        .await
        .unwrap();
    let why = response.extensions().get::<Rejection>().unwrap();
    assert_eq!(*why, Rejection::BodyUnreadable);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_request_that_was_not_verified_before_is_refused() {
    let handler = service_fn(|_: Request<CheckedBody<Full<Bytes>>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let request = signed(Scheme::Kong, HELLO, &[("digest", HELLO_DIGEST)], &[]);
    let response = buffered().layer(handler).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let why = response.extensions().get::<Rejection>().unwrap();
    let _: BoxError = why.clone().into();
    assert_eq!(*why, Rejection::NotVerified);
}

#[tokio::test]
async fn above_the_layer_that_verifies_it_refuses_as_the_servers_mistake() {
    let handler = service_fn(|_: Request<CheckedBody<Full<Bytes>>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    for layer in [buffered(), VerifyDigestLayer::streaming()] {
        let service = layer.layer(verifying(Scheme::Kong).layer(handler));
        let request = signed(Scheme::Kong, HELLO, &[("digest", HELLO_DIGEST)], &[]);
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let why = response.extensions().get::<Rejection>().unwrap();
        assert_eq!(*why, Rejection::NotVerified);
    }
}

#[tokio::test]
async fn an_empty_body_of_unknown_length_has_the_digest_of_an_empty_body_and_needs_it() {
    let body = || StreamBody::new(tokio_stream::empty::<Result<Frame<Bytes>, BoxError>>());
    for layer in [buffered(), VerifyDigestLayer::streaming()] {
        for allow in [false, true] {
            for (headers, status) in [
                (&[("digest", EMPTY_DIGEST)][..], StatusCode::OK),
                (&[], StatusCode::UNAUTHORIZED),
            ] {
                let layer = layer.clone().allow_none_without_body(allow);
                let (server, _) = server(Scheme::Kong, layer);
                let (head, _) = signed(Scheme::Kong, "", headers, &[]).into_parts();
                let request = Request::from_parts(head, body());
                let response = server.oneshot(request).await.unwrap();
                assert_eq!(response.status(), status);
                assert_eq!(text(response).await.is_empty(), status == StatusCode::OK);
            }
        }
    }
}

#[test]
fn a_layers_debug_output_has_its_limit_and_nothing_of_its_refusals() {
    for (layer, expected) in [
        (
            VerifyDigestLayer::buffered(1024),
            "VerifyDigestLayer { limit: Some(1024), .. }",
        ),
        (
            VerifyDigestLayer::streaming(),
            "VerifyDigestLayer { limit: None, .. }",
        ),
    ] {
        assert_eq!(format!("{layer:?}"), expected);
        assert_eq!(
            format!("{:?}", layer.layer("inner")),
            r#"VerifyDigestService { inner: "inner", .. }"#
        );
    }
}
