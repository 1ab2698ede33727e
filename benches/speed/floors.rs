//! The floors: the least work that each case has to do. They are the denominators of all ratios.

use std::{hint::black_box, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use criterion::{BatchSize, Bencher};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use percent_encoding::percent_decode_str;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use tower_hmac_auth::{Algorithm, Signer};

use crate::{clocks, keys::SECRET, requests::Shape};

pub(crate) static X_DATE: HeaderName = HeaderName::from_static("x-date");
static SOURCE: HeaderName = HeaderName::from_static("source");

/// How many requests are made or reset between two readings of the clock that measures.
///
/// Few enough for all of them to stay in the L1 cache, and for their memory to come from the
/// allocator's thread-local cache, as it does in a server. The measurement adds about 7 ns to each
/// request, also to the floor of three inserts, but not to that of the MAC.
pub(crate) const ROUND: usize = 6;

/// Rounds of requests that are made and dropped outside of the measurement.
pub(crate) const BATCH: BatchSize = BatchSize::NumIterations(ROUND as u64);

/// The three header values of a signed request, as a cache holds them: slices of one allocation,
/// whose clones increment a reference count.
pub(crate) struct Inserts {
    date: HeaderValue,
    source: HeaderValue,
    authorization: HeaderValue,
}

impl Inserts {
    /// Makes values as long as those that this signer sets.
    pub(crate) fn like(signer: &Signer, date_name: &HeaderName) -> Self {
        let mut request = Request::new(());
        signer.sign_request(&mut request, clocks::friday()).unwrap();
        let names = [date_name, &SOURCE, &header::AUTHORIZATION];
        let bytes = names.map(|name| request.headers()[name].as_bytes());
        let mut buffer = Bytes::from(bytes.concat());
        let [date, source, authorization] = bytes
            .map(|value| HeaderValue::from_maybe_shared(buffer.split_to(value.len())).unwrap());
        Self {
            date,
            source,
            authorization,
        }
    }

    /// Reads the clock and inserts the three values.
    #[inline]
    pub(crate) fn set(&self, date_name: &'static HeaderName, headers: &mut HeaderMap) {
        black_box(SystemTime::now());
        headers.insert(date_name, self.date.clone());
        headers.insert(&SOURCE, self.source.clone());
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
    }

    /// Measures the floor of requests that are signed from the cache.
    ///
    /// As in the cases, none of the three names is in the map before: a request with its own source
    /// would not be signed from the cache.
    pub(crate) fn measure(
        &self,
        bencher: &mut Bencher<'_>,
        date_name: &'static HeaderName,
        shape: &Shape,
    ) {
        let set = |request: &mut Request<()>| self.set(date_name, request.headers_mut());
        bencher.iter_batched_ref(|| shape.make(), set, BATCH);
    }
}

/// Removes the headers that signing has set. The map keeps its capacity.
pub(crate) fn reset(request: &mut Request<()>) {
    for name in [&X_DATE, &SOURCE, &header::AUTHORIZATION] {
        assert!(request.headers_mut().remove(name).is_some());
    }
}

/// A keyed MAC and the bytes that are signed.
pub(crate) struct Floor {
    mac: Keyed,
    bytes: Vec<u8>,
}

enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl Floor {
    /// Returns the MAC that this signer, whose secret key is [`SECRET`], computes for this request.
    /// It is checked against the signature that the signer sends.
    pub(crate) fn of(signer: &Signer, request: &Request<()>) -> Self {
        let secret = SECRET.as_bytes();
        let mac = match signer.algorithm() {
            Algorithm::HmacSha1 => Keyed::Sha1(keyed(secret)),
            Algorithm::HmacSha256 => Keyed::Sha256(keyed(secret)),
            Algorithm::HmacSha384 => Keyed::Sha384(keyed(secret)),
            Algorithm::HmacSha512 => Keyed::Sha512(keyed(secret)),
            other => panic!("no floor for {other}"),
        };
        let now = clocks::friday();
        let string = signer.signing_string(request, now).unwrap();
        let floor = Self {
            mac,
            bytes: string.as_bytes().to_vec(),
        };
        let mut request = request.clone();
        signer.sign_request(&mut request, now).unwrap();
        let sent = credentials(&request);
        let computed = format!("\"{}\"", STANDARD.encode(floor.tag()));
        assert!(sent.contains(&computed), "{sent} {computed}");
        floor
    }

    fn tag(&self) -> Vec<u8> {
        match &self.mac {
            Keyed::Sha1(mac) => tag(mac, &self.bytes).to_vec(),
            Keyed::Sha256(mac) => tag(mac, &self.bytes).to_vec(),
            Keyed::Sha384(mac) => tag(mac, &self.bytes).to_vec(),
            Keyed::Sha512(mac) => tag(mac, &self.bytes).to_vec(),
        }
    }

    pub(crate) fn measure(&self, bencher: &mut Bencher<'_>) {
        let bytes = self.bytes.as_slice();
        match &self.mac {
            Keyed::Sha1(mac) => bencher.iter(|| tag(black_box(mac), black_box(bytes))),
            Keyed::Sha256(mac) => bencher.iter(|| tag(black_box(mac), black_box(bytes))),
            Keyed::Sha384(mac) => bencher.iter(|| tag(black_box(mac), black_box(bytes))),
            Keyed::Sha512(mac) => bencher.iter(|| tag(black_box(mac), black_box(bytes))),
        }
    }
}

/// Returns the text of a signed request's credentials: `Authorization`, or what is in the target's
/// query instead.
fn credentials(request: &Request<()>) -> String {
    if let Some(authorization) = request.headers().get(header::AUTHORIZATION) {
        return authorization.to_str().unwrap().to_owned();
    }
    let mut parameters = request.uri().query().unwrap().split('&');
    let encoded = parameters.find_map(|pair| pair.strip_prefix("authorization="));
    let base64: Vec<u8> = percent_decode_str(encoded.unwrap()).collect();
    String::from_utf8(STANDARD.decode(base64).unwrap()).unwrap()
}

fn keyed<M: Mac + KeyInit>(secret: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(secret).unwrap()
}

#[inline]
fn tag<M: Mac + Clone>(keyed: &M, bytes: &[u8]) -> digest::Output<M> {
    let mut mac = keyed.clone();
    mac.update(bytes);
    mac.finalize().into_bytes()
}
