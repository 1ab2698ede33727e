//! SHA-512 digests, which Traefik Hub accepts beside SHA-256.

use std::sync::atomic::Ordering;

use http::StatusCode;
use tower::ServiceExt as _;
use tower_hmac_auth::{Rejection, Scheme, digest::VerifyDigestLayer};

use super::{
    EMPTY_DIGEST, HELLO, HELLO_DIGEST,
    refusals::{buffered, refused, signed},
    server::{server, text},
};
use crate::common::schemes_with_lists;

/// Computed with Python's hashlib.
const HELLO_512: &str = "SHA-512=+PtokCNHosgo04ww4cNhd4yJxhMjLzWjDAKtKwQZDT4Ef9v/PrS/+BQLX4IX5dZkUMK/tQo7Uyc68RkhNyCZVg==";
const EMPTY_512: &str = "SHA-512=z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";

#[tokio::test]
async fn a_sha_512_is_checked_alone_and_beside_a_sha_256() {
    for layer in [buffered(), VerifyDigestLayer::streaming()] {
        for digest in [
            HELLO_512,
            &HELLO_512.replace("SHA-512", "sha-512"),
            &format!("{HELLO_512},{HELLO_DIGEST}"),
            &format!("MD5=k6I5cakU5erL8KjSUVTNow==, {HELLO_512}"),
        ] {
            let (server, calls) = server(Scheme::TraefikHub, layer.clone());
            let request = signed(Scheme::TraefikHub, HELLO, &[("digest", digest)], &[]);
            let response = server.oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{digest}");
            assert_eq!(calls.load(Ordering::SeqCst), 1);
            assert_eq!(text(response).await, HELLO);
        }
    }
    let (server, _) = server(Scheme::TraefikHub, buffered());
    let request = signed(Scheme::TraefikHub, "", &[("digest", EMPTY_512)], &[]);
    let response = server.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn every_digest_that_is_there_has_to_be_right() {
    for wrong in [
        EMPTY_512,
        &format!("{EMPTY_512},{HELLO_DIGEST}"),
        &format!("{HELLO_512},{EMPTY_DIGEST}"),
    ] {
        let request = signed(Scheme::TraefikHub, HELLO, &[("digest", wrong)], &[]);
        let (why, status, _) = refused(Scheme::TraefikHub, buffered(), request).await;
        assert_eq!(why, Rejection::DigestMismatch, "{wrong}");
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    // Also of two headers, whichever has which.
    let content = |digest: &str| {
        let (name, base64) = digest.split_once('=').unwrap();
        format!("{name}=:{base64}:")
    };
    for (digest, other, is_right) in [
        (HELLO_512, HELLO_DIGEST, true),
        (HELLO_DIGEST, HELLO_512, true),
        (HELLO_512, EMPTY_DIGEST, false),
        (HELLO_512, EMPTY_512, false),
        (EMPTY_DIGEST, HELLO_512, false),
    ] {
        let other = content(other);
        let headers = [("digest", digest), ("content-digest", &*other)];
        let request = signed(Scheme::TraefikHub, HELLO, &headers, &[]);
        let (server, _) = server(Scheme::TraefikHub, buffered());
        let response = server.oneshot(request).await.unwrap();
        let is_accepted = response.status() == StatusCode::OK;
        assert_eq!(is_accepted, is_right, "{digest} {other}");
    }
}

#[tokio::test]
async fn a_sha_512_that_cannot_be_read_is_refused() {
    for digest in [
        "SHA-512=",
        "SHA-512=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=",
        HELLO_512.trim_end_matches('='),
        &format!("{HELLO_512},{HELLO_512}"),
        &format!("{HELLO_DIGEST},SHA-512="),
    ] {
        let request = signed(Scheme::TraefikHub, HELLO, &[("digest", digest)], &[]);
        let (why, _, _) = refused(Scheme::TraefikHub, buffered(), request).await;
        assert!(matches!(why, Rejection::DigestMalformed { .. }), "{digest}");
    }
}

#[tokio::test]
async fn other_schemes_need_a_sha_256() {
    for scheme in schemes_with_lists() {
        if [Scheme::TraefikHub, Scheme::Tencent].contains(&scheme) {
            continue;
        }
        let request = signed(scheme, HELLO, &[("digest", HELLO_512)], &[]);
        let (why, _, _) = refused(scheme, buffered(), request).await;
        assert!(matches!(why, Rejection::DigestMalformed { .. }), "{scheme}");
        // Beside one, it is passed over.
        let both = format!("{EMPTY_512},{HELLO_DIGEST}");
        let request = signed(scheme, HELLO, &[("digest", &both)], &[]);
        let (server, _) = server(scheme, buffered());
        let response = server.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{scheme}");
    }
}
