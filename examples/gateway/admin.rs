//! Answers monitoring on a listener of its own: `/healthz` and `/metrics`.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};

use super::{linger::Lingering, server};

/// How many connections are served at a time. Further ones wait.
const MAX_CONNECTIONS: usize = 32;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The text format of Prometheus.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Whether the gateway serves, or has begun to shut down.
#[derive(Clone, Default)]
pub(crate) struct Health(Arc<AtomicBool>);

impl Health {
    /// Records that the shutdown has begun.
    pub(crate) fn end(&self) {
        self.0.store(true, Relaxed);
    }

    fn is_ending(&self) -> bool {
        self.0.load(Relaxed)
    }
}

#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) health: Health,
    pub(crate) prometheus: PrometheusHandle,
    /// How long a connection may take, which is for one request.
    pub(crate) time_limit: Duration,
}

impl Admin {
    /// Serves until the process ends, so that the end of the requests in flight can be watched.
    pub(crate) async fn run(self, listener: TcpListener) {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let stream = server::accept(&listener).await;
            let admin = self.clone();
            tokio::spawn(async move {
                admin.serve(stream).await;
                drop(slot);
            });
        }
    }

    async fn serve(self, stream: TcpStream) {
        let time_limit = self.time_limit;
        let answer = service_fn(move |request: Request<Incoming>| {
            let answer = self.answer(request.method(), request.uri().path());
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(Lingering::from(stream)), answer);
        // An error of one connection concerns its client only.
        let _ended = timeout(time_limit, connection).await;
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        match (path, method) {
            ("/healthz", &Method::GET) if self.health.is_ending() => {
                text(StatusCode::SERVICE_UNAVAILABLE, TEXT, "ending")
            }
            ("/healthz", &Method::GET) => text(StatusCode::OK, TEXT, "ok"),
            ("/metrics", &Method::GET) => text(StatusCode::OK, METRICS, self.prometheus.render()),
            ("/healthz" | "/metrics", _) => {
                let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "use GET");
                let get = HeaderValue::from_static("GET");
                answer.headers_mut().insert(header::ALLOW, get);
                answer
            }
            _ => text(
                StatusCode::NOT_FOUND,
                TEXT,
                "there are /healthz and /metrics",
            ),
        }
    }
}

fn text(
    status: StatusCode,
    content_type: HeaderValue,
    text: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    answer
}
