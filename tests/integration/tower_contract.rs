//! The contract of `tower::Service`: `SignService` passes readiness, errors, bodies and extensions
//! through, and signs retries again.

use std::{
    convert::Infallible,
    error::Error,
    fmt, fs,
    future::{Future, Ready, ready},
    path::Path,
    pin::pin,
    str::FromStr,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Request, Response, header};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{
    BoxError, Layer, Service, ServiceBuilder, ServiceExt, retry::Policy, service_fn,
    util::BoxService,
};
use tower_hmac_auth::{
    Rejection, SignLayer, Signer, Verifier,
    clock::{Clock, ManualClock},
    error::{CredentialsError, RejectionKind, SignError, TargetError},
    scheme::{DateHeader, DatePolicy},
};
use tower_test::mock;

use crate::common::{FRIDAY, at, keys, verify};

/// Neither `Clone` nor `Debug` nor `Default` nor `Send`.
struct PlainBody(std::rc::Rc<u32>);

fn layer() -> SignLayer<ManualClock> {
    SignLayer::new(keys()).clock(ManualClock::at(at(FRIDAY)))
}

#[tokio::test]
async fn readiness_is_passed_through() {
    let (mut service, mut handle) = mock::spawn_layer::<Request<()>, Response<()>, _>(layer());
    handle.allow(0);
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    /// Fails when called without having been ready.
    struct Guarded {
        is_ready: bool,
    }

    impl Service<Request<()>> for Guarded {
        type Response = ();
        type Error = &'static str;
        type Future = Ready<Result<(), &'static str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
            self.is_ready = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            let was_ready = std::mem::take(&mut self.is_ready);
            ready(was_ready.then_some(()).ok_or("called unready"))
        }
    }

    let mut service = layer().layer(Guarded { is_ready: false });
    for _ in 0..2 {
        service.ready().await.unwrap();
        assert_eq!(service.call(Request::new(())).await, Ok(()));
    }
}

#[tokio::test]
async fn errors_of_the_inner_service_are_untouched() {
    #[derive(Debug, PartialEq)]
    struct OwnError(u8);

    let inner = service_fn(|_: Request<()>| ready(Err::<(), _>(OwnError(7))));
    let error: OwnError = layer()
        .layer(inner)
        .oneshot(Request::new(()))
        .await
        .unwrap_err();
    assert_eq!(error, OwnError(7));

    let (mut service, mut handle) = mock::spawn_layer::<Request<()>, Response<()>, _>(layer());
    handle.send_error("broken for good");
    let error = assert_ready_err!(service.poll_ready());
    assert_eq!(error.to_string(), "broken for good");
}

#[tokio::test]
async fn body_extensions_method_target_version_and_other_headers_are_untouched() {
    let (mut service, mut handle) = mock::spawn_layer::<Request<&str>, Response<()>, _>(layer());
    assert_ready_ok!(service.poll_ready());
    let request = Request::put("https://user@api.example.com:443/a?x=%20#")
        .version(http::Version::HTTP_2)
        .header("accept", "text/plain")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .extension(17_u64)
        .body("the body")
        .unwrap();
    let target = request.uri().clone();
    let _response = service.call(request);

    let (request, _) = handle.next_request().await.unwrap();
    assert_eq!(*request.body(), "the body");
    assert_eq!(request.extensions().get(), Some(&17_u64));
    assert_eq!(request.extensions().len(), 1);
    assert_eq!(request.method(), "PUT");
    assert_eq!(*request.uri(), target);
    assert_eq!(request.version(), http::Version::HTTP_2);
    assert_eq!(request.headers()["accept"], "text/plain");
    let twice: Vec<_> = request.headers().get_all("x-twice").iter().collect();
    assert_eq!(twice, ["1", "2"]);
    assert_eq!(request.headers().len(), 3 + 2);
}

#[test]
fn bodies_and_services_need_no_bounds() {
    /// Neither `Clone` nor `Debug` nor `Send`.
    struct PlainService(std::rc::Rc<u32>);

    impl Service<Request<PlainBody>> for PlainService {
        type Response = u32;
        type Error = Infallible;
        type Future = Ready<Result<u32, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<PlainBody>) -> Self::Future {
            assert!(request.headers().contains_key("authorization"));
            ready(Ok(*self.0 + *request.body().0))
        }
    }

    #[derive(Clone)]
    struct PlainClock;

    impl Clock for PlainClock {
        fn now(&self) -> std::time::SystemTime {
            at(FRIDAY)
        }
    }

    let layer = SignLayer::new(keys()).clock(PlainClock);
    let mut service = layer.layer(PlainService(40.into()));
    let future = pin!(service.call(Request::new(PlainBody(2.into()))));
    let answer = assert_ready_ok!(future.poll(&mut Context::from_waker(std::task::Waker::noop())));
    assert_eq!(answer, 42);
}

#[test]
fn layer_and_service_are_send_sync_and_clone_where_their_parts_are() {
    fn assert_bounds<T: Send + Sync + Clone + 'static>(_: &T) {}

    let layer = SignLayer::new(keys());
    assert_bounds(&layer);
    assert_bounds(&layer.layer(()));
}

#[tokio::test]
async fn it_works_in_a_service_builder_and_boxed() {
    let service = ServiceBuilder::new()
        .layer(BoxService::layer())
        .layer(layer())
        .service_fn(|request: Request<String>| async move {
            Ok::<_, Infallible>(verify(&Verifier::new(), (&request).into(), at(FRIDAY)).is_ok())
        });
    assert!(service.oneshot(Request::new(String::new())).await.unwrap());
}

#[tokio::test]
async fn each_attempt_of_a_retry_has_the_date_of_its_own_second_and_one_authorization() {
    /// Three attempts; a second passes between two.
    #[derive(Clone)]
    struct Thrice {
        left: usize,
        clock: ManualClock,
    }

    impl Policy<Request<()>, Response<()>, BoxError> for Thrice {
        type Future = Ready<()>;

        fn retry(
            &mut self,
            _: &mut Request<()>,
            _: &mut Result<Response<()>, BoxError>,
        ) -> Option<Self::Future> {
            self.left -= 1;
            self.clock.advance(Duration::from_secs(1));
            (self.left > 0).then(|| ready(()))
        }

        fn clone_request(&mut self, request: &Request<()>) -> Option<Request<()>> {
            Some(request.clone())
        }
    }

    let clock = ManualClock::at(at(FRIDAY));
    let strict = Verifier::builder()
        .max_skew(Duration::ZERO)
        .build()
        .unwrap();
    let (client, mut handle) = mock::pair::<Request<()>, Response<()>>();
    let service = ServiceBuilder::new()
        .retry(Thrice {
            left: 3,
            clock: clock.clone(),
        })
        .timeout(Duration::from_secs(3600))
        .layer(SignLayer::new(keys()).clock(clock.clone()))
        .service(client);
    let mut call = task::spawn(service.oneshot(Request::new(())));

    let mut authorizations = Vec::new();
    for date in ["00:00:00", "00:00:01", "00:00:02"] {
        assert_pending!(call.poll());
        let (request, answer) = handle.next_request().await.unwrap();
        let dates: Vec<_> = request.headers().get_all("x-date").iter().collect();
        assert_eq!(dates, [format!("Fri, 09 Oct 2015 {date} GMT").as_str()]);
        verify(&strict, (&request).into(), clock.now()).unwrap();
        assert_eq!(
            request
                .headers()
                .get_all(header::AUTHORIZATION)
                .iter()
                .count(),
            1
        );
        authorizations.push(request.headers()[header::AUTHORIZATION].clone());
        answer.send_error("connection reset");
    }
    assert_ready_err!(call.poll());
    authorizations.dedup();
    assert_eq!(authorizations.len(), 3);
}

#[tokio::test]
async fn a_request_that_was_signed_before_is_signed_again() {
    let clock = ManualClock::at(at(FRIDAY));
    let layer = SignLayer::new(keys()).clock(clock.clone());
    let echo = || service_fn(|request: Request<()>| ready(Ok::<_, Infallible>(request)));

    let request = layer.layer(echo()).oneshot(Request::new(())).await.unwrap();
    clock.advance(Duration::from_secs(3600));
    let request = layer.layer(echo()).oneshot(request).await.unwrap();
    verify(&Verifier::new(), (&request).into(), clock.now()).unwrap();
    assert_eq!(request.headers().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_signed_is_passed_on_without_any_authorization() {
    let (mut service, mut handle) = mock::spawn_layer::<Request<()>, Response<()>, _>(layer());
    assert_ready_ok!(service.poll_ready());
    let request = Request::get("/")
        .header("source", "a")
        .header("source", "b")
        .header("authorization", "hmac id=\"stale\"")
        .header("authorization", "Bearer token")
        .body(())
        .unwrap();
    let _response = service.call(request);

    let (request, _) = handle.next_request().await.unwrap();
    assert!(!request.headers().contains_key(header::AUTHORIZATION));
    let sources: Vec<_> = request.headers().get_all("source").iter().collect();
    assert_eq!(sources, ["a", "b"], "nothing of the caller's is lost");
}

#[tokio::test]
async fn options_of_the_layer_reach_every_service_made_from_it() {
    let signer = Signer::builder(keys())
        .source(HeaderValue::from_static(" billing "))
        .microservice(
            HeaderValue::from_static("testmic"),
            HeaderValue::from_static("provider-demo"),
        )
        .build()
        .unwrap();
    let layer = SignLayer::new(signer).clock(ManualClock::at(at(FRIDAY)));
    let inner = service_fn(|request: Request<()>| ready(Ok::<_, Infallible>(request)));
    let request = layer
        .clone()
        .layer(inner)
        .oneshot(Request::new(()))
        .await
        .unwrap();
    for (name, value) in [
        ("x-date", "Fri, 09 Oct 2015 00:00:00 GMT"),
        ("source", "billing"),
        ("x-namespace-code", "testmic"),
        ("x-microservice-name", "provider-demo"),
    ] {
        assert_eq!(request.headers()[name], value);
    }
    let verified = verify(&Verifier::new(), (&request).into(), at(FRIDAY)).unwrap();
    assert_eq!(verified.covered().collect::<Vec<_>>(), ["x-date", "source"]);
}

#[test]
fn options_that_contradict_each_other_are_refused_when_the_signer_is_built() {
    let named = |names: &[&'static str]| {
        let names = names.iter().map(|name| HeaderName::from_static(name));
        Signer::builder(keys())
            .signed_headers(names)
            .build()
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    assert_eq!(named(&["x-a", "host", "x-b"]), Ok(()));
    let refused = [
        (
            &["x-a", "authorization"][..],
            "authorization cannot be signed",
        ),
        (&["date"], "date has its fixed place"),
        (&["x-date"], "x-date has its fixed place"),
        (&["source"], "source has its fixed place"),
        (&["x-a", "x-b", "x-a"], "x-a is named twice"),
        (&["request-line"], "request-line stands for something else"),
    ];
    for (names, text) in refused {
        let error = named(names).unwrap_err();
        assert!(error.starts_with(text), "{error}");
        assert!(!error.contains('\n'));
    }
}

#[test]
fn no_more_headers_can_be_signed_than_a_verifier_looks_at() {
    let build = |count: usize| {
        let names = (0..count).map(|number| HeaderName::try_from(format!("x-{number}")).unwrap());
        Signer::builder(keys()).signed_headers(names).build()
    };
    assert_eq!(
        build(61).unwrap_err().to_string(),
        "more than 64 headers are to be signed, with room kept for digest and content-digest: sign fewer"
    );
    build(60).unwrap();
    let digests = ["digest", "content-digest"].map(HeaderName::from_static);
    let names = (0..60).map(|number| HeaderName::try_from(format!("x-{number}")).unwrap());
    let signer = Signer::builder(keys())
        .signed_headers(names.chain(digests.clone()))
        .source(HeaderValue::from_static("billing"))
        .build()
        .unwrap();
    let mut request = Request::new(());
    for name in digests {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static("any"));
    }
    for number in 0..60 {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        request
            .headers_mut()
            .insert(name, HeaderValue::from(number));
    }
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    let verified = verify(&Verifier::new(), (&request).into(), at(FRIDAY)).unwrap();
    assert_eq!(verified.covered().count(), 64);
}

#[test]
fn a_loop_over_the_signed_headers_sees_what_their_iterator_yields() {
    let signer = Signer::builder(keys())
        .source(HeaderValue::from_static("billing"))
        .build()
        .unwrap();
    let signed = signer.sign(&Request::new(()), at(FRIDAY)).unwrap();
    let mut seen = Vec::new();
    for (name, value) in &signed {
        seen.push((name, value));
    }
    assert_eq!(seen, signed.iter().collect::<Vec<_>>());
    let names: Vec<_> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-date", "source", "authorization"]);
}

/// Checks which names are read as which values, and what is said of others.
#[track_caller]
fn assert_parses<T>(names: &[(&str, T)], refused: &[&str], text: &str)
where
    T: FromStr<Err: Error> + PartialEq + fmt::Debug,
{
    for (name, expected) in names {
        assert_eq!(name.parse::<T>().as_ref().ok(), Some(expected), "{name}");
    }
    for name in refused {
        let error = name.parse::<T>().unwrap_err();
        assert_eq!(error.to_string(), text, "{name}");
    }
}

#[test]
fn options_can_be_read_from_their_names() {
    let date_headers = [
        ("date", DateHeader::Date),
        ("Date", DateHeader::Date),
        ("x-date", DateHeader::XDate),
        ("X-DATE", DateHeader::XDate),
    ];
    assert_parses(
        &date_headers,
        &["", " date", "x_date", "xdate", "expires"],
        "unknown date header: use date or x-date",
    );
    let date_policies = [
        ("any-age", DatePolicy::AnyAge),
        ("check-age", DatePolicy::CheckAge),
        ("refuse", DatePolicy::Refuse),
    ];
    assert_parses(
        &date_policies,
        &["", "Refuse", "refuse ", "AnyAge", "any_age"],
        "unknown date policy: use any-age, check-age or refuse",
    );
}

#[cfg(feature = "digest")]
#[test]
fn digest_headers_can_be_read_from_their_names() {
    use tower_hmac_auth::digest::DigestHeader;

    let digest_headers = [
        ("digest", DigestHeader::Digest),
        ("Digest", DigestHeader::Digest),
        ("content-digest", DigestHeader::ContentDigest),
        ("Content-Digest", DigestHeader::ContentDigest),
    ];
    assert_parses(
        &digest_headers,
        &["", "digest ", "content_digest", "repr-digest"],
        "unknown digest header: use digest or content-digest",
    );
}

/// The names of the source are looked up, so that none can be left out.
#[test]
fn all_kinds_of_rejection_are_listed_each_once() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rejection/kind.rs");
    let source = fs::read_to_string(path).unwrap();
    let (_, variants) = source.split_once("pub enum RejectionKind {\n").unwrap();
    let (variants, _) = variants.split_once("\n}\n").unwrap();
    let variants = variants
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"));
    let listed = RejectionKind::ALL.map(|kind| format!("{kind:?},"));
    assert_eq!(listed.to_vec(), variants.collect::<Vec<_>>());
}

#[test]
fn the_source_of_an_error_is_the_error_that_it_holds() {
    let malformed = CredentialsError::NotAscii;
    let credentials = Rejection::AuthorizationMalformed(malformed.clone());
    let source = credentials.source().unwrap();
    assert_eq!(source.downcast_ref(), Some(&malformed), "{source}");

    let target = TargetError::AboveRoot;
    let errors: [&dyn Error; 2] = [&Rejection::Target(target), &SignError::Target(target)];
    for error in errors {
        let source = error.source().unwrap();
        assert_eq!(source.downcast_ref(), Some(&target), "{source}");
        assert!(source.source().is_none());
    }

    let errors: [&dyn Error; 2] = [&Rejection::KeyUnknown, &SignError::DestinationUnknown];
    for error in errors {
        assert!(error.source().is_none(), "{error}");
    }
}
