//! A body in memory.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// Holds a body that was read completely.
///
/// Requires the feature `digest`.
///
/// Its length is known, clones share its bytes, and it can be sent again on a retry.
#[derive(Debug, Clone, Default)]
pub struct BufferedBody {
    data: Bytes,
    trailers: Option<HeaderMap>,
}

impl BufferedBody {
    pub(super) fn new(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self { data, trailers }
    }

    pub(super) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// Returns the body's data.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }
}

/// Creates a body of these bytes, without trailers.
///
/// ```
/// use bytes::Bytes;
/// use http_body::Body as _;
/// use tower_hmac_auth::digest::BufferedBody;
///
/// let body = BufferedBody::from(Bytes::from("hello"));
/// assert_eq!(body.size_hint().exact(), Some(5));
/// ```
impl From<Bytes> for BufferedBody {
    fn from(data: Bytes) -> Self {
        Self::new(data, None)
    }
}

impl Body for BufferedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = if self.data.is_empty() {
            self.trailers.take().map(Frame::trailers)
        } else {
            Some(Frame::data(std::mem::take(&mut self.data)))
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.len() as u64)
    }
}
