//! `SignLayer` with the layers it is used with, in front of a gateway with `VerifyLayer`.

#[cfg(all(feature = "digest", feature = "retry"))]
mod everything;
mod headers;
mod own_answers;
mod retry;
mod waiting;

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, service_fn, util::BoxCloneService};
use tower_hmac_auth::{
    SignLayer, Signer, StaticKeys, Verifier, VerifyLayer, clock::ManualClock, verify::VerifyBody,
};

use crate::common::{FRIDAY, at, keys};

type Call = Request<Full<Bytes>>;
type Answer = Response<VerifyBody<Full<Bytes>>>;

/// A gateway that lets signed requests pass to a handler.
struct Gateway {
    service: BoxCloneService<Call, Answer, Infallible>,
    /// The headers of what has reached the handler.
    accepted: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Gateway {
    fn new(
        clock: &ManualClock,
        verifier: Verifier,
        answer: impl Fn(usize) -> Response<Full<Bytes>> + Clone + Send + 'static,
    ) -> Self {
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let record = accepted.clone();
        let handler = service_fn(move |request: Call| {
            let mut record = record.lock().unwrap();
            record.push(request.headers().clone());
            ready(Ok::<_, Infallible>(answer(record.len())))
        });
        let verify = VerifyLayer::new(StaticKeys::from(keys()))
            .verifier(verifier)
            .clock(clock.clone());
        let service = BoxCloneService::new(verify.layer(handler));
        Self { service, accepted }
    }

    /// Answers 200 to all that is signed right.
    fn open(clock: &ManualClock) -> Self {
        Self::new(clock, Verifier::new(), |_| Response::default())
    }

    fn accepted(&self) -> Vec<HeaderMap> {
        self.accepted.lock().unwrap().clone()
    }
}

fn clock() -> ManualClock {
    ManualClock::at(at(FRIDAY))
}

fn sign(clock: &ManualClock) -> SignLayer<ManualClock> {
    let signer = Signer::builder(keys())
        .source(HeaderValue::from_static("billing"))
        .allowed_hosts(["api.example.com"])
        .build()
        .unwrap();
    SignLayer::new(signer).clock(clock.clone())
}

fn get() -> Call {
    let get = Request::get("https://api.example.com/v1/orders");
    get.body(Full::default()).unwrap()
}

async fn text(answer: Answer) -> String {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[track_caller]
fn one<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    let [value] = values[..] else {
        panic!("{name}: {values:?}");
    };
    value.to_str().unwrap()
}

#[track_caller]
fn assert_signed_once(headers: &HeaderMap) {
    one(headers, "x-date");
    one(headers, "source");
    one(headers, header::AUTHORIZATION.as_str());
}
