//! Sends rounds of requests from one client.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::task::JoinSet;
use tower::{Service, ServiceExt as _};

pub(super) type HyperClient = Client<HttpConnector, Empty<Bytes>>;

pub(super) fn client(version: Version) -> HyperClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .http2_only(version == Version::HTTP_2)
        .build(connector)
}

/// The times of one variant.
#[derive(Default)]
pub(super) struct Times {
    /// The times of whole rounds, in the order in which they ran.
    pub(super) rounds: Vec<Duration>,
    /// The times of single requests. [`Times::percentile`] sorts them.
    latencies: Vec<Duration>,
}

impl Times {
    /// Sends `count` requests, `in_flight` at a time. Each has to be answered with 200.
    pub(super) async fn round<S, E>(
        &mut self,
        service: &S,
        request: &Request<Empty<Bytes>>,
        count: usize,
        in_flight: usize,
    ) where
        S: Service<Request<Empty<Bytes>>, Response = Response<Incoming>, Error = E>,
        S: Clone + Send + 'static,
        S::Future: Send,
        E: fmt::Debug + Send + 'static,
    {
        let start = Instant::now();
        let mut running = JoinSet::new();
        for _ in 0..in_flight {
            let (service, request) = (service.clone(), request.clone());
            running.spawn(one_by_one(service, request, count / in_flight));
        }
        let latencies = running.join_all().await;
        self.rounds.push(start.elapsed());
        self.latencies.extend(latencies.into_iter().flatten());
    }

    /// Returns the median over the rounds.
    pub(super) fn requests_a_second(&self, count: usize) -> f64 {
        let seconds = self.rounds.iter().map(Duration::as_secs_f64);
        super::median(seconds.map(|seconds| count as f64 / seconds).collect())
    }

    /// Returns a percentile of the latency, in microseconds.
    pub(super) fn percentile(&mut self, percent: usize) -> f64 {
        self.latencies.sort_unstable();
        let last = self.latencies.len() - 1;
        self.latencies[last * percent / 100].as_secs_f64() * 1e6
    }
}

async fn one_by_one<S, E>(
    mut service: S,
    request: Request<Empty<Bytes>>,
    count: usize,
) -> Vec<Duration>
where
    S: Service<Request<Empty<Bytes>>, Response = Response<Incoming>, Error = E>,
    E: fmt::Debug,
{
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let request = request.clone();
        let start = Instant::now();
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        latencies.push(start.elapsed());
        assert_eq!(body, "no orders yet");
    }
    latencies
}
