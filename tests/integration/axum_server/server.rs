//! A router on a loopback socket, and clients of it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router, ServiceExt as _, body::Body, extract, response::Response, serve::ListenerExt as _,
};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tower_hmac_auth::{KeyPair, SignLayer};

use crate::common::loopback::{self, bind};
pub(crate) use crate::common::{loopback::VERSIONS, within};

/// An axum server on a free port.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start(router: Router) -> Self {
        Self::start_service(router).await
    }

    /// Serves a router with layers around it.
    pub(crate) async fn start_service<S>(service: S) -> Self
    where
        S: Service<extract::Request, Response = Response, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send,
    {
        let (listener, address) = bind().await;
        let connections = Arc::new(AtomicUsize::new(0));
        let accepted = Arc::clone(&connections);
        let listener = listener.tap_io(move |_| {
            accepted.fetch_add(1, Ordering::SeqCst);
        });
        let make_service = service.into_make_service();
        tokio::spawn(async move { axum::serve(listener, make_service).await });
        Self {
            address,
            connections,
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
    loopback::client(version)
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
