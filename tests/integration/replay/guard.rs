//! The guard in memory.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use tower_hmac_auth::{
    clock::ManualClock,
    verify::{Claim, ClaimOutcome, MemoryReplayGuard, MemoryReplayGuardBuilder, ReplayGuard},
};

use crate::common::{FRIDAY, at};

const SKEW: i64 = 300;

/// A claim of a request that is dated `signed_at` and verified at `now`.
fn claim<'a>(key_id: &'a str, nonce: &'a [u8], signed_at: i64, now: i64) -> Claim<'a> {
    let skew = Duration::from_secs(SKEW.unsigned_abs());
    Claim::new(key_id, nonce, at(signed_at), skew, at(now))
}

fn builder() -> MemoryReplayGuardBuilder<ManualClock> {
    let clock = ManualClock::at(at(FRIDAY));
    let builder = MemoryReplayGuard::builder().clock(clock);
    builder.assume_no_earlier_claims(true)
}

/// Claims nonces that are numbers, dated when they are claimed, and counts the outcomes.
fn claim_all(guard: &MemoryReplayGuard, key_id: &str, from: u64, to: u64, now: i64) -> [usize; 3] {
    let mut counts = [0; 3];
    for nonce in from..to {
        match guard.claim(&claim(key_id, &nonce.to_be_bytes(), now, now)) {
            ClaimOutcome::New => counts[0] += 1,
            ClaimOutcome::Seen => counts[1] += 1,
            ClaimOutcome::Full => counts[2] += 1,
            other => panic!("{other:?}"),
        }
    }
    counts
}

#[test]
fn a_claim_is_new_once_for_each_key_id_and_nonce() {
    let guard = builder().build();
    let claim = |key_id, nonce: &'static [u8]| guard.claim(&claim(key_id, nonce, FRIDAY, FRIDAY));
    assert_eq!(claim("a", b"one"), ClaimOutcome::New);
    assert_eq!(claim("a", b"one"), ClaimOutcome::Seen);
    assert_eq!(claim("b", b"one"), ClaimOutcome::New);
    assert_eq!(claim("a", b"two"), ClaimOutcome::New);
    assert_eq!(claim("ao", b"ne"), ClaimOutcome::New);
    assert_eq!(guard.len(), 4);
}

/// A client that uses a nonce twice has signed the second request itself, with another date.
#[test]
fn a_nonce_is_refused_with_another_date_too() {
    let guard = builder().build();
    let nonce = b"one";
    assert_eq!(
        guard.claim(&claim("a", nonce, FRIDAY, FRIDAY)),
        ClaimOutcome::New
    );
    let later = guard.claim(&claim("a", nonce, FRIDAY + 200, FRIDAY + 200));
    assert_eq!(later, ClaimOutcome::Seen);
}

#[test]
fn a_claim_is_kept_as_long_as_its_request_could_be_accepted() {
    let guard = builder().build();
    let at_the_time = |now| guard.claim(&claim("a", b"one", FRIDAY + SKEW, now));
    assert_eq!(at_the_time(FRIDAY), ClaimOutcome::New);
    for now in [FRIDAY, FRIDAY + SKEW, FRIDAY + 2 * SKEW] {
        assert_eq!(at_the_time(now), ClaimOutcome::Seen);
    }
}

/// What the verifier refuses for its age, the guard has no memory of.
#[test]
fn a_claim_that_is_over_is_refused_and_not_made_again() {
    let guard = builder().build();
    let over = FRIDAY + SKEW + 1;
    assert_eq!(
        guard.claim(&claim("a", b"one", FRIDAY, FRIDAY)),
        ClaimOutcome::New
    );
    assert_eq!(
        guard.claim(&claim("a", b"one", FRIDAY, over)),
        ClaimOutcome::Lost
    );
    // The clock was set back after that.
    assert_eq!(
        guard.claim(&claim("a", b"one", FRIDAY, FRIDAY)),
        ClaimOutcome::Lost
    );
    assert_eq!(
        guard.claim(&claim("a", b"two", over, over)),
        ClaimOutcome::New
    );
}

/// The date of a copy is checked in time, and its body takes until the claim is over.
#[test]
fn a_copy_that_waited_until_the_claim_is_over_is_never_new() {
    let copy = || claim("a", b"one", FRIDAY, FRIDAY + SKEW);
    let guard = builder().build();
    assert_eq!(
        guard.claim(&claim("a", b"one", FRIDAY, FRIDAY)),
        ClaimOutcome::New
    );
    // Without another claim in between, the guard drops nothing.
    assert_eq!(guard.claim(&copy()), ClaimOutcome::Seen);
    for (now, expected) in [
        (FRIDAY + SKEW, ClaimOutcome::Seen),
        (FRIDAY + SKEW + 1, ClaimOutcome::Lost),
        (FRIDAY + 2 * SKEW, ClaimOutcome::Lost),
    ] {
        // One shard, so these claims meet.
        let guard = builder().capacity(4096).build();
        let first = guard.claim(&claim("a", b"one", FRIDAY, FRIDAY));
        assert_eq!(first, ClaimOutcome::New);
        for nonce in 0..1000_u64 {
            guard.claim(&claim("b", &nonce.to_be_bytes(), now, now));
        }
        assert_eq!(guard.claim(&copy()), expected, "{now}");
    }
}

#[test]
fn after_a_start_nothing_is_accepted_that_could_have_been_accepted_before() {
    let clock = ManualClock::at(at(FRIDAY));
    let guard = MemoryReplayGuard::builder().clock(clock).build();
    let dated = |date, now| guard.claim(&claim("a", b"one", date, now));
    assert_eq!(dated(FRIDAY - SKEW, FRIDAY), ClaimOutcome::Lost);
    assert_eq!(dated(FRIDAY, FRIDAY), ClaimOutcome::Lost);
    assert_eq!(dated(FRIDAY + SKEW, FRIDAY + SKEW), ClaimOutcome::Lost);
    assert_eq!(guard.len(), 0);
    let date = FRIDAY + SKEW + 1;
    assert_eq!(dated(date, date), ClaimOutcome::New);
    assert_eq!(dated(date, date), ClaimOutcome::Seen);
}

#[test]
fn a_full_guard_refuses_and_forgets_nothing_until_claims_are_over() {
    let guard = builder().capacity(1000).capacity_per_key(1000).build();
    assert_eq!(claim_all(&guard, "a", 0, 1000, FRIDAY), [1000, 0, 0]);
    assert_eq!(claim_all(&guard, "a", 1000, 3000, FRIDAY + 1), [0, 0, 2000]);
    assert_eq!(claim_all(&guard, "a", 0, 1000, FRIDAY + 1), [0, 1000, 0]);
    let over = FRIDAY + SKEW + 1;
    assert_eq!(claim_all(&guard, "a", 0, 1000, over), [1000, 0, 0]);
}

#[test]
fn a_key_id_that_has_used_up_its_room_leaves_the_others_theirs() {
    let guard = builder().capacity(1000).capacity_per_key(400).build();
    assert_eq!(claim_all(&guard, "a", 0, 700, FRIDAY), [400, 0, 300]);
    assert_eq!(claim_all(&guard, "b", 0, 300, FRIDAY), [300, 0, 0]);
    let over = FRIDAY + SKEW + 1;
    assert_eq!(claim_all(&guard, "a", 700, 1000, over), [300, 0, 0]);
}

#[test]
fn a_guard_of_many_shards_takes_nearly_all_it_has_room_for_and_no_more() {
    let guard = builder()
        .capacity(200_000)
        .capacity_per_key(100_000)
        .build();
    let [new, seen, _] = claim_all(&guard, "a", 0, 150_000, FRIDAY);
    assert!((100_000..112_000).contains(&new) && seen == 0, "{new}");
    let [new, seen, _] = claim_all(&guard, "b", 0, 150_000, FRIDAY);
    assert!((80_000..100_000).contains(&new) && seen == 0, "{new}");
    assert!(guard.len() <= 200_000 + 48);
}

#[test]
fn memory_stays_flat_over_ten_windows() {
    let guard = builder().capacity(1 << 20).build();
    let mut nonce = 0;
    let mut after_first = 0;
    for window in 0..10 {
        // A window's claims come in over a whole window.
        for step in 0..30 {
            let now = FRIDAY + window * (SKEW + 1) + step * 10;
            assert_eq!(
                claim_all(&guard, "a", nonce, nonce + 2000, now),
                [2000, 0, 0]
            );
            nonce += 2000;
        }
        if window == 1 {
            after_first = guard.allocated_bytes();
        }
    }
    assert!(
        guard.allocated_bytes() <= after_first * 2,
        "{after_first} {}",
        guard.allocated_bytes()
    );
    assert!(after_first <= 60_000 * 2 * 96, "{after_first}");
}

#[test]
fn a_claim_takes_at_most_96_bytes() {
    let guard = builder().capacity(1 << 22).build();
    for (claims, from) in [(100_000, 0), (500_000, 100_000), (1_000_000, 500_000)] {
        claim_all(&guard, "a", from, claims, FRIDAY);
        let bytes = guard.allocated_bytes() / guard.len();
        assert!((16..=96).contains(&bytes), "{claims}: {bytes}");
    }
}

#[test]
fn of_ten_threads_that_claim_the_same_nonces_each_is_accepted_once() {
    const NONCES: u32 = 1_000_000;
    let guard = builder().build();
    let accepted: Vec<_> = (0..NONCES).map(|_| AtomicU32::new(0)).collect();
    let ready = Barrier::new(10);
    thread::scope(|scope| {
        for thread in 0..10_u32 {
            let (guard, accepted, ready) = (&guard, &accepted, &ready);
            scope.spawn(move || {
                ready.wait();
                for step in 0..NONCES {
                    // Each thread in another order, so that all meet everywhere.
                    let nonce = match thread % 2 {
                        0 => step,
                        _ => NONCES - 1 - step,
                    };
                    let text = nonce.to_be_bytes();
                    match guard.claim(&claim("a", &text, FRIDAY, FRIDAY)) {
                        ClaimOutcome::New => {
                            let index = usize::try_from(nonce).unwrap();
                            accepted[index].fetch_add(1, Ordering::Relaxed);
                        }
                        ClaimOutcome::Seen => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    assert!(
        accepted
            .iter()
            .all(|count| count.load(Ordering::Relaxed) == 1)
    );
    assert_eq!(guard.len(), 1_000_000);
}

#[test]
fn debug_shows_no_nonce() {
    let guard = builder().build();
    let claim = claim("a", b"a-nonce", FRIDAY, FRIDAY);
    guard.claim(&claim);
    assert!(!format!("{guard:?}").contains("nonce"));
    // A claim is shown to whoever writes a guard; what is no text is escaped.
    assert!(format!("{claim:?}").contains("a-nonce"));
}
