//! Measures hyper's client and server on loopback with and without the layers, which shows how much
//! of a whole request signing and verifying take.
//!
//! Three variants take turns, round by round, so that other load on the machine affects all of
//! them. `bare` has no layers. `headers` has none either, but sends the three headers as constants,
//! which shows the cost of their bytes. `layers` signs and verifies.
//!
//! For one request at a time, the server is on the client's thread, as waking another thread would
//! take longer than all that is measured. For 32 at a time, it has a thread of its own.

mod load;
mod server;

use http::{Request, StatusCode, Version, header};
use http_body_util::Empty;
use serde_json::{Value, json};
use tokio::runtime;
use tower::{Layer as _, ServiceExt as _};
use tower_hmac_auth::{SignLayer, StaticKeys, VerifyLayer, scheme::DateHeader};

use self::{
    load::{HyperClient, Times, client},
    server::{Handler, Place, Server},
};
use crate::{clocks, keys, requests};

/// The largest ratio of a round with layers to one without that reaches the goal.
const GOAL: f64 = 1.03;

/// How many requests are sent.
#[derive(Clone, Copy)]
struct Amount {
    rounds: usize,
    requests: usize,
}

/// Returns one result for each version of HTTP and number of requests at a time.
pub(crate) fn run(is_test: bool) -> Vec<Value> {
    let amount = |rounds, requests| match is_test {
        true => Amount {
            rounds: 1,
            requests: 32,
        },
        false => Amount { rounds, requests },
    };
    let mut results = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for in_flight in [1, 32] {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let measured = measure(version, in_flight, amount(60, 1_024));
            results.push(runtime.unwrap().block_on(measured));
        }
    }
    results
}

async fn measure(version: Version, in_flight: usize, amount: Amount) -> Value {
    let pair = keys::signing();
    let verify = VerifyLayer::new(StaticKeys::from(pair.clone()));
    let place = match in_flight {
        1 => Place::WithClient,
        _ => Place::OwnThread,
    };
    let open = Server::start(version, Handler, place);
    let closed = Server::start(version, verify.layer(Handler), place);
    let signer = keys::tencent(pair, DateHeader::XDate);
    let sign = SignLayer::new(signer.clone());

    let bare = request(&open);
    let mut headers = bare.clone();
    let head = signer.sign(&headers, clocks::friday()).unwrap();
    head.apply(headers.headers_mut());
    assert_eq!(headers.headers().len(), bare.headers().len() + 3);
    let to_layers = request(&closed);

    let (one, two, three) = (client(version), client(version), client(version));
    // Without a signature, the server with layers refuses.
    assert_eq!(status(&three, &to_layers).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&one, &bare).await, StatusCode::OK);
    let three = sign.layer(three);

    let [mut bares, mut carried, mut layered] = [(); 3].map(|()| Times::default());
    let mut warm_up = Times::default();
    let Amount { rounds, requests } = amount;
    warm_up.round(&one, &bare, requests, in_flight).await;
    warm_up.round(&two, &headers, requests, in_flight).await;
    warm_up.round(&three, &to_layers, requests, in_flight).await;
    for round in 0..rounds {
        // Each goes first, second and last equally often.
        for turn in 0..3 {
            match (round + turn) % 3 {
                0 => bares.round(&one, &bare, requests, in_flight).await,
                1 => carried.round(&two, &headers, requests, in_flight).await,
                _ => layered.round(&three, &to_layers, requests, in_flight).await,
            }
        }
    }
    let (to_bare, to_headers) = (ratio(&layered, &bares), ratio(&layered, &carried));
    json!({
        "protocol": format!("{version:?}"),
        "in_flight": in_flight,
        "bare": summary(&mut bares, requests),
        "headers": summary(&mut carried, requests),
        "layers": summary(&mut layered, requests),
        "layers_to_bare": to_bare,
        "layers_to_headers": to_headers,
        "goal": GOAL,
    })
}

fn request(server: &Server) -> Request<Empty<bytes::Bytes>> {
    let mut request = requests::usual().make().map(|()| Empty::new());
    let uri = format!("http://{}{}", server.address, requests::TARGET);
    *request.uri_mut() = uri.parse().unwrap();
    request.headers_mut().remove(header::HOST);
    request
}

async fn status(client: &HyperClient, request: &Request<Empty<bytes::Bytes>>) -> StatusCode {
    let response = client.clone().oneshot(request.clone()).await;
    response.unwrap().status()
}

fn summary(times: &mut Times, requests: usize) -> Value {
    json!({
        "requests_a_second": times.requests_a_second(requests),
        "p50_us": times.percentile(50),
        "p99_us": times.percentile(99),
    })
}

/// Returns the median, over the rounds, of the ratio of this variant's time to the other's.
fn ratio(times: &Times, other: &Times) -> f64 {
    let pairs = times.rounds.iter().zip(&other.rounds);
    median(
        pairs
            .map(|(a, b)| a.as_secs_f64() / b.as_secs_f64())
            .collect(),
    )
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() % 2 {
        0 => f64::midpoint(numbers[middle - 1], numbers[middle]),
        _ => numbers[middle],
    }
}
