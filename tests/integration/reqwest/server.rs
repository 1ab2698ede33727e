//! Servers on loopback that record what they get, for HTTP/1.1 and h2c.

use std::{
    convert::Infallible,
    future::ready,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_hmac_auth::{
    VerifiedKey,
    clock::{Clock, ManualClock},
};

use crate::common::{FRIDAY, at, loopback::serve, verifying_on_friday};

/// When a request gets to a server that is [`unavailable_at_first`](Server::unavailable_at_first).
pub(crate) const THREE_DATES: [&str; 3] = [
    "Fri, 09 Oct 2015 00:00:00 GMT",
    "Fri, 09 Oct 2015 00:16:40 GMT",
    "Fri, 09 Oct 2015 00:33:20 GMT",
];

/// The head of a request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// The values of this header, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    /// Whether nothing is here that signing adds.
    pub(crate) fn has_no_trace_of_signing(&self) -> bool {
        ["authorization", "x-date", "date", "source"]
            .iter()
            .all(|name| !self.headers.contains_key(*name))
    }
}

/// A server on a free port.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<Head>>>,
}

impl Server {
    /// Writes down each request's head, then has it answered.
    pub(crate) async fn start<S, B>(service: S) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let heads = Arc::<Mutex<Vec<Head>>>::default();
        let notebook = Arc::clone(&heads);
        let recorded = service.map_request(move |request: Request<_>| {
            notebook.lock().unwrap().push(Head {
                uri: request.uri().clone(),
                version: request.version(),
                headers: request.headers().clone(),
            });
            request
        });
        let address = serve(recorded).await;
        Self { address, heads }
    }

    /// Answers 200 and who signed what to those who are verified as of [`FRIDAY`].
    pub(crate) async fn verifying() -> Self {
        Self::start(verifying_on_friday().layer(service_fn(greet))).await
    }

    /// Answers the first two verified requests with 503, and moves the clock on by more than a
    /// signature is good for each time; then as [`verifying`](Self::verifying).
    pub(crate) async fn unavailable_at_first(clock: ManualClock) -> Self {
        let verify = verifying_on_friday().clock(clock.clone());
        let handler = move |request: Request<Incoming>| {
            let is_up = clock.now() >= at(FRIDAY + 2_000);
            if !is_up {
                clock.advance(Duration::from_secs(1_000));
            }
            async move {
                let mut answer = greet(request).await?;
                if !is_up {
                    *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                }
                Ok(answer)
            }
        };
        Self::start(verify.layer(service_fn(handler))).await
    }

    /// Redirects from `/a`, and answers 200 to anyone elsewhere.
    pub(crate) async fn redirecting(to: String) -> Self {
        let answer = move |request: Request<Incoming>| {
            let mut answer = Response::new(Full::<Bytes>::from("open to all"));
            if request.uri().path() == "/a" {
                *answer.status_mut() = StatusCode::TEMPORARY_REDIRECT;
                let to = to.parse().unwrap();
                answer.headers_mut().insert(header::LOCATION, to);
            }
            ready(Ok(answer))
        };
        Self::start(service_fn(answer)).await
    }

    /// Answers 200 to anyone.
    pub(crate) async fn open() -> Self {
        let answer =
            |_: Request<Incoming>| async { Ok(Response::new(Full::<Bytes>::from("open to all"))) };
        Self::start(service_fn(answer)).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What has arrived so far.
    pub(crate) fn heads(&self) -> Vec<Head> {
        self.heads.lock().unwrap().clone()
    }

    /// The date of each request, which has one and one `Authorization`.
    pub(crate) fn dates(&self) -> Vec<String> {
        let date = |head: &Head| {
            assert_eq!(head.all("authorization").len(), 1, "{head:?}");
            let [date] = head.all("x-date")[..] else {
                panic!("{head:?}");
            };
            date.to_owned()
        };
        self.heads().iter().map(date).collect()
    }

    /// The only request there was.
    pub(crate) fn head(&self) -> Head {
        let heads = self.heads();
        assert_eq!(heads.len(), 1, "{heads:?}");
        heads[0].clone()
    }
}

pub(crate) async fn greet<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let key = request.extensions().get::<VerifiedKey>().unwrap();
    let covered: Vec<_> = key.covered().collect();
    let text = format!("{} {}", key.key_id(), covered.join(" "));
    Ok(Response::new(text.into()))
}
