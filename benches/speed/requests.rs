//! The requests: 6 or 20 ordinary headers and a target of 60 bytes.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};

pub(crate) const TARGET: &str = "/v1/orders/0123456789/items?limit=100&offset=20&sort=created";

const ORDINARY: [(&str, &str); 20] = [
    ("host", "api.example.com"),
    ("accept", "*/*"),
    ("user-agent", "billing/1.0"),
    ("content-type", "application/json"),
    ("accept-encoding", "gzip"),
    ("x-request-id", "b3f1c0de-5a77-4e0b-9d3f-0a4b8c6d2e10"),
    ("accept-language", "en"),
    ("cache-control", "no-cache"),
    ("content-length", "0"),
    ("cookie", "session=0123456789abcdef0123456789abcdef"),
    ("forwarded", "for=192.0.2.60;proto=https;by=203.0.113.43"),
    ("if-none-match", "\"33a64df551425fcc55e4d42a148795d9\""),
    ("origin", "https://app.example.com"),
    ("referer", "https://app.example.com/orders"),
    (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    ("tracestate", "vendor=00f067aa0ba902b7"),
    ("x-forwarded-for", "192.0.2.60"),
    ("x-forwarded-proto", "https"),
    ("x-tenant", "42"),
    ("x-correlation-id", "0123456789"),
];

/// A template for requests before they are signed.
#[derive(Clone)]
pub(crate) struct Shape {
    template: Request<()>,
    has_room: bool,
}

impl Shape {
    /// Makes a template with this many ordinary headers, and with or without capacity for three
    /// more.
    ///
    /// Without, the map is full, as `HeaderMap::clone` leaves it, and the first insert makes it
    /// grow.
    pub(crate) fn new(headers: usize, has_room: bool) -> Self {
        assert_eq!(TARGET.len(), 60);
        let uri = format!("https://api.example.com{TARGET}");
        let mut template = Request::get(uri).body(()).unwrap();
        for (name, value) in &ORDINARY[..headers] {
            let (name, value) = (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            template.headers_mut().insert(name, value);
        }
        assert_eq!(template.headers().len(), headers);
        Self { template, has_room }
    }

    /// Makes a request.
    pub(crate) fn make(&self) -> Request<()> {
        let mut request = self.template.clone();
        if self.has_room {
            let headers = request.headers_mut();
            let mut roomy = HeaderMap::with_capacity(headers.len() + 3);
            roomy.extend(headers.drain());
            assert!(roomy.capacity() >= roomy.len() + 3);
            *headers = roomy;
        }
        request
    }
}

/// Returns the template with 6 headers and capacity for more.
pub(crate) fn usual() -> Shape {
    Shape::new(6, true)
}

/// Returns the same request as a server has just read it: with its target in origin form, and with
/// all header values as slices of one buffer of its own.
pub(crate) fn received(request: &Request<()>) -> Request<()> {
    let headers = request.headers();
    let buffer: Vec<u8> = headers
        .values()
        .flat_map(|v| v.as_bytes())
        .copied()
        .collect();
    let mut buffer = Bytes::from(buffer);
    let mut copy = Request::new(());
    *copy.uri_mut() = Uri::from_static(TARGET);
    copy.headers_mut().reserve(headers.len());
    for (name, value) in headers {
        let value = HeaderValue::from_maybe_shared(buffer.split_to(value.len())).unwrap();
        copy.headers_mut().insert(name, value);
    }
    copy
}
