//! The contract of `tower::Service`: `VerifyService` changes only the extensions of an accepted
//! request, and does not pass on a refused one.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Extensions, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt, Full};
use tokio::sync::oneshot;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_hmac_auth::{
    Rejection, RequestHead, Scheme, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
    clock::ManualClock,
    verify::{
        AsyncKeys, DefaultResponseForRejection, KeyAccess, KeyLookup, Refusal,
        ResponseForRejection, ServerSigningString, VerifyingKey,
    },
};
use tower_test::mock;

use crate::common::{FRIDAY, KEY_ID, at, keys, verifying_on_friday as layer};

fn signed<B>(body: B) -> Request<B> {
    let mut request = Request::new(body);
    Signer::new(keys())
        .sign_request(&mut request, at(FRIDAY))
        .unwrap();
    request
}

fn empty() -> Response<Full<Bytes>> {
    Response::default()
}

type Mock<B> = mock::Handle<Request<B>, Response<Full<Bytes>>>;

#[tokio::test]
async fn readiness_is_passed_through() {
    let (mut service, mut handle) =
        mock::spawn_layer::<Request<()>, Response<Full<Bytes>>, _>(layer());
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
    handle.send_error("broken for good");
    assert_ready_err!(service.poll_ready());
}

#[tokio::test]
async fn a_signed_request_passes_untouched_but_for_its_verified_key() {
    let (mut service, mut handle): (_, Mock<&str>) = mock::spawn_layer(layer());
    assert_ready_ok!(service.poll_ready());
    let mut request = signed("the body");
    request.extensions_mut().insert(17_u64);
    let headers = request.headers().clone();
    let mut answer = task::spawn(service.call(request));

    let (request, reply) = handle.next_request().await.unwrap();
    assert_eq!(*request.body(), "the body");
    assert_eq!(*request.headers(), headers);
    assert_eq!(request.extensions().get(), Some(&17_u64));
    let key = request.extensions().get::<VerifiedKey>().unwrap();
    assert_eq!(key.key_id(), KEY_ID);
    assert_eq!(key.algorithm().name(), "hmac-sha1");
    assert_eq!(key.covered().collect::<Vec<_>>(), ["x-date"]);

    assert_pending!(answer.poll());
    let mut response = Response::new(Full::<Bytes>::from("the answer"));
    response.extensions_mut().insert(18_u64);
    *response.status_mut() = StatusCode::IM_A_TEAPOT;
    reply.send_response(response);
    let response = assert_ready_ok!(answer.poll());
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(response.extensions().get(), Some(&18_u64));
    assert_eq!(response.extensions().get::<Rejection>(), None);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "the answer");
}

#[tokio::test]
async fn errors_of_the_inner_service_are_untouched() {
    #[derive(Debug, PartialEq)]
    struct OwnError(u8);

    let inner = service_fn(|_: Request<()>| ready(Err::<Response<Full<Bytes>>, _>(OwnError(7))));
    let error: OwnError = layer().layer(inner).oneshot(signed(())).await.unwrap_err();
    assert_eq!(error, OwnError(7));
}

#[tokio::test]
async fn a_refused_request_never_reaches_the_handler_and_its_reason_is_in_the_answers_extensions() {
    let (mut service, mut handle): (_, Mock<()>) = mock::spawn_layer(layer());
    assert_ready_ok!(service.poll_ready());
    let mut answer = task::spawn(service.call(Request::new(())));
    let response = assert_ready_ok!(answer.poll());
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.extensions().get(),
        Some(&Rejection::AuthorizationMissing)
    );
    let mut next = task::spawn(handle.next_request());
    assert_pending!(next.poll());
    drop(next);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"{\"message\":\""));
}

#[tokio::test]
async fn nothing_that_a_client_sends_makes_a_verified_key() {
    let handler = service_fn(|request: Request<()>| {
        let key = request.extensions().get::<VerifiedKey>().unwrap();
        assert_eq!(key.key_id(), KEY_ID);
        ready(Ok::<_, Infallible>(empty()))
    });
    let mut request = signed(());
    for name in ["verified-key", "x-consumer-key-id", "x-verified-key"] {
        request.headers_mut().insert(name, "admin".parse().unwrap());
    }
    // One left over from another layer is replaced.
    let other: VerifiedKey = {
        let keys = tower_hmac_auth::KeyPair::new("admin", "other").unwrap();
        let mut request = Request::new(());
        Signer::new(keys.clone())
            .sign_request(&mut request, at(FRIDAY))
            .unwrap();
        let (tx, rx) = std::sync::mpsc::channel();
        let capture = service_fn(move |request: Request<()>| {
            tx.send(request.extensions().get::<VerifiedKey>().unwrap().clone())
                .unwrap();
            ready(Ok::<_, Infallible>(empty()))
        });
        let layer = VerifyLayer::new(StaticKeys::from(keys)).clock(ManualClock::at(at(FRIDAY)));
        layer.layer(capture).oneshot(request).await.unwrap();
        rx.recv().unwrap()
    };
    assert_eq!(other.key_id(), "admin");
    request.extensions_mut().insert(other);
    let response = layer().layer(handler).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn authorization_is_removed_only_if_asked_for_and_only_where_it_was_right() {
    for (remove, expected) in [(true, false), (false, true)] {
        let handler = service_fn(move |request: Request<()>| {
            assert_eq!(
                request.headers().contains_key(header::AUTHORIZATION),
                expected
            );
            ready(Ok::<_, Infallible>(empty()))
        });
        let service = layer().remove_authorization(remove).layer(handler);
        let response = service.oneshot(signed(())).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[test]
fn bodies_need_no_bounds_and_services_need_not_be_clone() {
    /// Neither `Clone` nor `Debug` nor `Send`.
    struct Plain(std::rc::Rc<u32>);

    impl Service<Request<Plain>> for Plain {
        type Response = Response<Plain>;
        type Error = Infallible;
        type Future = Ready<Result<Response<Plain>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Plain>) -> Self::Future {
            ready(Ok(Response::new(Plain(
                (*self.0 + *request.body().0).into(),
            ))))
        }
    }

    let mut service = layer().layer(Plain(40.into()));
    let future = pin!(service.call(signed(Plain(2.into()))));
    let response = assert_ready_ok!(future.poll(&mut Context::from_waker(Waker::noop())));
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_lookup_sees_the_target_as_the_client_sent_it() {
    #[derive(Clone)]
    struct Original(Uri);

    let key = Arc::new(VerifyingKey::from(&keys()));
    let store = move |_: &str, head: RequestHead<'_>| {
        let binding = if head.uri() == "/api/v1/a?x=1" {
            KeyAccess::Bound
        } else {
            KeyAccess::NotBound
        };
        KeyLookup::Key(key.clone(), binding)
    };
    let service = VerifyLayer::new(store)
        .clock(ManualClock::at(at(FRIDAY)))
        .original_target(|extensions| Some(&extensions.get::<Original>()?.0))
        .layer(service_fn(|request: Request<()>| {
            assert_eq!(
                request.uri(),
                "/a?x=1",
                "the handler's target is the router's"
            );
            ready(Ok::<_, Infallible>(empty()))
        }));
    for (original, status) in [
        (Some("/api/v1/a?x=1"), StatusCode::OK),
        (Some("/api/v2/a?x=1"), StatusCode::UNAUTHORIZED),
        (None, StatusCode::UNAUTHORIZED),
    ] {
        let mut request = signed(());
        *request.uri_mut() = Uri::from_static("/a?x=1");
        if let Some(original) = original {
            let original = Original(Uri::from_static(original));
            request.extensions_mut().insert(original);
        }
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn a_refusal_can_be_answered_in_ones_own_words() {
    let refuse = |refusal: &Refusal<'_>| {
        let head = refusal.head();
        let why = refusal.scheme().text(refusal.rejection());
        let text = format!("{} {}: {why}", head.method(), head.uri());
        Response::builder()
            .status(418)
            .body(Bytes::from(text))
            .unwrap()
    };
    let handler = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(empty())));
    let service = layer().refuse(refuse).layer(handler);
    let response = service
        .oneshot(Request::get("/a").body(()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(
        response.extensions().get(),
        Some(&Rejection::AuthorizationMissing)
    );
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"GET /a: HMAC signature cannot be verified"));
}

/// Answers refusals, but cannot be cloned.
struct OnlyOne;

impl ResponseForRejection for OnlyOne {
    fn refuse(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let head = refusal.head();
        let text = format!(
            "{} {} {} {:?} {:?} {:?}",
            refusal.scheme(),
            head.method(),
            head.uri(),
            head.version(),
            head.headers().get("x-tenant"),
            refusal.rejection().kind(),
        );
        let response = Response::builder().status(StatusCode::IM_A_TEAPOT);
        response.body(text.into()).unwrap()
    }
}

#[tokio::test]
async fn the_layers_setters_take_effect_in_any_order_whatever_refuses() {
    fn original(extensions: &Extensions) -> Option<&Uri> {
        extensions.get()
    }

    let handler = service_fn(|request: Request<()>| {
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
        ready(Ok::<_, Infallible>(empty()))
    });
    let new = || VerifyLayer::new(StaticKeys::from(keys()));
    let clock = ManualClock::at(at(FRIDAY));
    let verifier = Verifier::builder().scheme(Scheme::Kong).build().unwrap();
    let layers = [
        new()
            .refuse(OnlyOne)
            .explain(true)
            .original_target(original)
            .remove_authorization(true)
            .verifier(verifier.clone())
            .clock(clock.clone()),
        new()
            .refuse(OnlyOne)
            .clock(clock.clone())
            .verifier(verifier.clone())
            .remove_authorization(true)
            .original_target(original)
            .explain(true),
        new()
            .clock(clock.clone())
            .explain(true)
            .verifier(verifier.clone())
            .original_target(original)
            .remove_authorization(true)
            .refuse(OnlyOne),
        // The last one counts.
        new()
            .refuse(|_: &Refusal<'_>| -> Response<Bytes> { panic!("replaced") })
            .verifier(Verifier::new())
            .explain(false)
            .refuse(OnlyOne)
            .remove_authorization(true)
            .explain(true)
            .verifier(verifier)
            .clock(clock)
            .original_target(original),
    ];
    let signer = Signer::builder(keys()).scheme(Scheme::Kong);
    let signer = signer.build().unwrap();
    for layer in layers {
        let service = layer.clone().layer(handler);
        let mut request = Request::put("/v1/a").body(()).unwrap();
        request
            .headers_mut()
            .insert("x-tenant", "7".parse().unwrap());
        signer.sign_request(&mut request, at(FRIDAY)).unwrap();
        // As a router outside leaves it.
        let sent = std::mem::replace(request.uri_mut(), Uri::from_static("/a"));
        request.extensions_mut().insert(sent);

        let mut changed = request.clone();
        *changed.method_mut() = Method::PATCH;
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);

        let response = service.oneshot(changed).await.unwrap();
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
        let explained = response.extensions().get::<ServerSigningString>();
        assert!(explained.unwrap().to_string().contains("patch /v1/a"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            body,
            "kong PATCH /v1/a HTTP/1.1 Some(\"7\") SignatureMismatch"
        );
    }
}

#[test]
fn a_refusal_can_be_answered_without_a_layer() {
    let request = Request::delete("/a").version(Version::HTTP_2);
    let request = request.body(()).unwrap();
    let rejection = Rejection::KeyUnknown;
    for scheme in Scheme::ALL {
        let refusal = Refusal::new(&rejection, (&request).into(), scheme);
        assert_eq!(refusal.rejection(), &rejection);
        assert_eq!(refusal.scheme(), scheme);
        assert!(std::ptr::eq(refusal.head().headers(), request.headers()));

        let body = OnlyOne.refuse(&refusal).into_body();
        let text = format!("{scheme} DELETE /a HTTP/2.0 None KeyUnknown");
        assert_eq!(body, text);
        let body = DefaultResponseForRejection::new().refuse(&refusal);
        let member = if scheme == Scheme::Tyk {
            "error"
        } else {
            "message"
        };
        let text = serde_json::json!({ member: scheme.text(&rejection) });
        assert_eq!(body.into_body(), text.to_string());
    }
}

#[tokio::test]
async fn a_key_that_is_waited_for_admits_or_refuses_as_one_at_hand_does() {
    let key = Arc::new(VerifyingKey::from(&keys()));
    for (lookup, status) in [
        (
            KeyLookup::Key(key.clone(), KeyAccess::Bound),
            StatusCode::OK,
        ),
        (
            KeyLookup::Key(key, KeyAccess::NoUsagePlan),
            StatusCode::FORBIDDEN,
        ),
        (KeyLookup::Unknown, StatusCode::UNAUTHORIZED),
        (KeyLookup::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let store = move |key_id: &str, _: RequestHead<'_>| {
            assert_eq!(key_id, KEY_ID);
            ready(lookup.clone())
        };
        let handler = service_fn(|request: Request<()>| {
            assert!(request.extensions().get::<VerifiedKey>().is_some());
            ready(Ok::<_, Infallible>(empty()))
        });
        let layer = VerifyLayer::new(AsyncKeys(store)).clock(ManualClock::at(at(FRIDAY)));
        let response = layer.layer(handler).oneshot(signed(())).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(
            response.extensions().get::<Rejection>().is_some(),
            status != StatusCode::OK
        );
    }
}

#[tokio::test]
async fn a_request_that_needs_no_key_to_be_refused_is_not_waited_for() {
    let store = |_: &str, _: RequestHead<'_>| -> Ready<KeyLookup<Arc<VerifyingKey>>> {
        panic!("looked up");
    };
    let handler = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(empty())));
    let mut service = VerifyLayer::new(AsyncKeys(store)).layer(handler);
    let mut answer = task::spawn(service.call(Request::new(())));
    let response = assert_ready_ok!(answer.poll());
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_slow_key_store_makes_no_request_stale_and_the_ready_service_is_the_one_that_is_called() {
    let clock = ManualClock::at(at(FRIDAY));
    let (found, key) = oneshot::channel();
    let key = Arc::new(std::sync::Mutex::new(Some(key)));
    let store = move |_: &str, _: RequestHead<'_>| {
        let key = key.lock().unwrap().take().unwrap();
        async move { key.await.unwrap_or(KeyLookup::Unavailable) }
    };
    let layer = VerifyLayer::new(AsyncKeys(store)).clock(clock.clone());
    let (mut service, mut handle): (_, Mock<()>) = mock::spawn_layer(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let mut answer = task::spawn(service.call(signed(())));
    assert_pending!(answer.poll());
    // The mock panics if a clone of it is called that was not polled ready.

    clock.advance(Duration::from_secs(3600));
    let lookup = KeyLookup::Key(Arc::new(VerifyingKey::from(&keys())), KeyAccess::Bound);
    found.send(lookup).unwrap();
    assert!(answer.is_woken());
    assert_pending!(answer.poll());
    let (_, reply) = assert_ready!(task::spawn(handle.next_request()).poll()).unwrap();
    reply.send_response(empty());
    let response = assert_ready_ok!(answer.poll());
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn layer_service_and_futures_are_send_and_layer_and_service_clone_without_the_keys_being_clone() {
    struct NotClone;

    impl tower_hmac_auth::verify::KeyStore for NotClone {
        fn lookup<'s>(
            &'s self,
            _: &str,
            _: RequestHead<'_>,
        ) -> KeyLookup<tower_hmac_auth::verify::KeyRef<'s>> {
            KeyLookup::Unknown
        }
    }

    fn assert_bounds<T: Send + Sync + Clone + 'static>(_: &T) {}
    fn assert_send<T: Send + 'static>(_: &T) {}

    let layer = VerifyLayer::new(NotClone);
    assert_bounds(&layer);
    let handler = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(empty())));
    let mut service = layer.layer(handler);
    assert_bounds(&service);
    assert_send(&service.call(Request::new(())));
    // Shared stores are stores as well.
    let shared: Arc<dyn tower_hmac_auth::verify::KeyStore + Send + Sync> = Arc::new(NotClone);
    assert_send(
        &VerifyLayer::new(shared)
            .layer(handler)
            .call(Request::new(())),
    );
}
