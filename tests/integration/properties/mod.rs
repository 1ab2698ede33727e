//! Promises that hold for every key, header and time: what is signed is accepted, and nothing else
//! is.

mod altered;
mod arbitrary;
mod carried;
mod changes;
mod clients;
mod exhaustive;
mod input;
mod mangle;
mod parameters;
mod round_trip;
mod schemes;
mod targets;

use exhaustive::sample_case;
use mangle::mangle;

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, Request, Uri, header};
use proptest::{
    collection::{hash_map, vec},
    option,
    prelude::*,
    sample::{self, Index},
};
use tower_hmac_auth::{
    Algorithm, KeyId, KeyPair, Rejection, Signer, Verifier, error::CredentialsError,
    scheme::DateHeader,
};

use crate::common::sign_by_hand::{self, Accepted, Server};
use crate::common::{FRIDAY, KEY_ID, SECRET, at};

/// 9999-12-31T23:59:59Z
const LAST: i64 = 253_402_300_799;

/// Every byte that a header's value can have.
static LEGAL_BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let legal = |byte: &u8| HeaderValue::from_bytes(&[*byte]).is_ok();
    (0..=u8::MAX).filter(legal).collect()
});

fn legal_bytes() -> impl Iterator<Item = u8> {
    LEGAL_BYTES.iter().copied()
}

fn legal_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        6 => b'!'..=b'~',
        2 => Just(b' '),
        1 => Just(b'\t'),
        3 => 0x80..=u8::MAX,
    ]
}

fn value(max_len: usize) -> impl Strategy<Value = HeaderValue> {
    vec(legal_byte(), 0..=max_len).prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}

/// Names with a place or meaning of their own. `te` is for the next peer only; `request-line` is
/// none of a header's for this scheme's verifier.
const RESERVED: [&str; 6] = [
    "authorization",
    "date",
    "request-line",
    "source",
    "te",
    "x-date",
];

/// Names of usual headers, all of which can be signed.
const KNOWN: [&str; 8] = [
    "accept",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "user-agent",
    "x-microservice-name",
    "x-namespace-code",
];

fn name() -> impl Strategy<Value = HeaderName> {
    prop_oneof![
        sample::select(&KNOWN[..]).prop_map(str::to_owned),
        "[-!#$%&'*+.^_`|~0-9a-z]{1,24}",
    ]
    .prop_filter("reserved", |name| !RESERVED.contains(&name.as_str()))
    .prop_map(|name| name.parse().unwrap())
}

/// All that a signed request depends on.
#[derive(Debug, Clone)]
struct Case {
    key_id: String,
    secret: Vec<u8>,
    algorithm: Algorithm,
    date_header: DateHeader,
    /// The signer's `Source` and the request's.
    sources: (Option<HeaderValue>, Option<HeaderValue>),
    /// Headers to be signed, some of which the request lacks.
    further: Vec<(HeaderName, Option<HeaderValue>)>,
    seconds: i64,
    nanos: u32,
}

/// With values of at most `max_len` bytes, and fewer than `max_further` further headers.
fn case(max_len: usize, max_further: usize) -> impl Strategy<Value = Case> {
    let sources = (option::of(value(max_len)), option::of(value(max_len)));
    let value = option::weighted(0.8, value(max_len));
    let further = hash_map(name(), value, 0..max_further);
    let further = further
        .prop_map(|headers| headers.into_iter().collect::<Vec<_>>())
        .prop_shuffle();
    (
        "[ !#-~]{1,60}",
        vec(any::<u8>(), 1..300),
        sample::select(&Algorithm::ALL[..]),
        sample::select(&[DateHeader::Date, DateHeader::XDate][..]),
        sources,
        further,
        0..=LAST,
        0..1_000_000_000_u32,
    )
        .prop_map(
            |(key_id, secret, algorithm, date_header, sources, further, seconds, nanos)| Case {
                key_id,
                secret,
                algorithm,
                date_header,
                sources,
                further,
                seconds,
                nanos,
            },
        )
}

impl Case {
    fn signer(&self) -> Signer {
        let keys = KeyPair::new(&*self.key_id, &*self.secret).unwrap();
        let builder = Signer::builder(keys)
            .algorithm(self.algorithm)
            .date_header(self.date_header)
            .signed_headers(self.further.iter().map(|(name, _)| name.clone()));
        let builder = match &self.sources.0 {
            Some(source) => builder.source(source.clone()),
            None => builder,
        };
        builder.build().unwrap()
    }

    fn server(&self) -> Server {
        Server::new(&self.key_id, &self.secret)
    }

    fn now(&self) -> SystemTime {
        at(self.seconds) + Duration::from_nanos(self.nanos.into())
    }

    fn unsigned_request(&self) -> Request<()> {
        let mut request = Request::post("/a?x=1").body(()).unwrap();
        let source = (HeaderName::from_static("source"), self.sources.1.clone());
        for (name, value) in self.further.iter().cloned().chain([source]) {
            if let Some(value) = value {
                request.headers_mut().insert(name, value);
            }
        }
        request
    }

    fn signed_request(&self) -> Request<()> {
        let mut request = self.unsigned_request();
        self.signer()
            .sign_request(&mut request, self.now())
            .unwrap();
        request
    }

    /// The names and values that should be signed, computed from the case alone, except for the
    /// date's text.
    fn lines(&self, signed: &Request<()>) -> Vec<(String, Vec<u8>)> {
        let (supplied, own) = &self.sources;
        let date = self.date_header.name();
        let source = ("source", own.as_ref().or(supplied.as_ref()));
        let further = self.further.iter();
        let further = further.map(|(name, value)| (name.as_str(), value.as_ref()));
        [(date.as_str(), signed.headers().get(date)), source]
            .into_iter()
            .chain(further)
            .filter_map(|(name, value)| {
                Some((name.to_owned(), value?.as_bytes().trim_ascii().to_vec()))
            })
            .collect()
    }

    fn accepted(&self, request: &Request<()>) -> Accepted {
        self.server().check(request, self.now()).unwrap()
    }
}

fn borrowed(lines: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    let lines = lines.iter();
    lines.map(|(name, value)| (&**name, &**value)).collect()
}

fn authorization(request: &Request<()>) -> Vec<u8> {
    request.headers()[header::AUTHORIZATION].as_bytes().to_vec()
}

fn with_header(request: &Request<()>, name: &str, value: &[u8]) -> Request<()> {
    with_value(request, name, value).unwrap()
}

/// The request with this value of a header, if it is one.
fn with_value<B: Clone>(request: &Request<B>, name: &str, value: &[u8]) -> Option<Request<B>> {
    let mut request = request.clone();
    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
    let value = HeaderValue::from_bytes(value).ok()?;
    request.headers_mut().insert(name, value);
    Some(request)
}

/// The request with this target, if it is one with a path.
fn with_target<B: Clone>(request: &Request<B>, target: &str) -> Option<Request<B>> {
    let mut request = request.clone();
    *request.uri_mut() = target.parse::<Uri>().ok()?;
    request.uri().path().starts_with('/').then_some(request)
}

fn with_authorization(request: &Request<()>, value: &[u8]) -> Request<()> {
    with_header(request, header::AUTHORIZATION.as_str(), value)
}

/// Another byte that a header's value can have.
fn another(byte: u8, choice: usize) -> u8 {
    let others = || legal_bytes().filter(|other| *other != byte);
    others().nth(choice % others().count()).unwrap()
}

/// The request without the header, which must have been there.
fn without(request: &Request<()>, name: &str) -> (Request<()>, HeaderValue) {
    let mut request = request.clone();
    let value = request.headers_mut().remove(name).unwrap();
    (request, value)
}

/// The request with another list of names in its `Authorization`.
fn with_list(request: &Request<()>, list: &[&str]) -> Request<()> {
    let text = String::from_utf8(authorization(request)).unwrap();
    let (before, after) = text.split_once(r#"headers=""#).unwrap();
    let (_, after) = after.split_once('"').unwrap();
    let list = list.join(" ");
    let text = format!(r#"{before}headers="{list}"{after}"#);
    with_authorization(request, text.as_bytes())
}

#[track_caller]
fn assert_refused(checked: &Result<Accepted, Rejection>) {
    assert!(checked.is_err(), "accepted: {checked:?}");
}

/// Nothing but another spelling of the same may pass.
#[track_caller]
fn assert_refused_or_same(checked: &Result<Accepted, Rejection>, original: &Accepted) {
    if let Ok(accepted) = checked {
        assert_eq!(accepted.meaning(), original.meaning());
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
