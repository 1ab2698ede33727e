//! Connections of clients: how many, for how long, and how it ends.

use std::{convert::Infallible, error::Error, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore, watch},
    time::{sleep, timeout},
};
use tower::{Service, ServiceExt as _};

use super::{
    linger::Lingering,
    log::Entry,
    stderr,
    timed::{Taker, takes_nothing},
};

/// How long what is in flight may take when the gateway is to end.
const GRACE: Duration = Duration::from_secs(30);

/// How long to wait when no connection can be accepted, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// How many connections are served at a time.
    pub(crate) connections: usize,
    /// How many requests of HTTP/2 are served at a time on one of them.
    pub(crate) streams: u32,
    /// How long a connection may go without a complete request.
    pub(crate) idle: Duration,
    /// How long a client may take nothing of an answer.
    pub(crate) write: Duration,
}

/// Serves until a signal comes, and then what is in flight.
pub(crate) async fn run<S, B>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    mut signals: Signals,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(
        limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    let accept = async {
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let stream = accept(&listener).await;
            let connection = serve(stream, service.clone(), limits, &graceful);
            tokio::spawn(async move {
                connection.await;
                drop(slot);
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = signals.next() => {}
    }
    drop(listener);
    stderr::say(format!("ending: open connections: {}", graceful.count()));
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(GRACE) => stderr::say("ending: what is still in flight is cut off"),
        () = signals.next() => stderr::say("ending at once"),
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                stderr::say(format!("no connection can be accepted: {error}"));
                sleep(PAUSE).await;
            }
        }
    }
}

/// Serves a connection until it ends, or has been idle for too long.
fn serve<S, B>(
    stream: TcpStream,
    service: S,
    limits: Limits,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<S, B>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    // Small pieces of a stream are not to wait for more.
    let _only_slower_without = stream.set_nodelay(true);
    let (in_flight, changes) = watch::channel(0);
    let in_flight = Arc::new(in_flight);
    let stalled = Arc::new(Notify::new());
    let stalls = Arc::clone(&stalled);
    let logged = service_fn(move |request: Request<Incoming>| {
        let entry = Entry::new(&request, &in_flight);
        let answer = service.clone().oneshot(request);
        let stalled = Arc::clone(&stalls);
        async move {
            let mut answer = answer.await?;
            if let Some(client) = answer.extensions_mut().remove() {
                tokio::spawn(watch_over(client, limits.write, stalled));
            }
            Ok::<_, Infallible>(entry.stay_with(answer))
        }
    });

    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.idle)
        .max_concurrent_streams(limits.streams);
    let connection = builder
        .serve_connection(TokioIo::new(Lingering::from(stream)), logged)
        .into_owned();
    let connection = graceful.watch(connection);
    async move {
        tokio::select! {
            // What is wrong with a connection is nothing to be told to anyone but its client.
            _ended = connection => {}
            () = idle(changes, limits.idle) => {}
            () = stalled.notified() => {}
        }
    }
}

/// Tells when the client has taken nothing of its answer for so long; no more once the answer is
/// over.
///
/// The body itself cannot tell, as nobody polls it then. All of the connection ends with it: a
/// single stream of HTTP/2 cannot be reset from here.
async fn watch_over(client: Taker, limit: Duration, stalled: Arc<Notify>) {
    let mut over = client.clone();
    tokio::select! {
        () = takes_nothing(&client, limit) => stalled.notify_one(),
        _over = over.changed() => {}
    }
}

/// Waits until no request has been in flight for so long. hyper's own timeout is for HTTP/1.1 only, and begins when
/// the first bytes have shown that it is.
async fn idle(mut in_flight: watch::Receiver<usize>, idle_timeout: Duration) {
    loop {
        let is_idle = *in_flight.borrow_and_update() == 0;
        let change = in_flight.changed();
        let changed = match is_idle {
            true => match timeout(idle_timeout, change).await {
                Ok(changed) => changed,
                Err(_elapsed) => return,
            },
            false => change.await,
        };
        if changed.is_err() {
            // There will be no more requests: the connection is about to end by itself.
            return std::future::pending().await;
        }
    }
}

/// What asks the gateway to end.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From here on they end the process no longer by themselves.
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
