use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{DrainService, DrainTask, task::Discarding};

/// Lets HTTP/1.1 clients that send a large body receive a response that was sent before the body
/// was read, such as a refusal.
///
/// [`VerifyLayer`](crate::VerifyLayer) refuses a request without reading its body. An HTTP/1.1
/// server then closes the connection, because the next bytes on it are the rest of that body. A
/// socket that is closed while bytes arrive is reset. A client that is still writing gets `EPIPE`
/// or `ECONNRESET`, and most clients never see the response, because they write the whole request
/// before they read.
///
/// With this layer the response is sent without waiting, the connection stays open, and the rest of
/// the body is read and discarded in the background. A client that writes everything first then
/// finds the response and can reuse the connection. A client that reads while it writes has the
/// response early and can stop sending.
///
/// Put it outside `VerifyLayer`, and outside everything else that may answer without reading the
/// body (in axum, a layer that is added later is outside). It does not look at the status, because
/// any response would be lost in the same way.
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
/// At most `max_bytes` of a body are discarded, and only until the timer ends. Then the body is
/// dropped, and the server closes the connection, as it does without this layer. If the request's
/// `Content-Length` says that more than `max_bytes` are left, the response has `Connection: close`.
/// Discarded bytes take no memory.
///
/// Each connection has at most one such task, so the server's connection limit also limits the
/// tasks. A graceful shutdown waits for them. A concurrency limit does not count them, because the
/// request is over after its response. Anyone can make the server read that much, signed or not, so
/// set `max_bytes` to the largest upload that clients really send.
///
/// # What is not drained
///
/// - **HTTP/2**: each stream ends by itself, and the connection stays open. The body is passed on
///   unchanged.
/// - **`Expect: 100-continue`**, as long as nothing of the body has been read: the client waits for
///   a response before it sends the body, and reading would make the server ask for it.
/// - **A body that is still in use when the response is ready**, in a task that the handler started
///   or in the response: its owner reads it.
/// - **An HTTP/1.0 response of unknown length**: it ends when the connection is closed, which
///   draining would delay.
/// - **`CONNECT`, and a response with status 101**: another protocol begins on the connection.
/// - **A service that returns an error**: there is no response to lose.
///
/// # Other servers, other ways
///
/// This layer needs a server that keeps the connection open after an HTTP/1.1 response until the
/// request's body is dropped, as hyper 1 and axum do. A server that owns its sockets can instead
/// keep reading from them for a while before it closes them, as the example `gateway` and nginx
/// (`lingering_close`) do. That also covers what the server itself refuses, such as a head that is
/// too large. One of the two is enough.
#[derive(Clone)]
#[must_use = "a layer does nothing until a service is put into it"]
pub struct DrainLayer {
    options: Arc<Options>,
}

pub(super) struct Options {
    pub(super) max_bytes: u64,
    /// Starts the task.
    pub(super) start: Box<dyn Fn(Discarding) + Send + Sync>,
}

impl DrainLayer {
    /// Creates a layer that discards up to `max_bytes` bytes of a body, until `timer`'s future
    /// completes, in tasks that `spawn` starts.
    ///
    /// The crate does not depend on an async runtime, so both come from yours: `||
    /// tokio::time::sleep(Duration::from_secs(30))` and `tokio::spawn`, for example. They are
    /// called once for each body that is drained, in the task that polls the service. What `spawn`
    /// returns is dropped. If `spawn` drops the [`DrainTask`], the body is not drained.
    ///
    /// nginx's default is 30 seconds (`lingering_time`), with no limit in bytes except the one on
    /// the request's body.
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
        DrainService::new(inner, Arc::clone(&self.options))
    }
}
