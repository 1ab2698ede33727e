//! A body that is compared with its digest while it is read.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{
    BoxError, BufferedBody,
    body_digest::{BodyDigest, BodyHash},
};

pin_project! {
    /// Carries a request's body that is compared with its digest.
    ///
    /// Requires the feature `digest`.
    ///
    /// Handlers inside [`VerifyDigestLayer`](super::VerifyDigestLayer) receive it. With `buffered`
    /// the body was compared already.
    ///
    /// With `streaming` the last frame of data is held back until the digest matches. If it does
    /// not, the body ends with the error [`DigestMismatch`] instead of that frame. So a reader that
    /// stops after the announced length has a complete body with the right digest. Trailers are
    /// passed on, but the digest does not cover them.
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
        Streaming { #[pin] body: B, check: Check },
    }
}

/// What has been read of a body.
struct Check {
    hash: BodyHash,
    /// The last data, which is held back until the digest matches or more data follows.
    held: Option<Bytes>,
    /// How many bytes may still follow, by the body's announced length.
    room: u64,
    /// The trailers, which are returned after the last frame of data.
    trailers: Option<HeaderMap>,
    is_over: bool,
}

impl Check {
    /// Takes the next data. Returns what was held back before it.
    fn data(&mut self, data: Bytes) -> Result<Option<Bytes>, DigestMismatch> {
        // More than was announced. Returning the held data now would complete the announced length
        // before anything was compared, and a reader may stop there.
        let Some(room) = self.room.checked_sub(data.len() as u64) else {
            self.fail();
            return Err(DigestMismatch);
        };
        self.room = room;
        self.hash.update(&data);
        if data.is_empty() {
            return Ok(None);
        }
        Ok(self.held.replace(data))
    }

    /// Compares the digest at the end of the body.
    fn end(&mut self, trailers: Option<HeaderMap>) -> Result<(), DigestMismatch> {
        if !self.hash.matches() {
            self.fail();
            return Err(DigestMismatch);
        }
        self.is_over = true;
        self.trailers = trailers;
        Ok(())
    }

    /// Ends the body without its held data.
    fn fail(&mut self) {
        self.is_over = true;
        self.held = None;
    }
}

impl<B> CheckedBody<B> {
    pub(super) fn known(body: BufferedBody) -> Self {
        let kind = Kind::Known { body };
        Self { kind }
    }

    /// Creates a body that is compared while it is read. A body that is already at its end is not
    /// compared: the caller has to do that.
    pub(super) fn streaming(body: B, expected: BodyDigest) -> Self
    where
        B: Body,
    {
        Self {
            kind: Kind::Streaming {
                check: Check {
                    hash: BodyHash::new(expected),
                    held: None,
                    room: body.size_hint().upper().unwrap_or(u64::MAX),
                    trailers: None,
                    is_over: body.is_end_stream(),
                },
                body,
            },
        }
    }
}

/// Creates a body without data.
impl<B> Default for CheckedBody<B> {
    fn default() -> Self {
        Self::known(BufferedBody::default())
    }
}

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
        let (mut body, check) = match self.project().kind.project() {
            KindProjection::Known { body } => {
                let frame = ready!(body.poll_frame(cx));
                return Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})));
            }
            KindProjection::Streaming { body, check } => (body, check),
        };
        while !check.is_over {
            match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(mut data) => {
                        let data = data.copy_to_bytes(data.remaining());
                        if let Some(earlier) = check.data(data)? {
                            return Poll::Ready(Some(Ok(Frame::data(earlier))));
                        }
                    }
                    Err(other) => check.end(other.into_trailers().ok())?,
                },
                Some(Err(error)) => {
                    check.fail();
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => check.end(None)?,
            }
        }
        let trailers = || check.trailers.take().map(Frame::trailers);
        let last = check.held.take().map(Frame::data).or_else(trailers);
        Poll::Ready(last.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Known { body } => body.is_end_stream(),
            Kind::Streaming { check, .. } => {
                check.is_over && check.held.is_none() && check.trailers.is_none()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, held) = match &self.kind {
            Kind::Known { body } => return body.size_hint(),
            Kind::Streaming { body, check } => {
                let held = check.held.as_ref().map_or(0, Bytes::len);
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

/// Reports that the body does not match its digest: it was changed on the way.
///
/// Requires the feature `digest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestMismatch;

impl fmt::Display for DigestMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body does not match its digest: discard what has been read of it")
    }
}

impl Error for DigestMismatch {}
