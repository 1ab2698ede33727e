//! Measures `Signer::sign_request`, without a service.

use std::time::SystemTime;

use criterion::Bencher;
use http::{HeaderValue, Request, header};
use tower_hmac_auth::{Algorithm, Scheme, Signer};

use crate::{
    clocks,
    floors::{BATCH, Floor, Inserts, X_DATE},
    keys,
    requests::{self, Shape},
    run::{Group, Run},
};

pub(crate) fn run(run: &mut Run) {
    let mut group = run.group("sign");
    for (scheme, algorithms) in [
        (Scheme::Tencent, Algorithm::ALL.as_slice()),
        (Scheme::Kong, &Algorithm::ALL),
        (
            Scheme::Apisix,
            &[
                Algorithm::HmacSha1,
                Algorithm::HmacSha256,
                Algorithm::HmacSha512,
            ],
        ),
        (
            Scheme::Cavage,
            &[Algorithm::HmacSha256, Algorithm::HmacSha512],
        ),
    ] {
        for algorithm in algorithms {
            each_algorithm(&mut group, &signer(scheme, *algorithm));
        }
    }
    for headers in [6, 20] {
        for has_room in [true, false] {
            each_shape(&mut group, headers, has_room);
        }
    }
}

fn signer(scheme: Scheme, algorithm: Algorithm) -> Signer {
    let builder = Signer::builder(keys::signing())
        .scheme(scheme)
        .algorithm(algorithm);
    let builder = match scheme {
        Scheme::Tencent => builder.source(HeaderValue::from_static("billing")),
        _ => builder,
    };
    builder.build().unwrap()
}

/// Measures one algorithm of one scheme, with a new date for every request.
fn each_algorithm(group: &mut Group<'_>, signer: &Signer) {
    let name = format!("{} {}", signer.scheme(), signer.algorithm());
    let shape = requests::usual();
    let floor = format!("mac of {name}");
    let mac = Floor::of(signer, &shape.make());
    group.floor(&floor, |bencher| mac.measure(bencher));
    let case = format!("{name} afresh");
    group.case(&case, &floor, None, |bencher| {
        afresh(bencher, signer, &shape);
    });
}

/// Measures Tencent's scheme with a cached signature and with a new date for every request.
fn each_shape(group: &mut Group<'_>, headers: usize, has_room: bool) {
    let signer = signer(Scheme::Tencent, Algorithm::HmacSha1);
    let shape = Shape::new(headers, has_room);
    let room = if has_room { "room" } else { "no room" };
    let name = format!("{headers} headers, {room}");
    assert_signed(&signer, &shape);

    let inserts = Inserts::like(&signer, &X_DATE);
    let floor = format!("clock and three inserts, {name}");
    group.floor(&floor, |bencher| inserts.measure(bencher, &X_DATE, &shape));
    let case = format!("tencent from the cache, {name}");
    group.case(&case, &floor, None, |bencher| {
        bencher.iter_batched_ref(
            || shape.make(),
            |request| signer.sign_request(request, SystemTime::now()),
            BATCH,
        );
    });

    let case = format!("tencent afresh, {name}");
    group.case(&case, "mac of tencent hmac-sha1", None, |bencher| {
        afresh(bencher, &signer, &shape);
    });
}

fn afresh(bencher: &mut Bencher<'_>, signer: &Signer, shape: &Shape) {
    let now = clocks::a_second_each();
    bencher.iter_batched_ref(
        || shape.make(),
        |request| signer.sign_request(request, now()),
        BATCH,
    );
}

/// Checks that a second has one signature, and the next second another.
fn assert_signed(signer: &Signer, shape: &Shape) {
    let sign = |now| {
        let mut request: Request<()> = shape.make();
        let before = request.headers().len();
        signer.sign_request(&mut request, now).unwrap();
        assert_eq!(request.headers().len(), before + 3);
        request.headers()[header::AUTHORIZATION].clone()
    };
    let clock = clocks::a_second_each();
    let (now, later) = (clock(), clock());
    let first = sign(now);
    assert_eq!(first, sign(now));
    assert_ne!(first, sign(later));
}
