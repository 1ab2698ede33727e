//! Reads a whole body into memory, up to a limit.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut as _, Bytes};
use http::{HeaderMap, header};
use http_body::Body;
use pin_project_lite::pin_project;

use super::{BoxError, BufferedBody};
use crate::Rejection;

/// The smallest buffer, in bytes, unless the limit is lower.
const MIN_CAPACITY: usize = 1024;

pin_project! {
    /// Reads a body to its end, and resolves to all of it.
    ///
    /// Frames are copied into one buffer and not kept. A frame of one byte is a slice of the buffer
    /// that the connection was read into, so each kept frame would keep about 4 KiB alive, and the
    /// client decides how many frames there are.
    pub(super) struct ReadAhead<B> {
        #[pin]
        body: B,
        buffer: Vec<u8>,
        limit: usize,
        // The limit, or the announced length of the body if that is shorter.
        most: usize,
        is_too_large: bool,
    }
}

/// Why a body could not be read to its end.
pub(super) enum Unread {
    /// The body is longer than the limit.
    TooLarge,
    /// The body returned this error, or there was no memory for it.
    Broken(BoxError),
}

impl Unread {
    /// Returns why a server refuses a request with these headers, whose body it read with this
    /// limit.
    pub(super) fn rejection(&self, headers: &HeaderMap, limit: usize) -> Rejection {
        match self {
            Self::TooLarge => {
                let size = content_length(headers).filter(|size| *size > limit as u64);
                Rejection::BodyTooLarge { size, limit }
            }
            Self::Broken(_) => Rejection::BodyUnreadable,
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

impl<B: Body> ReadAhead<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        let hint = body.size_hint();
        let announced = hint.upper().and_then(|upper| usize::try_from(upper).ok());
        Self {
            is_too_large: hint.lower() > limit as u64,
            most: announced.map_or(limit, |announced| announced.min(limit)),
            limit,
            buffer: Vec::new(),
            body,
        }
    }
}

impl<B> Future for ReadAhead<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<BufferedBody, Unread>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if *this.is_too_large {
            return Poll::Ready(Err(Unread::TooLarge));
        }
        let trailers = loop {
            let Some(frame) = ready!(this.body.as_mut().poll_frame(cx)) else {
                break None;
            };
            let frame = frame.map_err(|error| Unread::Broken(error.into()))?;
            let mut data = match frame.into_data() {
                Ok(data) => data,
                // Trailers end the body: nothing may follow them.
                Err(other) => match other.into_trailers() {
                    Ok(trailers) => break Some(trailers),
                    Err(_unknown) => continue,
                },
            };
            let len = data.remaining();
            if len > this.limit.saturating_sub(this.buffer.len()) {
                return Poll::Ready(Err(Unread::TooLarge));
            }
            // A single frame is the whole body. With `Bytes` this is no copy, and it keeps only one
            // buffer of the connection alive.
            if this.buffer.is_empty() && this.body.is_end_stream() {
                let data = data.copy_to_bytes(len);
                return Poll::Ready(Ok(BufferedBody::new(data, None)));
            }
            let len = this.buffer.len() + len;
            // If the body is longer than announced, only the limit bounds it.
            let most = Some(*this.most).filter(|most| len <= *most);
            make_room(this.buffer, len, most.unwrap_or(*this.limit)).map_err(Unread::Broken)?;
            this.buffer.put(data);
        };
        let data = Bytes::from(std::mem::take(this.buffer));
        Poll::Ready(Ok(BufferedBody::new(data, trailers)))
    }
}

/// Makes room for `len` bytes in total. `len` is at most `most`, and no more than `most` bytes are
/// allocated.
///
/// The buffer grows with the bytes that arrived, not to the announced length: a client could
/// announce the whole limit and send nothing. Its sizes are `most` divided by powers of two, so the
/// last one is `most` itself. The doubling of `Vec` would end at up to twice the limit. While bytes
/// move to the next size, the previous buffer, half as large, is in use too.
fn make_room(buffer: &mut Vec<u8>, len: usize, most: usize) -> Result<(), BoxError> {
    if len <= buffer.capacity() {
        return Ok(());
    }
    let mut capacity = most;
    while capacity / 2 >= len.max(MIN_CAPACITY) {
        capacity /= 2;
    }
    // Returns an error if there is no memory. `reserve_exact` would panic or abort the process.
    buffer
        .try_reserve_exact(capacity.saturating_sub(buffer.len()))
        .map_err(Into::into)
}
