//! One main path, so many times: what `count.py` counts the instructions of.
//!
//! ```console
//! $ cargo build --profile bench --bench instructions
//! $ target/release/deps/instructions-… sign_kong 200
//! ```
//!
//! All there is to prepare is prepared for [`MOST`] requests however many are asked for, and nothing is dropped, so that two
//! runs differ by the path alone. Clocks stand still or go by the call: no count depends on when it was made.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "what cannot be prepared must end, and say so"
)]

#[path = "../speed/clocks.rs"]
mod clocks;
#[path = "../speed/keys.rs"]
mod keys;
#[path = "../speed/requests.rs"]
mod requests;

use std::{
    convert::Infallible,
    env,
    future::{Ready, ready},
    hint::black_box,
    mem,
    pin::pin,
    process::{self, ExitCode},
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{HeaderValue, Request, Response, StatusCode, header};
use tower::{Layer as _, Service};
use tower_hmac_auth::{Clock, Scheme, SignLayer, Signer, StaticKeys, VerifyLayer};

/// The most requests that one run makes.
const MOST: usize = 2_000;

const PATHS: [(&str, fn(usize)); 6] = [
    ("sign_from_cache", sign_from_cache),
    ("sign_first_of_second", sign_first_of_second),
    ("sign_kong", sign_kong),
    ("sign_cavage", sign_cavage),
    ("verify_accepted", verify_accepted),
    ("verify_stale", verify_stale),
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (name, count) = (arguments.next(), arguments.next());
    let path = PATHS
        .iter()
        .find(|(path, _)| Some(*path) == name.as_deref());
    let count = count.and_then(|count| count.parse().ok());
    match (path, count) {
        (Some((_, run)), Some(count @ 1..=MOST)) => {
            run(count);
            ExitCode::SUCCESS
        }
        _ => {
            let names = PATHS.map(|(name, _)| name).join(", ");
            eprintln!("give one of {names}, and how often, 1 to {MOST}");
            ExitCode::FAILURE
        }
    }
}

fn sign_from_cache(count: usize) {
    let mut service = signing(tencent(), clocks::friday);
    assert_eq!(sent(&mut service), sent(&mut service));
    repeat(&mut service, unsigned(), count, StatusCode::OK);
}

fn sign_first_of_second(count: usize) {
    let mut service = signing(tencent(), clocks::a_second_each());
    assert_ne!(sent(&mut service), sent(&mut service));
    repeat(&mut service, unsigned(), count, StatusCode::OK);
}

fn sign_kong(count: usize) {
    let mut service = signing(of(Scheme::Kong), clocks::friday);
    assert!(is_listed(&sent(&mut service), "x-date @request-target"));
    repeat(&mut service, unsigned(), count, StatusCode::OK);
}

fn sign_cavage(count: usize) {
    let mut service = signing(of(Scheme::Cavage), clocks::friday);
    assert!(is_listed(&sent(&mut service), "(request-target) host date"));
    repeat(&mut service, unsigned(), count, StatusCode::OK);
}

fn verify_accepted(count: usize) {
    let layer = VerifyLayer::new(StaticKeys::from(keys::signing())).clock(clocks::friday);
    repeat(&mut layer.layer(Echo), signed(), count, StatusCode::OK);
}

fn verify_stale(count: usize) {
    let later = || clocks::friday() + Duration::from_secs(901);
    let layer = VerifyLayer::new(StaticKeys::from(keys::signing())).clock(later);
    let refused = StatusCode::UNAUTHORIZED;
    repeat(&mut layer.layer(Echo), signed(), count, refused);
}

/// Puts this many of the requests through the service, and ends the process.
fn repeat<S, B>(service: &mut S, mut requests: Vec<Request<()>>, count: usize, status: StatusCode)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
{
    // The first of all puts the key into the MAC.
    let first = call(service, requests.pop().unwrap());
    assert_eq!(first.status(), status);
    let mut responses = Vec::with_capacity(MOST);
    counted(service, &mut requests, &mut responses, count);
    assert_eq!(responses.len(), count);
    mem::forget((first, requests, responses));
    process::exit(0);
}

/// The path, and moving requests and responses.
#[inline(never)]
fn counted<S>(
    service: &mut S,
    requests: &mut Vec<Request<()>>,
    responses: &mut Vec<S::Response>,
    count: usize,
) where
    S: Service<Request<()>, Error = Infallible>,
{
    for _ in 0..count {
        if let Some(request) = requests.pop() {
            responses.push(black_box(call(service, black_box(request))));
        }
    }
}

#[inline]
fn call<S>(service: &mut S, request: Request<()>) -> S::Response
where
    S: Service<Request<()>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        Poll::Pending => panic!("no answer"),
    }
}

/// Answers at once, with the request as the body.
struct Echo;

impl Service<Request<()>> for Echo {
    type Response = Response<Request<()>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready(Ok(Response::new(request)))
    }
}

fn signing<C: Clock + Clone>(
    signer: Signer,
    clock: C,
) -> impl Service<Request<()>, Response = Response<Request<()>>, Error = Infallible> {
    SignLayer::from(signer).clock(clock).layer(Echo)
}

fn tencent() -> Signer {
    of(Scheme::Tencent).source(HeaderValue::from_static("billing"))
}

fn of(scheme: Scheme) -> Signer {
    let builder = Signer::builder(keys::signing()).scheme(scheme);
    builder.build().unwrap()
}

fn unsigned() -> Vec<Request<()>> {
    let shape = requests::usual();
    (0..=MOST).map(|_| shape.make()).collect()
}

fn signed() -> Vec<Request<()>> {
    let request = keys::signed(keys::signing(), requests::usual().make(), clocks::friday());
    (0..=MOST).map(|_| requests::received(&request)).collect()
}

/// The `Authorization` of a request that goes through a service.
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
