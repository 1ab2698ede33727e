use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Method, Request, Response, StatusCode, Version, header};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    DrainBody, DrainFuture, DrainTask,
    body::Returned,
    future::Tracked,
    task::{Discarding, discard},
};

/// Lets HTTP/1.1 clients that send a large body get an answer that was given before the body was read, such as a
/// refusal.
///
/// [`VerifyLayer`](crate::VerifyLayer) refuses a request without reading its body. An HTTP/1.1 server then closes the
/// connection, because what follows on it is the rest of that body; and a socket that is closed while bytes arrive is
/// reset. A client that is still writing then sees `EPIPE` or `ECONNRESET` and, as most clients write all before they
/// read, never the answer. This layer answers at once, keeps the connection open, and reads and discards the rest of the
/// body in the background. A client that writes all first finds the answer then, and can use the connection again; one
/// that reads meanwhile has the answer at once, and can stop sending.
///
/// Its place is outside of `VerifyLayer`, and of everything else that may answer without reading the body (in axum, a
/// layer that is added later is outside). It looks at no status: whatever the answer is, it would be lost.
///
/// ```
/// use std::time::Duration;
///
/// use tower::ServiceBuilder;
/// use tower_hmac_auth::{StaticKeys, VerifyLayer, verify::DrainLayer};
///
/// let max_bytes = 32 * 1024 * 1024;
/// let timer = || tokio::time::sleep(Duration::from_secs(30));
/// let layers = ServiceBuilder::new()
///     .layer(DrainLayer::new(max_bytes, timer, tokio::spawn))
///     .layer(VerifyLayer::new(StaticKeys::new()));
/// ```
///
/// # Bounds
///
/// At most `max_bytes` of a body are discarded, and only until the timer is over. Then the body is dropped, and the
/// server closes the connection, as it does without this layer. An answer to a request whose `Content-Length` says that
/// more than `max_bytes` are left has `Connection: close`. What is discarded takes no memory. Each connection has one
/// such task at most, so that the server's limit of connections is the limit of tasks too (a graceful shutdown waits for them); a concurrency limit is not,
/// as the request is over when it has been answered. Anyone can make the server read that much, signed or not, so
/// `max_bytes` should be the largest upload that clients really send.
///
/// # What is not drained
///
/// - **HTTP/2**: each stream ends for itself, and no connection is closed. The body passes as it is.
/// - **`Expect: 100-continue`**, while nothing of the body has been read: the client waits for the answer before it
///   sends anything, and reading would invite it to send.
/// - **A body that is still in use when the answer is there**, in a task that the handler has started, or in the answer:
///   it is its owner's to read.
/// - **An HTTP/1.0 answer of unknown length**: its end is the end of the connection, which draining would delay.
/// - **`CONNECT`, and an answer with status 101**: another protocol begins on the connection.
/// - **A service that ends with an error**: there is no answer that could be lost.
///
/// # Other servers, other ways
///
/// It takes a server that leaves the connection open, after an HTTP/1.1 answer, for as long as the request's body is not
/// dropped, as hyper 1 does, and with it axum. A server that owns its sockets can linger on those instead, as the
/// example `gateway` does and nginx (`lingering_close`): that also covers what the server itself refuses, such as a head
/// that is too large. With one, the other is not needed.
#[derive(Clone)]
#[must_use = "a layer does nothing until a service is put into it"]
pub struct DrainLayer {
    options: Arc<Options>,
}

pub(super) struct Options {
    max_bytes: u64,
    start: Box<dyn Fn(Discarding) + Send + Sync>,
}

impl DrainLayer {
    /// Discards up to `max_bytes` bytes of a body until `timer`'s future is over, in tasks that `spawn` starts.
    ///
    /// The crate has no async runtime, so both come from yours: `|| tokio::time::sleep(Duration::from_secs(30))` and
    /// `tokio::spawn`. They are called once for each body that is drained, in the task that polls the service. What
    /// `spawn` returns is dropped; if it drops the [`DrainTask`], the body is not drained.
    ///
    /// nginx has 30 seconds by default (`lingering_time`), and no limit of bytes but the one of the request's body.
    pub fn new<T, F, P, O>(max_bytes: u64, timer: T, spawn: P) -> Self
    where
        T: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
        P: Fn(DrainTask) -> O + Send + Sync + 'static,
    {
        let options = Options {
            max_bytes,
            start: Box::new(move |discarding| {
                let _handle = spawn(DrainTask::new(discarding, Box::pin(timer())));
            }),
        };
        Self {
            options: Arc::new(options),
        }
    }
}

impl fmt::Debug for DrainLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainLayer")
            .field("max_bytes", &self.options.max_bytes)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for DrainLayer {
    type Service = DrainService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DrainService {
            inner,
            options: Arc::clone(&self.options),
        }
    }
}

/// Discards the rest of a request's body after the inner service's answer: what [`DrainLayer`] makes.
///
/// Readiness, answers and errors are the inner service's, but for `Connection: close` (see [`DrainLayer`]). The body has
/// to be `Unpin`, because it moves into the task that discards the rest of it, and `Send` and `'static`, because another
/// thread may run that task. hyper's and axum's bodies are.
#[derive(Clone)]
pub struct DrainService<S> {
    inner: S,
    options: Arc<Options>,
}

impl<S> DrainService<S> {
    /// Returns a reference to the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: fmt::Debug> fmt::Debug for DrainService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrainService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, B, RB> Service<Request<B>> for DrainService<S>
where
    S: Service<Request<DrainBody<B>>, Response = Response<RB>>,
    B: Body + Send + Unpin + 'static,
    RB: Body,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = DrainFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shares_a_connection = request.version() >= Version::HTTP_2;
        // What follows the head of a CONNECT is the tunnel's. Most requests have no body: they pay for nothing.
        if shares_a_connection
            || request.method() == Method::CONNECT
            || request.body().is_end_stream()
        {
            let request = request.map(DrainBody::untracked);
            return DrainFuture::new(self.inner.call(request), None);
        }
        let ends_with_connection = request.version() < Version::HTTP_11;
        let expects_continue = request.headers().contains_key(header::EXPECT);
        let returned = Returned::default();
        let request = request.map(|body| DrainBody::new(body, returned.clone(), expects_continue));
        let tracked = Tracked {
            returned,
            options: Arc::clone(&self.options),
            ends_with_connection,
        };
        DrainFuture::new(self.inner.call(request), Some(tracked))
    }
}

impl Options {
    /// Starts to discard what is left of the body, and says so in the answer's headers where it will not be all.
    pub(super) fn drain<B, RB>(&self, body: B, response: &mut Response<RB>)
    where
        B: Body + Send + Unpin + 'static,
    {
        // A new protocol begins where the body should end.
        if body.is_end_stream() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        if body.size_hint().lower() > self.max_bytes {
            let close = header::HeaderValue::from_static("close");
            // A map that is full is an answer without it, which the server closes as well.
            let _full = response.headers_mut().try_append(header::CONNECTION, close);
        }
        (self.start)(discard(body, self.max_bytes));
    }
}
