//! The feature `tracing`: an event with the reason, and no secret, for what is not signed and what
//! is refused. What they have in common is in the crate's `events`.
//!
//! A binary of its own: `tracing` keeps for the whole process whether anyone listens to an event.
//! Where one subscriber is alive and a thread without one gets to an event first, the event stays
//! off for the subscriber too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "`integration` needs all of it"
)]
#[path = "integration/common/mod.rs"]
mod common;

use std::{
    convert::Infallible,
    fmt::{Debug, Write},
    future::ready,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, uri::Authority};
use http_body_util::Full;
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_hmac_auth::{
    KeyPair, RequestHead, SignLayer, Signer, StaticKeys, VerifyLayer,
    clock::ManualClock,
    sign::ServerClock,
    verify::{DefaultResponseForRejection, KeyLookup, VerifyingKey},
};
use tracing::{Event, Metadata, Subscriber, field::Field, span, subscriber};

use common::{FRIDAY, KEY_ID, SECRET, at, keys, verifying_on_friday as verifies};

/// Writes down every event.
#[derive(Clone, Default)]
struct Notebook(Arc<Mutex<String>>);

impl Subscriber for Notebook {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = format!("{} {}", metadata.level(), metadata.target());
        event.record(&mut |field: &Field, value: &dyn Debug| {
            write!(line, " {field}={value:?}").unwrap();
        });
        *self.0.lock().unwrap() += &(line + "\n");
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn events_of(what: impl Future) -> String {
    let notebook = Notebook::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    subscriber::with_default(notebook.clone(), || runtime.block_on(what));
    let events = notebook.0.lock().unwrap().clone();
    assert!(!events.contains(SECRET));
    events
}

fn answer(_: Request<()>) -> impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> {
    ready(Ok(Response::default()))
}

/// The clock of the tests stands still.
fn signs(signer: impl Into<SignLayer>) -> SignLayer<ManualClock> {
    signer.into().clock(ManualClock::at(at(FRIDAY)))
}

/// What a client sends that has this key pair, and a clock that is so many seconds ahead.
fn signed_with(key_id: &str, secret: &str, ahead: i64) -> Request<()> {
    let signer = Signer::new(KeyPair::new(key_id, secret).unwrap());
    let mut request = Request::get("/a").body(()).unwrap();
    let now = at(FRIDAY + ahead);
    signer.sign_request(&mut request, now).unwrap();
    request
}

#[test]
fn a_request_that_cannot_be_signed_makes_an_event_that_says_why() {
    let service = signs(Signer::new(keys())).layer(service_fn(answer));
    let request = Request::get("/")
        .header("source", "a")
        .header("source", "b")
        .body(())
        .unwrap();
    let event = "WARN tower_hmac_auth::sign message=request sent unsigned kind=RepeatedHeader scheme=tencent \
                 key_id=AKIDtestkey0001 reason=source is on the request more than once: send it \
                 once, with one value\n";
    let twice = async {
        service.clone().oneshot(request.clone()).await.unwrap();
        service.oneshot(request).await.unwrap();
    };
    assert_eq!(events_of(twice), event.repeat(2));
}

#[test]
fn a_setup_with_which_no_request_is_signed_is_a_warning_once_a_signer_then_a_debug_event() {
    let builder = Signer::builder(keys());
    let only = builder.clone().allowed_hosts(["gateway.example:443"]);
    // Which port that is, only a target with a scheme would say.
    let authority = Authority::from_static("gateway.example");
    for (builder, kind) in [
        (only.clone(), "DestinationUnknown"),
        (builder.https_only(true), "SchemeUnknown"),
        (only.authority(authority), "AuthorityExcluded"),
    ] {
        let signer = builder.build().unwrap();
        let sent = async {
            for _ in 0..3 {
                let service = signs(signer.clone()).layer(service_fn(answer));
                service.oneshot(Request::new(())).await.unwrap();
            }
        };
        let events = events_of(sent);
        let lines: Vec<_> = events.lines().collect();
        for (line, level) in lines.iter().zip(["WARN", "DEBUG", "DEBUG"]) {
            let begin = format!(
                "{level} tower_hmac_auth::sign message=request sent unsigned kind={kind} scheme="
            );
            assert!(line.starts_with(&begin), "{line}");
        }
        assert_eq!(lines.len(), 3);
    }
}

#[test]
fn a_host_that_is_excluded_on_purpose_is_no_warning() {
    let signer = Signer::builder(keys())
        .allowed_hosts(["gateway.example"])
        .https_only(true)
        .build()
        .unwrap();
    let service = signs(signer).layer(service_fn(answer));
    for (target, kind) in [
        ("https://elsewhere.example/", "NotForThisHost"),
        ("http://gateway.example/", "NotHttps"),
    ] {
        let request = Request::get(target).body(()).unwrap();
        let events = events_of(service.clone().oneshot(request));
        let begin = format!(
            "DEBUG tower_hmac_auth::sign message=request sent unsigned kind={kind} scheme=tencent"
        );
        assert!(events.starts_with(&begin), "{events}");
        assert_eq!(events.lines().count(), 1);
    }
}

#[test]
fn a_host_that_is_listed_but_not_known_is_a_warning_once() {
    let signer = Signer::builder(keys()).signed_headers(["host"]);
    let service = signs(signer.build().unwrap()).layer(service_fn(answer));
    let sent = async {
        for _ in 0..2 {
            let service = service.clone();
            service.oneshot(Request::new(())).await.unwrap();
        }
    };
    let event = "tower_hmac_auth::sign message=request signed without its host kind=HostUnknown scheme=tencent \
                 key_id=AKIDtestkey0001 reason=host should be signed but is not known: set authority (or give a tonic \
                 client its origin)\n";
    assert_eq!(events_of(sent), format!("WARN {event}DEBUG {event}"));
}

#[cfg(feature = "reqwest")]
#[test]
fn a_url_that_cannot_be_signed_makes_an_event_that_does_not_repeat_it() {
    let inner = service_fn(|_: reqwest::Request| ready(Ok::<_, Infallible>(())));
    let layer = SignLayer::new(keys());
    let service = layer.layer(inner);
    let url = "http://{{host}}/?token=abc".parse().unwrap();
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    assert_eq!(
        events_of(service.oneshot(request)),
        "WARN tower_hmac_auth::sign message=request sent unsigned kind=UrlNotSendable scheme=tencent \
         key_id=AKIDtestkey0001 reason=the URL is not one that HTTP can carry as it stands: correct it\n"
    );
    assert_eq!(layer.signer().unsigned_requests(), 1);
}

#[test]
fn a_request_that_is_refused_makes_an_event_that_says_why() {
    let service = verifies().layer(service_fn(answer));
    assert_eq!(
        events_of(service.oneshot(Request::new(()))),
        "INFO tower_hmac_auth::verify message=request refused kind=AuthorizationMissing scheme=tencent status=401 \
         reason=no credentials in Authorization, or in the header that the scheme has instead: sign \
         the request, after every layer that removes headers\n"
    );
}

#[test]
fn a_refusal_names_the_key_id_its_kind_and_how_far_the_clocks_are_apart() {
    for (request, fields) in [
        (
            signed_with(KEY_ID, SECRET, 3600),
            "kind=OutOfDate scheme=tencent key_id=AKIDtestkey0001 skew_s=3600 status=401 reason=x-date is",
        ),
        (
            signed_with(KEY_ID, SECRET, -901),
            "kind=OutOfDate scheme=tencent key_id=AKIDtestkey0001 skew_s=901 status=401 reason=x-date is",
        ),
        (
            signed_with(KEY_ID, "another secret", 0),
            "kind=SignatureMismatch scheme=tencent key_id=AKIDtestkey0001 status=401 reason=",
        ),
        (
            signed_with("AKIDnobody", SECRET, 0),
            "kind=KeyUnknown scheme=tencent key_id=AKIDnobody status=401 reason=",
        ),
    ] {
        let service = verifies().layer(service_fn(answer));
        let events = events_of(service.oneshot(request));
        let begin = format!("INFO tower_hmac_auth::verify message=request refused {fields}");
        assert!(events.starts_with(&begin), "{events}");
        assert_eq!(events.lines().count(), 1);
        assert!(!events.contains("signing_string"), "{events}");
    }
}

#[test]
fn the_status_is_that_of_the_answer_whoever_made_it() {
    let status = http::StatusCode::FORBIDDEN;
    let layer = verifies().refuse(DefaultResponseForRejection::new().unauthorized_status(status));
    let events = events_of(layer.layer(service_fn(answer)).oneshot(Request::new(())));
    assert!(events.contains(" status=403 "), "{events}");
}

#[test]
fn an_error_of_the_server_itself_is_a_warning() {
    let down = |_: &str, _: RequestHead<'_>| KeyLookup::<Arc<VerifyingKey>>::Unavailable;
    let layer = VerifyLayer::new(down).clock(ManualClock::at(at(FRIDAY)));
    let service = layer.layer(service_fn(answer));
    let request = signed_with(KEY_ID, SECRET, 0);
    assert_eq!(
        events_of(service.oneshot(request)),
        "WARN tower_hmac_auth::verify message=request refused kind=KeyStoreUnavailable scheme=tencent \
         key_id=AKIDtestkey0001 status=503 reason=the key store is unavailable: see its own log\n"
    );
}

#[cfg(feature = "digest")]
#[test]
fn a_digest_layer_in_the_wrong_place_is_a_warning() {
    let layer = tower_hmac_auth::digest::VerifyDigestLayer::streaming();
    let handler = service_fn(|_: Request<_>| ready(Ok::<_, Infallible>(Response::new(()))));
    let service = layer.layer(handler);
    let request = Request::new(Full::<Bytes>::default());
    let events = events_of(async { service.oneshot(request).await.map(drop) });
    let begin = "WARN tower_hmac_auth::verify message=request refused kind=KeyStoreUnavailable scheme=tencent \
                 status=500 reason=the request was not verified";
    assert!(events.starts_with(begin), "{events}");
}

#[cfg(feature = "digest")]
#[test]
fn a_body_that_does_not_match_its_digest_is_reported_with_the_verified_key() {
    let mut request = Request::post("/a").body(Full::new(Bytes::from("a")));
    let headers = request.as_mut().unwrap().headers_mut();
    let digest = tower_hmac_auth::digest::DigestHeader::Digest;
    headers.insert(digest.name(), digest.value_of("b"));
    let signer = Signer::builder(keys()).signed_headers([digest.name()]);
    let mut request = request.unwrap();
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    let layer = tower_hmac_auth::digest::VerifyDigestLayer::buffered(1024);
    let handler = service_fn(|_: Request<_>| ready(Ok::<_, Infallible>(Response::new(()))));
    let service = verifies()
        .remove_authorization(true)
        .layer(layer.layer(handler));
    let events = events_of(async { service.oneshot(request).await.map(drop) });
    let begin = "INFO tower_hmac_auth::verify message=request refused kind=Digest scheme=tencent \
                 key_id=AKIDtestkey0001 status=401 reason=";
    assert!(events.starts_with(begin), "{events}");
}

#[test]
fn a_client_cannot_forge_a_line_or_flood_the_log_with_what_it_sends() {
    let long = "k".repeat(8000);
    for (id, shown) in [
        (long.as_str(), "k".repeat(64).as_str()),
        ("a\tINFO accepted", r"a\tINFO accepted"),
        (r"a\x1b[31m", r"a\\x1b[31m"),
    ] {
        let mut request = signed_with("ID", SECRET, 0);
        let headers = request.headers_mut();
        let authorization = headers["authorization"].to_str().unwrap();
        let authorization = authorization.replace("\"ID\"", &format!("\"{id}\""));
        headers.insert("authorization", authorization.parse().unwrap());
        let service = verifies().explain(true).layer(service_fn(answer));
        let events = events_of(service.oneshot(request));
        assert!(
            events.contains(&format!(" key_id={shown} status=")),
            "{events}"
        );
        assert!(events.len() < 512, "{events}");
    }
    // Whatever is in the list, the date or the algorithm.
    for authorization in [
        b"hmac id=\"a\", algorithm=\"x\xc2\x9b\", headers=\"x-date\", signature=\"x\"".as_slice(),
        b"hmac id=\"a\", algorithm=\"x\ty\", headers=\"x-date\", signature=\"x\"",
        b"hmac \ty=\"a\"",
        b"hmac id=\"a\", algorithm=\"hmac-sha1\", headers=\"x-date \t\", signature=\"x\"",
    ] {
        let mut request = signed_with(KEY_ID, SECRET, 0);
        let value = http::HeaderValue::from_bytes(authorization).unwrap();
        request.headers_mut().insert("authorization", value);
        let events = events_of(verifies().layer(service_fn(answer)).oneshot(request));
        let line = events.strip_suffix('\n').unwrap();
        assert!(
            line.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            "{line}"
        );
        assert!(line.len() < 512, "{line}");
    }
}

#[test]
fn with_explain_the_event_has_what_was_hashed_escaped_and_cut() {
    let date = "Fri, 09 Oct 2015 00:00:00 GMT";
    let explained = |source: &str| {
        let forger = KeyPair::new(KEY_ID, "another secret").unwrap();
        let source = http::HeaderValue::from_str(source).unwrap();
        let signer = Signer::builder(forger).source(source).build().unwrap();
        let mut request = Request::get("/a").body(()).unwrap();
        signer.sign_request(&mut request, at(FRIDAY)).unwrap();
        let service = verifies().explain(true).layer(service_fn(answer));
        let events = events_of(service.oneshot(request));
        assert_eq!(events.lines().count(), 1);
        let (_, string) = events.trim_end().split_once(" signing_string=").unwrap();
        string.to_owned()
    };
    assert_eq!(explained("a\tb"), format!(r"x-date: {date}\nsource: a\tb"));
    let cut = explained(&"s".repeat(6000));
    assert_eq!(cut.len(), 4096);
    assert!(cut.ends_with("ss..."), "{cut}");
}

#[test]
fn a_server_clock_says_what_it_has_learnt_of_whom_and_what_is_too_far_off() {
    for (hours, event) in [
        (
            2,
            "INFO tower_hmac_auth::clock message=gateway's time learnt authority=gateway.example:8443 offset_s=7200\n",
        ),
        (
            -1,
            "INFO tower_hmac_auth::clock message=gateway's time learnt authority=gateway.example:8443 offset_s=-3600\n",
        ),
        (
            25,
            "WARN tower_hmac_auth::clock message=gateway's time not learnt authority=gateway.example:8443 \
             offset_s=90000 max_offset_s=86400\n",
        ),
        (0, ""),
    ] {
        let clock = ServerClock::with_base(ManualClock::at(at(FRIDAY)));
        let date = httpdate::fmt_http_date(at(FRIDAY + hours * 3600));
        let refuses = service_fn(move |_: Request<()>| {
            let response = Response::builder().status(401).header("date", &date);
            ready(Ok::<_, Infallible>(response.body(()).unwrap()))
        });
        let service = ServiceBuilder::new()
            .layer(SignLayer::new(keys()).clock(clock.clone()))
            .layer(clock.observe())
            .service(refuses);
        let request = Request::get("https://gateway.example:8443/a").body(());
        assert_eq!(events_of(service.oneshot(request.unwrap())), event);
    }
}

#[test]
fn requests_that_are_signed_and_accepted_make_no_event() {
    let server = VerifyLayer::new(StaticKeys::from(keys())).layer(service_fn(answer));
    let client = SignLayer::new(keys()).layer(server);
    assert_eq!(events_of(client.oneshot(Request::new(()))), "");
}

#[test]
fn a_request_that_passes_without_its_claim_is_a_warning_and_a_replay_is_not() {
    use tower_hmac_auth::{
        Verifier,
        scheme::{DatePolicy, X_NONCE},
        verify::{Claim, ClaimOutcome, ReplayLayer, WhenUnavailable},
    };

    let request = Request::get("/a").header(X_NONCE, "d3b07384");
    let mut request = request.body(()).unwrap();
    let signer = Signer::builder(keys()).signed_headers([X_NONCE]);
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    let verifier = Verifier::builder().nonce(X_NONCE);
    let verifier = verifier.date_policy(DatePolicy::Refuse).build().unwrap();
    let layer = verifies().verifier(verifier);
    for (outcome, expected) in [
        (
            ClaimOutcome::Unavailable,
            "WARN tower_hmac_auth::verify message=request accepted without its claim: the guard \
             against replays is unavailable key_id=AKIDtestkey0001\n",
        ),
        (
            ClaimOutcome::Seen,
            "INFO tower_hmac_auth::verify message=request refused kind=Replayed scheme=tencent \
             key_id=AKIDtestkey0001 status=401 reason=the request has been sent before: sign every \
             request again before it is sent, with a new nonce\n",
        ),
        (
            ClaimOutcome::Full,
            "WARN tower_hmac_auth::verify message=request refused kind=ReplayGuard scheme=tencent \
             key_id=AKIDtestkey0001 status=503 reason=the guard against replays is full: give it \
             more room, or lower max_skew\n",
        ),
    ] {
        let guard = ReplayLayer::new(move |_: &Claim<'_>| outcome);
        let guard = guard.when_unavailable(WhenUnavailable::Accept);
        let service = layer.layer(guard.layer(service_fn(answer)));
        assert_eq!(events_of(service.oneshot(request.clone())), expected);
    }
}
