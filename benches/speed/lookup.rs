//! Measures a lookup in `CachedKeys` that is answered from the cache.

use std::{
    collections::HashMap,
    hint::black_box,
    pin::pin,
    sync::{Arc, RwLock},
    task::{Context, Poll, Waker},
    time::SystemTime,
};

use criterion::Bencher;
use http::Request;
use tower_hmac_auth::{
    RequestHead,
    verify::{AsyncKeyStore as _, CachedKeys, KeyAccess, KeyLookup, VerifyingKey},
};

use crate::{keys, run::Run};

const FLOOR: &str = "the clock and a map behind a lock";

pub(crate) fn run(run: &mut Run) {
    const KEYS: usize = 1_000;
    let mut group = run.group("lookup");
    let map = (0..KEYS).map(|number| (keys::id(number), key(number)));
    let map = RwLock::new(map.collect::<HashMap<_, _>>());
    let id = keys::id(KEYS / 2);
    group.floor(FLOOR, |bencher| {
        bencher.iter(|| {
            black_box(SystemTime::now());
            map.read().unwrap().get(black_box(&id)).cloned()
        });
    });

    let cached = CachedKeys::new(|key_id: String| async move {
        match (0..KEYS).find(|number| keys::id(*number) == key_id) {
            Some(number) => KeyLookup::Key(key(number), KeyAccess::Bound),
            None => KeyLookup::Unknown,
        }
    });
    let request = Request::new(());
    let head = RequestHead::from(&request);
    let unknown = keys::id(KEYS);
    for number in 0..KEYS {
        assert!(matches!(
            look_up(&cached, &keys::id(number), head),
            KeyLookup::Key(..)
        ));
    }
    assert!(matches!(
        look_up(&cached, &unknown, head),
        KeyLookup::Unknown
    ));
    let measure = |bencher: &mut Bencher<'_>, id: &str| {
        bencher.iter(|| look_up(&cached, black_box(id), head));
    };
    let case = "a cached key, 1,000 keys";
    group.case(case, FLOOR, Some(2.0), |bencher| measure(bencher, &id));
    let case = "a cached unknown id, 1,000 keys";
    group.case(case, FLOOR, Some(2.0), |bencher| measure(bencher, &unknown));
}

fn key(number: usize) -> Arc<VerifyingKey> {
    Arc::new(VerifyingKey::from(&keys::pair(number)))
}

fn look_up(
    cached: &CachedKeys,
    key_id: &str,
    head: RequestHead<'_>,
) -> KeyLookup<Arc<VerifyingKey>> {
    let lookup = pin!(cached.lookup(key_id, head));
    match lookup.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(found) => found,
        Poll::Pending => panic!("the source answers at once"),
    }
}
