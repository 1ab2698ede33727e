//! Accepts and serves clients' connections, within limits, and shuts down.

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
    sync::{Notify, Semaphore},
    time::sleep,
};
use tower::{Service, ServiceExt as _};

use super::{
    activity::Activity,
    admin::Health,
    linger::Lingering,
    log::Entry,
    metrics, stderr,
    timed::{Taker, takes_nothing},
};

/// How long requests in flight may take after the first signal.
const GRACE: Duration = Duration::from_secs(30);

/// How long to wait after an error of `accept`, such as too many open files. Without a pause, the
/// loop would use a whole core until a file is closed.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// How many connections are served at a time.
    pub(crate) connections: usize,
    /// How many requests are served at a time on one HTTP/2 connection.
    pub(crate) streams: u32,
    /// How long a connection may be without a complete request.
    pub(crate) idle: Duration,
    /// How long a client may read nothing of its answer.
    pub(crate) write: Duration,
}

/// Serves until the first signal, then finishes the requests in flight.
pub(crate) async fn run<S, B>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    mut signals: Signals,
    health: Health,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
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
    health.end();
    drop(listener);
    stderr::say(format!("ending: open connections: {}", graceful.count()));
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(GRACE) => stderr::say("ending: requests still in flight are cut off"),
        () = signals.next() => stderr::say("ending at once"),
    }
}

/// Accepts the next connection. Errors are logged.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
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
    // Send small frames of a stream at once. An error is ignored: it only costs latency.
    let _only_slower_without = stream.set_nodelay(true);
    let counted = metrics::Counted::connection();
    let activity = Arc::new(Activity::new());
    let requests = Arc::clone(&activity);
    let stalled = Arc::new(Notify::new());
    let stalls = Arc::clone(&stalled);
    let logged = service_fn(move |request: Request<Incoming>| {
        let entry = Entry::new(&request, &requests);
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
    // `idle` closes a connection whose head does not arrive, with one timer for all its requests.
    builder.http1().header_read_timeout(None);
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
            // An error of one connection concerns its client only.
            _ended = connection => {}
            () = idle(&activity, limits.idle) => {}
            () = stalled.notified() => {}
        }
        drop(counted);
    }
}

/// Notifies `stalled` if the client reads nothing of its answer for `limit`. Returns when the
/// answer is over.
///
/// A timer inside of the body would not run: hyper does not poll the body while the client does not
/// read. The whole connection is closed, as hyper has no way to reset a single HTTP/2 stream from
/// outside.
async fn watch_over(client: Taker, limit: Duration, stalled: Arc<Notify>) {
    tokio::select! {
        () = takes_nothing(&client, limit) => stalled.notify_one(),
        () = client.over() => {}
    }
}

/// Returns when no request has been in flight for `limit`.
///
/// Requests do not wake it: the timer is set again when it ends.
async fn idle(activity: &Activity, limit: Duration) {
    loop {
        let left = match activity.idle_since() {
            Some(since) => limit.saturating_sub(since.elapsed()),
            None => limit,
        };
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

/// The signals that end the gateway.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Installs the handlers. From here on, the signals no longer end the process by themselves.
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
