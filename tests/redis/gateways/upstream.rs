//! The server that the gateways forward to, which notes every request that it receives.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tower_hmac_auth::scheme::X_NONCE;

/// The path of requests that are not answered.
pub(crate) const HELD: &str = "/held";

/// It serves until the end of the test's runtime.
pub(crate) struct Upstream {
    address: SocketAddr,
    nonces: Arc<Nonces>,
}

/// How often each nonce was received.
type Nonces = Mutex<HashMap<String, u32>>;

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let nonces = Arc::<Nonces>::default();
        let noted = Arc::clone(&nonces);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let noted = Arc::clone(&noted);
                let service = service_fn(move |request| answer(Arc::clone(&noted), request));
                let serve = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(serve);
            }
        });
        Self { address, nonces }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many different requests were received.
    pub(crate) fn received(&self) -> usize {
        self.nonces.lock().unwrap().len()
    }

    /// Returns how often the request with this nonce was received.
    pub(crate) fn times(&self, nonce: &str) -> u32 {
        *self.nonces.lock().unwrap().get(nonce).unwrap_or(&0)
    }

    /// Returns the nonces of requests that were received more than once.
    pub(crate) fn replayed(&self) -> Vec<String> {
        let nonces = self.nonces.lock().unwrap();
        let twice = nonces.iter().filter(|(_, times)| **times > 1);
        twice.map(|(nonce, _)| nonce.clone()).collect()
    }
}

async fn answer(
    nonces: Arc<Nonces>,
    request: Request<Incoming>,
) -> Result<Response<Empty<&'static [u8]>>, Infallible> {
    let nonce = request.headers()[X_NONCE].to_str().unwrap().to_owned();
    *nonces.lock().unwrap().entry(nonce).or_insert(0) += 1;
    if request.uri().path() == HELD {
        pending::<()>().await;
    }
    Ok(Response::new(Empty::new()))
}
