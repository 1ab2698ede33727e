//! The target as a component, and what the handler sees of it.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::OriginalUri, routing::any};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{Scheme, SignLayer, Signer, StaticKeys, Verifier, VerifyLayer};

use super::{DATE, authorization, normalizing, now, request};
use crate::common::{KEY_ID, keys, verifier_of};

fn signer(scheme: Scheme) -> Signer {
    Signer::builder(keys()).scheme(scheme).build().unwrap()
}

const COVERING: [Scheme; 4] = [Scheme::Kong, Scheme::Apisix, Scheme::Cavage, Scheme::Tyk];

#[tokio::test]
async fn a_target_without_a_path_goes_out_without_any_authorization() {
    for scheme in COVERING {
        for (method, target) in [(Method::OPTIONS, "*"), (Method::CONNECT, "h.example:443")] {
            let mut request = request(target, "hmac username=\"stale\"", &[]);
            *request.method_mut() = method;
            let sent = service_fn(|request: Request<()>| ready(Ok::<_, Infallible>(request)));
            let layer = SignLayer::from(signer(scheme));
            let sent = layer.layer(sent).oneshot(request).await.unwrap();
            assert!(
                !sent.headers().contains_key(header::AUTHORIZATION),
                "{scheme} {target}"
            );
        }
    }
}

#[test]
fn a_signature_over_a_target_without_a_path_is_refused() {
    for (scheme, name, line) in [
        (
            Scheme::Kong,
            "@request-target",
            "@request-target: options *",
        ),
        (
            Scheme::Cavage,
            "(request-target)",
            "(request-target): options *",
        ),
        (
            Scheme::Tyk,
            "(request-target)",
            "(request-target): options *",
        ),
    ] {
        let list = format!("date {name}");
        let authorization = authorization(scheme, &list, &format!("date: {DATE}\n{line}"));
        let mut request = request("*", &authorization, &[("date", DATE)]);
        *request.method_mut() = Method::OPTIONS;
        super::assert_refused(&verifier_of(scheme), &request, "Target(NoPath)");
    }
}

#[test]
fn absolute_and_origin_form_are_signed_alike() {
    for scheme in COVERING {
        let string = |target: &str| {
            let mut request = request(target, "", &[("host", "h.example")]);
            signer(scheme).sign_request(&mut request, now()).unwrap();
            (
                request.headers()[header::AUTHORIZATION].clone(),
                request.uri().clone(),
            )
        };
        for (absolute, origin) in [
            ("http://h.example/a?x=1", "/a?x=1"),
            ("http://h.example", "/"),
            ("http://h.example?x", "/?x"),
            ("http://u:p@h.example:80/a", "/a"),
        ] {
            let ((ours, uri), (origins, _)) = (string(absolute), string(origin));
            assert_eq!(ours, origins, "{scheme} {absolute}");
            assert_eq!(uri.path_and_query().unwrap(), origin);
        }
    }
}

/// What a handler inside the layer saw as its target, or the refusal's status.
async fn seen(verifier: Verifier, target: &str, decoded: &str) -> Result<Uri, StatusCode> {
    let string = format!("{KEY_ID}\nGET {decoded}\ndate: {DATE}\n");
    let authorization = authorization(Scheme::Apisix, "@request-target date", &string);
    let request = request(target, &authorization, &[("date", DATE)]);
    let seen = Arc::new(Mutex::new(None));
    let record = seen.clone();
    let handler = service_fn(move |request: Request<()>| {
        *record.lock().unwrap() = Some(request.uri().clone());
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let layer = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(verifier)
        .before_routing(true)
        .clock(now);
    let response = layer.layer(handler).oneshot(request).await.unwrap();
    let seen = seen.lock().unwrap().take();
    seen.ok_or(response.status())
}

#[tokio::test]
async fn with_normalize_target_the_handler_gets_the_target_that_was_signed() {
    for (target, decoded, handed_on) in [
        ("/admin/../a?x=1", "/a?x=1", "/a?x=1"),
        ("/%61?x=%61", "/a?x=%61", "/a?x=%61"),
        ("//b/./%2e%2e/a", "/a", "/a"),
        ("/a%2Fb%40%5b", "/a/b@[", "/a/b@%5B"),
        ("/caf%c3%a9%20b/", "/café b/", "/caf%C3%A9%20b/"),
        ("/C%23/50%25/%2525", "/C#/50%/%25", "/C%23/50%25/%2525"),
        ("/a?", "/a", "/a"),
    ] {
        let uri = seen(normalizing(), target, decoded).await.unwrap();
        assert_eq!(uri.to_string(), handed_on, "{target}");
        let strict = seen(verifier_of(Scheme::Apisix), target, decoded).await;
        let is_normal = target.starts_with("/caf") || target == "/a?";
        assert_eq!(strict.is_ok(), is_normal, "{target}");
    }
    let absolute = seen(normalizing(), "http://h.example//a/b", "/a/b").await;
    assert_eq!(absolute.unwrap().to_string(), "http://h.example/a/b");
}

#[tokio::test]
async fn a_target_that_has_no_normal_form_does_not_reach_the_handler_as_it_was_sent() {
    let too_long = format!("/{}", "|".repeat(30_000));
    for (target, decoded) in [
        ("/a%3Fx=1", "/a?x=1"),
        ("/a%3F", "/a?"),
        (&*too_long, &*too_long),
    ] {
        let uri = seen(normalizing(), target, decoded).await;
        assert_eq!(uri, Err(StatusCode::UNAUTHORIZED), "{decoded:.20}");
    }

    // Nor does one that is not covered.
    let string = format!("{KEY_ID}\ndate: {DATE}\n");
    let authorization = authorization(Scheme::Apisix, "date", &string);
    for (target, status) in [
        ("/a%3Fb", StatusCode::UNAUTHORIZED),
        ("/a%", StatusCode::UNAUTHORIZED),
        ("/%61", StatusCode::OK),
    ] {
        let layer = VerifyLayer::new(StaticKeys::from(keys()))
            .verifier(normalizing())
            .before_routing(true)
            .clock(now);
        let handler = service_fn(|request: Request<()>| {
            assert_eq!(request.uri(), "/a");
            ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
        });
        let request = request(target, &authorization, &[("date", DATE)]);
        let response = layer.layer(handler).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{target}");
    }
}

#[tokio::test]
async fn a_target_that_a_router_has_shortened_is_refused_and_not_normalized() {
    let verify = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(normalizing())
        .original_target(|extensions| Some(&extensions.get::<OriginalUri>()?.0))
        .before_routing(true)
        .clock(now);
    let inner = Router::new().fallback(any(|uri: Uri| async move { uri.to_string() }));
    let router = Router::new().nest("/admin", inner.layer(verify));
    for (target, decoded, status) in [
        ("/admin/b", "/admin/b", StatusCode::OK),
        ("/admin/../b", "/b", StatusCode::UNAUTHORIZED),
        ("/admin/%62", "/admin/b", StatusCode::UNAUTHORIZED),
    ] {
        let string = format!("{KEY_ID}\nGET {decoded}\ndate: {DATE}\n");
        let authorization = authorization(Scheme::Apisix, "@request-target date", &string);
        let request = request(target, &authorization, &[("date", DATE)]);
        let request = request.map(|()| axum::body::Body::empty());
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{target}");
    }
}
