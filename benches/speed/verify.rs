//! Measures `Verifier::read`, a lookup in `StaticKeys` and `Verifier::verify`, without a service.

use std::{
    hint::black_box,
    time::{Duration, SystemTime},
};

use criterion::Bencher;
use http::{HeaderValue, Request, header};
use tower_hmac_auth::{
    KeyPair, Rejection, RequestHead, StaticKeys, VerifiedKey, Verifier, error::CredentialsError,
    scheme::DateHeader, verify::KeyStore as _,
};

use crate::{
    floors::{BATCH, Floor},
    keys, requests,
    run::{Group, Run},
};

/// How many keys take turns where each request has another key: more than fit into the L2 cache.
const DIFFERENT: usize = 4_096;

const FLOOR: &str = "mac of tencent hmac-sha1";

pub(crate) fn run(run: &mut Run, million: &StaticKeys) {
    let thousand = keys::store(1_000);
    let mut group = run.group("verify");
    let mac = floor();
    group.floor(FLOOR, |bencher| mac.measure(bencher));
    each_store(&mut group, "1 key", &keys::store(1));
    each_store(&mut group, "1,000 keys", &thousand);
    each_store(&mut group, "1,000,000 keys", million);
    different_keys(&mut group, million);
    refused_early(&mut group, &thousand);
}

/// Returns the floor for `x-date source`, which all requests here and in
/// [`service`](crate::service) sign.
pub(crate) fn floor() -> Floor {
    let signer = keys::tencent(keys::signing(), DateHeader::XDate);
    Floor::of(&signer, &requests::usual().make())
}

/// Returns a request as a server gets it, signed with these keys at this time.
pub(crate) fn signed(keys: KeyPair, now: SystemTime) -> Request<()> {
    let request = keys::signed(keys, requests::usual().make(), now);
    requests::received(&request)
}

/// A request that is refused before the key is looked up, and the reason.
pub(crate) struct Refused {
    pub(crate) name: &'static str,
    pub(crate) request: Request<()>,
    pub(crate) is_reason: fn(&Rejection) -> bool,
}

pub(crate) fn refused_requests(now: SystemTime) -> [Refused; 3] {
    let unsigned = requests::received(&requests::usual().make());
    let mut bearer = requests::usual().make();
    let token = HeaderValue::from_static("Bearer 0123456789abcdef0123456789abcdef");
    bearer.headers_mut().insert(header::AUTHORIZATION, token);
    let bearer = requests::received(&bearer);
    let yesterday = now - Duration::from_secs(86_400);
    let stale = signed(keys::pair(0), yesterday);
    [
        Refused {
            name: "no authorization",
            request: unsigned,
            is_reason: |why| *why == Rejection::AuthorizationMissing,
        },
        Refused {
            name: "another scheme",
            request: bearer,
            is_reason: |why| {
                let other = CredentialsError::OtherScheme { expected: "hmac" };
                *why == Rejection::AuthorizationMalformed(other)
            },
        },
        Refused {
            name: "stale x-date",
            request: stale,
            is_reason: |why| matches!(why, Rejection::DateOutOfRange { .. }),
        },
    ]
}

/// Returns the requests of many keys of a store, in turn. Each has been accepted once before, as
/// the first use of a key computes its MAC state.
pub(crate) fn of_different_keys(
    store: &StaticKeys,
    now: SystemTime,
) -> impl FnMut() -> Request<()> + use<> {
    let step = (store.len() / DIFFERENT).max(1);
    let numbers = (0..store.len()).step_by(step).take(DIFFERENT);
    let requests: Vec<_> = numbers
        .map(|number| signed(keys::pair(number), now))
        .collect();
    let verifier = Verifier::new();
    for (position, request) in requests.iter().enumerate() {
        let verified = verify(&verifier, store, request, now).unwrap();
        assert_eq!(verified.key_id(), keys::id(position * step));
    }
    let mut next = (0..requests.len()).cycle();
    // A server has just read its request, so the request is in the processor's cache, other than
    // the key.
    move || requests::received(&requests[next.next().unwrap()])
}

fn each_store(group: &mut Group<'_>, name: &str, store: &StaticKeys) {
    let now = SystemTime::now();
    let known = store.len() / 2;
    let impostor = KeyPair::new(keys::id(known), keys::SECRET).unwrap();
    let accepted = signed(keys::pair(known), now);
    let wrong = signed(impostor, now);
    let unknown = signed(keys::signing(), now);
    let verifier = Verifier::new();
    let why = |request| verify(&verifier, store, request, now).err();
    assert_eq!(why(&accepted), None);
    assert_eq!(why(&wrong), Some(Rejection::SignatureMismatch));
    assert_eq!(why(&unknown), Some(Rejection::KeyUnknown));
    for (case, request) in [
        ("accepted", accepted),
        ("wrong signature", wrong),
        ("unknown key", unknown),
    ] {
        group.case(&format!("{case}, {name}"), FLOOR, None, |bencher| {
            measure(bencher, store, &request, now);
        });
    }
}

fn different_keys(group: &mut Group<'_>, store: &StaticKeys) {
    let now = SystemTime::now();
    let verifier = Verifier::new();
    let mut next = of_different_keys(store, now);
    let case = "accepted, another of 1,000,000 keys each time";
    group.case(case, FLOOR, None, |bencher| {
        let accept = |request: &mut _| verify(&verifier, store, request, now).is_ok();
        bencher.iter_batched_ref(&mut next, accept, BATCH);
    });
}

fn refused_early(group: &mut Group<'_>, store: &StaticKeys) {
    let now = SystemTime::now();
    for Refused {
        name,
        request,
        is_reason,
    } in refused_requests(now)
    {
        let why = verify(&Verifier::new(), store, &request, now).unwrap_err();
        assert!(is_reason(&why), "{name}: {why}");
        let case = format!("refused, {name}");
        group.case(&case, FLOOR, Some(0.5), |bencher| {
            measure(bencher, store, &request, now);
        });
    }
}

fn measure(bencher: &mut Bencher<'_>, store: &StaticKeys, request: &Request<()>, now: SystemTime) {
    let verifier = Verifier::new();
    bencher.iter(|| verify(&verifier, store, black_box(request), black_box(now)));
}

fn verify(
    verifier: &Verifier,
    store: &StaticKeys,
    request: &Request<()>,
    now: SystemTime,
) -> Result<VerifiedKey, Rejection> {
    let head = RequestHead::from(request);
    let credentials = verifier.read(head, now)?;
    let lookup = store.lookup(credentials.key_id(), head);
    verifier.verify(credentials, lookup)
}
