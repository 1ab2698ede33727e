//! A router on a loopback socket, and clients of it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, serve::ListenerExt as _};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, task::AbortHandle};
use tower::{ServiceBuilder, ServiceExt as _};
use tower_hmac_auth::{KeyPair, SignLayer};

pub(crate) const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// Waits, but not for ever.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    let waited = tokio::time::timeout(Duration::from_secs(30), future).await;
    waited.expect("an answer within 30 seconds")
}

/// An axum server on a free port; it ends with this.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let accepted = Arc::clone(&connections);
        let listener = listener.tap_io(move |_| {
            accepted.fetch_add(1, Ordering::SeqCst);
        });
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            connections,
            task: task.abort_handle(),
        }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .body(Body::empty())
            .unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Request<Body> {
        self.request(Method::GET, path)
    }
}

pub(crate) type Connector = Client<HttpConnector, Body>;

pub(crate) fn client(version: Version) -> Connector {
    Client::builder(TokioExecutor::new())
        .http2_only(version == Version::HTTP_2)
        .build_http()
}

/// What a server answered, read to the end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Sends a request, signed if there is a key pair for it.
pub(crate) async fn send(
    client: &Connector,
    keys: Option<KeyPair>,
    request: Request<Body>,
) -> Answer {
    let service = ServiceBuilder::new()
        .option_layer(keys.map(SignLayer::new))
        .service(client.clone());
    let response = within(service.oneshot(request)).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = within(body.collect()).await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(body.into()).unwrap(),
    }
}
