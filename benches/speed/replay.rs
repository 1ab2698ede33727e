//! Measures a claim in `MemoryReplayGuard` with ten million live ones, and a signature with a
//! nonce.

use std::{
    cell::Cell,
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    sync::Barrier,
    thread,
    time::{Duration, Instant, SystemTime},
};

use criterion::Bencher;
use tower_hmac_auth::verify::{Claim, ClaimOutcome, MemoryReplayGuard, ReplayGuard as _};

use crate::{keys, run::Run};

const SKEW: Duration = Duration::from_secs(900);

const FLOOR: &str = "hash and insert into a HashSet, 10,000,000 live";

/// Returns the nonce of this number: 22 characters, as signers send them.
fn nonce(number: u64) -> [u8; 22] {
    let mut digits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut nonce = [b'A'; 22];
    for byte in nonce.iter_mut().take(16) {
        *byte = b'a' + u8::try_from(digits & 15).unwrap();
        digits = digits.rotate_right(4);
    }
    nonce
}

fn claim(guard: &MemoryReplayGuard, key_id: &str, number: u64, now: SystemTime) {
    let nonce = nonce(number);
    let claim = Claim::new(key_id, &nonce, now, SKEW, now);
    assert_eq!(guard.claim(&claim), ClaimOutcome::New);
}

/// A random nonce and its header: what it adds to a signature that covers such a header anyway.
#[cfg(feature = "nonce")]
fn nonces(run: &mut Run) {
    use http::HeaderValue;
    use tower_hmac_auth::{Signer, scheme::X_NONCE};

    const FLOOR: &str = "tencent hmac-sha1 afresh, x-nonce given";

    let shape = crate::requests::usual();
    let given = HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAA");
    let make = || {
        let mut request = shape.make();
        request.headers_mut().insert(X_NONCE, given.clone());
        request
    };
    let builder = || Signer::builder(keys::signing());
    let signers = [
        builder().signed_headers([X_NONCE]).build().unwrap(),
        builder().nonce(X_NONCE).build().unwrap(),
    ];
    let now = crate::clocks::a_second_each();
    let mut group = run.group("nonce");
    let [floor, case] = signers.map(|signer| {
        let now = now.clone();
        move |bencher: &mut Bencher<'_>| {
            bencher.iter_batched_ref(
                make,
                |request| signer.sign_request(request, now()),
                crate::floors::BATCH,
            );
        }
    });
    group.floor(FLOOR, floor);
    group.case("tencent hmac-sha1 afresh, x-nonce drawn", FLOOR, None, case);
}

pub(crate) fn run(run: &mut Run) {
    #[cfg(feature = "nonce")]
    nonces(run);
    let live = u64::try_from(run.keys(10_000_000)).unwrap();
    let now = SystemTime::now();
    let key_id = keys::id(1);
    let mut group = run.group("replay");

    let hasher = RandomState::new();
    let hash = |number| {
        let hash = hasher.hash_one((&key_id, nonce(number)));
        (hash, hash.rotate_left(32))
    };
    let mut set: HashSet<_> = (0..live).map(hash).collect();
    let mut next = live;
    group.floor(FLOOR, |bencher| {
        bencher.iter(|| {
            assert!(set.insert(hash(next)));
            next += 1;
            // As many as there were: time makes room in a guard.
            assert!(set.remove(&hash(next - live)));
        });
    });
    drop(set);

    let builder = MemoryReplayGuard::builder().capacity(1 << 26);
    let guard = builder.assume_no_earlier_claims(true).build();
    for number in 0..live {
        claim(&guard, &key_id, number, now);
    }
    let next = Cell::new(live);
    let number = |count| {
        next.set(next.get() + count);
        next.get() - count
    };
    group.case("claim, 10,000,000 live", FLOOR, None, |bencher| {
        bencher.iter(|| claim(&guard, &key_id, number(1), now));
    });
    let bytes = guard.allocated_bytes() / guard.len();
    println!("bytes for each claim: {bytes}");
    group.case(
        "claim on 2 threads, for each claim",
        FLOOR,
        None,
        |bencher| {
            on_two_threads(bencher, &guard, &key_id, number, now);
        },
    );
}

/// Measures the time for each claim of two threads together: half of one thread's if neither
/// waits for the other.
fn on_two_threads(
    bencher: &mut Bencher<'_>,
    guard: &MemoryReplayGuard,
    key_id: &str,
    number: impl Fn(u64) -> u64,
    now: SystemTime,
) {
    bencher.iter_custom(|claims| {
        let half = claims.div_ceil(2);
        let first = number(2 * half);
        let ready = Barrier::new(3);
        thread::scope(|scope| {
            for thread in 0..2 {
                let (guard, ready) = (&guard, &ready);
                let from = first + thread * half;
                scope.spawn(move || {
                    ready.wait();
                    for number in from..from + half {
                        claim(guard, key_id, number, now);
                    }
                    ready.wait();
                });
            }
            ready.wait();
            let start = Instant::now();
            ready.wait();
            start.elapsed()
        })
    });
}
