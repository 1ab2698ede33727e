//! `CachedKeys`: what is answered from the cache and for how long, and when the source is asked.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    KeyPair, RequestHead, SecretKey, SignLayer, Signer, VerifiedKey, VerifyLayer,
    clock::{ManualClock, SystemClock},
    verify::{
        AsyncKeyStore, AsyncKeys, CachedKeys, CachedKeysBuilder, CachedLookup, KeyAccess,
        KeyLookup, KeySource, RefreshTask, VerifyingKey,
    },
};

use crate::common::{
    FRIDAY, KEY_ID, SECRET,
    asking::{Asked, Found},
    at, keys,
    loopback::{VERSIONS, client, serve},
    within,
};

type Key = Arc<VerifyingKey>;

fn key(secret: &str) -> Key {
    Arc::new(VerifyingKey::new(&SecretKey::new(secret).unwrap()))
}

/// A source that answers at once, and counts.
#[derive(Default)]
struct Database {
    keys: Mutex<HashMap<String, Key>>,
    is_down: AtomicBool,
    asked: Mutex<HashMap<String, usize>>,
}

impl Database {
    /// With [`KEY_ID`].
    fn new() -> (Arc<Self>, Key) {
        let database = Self::default();
        let key = database.set(KEY_ID);
        (Arc::new(database), key)
    }

    fn set(&self, id: &str) -> Key {
        let key = key(SECRET);
        let mut keys = self.keys.lock().unwrap();
        keys.insert(id.to_owned(), Arc::clone(&key));
        key
    }

    fn remove(&self, id: &str) {
        self.keys.lock().unwrap().remove(id);
    }

    fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    fn answer(&self, id: String) -> Found {
        let found = self.keys.lock().unwrap().get(&id).cloned();
        *self.asked.lock().unwrap().entry(id).or_default() += 1;
        if self.is_down.load(Ordering::SeqCst) {
            return KeyLookup::Unavailable;
        }
        found.into()
    }

    /// How often it was asked for this id.
    fn asked(&self, id: &str) -> usize {
        self.asked.lock().unwrap().get(id).copied().unwrap_or(0)
    }
}

fn source(database: &Arc<Database>) -> impl KeySource + Send + Sync + 'static {
    let database = Arc::clone(database);
    move |id| {
        let database = Arc::clone(&database);
        async move { database.answer(id) }
    }
}

/// A source that asks the test.
fn asking() -> (
    impl KeySource + Send + Sync + 'static,
    mpsc::UnboundedReceiver<Asked>,
) {
    let (ask, asked) = mpsc::unbounded_channel();
    let source = move |id| {
        let ask = ask.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            ask.send((id, answer)).unwrap();
            answered.await.unwrap_or(KeyLookup::Unavailable)
        }
    };
    (source, asked)
}

fn clock() -> ManualClock {
    ManualClock::at(at(FRIDAY))
}

fn builder(database: &Arc<Database>, clock: &ManualClock) -> CachedKeysBuilder<ManualClock> {
    CachedKeys::builder(source(database)).clock(clock.clone())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn look_up(keys: &impl AsyncKeyStore<Future = CachedLookup>, id: &str) -> CachedLookup {
    keys.lookup(id, RequestHead::from(&Request::new(())))
}

/// Looks up an id, which needs no waiting.
fn find(keys: &impl AsyncKeyStore<Future = CachedLookup>, id: &str) -> Found {
    assert_ready!(task::spawn(look_up(keys, id)).poll())
}

#[track_caller]
fn assert_found(found: &Found, expected: &Key) {
    match found {
        KeyLookup::Key(key, KeyAccess::Bound) => assert!(Arc::ptr_eq(key, expected)),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_unknown(found: &Found) {
    assert!(matches!(found, KeyLookup::Unknown), "{found:?}");
}

#[track_caller]
fn assert_unavailable(found: &Found) {
    assert!(matches!(found, KeyLookup::Unavailable), "{found:?}");
}

#[test]
fn a_key_is_used_until_its_time_to_live_is_over_then_fetched_again() {
    let ((database, old), clock) = (Database::new(), clock());
    let cached = builder(&database, &clock).time_to_live(seconds(60)).build();
    assert_found(&find(&cached, KEY_ID), &old);
    let new = database.set(KEY_ID);
    clock.advance(seconds(59));
    assert_found(&find(&cached, KEY_ID), &old);
    assert_eq!(database.asked(KEY_ID), 1);

    clock.advance(seconds(1));
    assert_found(&find(&cached, KEY_ID), &new);
    assert_found(&find(&cached, KEY_ID), &new);
    assert_eq!(database.asked(KEY_ID), 2);
    let stats = cached.stats();
    assert_eq!((stats.hits, stats.misses, stats.fetches), (2, 2, 2));
}

#[test]
fn the_access_of_a_key_is_cached_with_it() {
    let source = |_| async { KeyLookup::Key(key(SECRET), KeyAccess::NoUsagePlan) };
    let cached = CachedKeys::new(source);
    for _ in 0..2 {
        let found = find(&cached, KEY_ID);
        assert!(matches!(found, KeyLookup::Key(_, KeyAccess::NoUsagePlan)));
    }
    assert_eq!(cached.stats().hits, 1);
}

#[test]
fn an_unknown_id_is_not_asked_for_again_for_its_own_time_to_live() {
    let ((database, _), clock) = (Database::new(), clock());
    let cached = builder(&database, &clock).build();
    assert_unknown(&find(&cached, "AKIDnew"));
    let new = database.set("AKIDnew");
    clock.advance(seconds(9));
    assert_unknown(&find(&cached, "AKIDnew"));
    assert_eq!(database.asked("AKIDnew"), 1);

    clock.advance(seconds(1));
    assert_found(&find(&cached, "AKIDnew"), &new);
    assert_eq!(cached.stats().ids_without_key, 0);
}

#[test]
fn a_key_that_the_source_no_longer_knows_is_removed_even_if_stale_keys_are_used() {
    let ((database, key), clock) = (Database::new(), clock());
    let cached = builder(&database, &clock)
        .time_to_live(seconds(60))
        .stale_while_unavailable(seconds(3600))
        .build();
    assert_found(&find(&cached, KEY_ID), &key);
    database.remove(KEY_ID);
    clock.advance(seconds(60));
    assert_unknown(&find(&cached, KEY_ID));
    database.set_down(true);
    clock.advance(seconds(60));
    assert_unavailable(&find(&cached, KEY_ID));
    assert_eq!(cached.stats().keys, 0);
}

#[test]
fn a_time_to_live_of_zero_asks_each_time() {
    let (database, key) = Database::new();
    let cached = builder(&database, &clock())
        .time_to_live(Duration::ZERO)
        .negative_time_to_live(Duration::ZERO)
        .build();
    for round in 1..4 {
        assert_found(&find(&cached, KEY_ID), &key);
        assert_unknown(&find(&cached, "AKIDnobody"));
        assert_eq!(database.asked(KEY_ID), round);
        assert_eq!(database.asked("AKIDnobody"), round);
    }
}

/// Keeps the tasks for the test to run.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<Vec<RefreshTask>>>);

impl Tasks {
    fn spawner(&self) -> impl Fn(RefreshTask) + Send + Sync + 'static {
        let tasks = self.clone();
        move |task| tasks.0.lock().unwrap().push(task)
    }

    fn take(&self) -> Vec<RefreshTask> {
        self.0.lock().unwrap().drain(..).collect()
    }

    /// Runs the one task.
    #[track_caller]
    fn run(&self) {
        let [task] = <[_; 1]>::try_from(self.take()).unwrap();
        assert_ready!(task::spawn(task).poll());
    }
}

#[test]
fn an_old_key_is_refreshed_in_one_task_while_lookups_get_it_at_once() {
    let ((database, old), clock, tasks) = (Database::new(), clock(), Tasks::default());
    let cached = builder(&database, &clock)
        .time_to_live(seconds(60))
        .refresh_ahead(seconds(40), tasks.spawner())
        .build();
    assert_found(&find(&cached, KEY_ID), &old);
    let new = database.set(KEY_ID);
    clock.advance(seconds(39));
    assert_found(&find(&cached, KEY_ID), &old);
    assert!(tasks.take().is_empty());

    clock.advance(seconds(1));
    for _ in 0..3 {
        assert_found(&find(&cached, KEY_ID), &old);
    }
    assert_eq!(database.asked(KEY_ID), 1);
    tasks.run();
    assert_eq!(database.asked(KEY_ID), 2);

    // The age counts from the refresh.
    clock.advance(seconds(39));
    assert_found(&find(&cached, KEY_ID), &new);
    assert!(tasks.take().is_empty());
    assert_eq!(cached.stats().hits, 5);
    assert_eq!(cached.stats().misses, 1);
}

#[test]
fn a_refresh_that_finds_no_key_removes_it_and_one_without_answer_keeps_it_and_pauses() {
    let ((database, key), clock, tasks) = (Database::new(), clock(), Tasks::default());
    let cached = builder(&database, &clock)
        .time_to_live(seconds(60))
        .refresh_ahead(seconds(40), tasks.spawner())
        .build();
    assert_found(&find(&cached, KEY_ID), &key);
    clock.advance(seconds(40));
    database.set_down(true);
    assert_found(&find(&cached, KEY_ID), &key);
    tasks.run();
    assert_found(&find(&cached, KEY_ID), &key);
    assert!(tasks.take().is_empty());

    database.set_down(false);
    database.remove(KEY_ID);
    clock.advance(seconds(1));
    assert_found(&find(&cached, KEY_ID), &key);
    tasks.run();
    assert_unknown(&find(&cached, KEY_ID));
    assert_eq!(database.asked(KEY_ID), 3);
}

#[test]
fn a_refresh_that_is_dropped_is_started_by_the_next_lookup_and_a_lookup_joins_one_that_runs() {
    let (source, mut asked) = asking();
    let (clock, tasks) = (clock(), Tasks::default());
    let cached = CachedKeys::builder(source)
        .clock(clock.clone())
        .time_to_live(seconds(60))
        .refresh_ahead(seconds(40), tasks.spawner())
        .build();
    let mut first = task::spawn(look_up(&cached, KEY_ID));
    assert_pending!(first.poll());
    let old = key(SECRET);
    let answer = |key: &Key| KeyLookup::from(Some(Arc::clone(key)));
    asked.try_recv().unwrap().1.send(answer(&old)).unwrap();
    assert_found(&assert_ready!(first.poll()), &old);

    clock.advance(seconds(40));
    assert_found(&find(&cached, KEY_ID), &old);
    drop(tasks.take());
    assert_found(&find(&cached, KEY_ID), &old);
    let mut refresh = task::spawn(tasks.take().remove(0));
    assert_pending!(refresh.poll());

    clock.advance(seconds(20));
    let mut waiting = task::spawn(look_up(&cached, KEY_ID));
    assert_pending!(waiting.poll());
    let new = key(SECRET);
    asked.try_recv().unwrap().1.send(answer(&new)).unwrap();
    assert!(asked.try_recv().is_err());
    assert_ready!(refresh.poll());
    assert!(waiting.is_woken());
    assert_found(&assert_ready!(waiting.poll()), &new);
}

#[test]
fn lookups_of_an_id_at_the_same_time_share_a_fetch() {
    let (source, mut asked) = asking();
    let cached = CachedKeys::new(source);
    let lookups = (0..100).map(|_| task::spawn(look_up(&cached, KEY_ID)));
    let mut lookups: Vec<_> = lookups.collect();
    for lookup in &mut lookups {
        assert_pending!(lookup.poll());
    }
    // Another id does not wait for it.
    let mut other = task::spawn(look_up(&cached, "AKIDother"));
    assert_pending!(other.poll());

    let (id, answer) = asked.try_recv().unwrap();
    assert_eq!(id, KEY_ID);
    let (id, other_answer) = asked.try_recv().unwrap();
    assert_eq!(id, "AKIDother");
    assert!(asked.try_recv().is_err());
    other_answer.send(KeyLookup::Unknown).unwrap();
    assert_unknown(&assert_ready!(other.poll()));

    let key = key(SECRET);
    answer.send(KeyLookup::from(Some(key.clone()))).unwrap();
    for lookup in &mut lookups {
        assert!(lookup.is_woken());
        assert_found(&assert_ready!(lookup.poll()), &key);
        // It has completed, so it is not polled again; a poll does not panic all the same.
        assert_pending!(lookup.poll());
    }
    assert_eq!((cached.stats().misses, cached.stats().fetches), (101, 2));
}

#[test]
fn a_fetch_goes_on_without_the_lookup_that_started_it_and_ends_with_the_last_one() {
    let (source, mut asked) = asking();
    let cached = CachedKeys::builder(source).max_fetches(1).build();
    let mut first = task::spawn(look_up(&cached, KEY_ID));
    let mut second = task::spawn(look_up(&cached, KEY_ID));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    drop(first);
    let (_, answer) = asked.try_recv().unwrap();
    let key = key(SECRET);
    answer.send(KeyLookup::from(Some(key.clone()))).unwrap();
    assert!(second.is_woken());
    assert_found(&assert_ready!(second.poll()), &key);
    assert_found(&find(&cached, KEY_ID), &key);

    cached.clear();
    let mut last = task::spawn(look_up(&cached, KEY_ID));
    let never_polled = look_up(&cached, KEY_ID);
    assert_pending!(last.poll());
    let (_, answer) = asked.try_recv().unwrap();
    assert!(!answer.is_closed());
    drop((last, never_polled));
    assert!(answer.is_closed());
    // Its place is free again, for this id and for others.
    for id in [KEY_ID, "AKIDother"] {
        let mut next = task::spawn(look_up(&cached, id));
        assert_pending!(next.poll());
        assert_eq!(asked.try_recv().unwrap().0, id);
    }
    drop(look_up(&cached, KEY_ID));
    assert!(asked.try_recv().is_err());
}

#[test]
fn threads_that_look_up_an_id_at_the_same_time_share_a_fetch() {
    const IDS: usize = 2_000;
    const THREADS: usize = 2;
    let (database, key) = Database::new();
    let id = |number| format!("AKID{number}");
    for number in 0..IDS {
        let mut keys = database.keys.lock().unwrap();
        keys.insert(id(number), Arc::clone(&key));
    }
    let cached = builder(&database, &clock()).build();
    let arrived = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = runtime::Builder::new_current_thread().build();
                runtime.unwrap().block_on(async {
                    for number in 0..IDS {
                        let id = id(number);
                        // All ask for it in the same moment: a sleeping thread would be late.
                        arrived.fetch_add(1, Ordering::SeqCst);
                        while arrived.load(Ordering::SeqCst) < (number + 1) * THREADS {
                            thread::yield_now();
                        }
                        assert_found(&look_up(&cached, &id).await, &key);
                    }
                });
            });
        }
    });
    assert!((0..IDS).all(|number| database.asked(&id(number)) == 1));
    assert_eq!(cached.stats().fetches, IDS as u64);
}

#[test]
fn a_flood_of_unknown_ids_displaces_no_key_and_takes_no_more_than_its_own_cache() {
    let ((database, key), clock) = (Database::new(), clock());
    for number in 0..1_000 {
        let id = format!("AKIDreal{number}");
        database.keys.lock().unwrap().insert(id, key.clone());
    }
    let cached = builder(&database, &clock)
        .capacity(10_000)
        .negative_capacity(2_000)
        .build();
    let real_keys = || {
        for number in 0..1_000 {
            assert_found(&find(&cached, &format!("AKIDreal{number}")), &key);
        }
    };
    real_keys();
    for number in 0..100_000 {
        let id = format!("AKIDinvented{number}");
        assert_unknown(&find(&cached, &id));
        assert_eq!(database.asked(&id), 1);
    }
    let stats = cached.stats();
    // The capacity is rounded up in each part of the cache, which has at least 32 places.
    assert!((1..2_100).contains(&stats.ids_without_key), "{stats:?}");

    let before = cached.stats();
    real_keys();
    let after = cached.stats();
    assert_eq!((after.fetches, after.keys), (before.fetches, 1_000));
}

#[test]
fn long_ids_are_held_only_with_a_key() {
    let (database, _) = Database::new();
    let long = "a".repeat(257);
    let key = database.set(&long);
    let cached = builder(&database, &clock()).build();
    for _ in 0..2 {
        assert_found(&find(&cached, &long), &key);
        assert_unknown(&find(&cached, &"b".repeat(257)));
    }
    assert_eq!(cached.stats().ids_without_key, 0);
    assert_unknown(&find(&cached, &"b".repeat(256)));
    assert_eq!(cached.stats().ids_without_key, 1);
    assert_eq!((database.asked(&long), cached.stats().fetches), (1, 4));
}

#[test]
fn more_keys_than_the_capacity_displace_each_other() {
    let ((database, key), clock) = (Database::new(), clock());
    let cached = builder(&database, &clock).capacity(100).build();
    for number in 0..10_000 {
        let id = format!("AKID{number}");
        database
            .keys
            .lock()
            .unwrap()
            .insert(id.clone(), key.clone());
        assert_found(&find(&cached, &id), &key);
    }
    assert!((1..104).contains(&cached.stats().keys));
}

#[test]
fn an_id_longer_than_any_key_id_is_unknown_without_asking() {
    let (database, _) = Database::new();
    let cached = builder(&database, &clock()).build();
    assert_unknown(&find(&cached, &"a".repeat(8 * 1024 + 1)));
    assert_eq!(cached.stats().fetches, 0);
    assert_unknown(&find(&cached, &"a".repeat(8 * 1024)));
    assert_eq!(cached.stats().fetches, 1);
}

#[test]
fn while_the_source_is_down_the_last_known_key_is_used_for_the_time_that_was_set() {
    let ((database, key), clock) = (Database::new(), clock());
    let cached = builder(&database, &clock)
        .time_to_live(seconds(60))
        .stale_while_unavailable(seconds(100))
        .build();
    assert_found(&find(&cached, KEY_ID), &key);
    database.set_down(true);
    clock.advance(seconds(60));
    // The first waits for the source, which is then left alone for a second.
    for _ in 0..3 {
        assert_found(&find(&cached, KEY_ID), &key);
    }
    assert_eq!(database.asked(KEY_ID), 2);
    clock.advance(seconds(99));
    for _ in 0..3 {
        assert_found(&find(&cached, KEY_ID), &key);
    }
    assert_eq!(database.asked(KEY_ID), 3);
    assert_eq!(cached.stats().stale, 6);

    clock.advance(seconds(1));
    for _ in 0..3 {
        assert_unavailable(&find(&cached, KEY_ID));
    }
    assert_eq!(database.asked(KEY_ID), 4);
    assert_eq!(cached.stats().unavailable, 3);

    database.set_down(false);
    clock.advance(seconds(1));
    assert_found(&find(&cached, KEY_ID), &key);
}

#[test]
fn by_default_an_expired_key_is_not_used_while_the_source_is_down() {
    let ((database, key), clock) = (Database::new(), clock());
    let cached = builder(&database, &clock).build();
    assert_found(&find(&cached, KEY_ID), &key);
    database.set_down(true);
    clock.advance(seconds(299));
    assert_found(&find(&cached, KEY_ID), &key);
    clock.advance(seconds(1));
    assert_unavailable(&find(&cached, KEY_ID));
}

#[test]
fn a_lookup_over_the_limit_of_fetches_gets_the_last_known_key_or_is_unavailable() {
    let (source, mut asked) = asking();
    let clock = clock();
    let cached = CachedKeys::builder(source)
        .clock(clock.clone())
        .time_to_live(seconds(60))
        .stale_while_unavailable(seconds(60))
        .max_fetches(2)
        .build();
    let mut first = task::spawn(look_up(&cached, KEY_ID));
    assert_pending!(first.poll());
    let key = key(SECRET);
    let answer = asked.try_recv().unwrap().1;
    answer.send(KeyLookup::from(Some(key.clone()))).unwrap();
    assert_found(&assert_ready!(first.poll()), &key);

    clock.advance(seconds(60));
    let two = ["AKIDa", "AKIDb"].map(|id| look_up(&cached, id));
    assert_unavailable(&find(&cached, "AKIDc"));
    assert_found(&find(&cached, KEY_ID), &key);
    // Those who wait for a fetch that runs are not limited.
    assert_pending!(task::spawn(look_up(&cached, "AKIDa")).poll());
    drop(two);
    assert_pending!(task::spawn(look_up(&cached, "AKIDc")).poll());
}

#[test]
fn a_panic_in_the_source_is_an_unavailable_source_for_all_who_wait() {
    let ((database, key), clock) = (Database::new(), clock());
    let panics = Arc::new(AtomicBool::new(true));
    let shared = (Arc::clone(&database), Arc::clone(&panics));
    let source = move |id: String| {
        let (database, panics) = shared.clone();
        let panics = panics.load(Ordering::SeqCst);
        assert!(!panics || id != "AKIDat once", "a bug of the source");
        async move {
            tokio::task::yield_now().await;
            assert!(!panics, "a bug of the source");
            database.answer(id)
        }
    };
    let cached = CachedKeys::builder(source).clock(clock.clone()).build();
    let in_runtime = |id: &'static str| {
        let runtime = runtime::Builder::new_current_thread().build();
        let (one, two) = (look_up(&cached, id), look_up(&cached, id));
        runtime.unwrap().block_on(async { tokio::join!(one, two) })
    };
    for id in [KEY_ID, "AKIDat once"] {
        let (one, two) = in_runtime(id);
        assert_unavailable(&one);
        assert_unavailable(&two);
        // The pause is that of any other failure.
        assert_unavailable(&find(&cached, id));
    }
    assert_eq!(cached.stats().fetches, 2);

    panics.store(false, Ordering::SeqCst);
    clock.advance(seconds(1));
    let (one, two) = in_runtime(KEY_ID);
    assert_found(&one, &key);
    assert_found(&two, &key);
    assert_unknown(&in_runtime("AKIDat once").0);
}

#[test]
fn what_was_invalidated_is_fetched_again_by_the_next_lookup() {
    let ((database, old), clock) = (Database::new(), clock());
    let cached = builder(&database, &clock)
        .stale_while_unavailable(seconds(3600))
        .build();
    let other = cached.clone();
    assert_found(&find(&cached, KEY_ID), &old);
    assert_unknown(&find(&cached, "AKIDnew"));

    let (changed, new) = (database.set(KEY_ID), database.set("AKIDnew"));
    other.invalidate(KEY_ID);
    assert_found(&find(&cached, KEY_ID), &changed);
    assert_unknown(&find(&cached, "AKIDnew"));
    other.invalidate("AKIDnew");
    assert_found(&find(&cached, "AKIDnew"), &new);

    database.set_down(true);
    other.clear();
    assert_eq!(cached.stats().keys, 0);
    // A key that was invalidated is not used stale either.
    assert_unavailable(&find(&cached, KEY_ID));
}

#[test]
fn the_result_of_a_fetch_from_before_the_invalidation_is_not_cached() {
    let (source, mut asked) = asking();
    let cached = CachedKeys::new(source);
    let invalidate: fn(&CachedKeys) = |keys| keys.invalidate(KEY_ID);
    let found = |key: &Key| KeyLookup::from(Some(Arc::clone(key)));
    for (change, old_is_first) in [
        (invalidate, true),
        (invalidate, false),
        (CachedKeys::clear, true),
        (CachedKeys::clear, false),
    ] {
        let mut before = task::spawn(look_up(&cached, KEY_ID));
        assert_pending!(before.poll());
        let (_, old_answer) = asked.try_recv().unwrap();
        change(&cached);
        let mut after = task::spawn(look_up(&cached, KEY_ID));
        assert_pending!(after.poll());
        let (_, new_answer) = asked.try_recv().unwrap();

        let (old, new) = (key(SECRET), key(SECRET));
        old_answer.send(found(&old)).unwrap();
        new_answer.send(found(&new)).unwrap();
        if old_is_first {
            assert_found(&assert_ready!(before.poll()), &old);
            assert_eq!(cached.stats().keys, 0);
        }
        assert_found(&assert_ready!(after.poll()), &new);
        if !old_is_first {
            assert_found(&assert_ready!(before.poll()), &old);
        }
        assert_found(&find(&cached, KEY_ID), &new);
        cached.clear();
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_entries_forever() {
    let ((database, old), clock) = (Database::new(), clock());
    let cached = builder(&database, &clock)
        .time_to_live(seconds(60))
        .stale_while_unavailable(seconds(60))
        .build();
    assert_found(&find(&cached, KEY_ID), &old);
    assert_unknown(&find(&cached, "AKIDnew"));
    let (changed, new) = (database.set(KEY_ID), database.set("AKIDnew"));
    // Less than the time to live: the key is used, for that much longer.
    clock.set(at(FRIDAY - 59));
    assert_found(&find(&cached, KEY_ID), &old);
    clock.set(at(FRIDAY - 60));
    assert_found(&find(&cached, KEY_ID), &changed);
    assert_found(&find(&cached, "AKIDnew"), &new);

    database.set_down(true);
    clock.set(at(FRIDAY - 60 - 119));
    assert_found(&find(&cached, KEY_ID), &changed);
    clock.set(at(FRIDAY - 60 - 120));
    assert_unavailable(&find(&cached, KEY_ID));
    // The pause does not last until the clock is there again.
    database.set_down(false);
    clock.set(at(FRIDAY - 86_400));
    assert_found(&find(&cached, KEY_ID), &changed);
}

#[test]
fn debug_shows_neither_secrets_nor_ids() {
    let (database, _) = Database::new();
    let builder = builder(&database, &clock());
    let mut text = format!("{builder:?}");
    let cached = builder.build();
    find(&cached, KEY_ID);
    text += &format!("{cached:?}");
    text += &format!("{:?}", look_up(&cached, KEY_ID));
    assert!(text.contains("CachedKeys { stats: CacheStats { hits: 0, misses: 1"));
    assert!(text.ends_with("CachedLookup { .. }"), "{text}");
    assert!(!text.contains(SECRET) && !text.contains(KEY_ID), "{text}");
}

async fn hello(request: Request<impl Sized>) -> Result<Response<Full<Bytes>>, BoxError> {
    let key = request.extensions().get::<VerifiedKey>().ok_or("no key")?;
    Ok(Response::new(Full::from(key.key_id().to_owned())))
}

#[tokio::test]
async fn a_server_asks_once_for_each_id_and_answers_503_while_the_source_is_down() {
    let (database, _) = Database::new();
    let clock = ManualClock::at(std::time::SystemTime::now());
    let cached = builder(&database, &clock).build();
    let layer = VerifyLayer::new(AsyncKeys(cached.clone())).clock(SystemClock);
    let address = serve(layer.layer(service_fn(hello))).await;
    let send = async |version, pair: KeyPair| {
        let request = Request::get(format!("http://{address}/")).version(version);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let service = SignLayer::new(pair).layer(client(version));
        let response = within(service.oneshot(request)).await.unwrap();
        let (head, body) = response.into_parts();
        let body = within(body.collect()).await.unwrap().to_bytes();
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    };
    for version in VERSIONS {
        let (status, text) = send(version, keys()).await;
        assert_eq!((status, &*text), (StatusCode::OK, KEY_ID));
        let unknown = KeyPair::new("AKIDnobody", SECRET).unwrap();
        assert_eq!(send(version, unknown).await.0, StatusCode::UNAUTHORIZED);
        let forged = KeyPair::new(KEY_ID, "another-secret").unwrap();
        assert_eq!(send(version, forged).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(database.asked(KEY_ID), 1);
    assert_eq!(database.asked("AKIDnobody"), 1);

    database.set_down(true);
    clock.advance(seconds(300));
    for version in VERSIONS {
        let (status, text) = send(version, keys()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    }
    assert_eq!(database.asked(KEY_ID), 2);
    database.set_down(false);
    cached.invalidate(KEY_ID);
    assert_eq!(send(VERSIONS[0], keys()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn requests_that_wait_at_the_same_time_are_answered_by_one_fetch_also_if_one_is_cancelled() {
    let (source, mut asked) = asking();
    let cached = CachedKeys::new(source);
    let layer = VerifyLayer::new(AsyncKeys(cached.clone()));
    let service = layer.layer(service_fn(hello));
    let mut request = Request::get("/").body(()).unwrap();
    let signer = Signer::new(keys());
    let now = std::time::SystemTime::now();
    signer.sign_request(&mut request, now).unwrap();
    let mut requests: Vec<_> = (0..20)
        .map(|_| tokio::spawn(service.clone().oneshot(request.clone())))
        .collect();
    let (_, answer) = within(asked.recv()).await.unwrap();
    while cached.stats().misses < 20 {
        tokio::task::yield_now().await;
    }
    let first = requests.remove(0);
    first.abort();
    assert!(within(first).await.unwrap_err().is_cancelled());
    answer.send(KeyLookup::from(Some(key(SECRET)))).unwrap();
    for request in requests {
        let response = within(request).await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    assert_eq!(cached.stats().fetches, 1);
}
