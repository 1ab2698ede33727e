//! What threads cost each other: nanoseconds a request a thread, signed from the cache by clones of one service.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use http::Request;
use tower::Layer as _;
use tower_hmac_auth::{SignLayer, scheme::DateHeader};

use crate::{
    echo::{Echo, call},
    floors::{Inserts, ROUND, X_DATE, reset},
    requests,
    run::Run,
    service::tencent,
};

pub(crate) fn run(run: &mut Run) {
    let mut group = run.group("threads");
    let signer = tencent(DateHeader::XDate);

    // Two threads that have nothing in common: what is left is the machine's.
    let inserts = || {
        let inserts = Inserts::like(&signer, &X_DATE);
        move |mut request: Request<()>| {
            inserts.set(&X_DATE, request.headers_mut());
            request
        }
    };
    let floor = "clock and three inserts, 1 thread";
    group.floor(floor, |bencher| {
        bencher.iter_custom(|count| time(1, count, &inserts));
    });
    let case = "clock and three inserts, 2 threads";
    group.case(case, floor, None, |bencher| {
        bencher.iter_custom(|count| time(2, count, &inserts));
    });

    let service = SignLayer::new(signer.clone()).layer(Echo);
    let signing = || {
        let mut service = service.clone();
        move |request| call(&mut service, request).into_body()
    };
    group.case("sign from the cache, 1 thread", floor, None, |bencher| {
        bencher.iter_custom(|count| time(1, count, &signing));
    });
    let one = "sign from the cache, 1 thread";
    group.case(
        "sign from the cache, 2 threads",
        one,
        Some(1.1),
        |bencher| {
            bencher.iter_custom(|count| time(2, count, &signing));
        },
    );
}

/// How long `count` requests take on each of these threads, at the same time: the mean over the threads.
fn time<W>(threads: u32, count: u64, worker: &(impl Fn() -> W + Sync)) -> Duration
where
    W: FnMut(Request<()>) -> Request<()>,
{
    let start = Barrier::new(threads as usize);
    let run = || {
        let mut worker = worker();
        let shape = requests::usual();
        let mut pool = [(); ROUND].map(|()| Some(shape.make()));
        // The first request of all is signed afresh.
        round(&mut pool, &mut worker);
        start.wait();
        let mut took = Duration::ZERO;
        let mut left = usize::try_from(count).unwrap();
        while left > 0 {
            let now = left.min(ROUND);
            took += round(&mut pool[..now], &mut worker);
            left -= now;
        }
        took
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let each = running.into_iter().map(|thread| thread.join().unwrap());
        each.sum::<Duration>() / threads
    })
}

/// One request after the other; what takes the headers off again is not timed.
fn round(
    pool: &mut [Option<Request<()>>],
    worker: &mut impl FnMut(Request<()>) -> Request<()>,
) -> Duration {
    let start = Instant::now();
    for slot in &mut *pool {
        *slot = slot.take().map(&mut *worker);
    }
    let took = start.elapsed();
    for request in pool.iter_mut().flatten() {
        reset(request);
    }
    took
}
