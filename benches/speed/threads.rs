//! Measures how much threads slow each other down: nanoseconds for each request and thread, signed
//! from the cache by clones of one service.

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
    keys, requests,
    run::Run,
};

pub(crate) fn run(run: &mut Run) {
    let mut group = run.group("threads");
    let signer = keys::tencent(keys::signing(), DateHeader::XDate);

    // Two threads that share nothing: any difference to one thread is caused by the machine.
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

/// Runs `count` requests on each of these threads at the same time, and returns the mean time of a
/// thread.
fn time<W>(threads: u32, count: u64, worker: &(impl Fn() -> W + Sync)) -> Duration
where
    W: FnMut(Request<()>) -> Request<()>,
{
    let start = Barrier::new(threads as usize);
    let run = || {
        let mut worker = worker();
        let shape = requests::usual();
        let mut pool = [(); ROUND].map(|()| Some(shape.make()));
        // The first request fills the cache.
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

/// Sends one request after the other. Removing the headers afterwards is not measured.
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
