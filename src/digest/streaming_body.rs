//! A body that is compared with its digest while it is read.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use sha2::{Digest as _, Sha256};

use super::BufferedBody;
use crate::wire::digest_header::Sha256Digest;

pin_project! {
    /// A request's body that is, or was, compared with its digest: what handlers below
    /// [`VerifyDigestLayer`](super::VerifyDigestLayer) get.
    ///
    /// Where it is compared while it is read, the last frame of data is held back until the digest is known to be right;
    /// if it is not, the body ends with the error [`DigestMismatch`] in that frame's place. So who reads as much as the
    /// body says it has, and no further, has got a whole and right one. Trailers are handed on, but not covered.
    #[derive(Debug)]
    pub struct CheckedBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B> {
        Known { #[pin] body: BufferedBody },
        Streaming {
            #[pin]
            body: B,
            hash: Sha256,
            expected: Sha256Digest,
            held: Option<Bytes>,
            // How many bytes there may still be, by what the body has said of its length.
            room: u64,
            // What comes after the end of the data has been found right.
            after: Option<Frame<Bytes>>,
            is_over: bool,
        },
    }
}

impl<B> CheckedBody<B> {
    pub(super) fn known(body: BufferedBody) -> Self {
        let kind = Kind::Known { body };
        Self { kind }
    }

    /// For a body that has something to be compared: one that is at its end is taken to be right.
    pub(super) fn streaming(body: B, expected: Sha256Digest) -> Self
    where
        B: Body,
    {
        Self {
            kind: Kind::Streaming {
                hash: Sha256::new(),
                expected,
                held: None,
                room: body.size_hint().upper().unwrap_or(u64::MAX),
                after: None,
                is_over: body.is_end_stream(),
                body,
            },
        }
    }
}

/// A body without data, whatever the inner body is.
impl<B> Default for CheckedBody<B> {
    fn default() -> Self {
        Self::known(BufferedBody::default())
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<B> Body for CheckedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let (mut body, hash, expected, held, room, after, is_over) =
            match self.project().kind.project() {
                KindProjection::Known { body } => {
                    let frame = ready!(body.poll_frame(cx));
                    return Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})));
                }
                KindProjection::Streaming {
                    body,
                    hash,
                    expected,
                    held,
                    room,
                    after,
                    is_over,
                } => (body, hash, expected, held, room, after, is_over),
            };
        while !*is_over {
            let trailers = match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(mut data) => {
                        let data = data.copy_to_bytes(data.remaining());
                        // More than was announced, where a reader may stop: before anything was compared.
                        let Some(left) = room.checked_sub(data.len() as u64) else {
                            *is_over = true;
                            *held = None;
                            return Poll::Ready(Some(Err(DigestMismatch.into())));
                        };
                        *room = left;
                        hash.update(&data);
                        if data.is_empty() {
                            continue;
                        }
                        match held.replace(data) {
                            Some(earlier) => return Poll::Ready(Some(Ok(Frame::data(earlier)))),
                            None => continue,
                        }
                    }
                    Err(other) => other.into_trailers().ok(),
                },
                Some(Err(error)) => {
                    *is_over = true;
                    *held = None;
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => None,
            };
            *is_over = true;
            if hash.finalize_reset().as_slice() != expected.as_slice() {
                *held = None;
                return Poll::Ready(Some(Err(DigestMismatch.into())));
            }
            *after = trailers.map(Frame::trailers);
        }
        let last = held.take().map(Frame::data).or_else(|| after.take());
        Poll::Ready(last.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Known { body } => body.is_end_stream(),
            Kind::Streaming {
                held,
                after,
                is_over,
                ..
            } => *is_over && held.is_none() && after.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, held) = match &self.kind {
            Kind::Known { body } => return body.size_hint(),
            Kind::Streaming { body, held, .. } => {
                let held = held.as_ref().map_or(0, Bytes::len);
                (body.size_hint(), held as u64)
            }
        };
        let mut with_held = SizeHint::new();
        with_held.set_lower(hint.lower().saturating_add(held));
        if let Some(upper) = hint.upper().and_then(|upper| upper.checked_add(held)) {
            with_held.set_upper(upper);
        }
        with_held
    }
}

impl<B: fmt::Debug> fmt::Debug for Kind<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known { body } => f.debug_tuple("Known").field(body).finish(),
            Self::Streaming { body, .. } => f.debug_tuple("Streaming").field(body).finish(),
        }
    }
}

/// The body is not what its digest says: it was changed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestMismatch;

impl fmt::Display for DigestMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is not what its digest says: throw away what has been read of it")
    }
}

impl Error for DigestMismatch {}
