//! Reads a body to its end, up to a limit.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut as _, Bytes};
use http_body::Body;
use pin_project_lite::pin_project;

use super::BufferedBody;

type BoxError = Box<dyn Error + Send + Sync>;

/// The smallest buffer, in bytes, where as much is allowed.
const MIN_CAPACITY: usize = 1024;

pin_project! {
    /// The whole body, once it is there.
    ///
    /// No frame is kept. A frame of one byte is a slice of the buffer that the connection was read into, so each one
    /// that is kept keeps some 4 KiB alive, and a client chooses how many there are. They are copied into one buffer.
    pub(super) struct ReadAhead<B> {
        #[pin]
        body: B,
        buffer: Vec<u8>,
        limit: usize,
        // The limit, or the body's length where it has announced a shorter one.
        most: usize,
        is_too_large: bool,
    }
}

/// Why there is no whole body.
pub(super) enum Unread {
    /// It is longer than the limit.
    TooLarge,
    /// It says so itself, or there is no memory for it.
    Broken(BoxError),
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
                // The end: nothing may come after trailers.
                Err(other) => match other.into_trailers() {
                    Ok(trailers) => break Some(trailers),
                    Err(_unknown) => continue,
                },
            };
            let len = data.remaining();
            if len > this.limit.saturating_sub(this.buffer.len()) {
                return Poll::Ready(Err(Unread::TooLarge));
            }
            // All there is: for `Bytes` that is no copy, and as one frame it keeps one buffer alive at most.
            if this.buffer.is_empty() && this.body.is_end_stream() {
                let data = data.copy_to_bytes(len);
                return Poll::Ready(Ok(BufferedBody::new(data, None)));
            }
            let len = this.buffer.len() + len;
            // A body that is longer than it has announced is bounded by the limit alone.
            let most = Some(*this.most).filter(|most| len <= *most);
            make_room(this.buffer, len, most.unwrap_or(*this.limit)).map_err(Unread::Broken)?;
            this.buffer.put(data);
        };
        let data = Bytes::from(std::mem::take(this.buffer));
        Poll::Ready(Ok(BufferedBody::new(data, trailers)))
    }
}

/// Makes room for `len` bytes in all, of which there are at most `most`; allocates no more than that.
///
/// The buffer grows with what has come, not with what was announced: a client could announce the whole limit and send
/// nothing. Its sizes are `most`, halved again and again, so that the last one is `most` itself: the doubling of `Vec`
/// would end at up to twice the limit. While bytes are moved into the next size, the one before is in use too, which is
/// half of it.
fn make_room(buffer: &mut Vec<u8>, len: usize, most: usize) -> Result<(), BoxError> {
    if len <= buffer.capacity() {
        return Ok(());
    }
    let mut capacity = most;
    while capacity / 2 >= len.max(MIN_CAPACITY) {
        capacity /= 2;
    }
    // Where there is no memory this is an error, where `reserve_exact` would panic or abort.
    buffer
        .try_reserve_exact(capacity.saturating_sub(buffer.len()))
        .map_err(Into::into)
}
