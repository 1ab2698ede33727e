//! Runs a server on loopback.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::{self, SocketAddr},
    task::{Context, Poll},
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::{
    body::{Body, Incoming},
    server::conn::{http1, http2},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, runtime, sync::oneshot};
use tower::{BoxError, Service};

/// Answers every request with the same body.
#[derive(Clone)]
pub(super) struct Handler;

impl Service<Request<Incoming>> for Handler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        ready(Ok(Response::new(Full::from("no orders yet"))))
    }
}

/// Where a server runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the client's thread, so that no time for waking another thread is measured.
    WithClient,
    /// On a thread and a runtime of its own, like another process.
    OwnThread,
}

/// A server that ends when it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    _stop: oneshot::Sender<()>,
    _thread: Option<Thread>,
}

/// A thread that is joined on drop.
struct Thread(Option<JoinHandle<()>>);

impl Server {
    pub(super) fn start<S, B>(version: Version, service: S, place: Place) -> Self
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = async move {
            tokio::select! {
                () = serve(listener, version, service) => {}
                _ = stopped => {}
            }
        };
        let thread = match place {
            Place::WithClient => {
                tokio::spawn(run);
                None
            }
            Place::OwnThread => Some(thread::spawn(move || {
                let runtime = runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(run);
            })),
        };
        Self {
            address,
            _stop: stop,
            _thread: thread.map(|thread| Thread(Some(thread))),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            thread.join().unwrap();
        }
    }
}

async fn serve<S, B>(listener: net::TcpListener, version: Version, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (io, service) = (
            TokioIo::new(stream),
            TowerToHyperService::new(service.clone()),
        );
        // A connection ends with an error when the client is dropped.
        if version == Version::HTTP_2 {
            let builder = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(io, service));
        } else {
            tokio::spawn(http1::Builder::new().serve_connection(io, service));
        }
    }
}
