//! What nothing can be faster than: the denominators of all ratios.

use std::{hint::black_box, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use criterion::{BatchSize, Bencher};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use tower_hmac_auth::{Algorithm, Signer};

use crate::{clocks, keys::SECRET, requests::Shape};

pub(crate) static X_DATE: HeaderName = HeaderName::from_static("x-date");
static SOURCE: HeaderName = HeaderName::from_static("source");

/// How many requests are made, or reset, between two readings of the stopwatch: few enough for all of them to stay in the
/// first cache, as one request that is used again and again does, and for their memory to stay in what the allocator keeps
/// for the thread, as that of requests does that come and go. The stopwatch adds some 7 ns to each, also to the floor of
/// three inserts, but not to that of the MAC.
pub(crate) const ROUND: usize = 6;

/// A round of requests, made and dropped outside of what is measured.
pub(crate) const BATCH: BatchSize = BatchSize::NumIterations(ROUND as u64);

/// The three values that sign a request, as a cache holds them: slices of one allocation, which are cloned by
/// counting a reference.
pub(crate) struct Inserts {
    date: HeaderValue,
    source: HeaderValue,
    authorization: HeaderValue,
}

impl Inserts {
    /// Values as long as those that this signer sets.
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

    /// Reads the clock and sets the three.
    #[inline]
    pub(crate) fn set(&self, date_name: &'static HeaderName, headers: &mut HeaderMap) {
        black_box(SystemTime::now());
        headers.insert(date_name, self.date.clone());
        headers.insert(&SOURCE, self.source.clone());
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
    }

    /// The floor of what is signed from the cache. None of the three names is in the map before, in the floor as in the case:
    /// a request that has a source of its own would be signed afresh.
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

/// Takes off what signing has set, the map's room stays.
pub(crate) fn reset(request: &mut Request<()>) {
    for name in [&X_DATE, &SOURCE, &header::AUTHORIZATION] {
        assert!(request.headers_mut().remove(name).is_some());
    }
}

/// A MAC that has its key, and the bytes that are signed.
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
    /// What this signer, whose secret is [`SECRET`], computes for this request; checked against what it sends.
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
        let sent = request.headers()[header::AUTHORIZATION].to_str().unwrap();
        let computed = format!("signature=\"{}\"", STANDARD.encode(floor.tag()));
        assert!(sent.ends_with(&computed), "{sent} {computed}");
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

fn keyed<M: Mac + KeyInit>(secret: &[u8]) -> M {
    <M as KeyInit>::new_from_slice(secret).unwrap()
}

#[inline]
fn tag<M: Mac + Clone>(keyed: &M, bytes: &[u8]) -> digest::Output<M> {
    let mut mac = keyed.clone();
    mac.update(bytes);
    mac.finalize().into_bytes()
}
