//! The body that [`ReadFormLayer`](super::ReadFormLayer) passes on.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::digest::{BoxError, BufferedBody};

pin_project! {
    /// Carries a form that was read, or another body as it arrives.
    ///
    /// Requires the feature `digest`.
    ///
    /// The length of a form is known, unless it has trailers: a proxy that forwards it over
    /// HTTP/1.1 then sends it in chunks, because a body with a `Content-Length` has no trailers.
    #[derive(Debug)]
    pub struct ReadFormBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B> {
        Form { #[pin] body: BufferedBody },
        Other { #[pin] body: B },
    }
}

impl<B> ReadFormBody<B> {
    pub(super) fn form(body: BufferedBody) -> Self {
        let kind = Kind::Form { body };
        Self { kind }
    }

    pub(super) fn other(body: B) -> Self {
        let kind = Kind::Other { body };
        Self { kind }
    }
}

/// Creates a body without data.
impl<B> Default for ReadFormBody<B> {
    fn default() -> Self {
        Self::form(BufferedBody::default())
    }
}

impl<B> Body for ReadFormBody<B>
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
        Poll::Ready(match self.project().kind.project() {
            KindProjection::Form { body } => {
                let frame = ready!(body.poll_frame(cx));
                frame.map(|frame| frame.map_err(|never| match never {}))
            }
            KindProjection::Other { body } => ready!(body.poll_frame(cx)).map(|frame| {
                let frame = frame.map_err(Into::into)?;
                Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
            }),
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Form { body } => body.is_end_stream(),
            Kind::Other { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            // An HTTP/1.1 client makes a `Content-Length` of an exact length, and drops the
            // trailers.
            Kind::Form { body } if body.has_trailers() => {
                let mut hint = SizeHint::new();
                hint.set_lower(body.size_hint().lower());
                hint
            }
            Kind::Form { body } => body.size_hint(),
            Kind::Other { body } => body.size_hint(),
        }
    }
}
