//! The echo service on a loopback socket, and channels to it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use tokio_stream::{StreamExt as _, wrappers::TcpListenerStream};
use tonic::{
    body::Body,
    codegen::StdError,
    service::Routes,
    transport::{self, Channel},
};
use tower::{Layer, Service, ServiceBuilder, util::Either};
use tower_hmac_auth::{SignLayer, Signer, clock::ManualClock, sign::SignService};

use super::echo::Echo;
pub(crate) use crate::common::within;
use crate::common::{keys, loopback::bind};

/// A tonic server on a free port.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    echo: Echo,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Puts the echo service into whatever layers `server` has. The bounds are tonic's.
    pub(crate) async fn start<L, B>(mut server: transport::Server<L>) -> Self
    where
        L: Layer<Routes> + Clone + Send + 'static,
        L::Service: Service<http::Request<Body>, Response = http::Response<B>>,
        L::Service: Clone + Send + 'static,
        <L::Service as Service<http::Request<Body>>>::Future: Send,
        <L::Service as Service<http::Request<Body>>>::Error: Into<StdError> + Send + 'static,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<StdError>,
    {
        let (listener, address) = bind().await;
        let connections = Arc::new(AtomicUsize::new(0));
        let accepted = Arc::clone(&connections);
        let incoming = TcpListenerStream::new(listener).map(move |stream| {
            accepted.fetch_add(1, Ordering::SeqCst);
            stream
        });
        let echo = Echo::default();
        let router = server.add_service(echo.clone());
        tokio::spawn(router.serve_with_incoming(incoming));
        Self {
            address,
            echo,
            connections,
        }
    }

    /// A channel of one connection.
    pub(crate) async fn connect(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        within(endpoint.connect()).await.unwrap()
    }

    /// How many calls reached a handler since this was last asked.
    pub(crate) fn take_calls(&self) -> usize {
        self.echo.calls.swap(0, Ordering::SeqCst)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(crate) type Client = Either<SignService<Channel, ManualClock>, Channel>;

/// A client that signs with this, or not at all.
pub(crate) fn client(channel: &Channel, layer: Option<SignLayer<ManualClock>>) -> Client {
    ServiceBuilder::new()
        .option_layer(layer)
        .service(channel.clone())
}

pub(crate) fn on_time(signer: impl Into<SignLayer>) -> SignLayer<ManualClock> {
    signer.into().clock(ManualClock::at(SystemTime::now()))
}

/// Signs with the key the servers know.
pub(crate) fn signed(channel: &Channel) -> Client {
    client(channel, Some(on_time(Signer::new(keys()))))
}
