//! Decides after a response what is drained, and starts it.

use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body;

use super::task::{Discarding, discard};

/// The options of a [`DrainLayer`](crate::verify::DrainLayer).
pub(super) struct Options {
    pub(super) max_bytes: u64,
    /// Starts the task.
    pub(super) start: Box<dyn Fn(Discarding) + Send + Sync>,
}

impl Options {
    /// Starts to discard the rest of the body. Adds `Connection: close` to the response if more is
    /// left than will be discarded.
    pub(super) fn drain<B, RB>(&self, body: B, response: &mut Response<RB>)
    where
        B: Body + Send + Unpin + 'static,
    {
        // After a 101 the next bytes belong to a new protocol: draining would take them from it.
        if body.is_end_stream() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return;
        }
        if body.size_hint().lower() > self.max_bytes {
            let close = HeaderValue::from_static("close");
            // If the map is full, the header is left out. The server still closes the connection
            // when the body is dropped before its end.
            let _full = response.headers_mut().try_append(header::CONNECTION, close);
        }
        (self.start)(discard(body, self.max_bytes));
    }
}
