//! The feature `tracing`: an event with the reason, and no secret, for what is not signed and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::{
    convert::Infallible,
    fmt::{Debug, Write},
    future::ready,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_hmac_auth::{SignLayer, StaticKeys, VerifyLayer};
use tracing::{Event, Metadata, Subscriber, field::Field, span, subscriber};

use common::{SECRET, keys};

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
        let mut line = event.metadata().level().to_string();
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

#[test]
fn a_request_that_cannot_be_signed_makes_an_event_that_says_why() {
    let service = SignLayer::new(keys()).layer(service_fn(answer));
    let request = Request::get("/")
        .header("source", "a")
        .header("source", "b")
        .body(())
        .unwrap();
    assert_eq!(
        events_of(service.oneshot(request)),
        "WARN message=request sent unsigned error=source is on the request more than once: send it once, with one \
         value\n"
    );
}

#[cfg(feature = "reqwest")]
#[test]
fn a_url_that_cannot_be_signed_makes_an_event_that_does_not_repeat_it() {
    let inner = service_fn(|_: reqwest::Request| ready(Ok::<_, Infallible>(())));
    let service = SignLayer::new(keys()).layer(inner);
    let url = "http://{{host}}/?token=abc".parse().unwrap();
    let request = reqwest::Request::new(reqwest::Method::GET, url);
    assert_eq!(
        events_of(service.oneshot(request)),
        "WARN message=request sent unsigned: its URL is no URI that HTTP can carry\n"
    );
}

#[test]
fn a_request_that_is_refused_makes_an_event_that_says_why() {
    let service = VerifyLayer::new(StaticKeys::from(keys())).layer(service_fn(answer));
    assert_eq!(
        events_of(service.oneshot(Request::new(()))),
        "INFO message=request refused why=no Authorization header: sign the request, after every layer that \
         removes headers\n"
    );
}

#[test]
fn requests_that_are_signed_and_accepted_make_no_event() {
    let server = VerifyLayer::new(StaticKeys::from(keys())).layer(service_fn(answer));
    let client = SignLayer::new(keys()).layer(server);
    assert_eq!(events_of(client.oneshot(Request::new(()))), "");
}
