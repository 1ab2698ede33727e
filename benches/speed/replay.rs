//! Measures a claim in `MemoryReplayGuard` with ten million live ones, and a signature with a
//! nonce.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, RandomState},
    ops::Range,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
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

/// Claims of one key id, made at such times that the same number of them is always live.
struct Claims {
    guard: MemoryReplayGuard,
    key_id: String,
    start: SystemTime,
    live: u64,
    /// The number of the next claim.
    next: AtomicU64,
}

impl Claims {
    /// Makes a guard and as many claims as are to be live.
    fn new(live: u64) -> Self {
        let builder = MemoryReplayGuard::builder().capacity(1 << 26);
        let claims = Self {
            guard: builder.assume_no_earlier_claims(true).build(),
            key_id: keys::id(1),
            start: SystemTime::now(),
            live,
            next: AtomicU64::new(0),
        };
        assert!(claims.numbers(live).all(|number| claims.claim(number)));
        claims
    }

    /// Returns the next numbers, as many as this.
    fn numbers(&self, count: u64) -> Range<u64> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        first..first + count
    }

    /// Makes the claim of this number. Returns whether nobody made it before.
    fn claim(&self, number: u64) -> bool {
        let (nonce, now) = (nonce(number), self.time(number));
        let claim = Claim::new(&self.key_id, &nonce, now, SKEW, now);
        self.guard.claim(&claim) == ClaimOutcome::New
    }

    /// Returns the time at which the claim of this number is made: a claim is over when as many as
    /// are to be live were made after it.
    fn time(&self, number: u64) -> SystemTime {
        self.start + Duration::from_secs(SKEW.as_secs() * number / self.live)
    }
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

    let claims = Claims::new(live);
    group.case("claim, 10,000,000 live", FLOOR, None, |bencher| {
        bencher.iter(|| {
            let mut numbers = claims.numbers(1);
            assert!(numbers.all(|number| claims.claim(number)));
        });
    });
    let bytes = claims.guard.allocated_bytes() / claims.guard.len();
    println!("bytes for each claim: {bytes}");
    let case = "claim on 2 threads, for each claim";
    group.case(case, FLOOR, None, |bencher| {
        on_two_threads(bencher, &claims);
    });
}

/// Measures the time for each claim of two threads together: half of one thread's if neither
/// waits for the other.
fn on_two_threads(bencher: &mut Bencher<'_>, claims: &Claims) {
    bencher.iter_custom(|count| {
        let half = count.div_ceil(2);
        let numbers = claims.numbers(2 * half);
        let ready = Barrier::new(3);
        thread::scope(|scope| {
            let threads = [0, 1].map(|thread| {
                // Every other number each, so that their times stay close together.
                let numbers = numbers.clone().skip(thread).step_by(2);
                let ready = &ready;
                scope.spawn(move || {
                    ready.wait();
                    let are_new = numbers.fold(true, |all, number| all & claims.claim(number));
                    ready.wait();
                    are_new
                })
            });
            ready.wait();
            let start = Instant::now();
            ready.wait();
            let took = start.elapsed();
            for thread in threads {
                assert!(thread.join().unwrap(), "a claim was not new");
            }
            took
        })
    });
}
