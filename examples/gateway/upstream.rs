//! Sends requests to the upstream over connections that are kept open.
//!
//! A request without a body, and its answer, run on the client's task, connection included. A task
//! for each connection would have to be woken, and to wake the client's task, for each message,
//! which is what hyper-util's client does.

use std::{
    collections::VecDeque,
    error::Error,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{MissedTickBehavior, interval},
};

use super::connector::Connector;

/// How long a connection may wait for its next request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How often idle connections are looked through.
const CHECK: Duration = Duration::from_secs(5);

type BoxError = Box<dyn Error + Send + Sync>;

/// The upstream. `B` is the type of the requests' bodies.
pub(crate) struct Upstream<B>
where
    B: Body + 'static,
{
    uri: Uri,
    connector: Connector,
    pool: Arc<Pool<B>>,
}

impl<B> Upstream<B>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin + Send + 'static,
{
    /// Must be called on the runtime.
    pub(crate) fn new(uri: Uri, connector: Connector) -> Self {
        let pool = Arc::new(Pool(Mutex::default()));
        tokio::spawn(close_idle(Arc::clone(&pool)));
        Self {
            uri,
            connector,
            pool,
        }
    }

    /// Sends a request, whose target is in origin form.
    ///
    /// Each request in flight has at most one connection, and returns or closes it before
    /// `in_flight` is dropped. So there are never more connections than permits.
    pub(crate) async fn send(
        &self,
        mut request: Request<B>,
        in_flight: &Arc<OwnedSemaphorePermit>,
    ) -> Result<Response<Answer<B>>, BoxError> {
        loop {
            let idle = self.pool.take();
            let was_idle = idle.is_some();
            let connection = match idle {
                Some(connection) => connection,
                None => Box::new(self.connect().await?),
            };
            let mut error = match self.send_over(connection, request, in_flight).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            // The upstream may close an idle connection at any time. If nothing of the request was
            // sent, it is sent again.
            request = match error.take_message() {
                Some(unsent) if was_idle => unsent,
                _ => return Err(error.into_error().into()),
            };
        }
    }

    async fn connect(&self) -> Result<Connection<B>, BoxError> {
        let stream = self.connector.connect(self.uri.clone()).await?;
        let (sender, driver) = http1::handshake(stream).await?;
        Ok(Connection {
            sender,
            driver: Some(driver),
        })
    }

    async fn send_over(
        &self,
        mut connection: Box<Connection<B>>,
        request: Request<B>,
        in_flight: &Arc<OwnedSemaphorePermit>,
    ) -> Result<Response<Answer<B>>, TrySendError<Request<B>>> {
        let has_body = !request.body().is_end_stream();
        let mut sent = pin!(connection.sender.try_send_request(request));
        if has_body {
            // The upstream may answer before it has read the whole body, and the client may read
            // the answer only after it has sent its body. So neither waits for the other.
            tokio::spawn(run(
                connection,
                Arc::clone(&self.pool),
                Arc::clone(in_flight),
            ));
            let response = sent.await?;
            return Ok(response.map(|body| Answer::new(body, None)));
        }
        let response = poll_fn(|cx| {
            connection.progress(cx);
            // Only the connection can make it ready, so it need not wake this task again.
            sent.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        });
        let response = response.await?;
        let connection = Some((connection, Arc::clone(&self.pool)));
        let mut response = response.map(|body| Answer::new(body, connection));
        if response.body().is_end_stream() {
            // The server does not poll such a body.
            response.body_mut().give_back();
        }
        Ok(response)
    }
}

/// Runs a connection until its request is sent and its answer is received, and returns it to the
/// pool.
async fn run<B>(
    mut connection: Box<Connection<B>>,
    pool: Arc<Pool<B>>,
    in_flight: Arc<OwnedSemaphorePermit>,
) where
    B: Body<Data = Bytes, Error = BoxError> + Unpin + Send + 'static,
{
    let is_ready = poll_fn(|cx| {
        connection.progress(cx);
        connection.sender.poll_ready(cx)
    });
    if is_ready.await.is_ok() {
        pool.put(connection);
    }
    drop(in_flight);
}

/// A connection, and what runs it.
struct Connection<B>
where
    B: Body + 'static,
{
    sender: SendRequest<B>,
    /// `None` when the connection has ended. The driver is dropped then, which returns a request
    /// that it has not begun to send.
    driver: Option<http1::Connection<TokioIo<TcpStream>, B>>,
}

impl<B> Connection<B>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin + Send + 'static,
{
    /// Reads and writes what is possible.
    fn progress(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            // The request or the answer's body gets the error.
            && Pin::new(driver).poll(cx).is_ready()
        {
            self.driver = None;
        }
    }
}

/// The connections without a request. The last one returned is used first, so that the others
/// become old and are closed.
struct Pool<B>(Mutex<Idle<B>>)
where
    B: Body + 'static;

/// Since when each connection is idle, and the connection.
type Idle<B> = VecDeque<(Instant, Box<Connection<B>>)>;

impl<B> Pool<B>
where
    B: Body + 'static,
{
    fn take(&self) -> Option<Box<Connection<B>>> {
        self.lock()
            .pop_back()
            .map(|(_since, connection)| connection)
    }

    fn put(&self, connection: Box<Connection<B>>) {
        self.lock().push_back((Instant::now(), connection));
    }

    fn lock(&self) -> MutexGuard<'_, Idle<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that were idle for too long, until the runtime ends.
async fn close_idle<B>(pool: Arc<Pool<B>>)
where
    B: Body + 'static,
{
    let mut checks = interval(CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        checks.tick().await;
        let mut idle = pool.lock();
        let recent = idle.partition_point(|(since, _)| since.elapsed() >= IDLE_TIMEOUT);
        drop(idle.drain(..recent));
    }
}

/// A connection that is in use, and the pool that it returns to.
type Taken<B> = (Box<Connection<B>>, Arc<Pool<B>>);

/// The body of an upstream's answer. It runs the connection, and returns it at its end.
pub(crate) struct Answer<B>
where
    B: Body + 'static,
{
    body: Incoming,
    connection: Option<Taken<B>>,
    /// The error that the next poll returns.
    error: Option<hyper::Error>,
}

impl<B> Answer<B>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin + Send + 'static,
{
    fn new(body: Incoming, connection: Option<Taken<B>>) -> Self {
        Self {
            body,
            connection,
            error: None,
        }
    }

    /// Returns the connection to the pool if it can take another request. Else it is closed.
    fn give_back(&mut self) {
        if let Some((mut connection, pool)) = self.connection.take() {
            // hyper says that it is ready only after it has looked at the end of the answer.
            // Without the task's waker: the next request, of another task, would wake this one.
            connection.progress(&mut Context::from_waker(Waker::noop()));
            if connection.sender.is_ready() {
                pool.put(connection);
            }
        }
    }
}

impl<B> Body for Answer<B>
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin + Send + 'static,
{
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if let Some(error) = this.error.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let mut frame = Pin::new(&mut this.body).poll_frame(cx);
        if frame.is_pending()
            && let Some((connection, _)) = &mut this.connection
        {
            // The body was polled first, as the connection reads only what is asked for.
            connection.progress(cx);
            frame = Pin::new(&mut this.body).poll_frame(cx);
        }
        let frame = ready!(frame);
        if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
            this.give_back();
        }
        if let Some(Err(error)) = frame {
            // The server closes the client's connection at an error. While the body is pending, it
            // first sends what came before.
            this.error = Some(error);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && self.error.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
