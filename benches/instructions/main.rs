//! Runs one main path a given number of times. `count.py` counts its instructions.
//!
//! ```console
//! $ cargo build --profile bench --bench instructions
//! $ target/release/deps/instructions-… sign_kong 200
//! ```
//!
//! Each repetition makes a request, sends it through the path and drops the result, so that memory
//! is reused, as it is in a server. `make_unsigned` and `make_received` only make and drop
//! requests: their counts are subtracted. The clocks stand still or advance with each call, so no
//! count depends on the time of the run.
//!
//! Without a path, as under `cargo test --all-targets`, each path runs once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a benchmark ends if its setup fails, and says why"
)]

#[path = "../speed/clocks.rs"]
mod clocks;
#[path = "../speed/echo.rs"]
mod echo;
#[path = "../speed/keys.rs"]
mod keys;
#[path = "../speed/requests.rs"]
mod requests;

use std::{convert::Infallible, env, hint::black_box, process::ExitCode, time::Duration};

use http::{HeaderValue, Request, Response, StatusCode, header};
use tower::{Layer as _, Service};
use tower_hmac_auth::{
    Scheme, SignLayer, Signer, StaticKeys, VerifyLayer, clock::Clock, scheme::DateHeader,
};

use echo::{Echo, call};

/// A path's name, and the function that runs it this many times.
type Path = (&'static str, fn(usize));

const PATHS: [Path; 8] = [
    ("make_unsigned", make_unsigned),
    ("make_received", make_received),
    ("sign_from_cache", sign_from_cache),
    ("sign_first_of_second", sign_first_of_second),
    ("sign_kong", sign_kong),
    ("sign_cavage", sign_cavage),
    ("verify_accepted", verify_accepted),
    ("verify_stale", verify_stale),
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(name) = arguments.next() else {
        for (_, run) in PATHS {
            run(1);
        }
        return ExitCode::SUCCESS;
    };
    let path = PATHS.iter().find(|(path, _)| *path == name);
    let count = arguments.next().and_then(|count| count.parse().ok());
    match (path, count) {
        (Some((_, run)), Some(count)) => {
            run(count);
            ExitCode::SUCCESS
        }
        _ => {
            let names = PATHS.map(|(name, _)| name).join(", ");
            eprintln!("unknown path or count: give one of {names}, and a number");
            ExitCode::FAILURE
        }
    }
}

fn make_unsigned(count: usize) {
    repeat(count, unsigned(), black_box);
}

fn make_received(count: usize) {
    repeat(count, received(), black_box);
}

fn sign_from_cache(count: usize) {
    let mut service = signing(tencent(), clocks::friday);
    assert_eq!(sent(&mut service), sent(&mut service));
    repeat(count, unsigned(), |request| call(&mut service, request));
}

fn sign_first_of_second(count: usize) {
    let mut service = signing(tencent(), clocks::a_second_each());
    assert_ne!(sent(&mut service), sent(&mut service));
    repeat(count, unsigned(), |request| call(&mut service, request));
}

fn sign_kong(count: usize) {
    let mut service = signing(keys::signer(Scheme::Kong), clocks::friday);
    assert!(is_listed(&sent(&mut service), "x-date @request-target"));
    repeat(count, unsigned(), |request| call(&mut service, request));
}

fn sign_cavage(count: usize) {
    let mut service = signing(keys::signer(Scheme::Cavage), clocks::friday);
    assert!(is_listed(&sent(&mut service), "(request-target) host date"));
    repeat(count, unsigned(), |request| call(&mut service, request));
}

fn verify_accepted(count: usize) {
    verify(count, clocks::friday, StatusCode::OK);
}

fn verify_stale(count: usize) {
    let later = || clocks::friday() + Duration::from_secs(901);
    verify(count, later, StatusCode::UNAUTHORIZED);
}

fn verify(count: usize, clock: impl Clock + Clone, status: StatusCode) {
    let layer = VerifyLayer::new(StaticKeys::from(keys::signing())).clock(clock);
    let (mut service, mut make) = (layer.layer(Echo), received());
    assert_eq!(call(&mut service, make()).status(), status);
    repeat(count, make, |request| call(&mut service, request));
}

/// Runs the path once, as the first request computes the key's MAC state and allocates memory, and
/// then `count` times.
fn repeat<T>(
    count: usize,
    mut make: impl FnMut() -> Request<()>,
    mut path: impl FnMut(Request<()>) -> T,
) {
    path(make());
    repeated(count, &mut make, &mut path);
}

#[inline(never)]
fn repeated<T>(
    count: usize,
    make: &mut impl FnMut() -> Request<()>,
    path: &mut impl FnMut(Request<()>) -> T,
) {
    for _ in 0..count {
        drop(black_box(path(black_box(make()))));
    }
}

fn signing<C: Clock + Clone>(
    signer: Signer,
    clock: C,
) -> impl Service<Request<()>, Response = Response<Request<()>>, Error = Infallible> {
    SignLayer::new(signer).clock(clock).layer(Echo)
}

fn tencent() -> Signer {
    keys::tencent(keys::signing(), DateHeader::XDate)
}

/// Returns a function that makes requests to sign.
fn unsigned() -> impl FnMut() -> Request<()> {
    let shape = requests::usual();
    move || shape.make()
}

/// Returns a function that makes signed requests as a server gets them.
fn received() -> impl FnMut() -> Request<()> {
    let request = keys::signed(keys::signing(), requests::usual().make(), clocks::friday());
    move || requests::received(&request)
}

/// Sends a request through a service and returns its `Authorization`.
fn sent<S>(service: &mut S) -> HeaderValue
where
    S: Service<Request<()>, Response = Response<Request<()>>, Error = Infallible>,
{
    let request = call(service, requests::usual().make()).into_body();
    request.headers()[header::AUTHORIZATION].clone()
}

fn is_listed(authorization: &HeaderValue, list: &str) -> bool {
    let list = format!("headers=\"{list}\"");
    authorization.to_str().unwrap().contains(&list)
}
