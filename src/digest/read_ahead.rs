//! Reads a body to its end, up to a limit.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::Body;
use http_body_util::{
    BodyExt as _, LengthLimitError, Limited,
    combinators::{Collect, MapErr},
};
use pin_project_lite::pin_project;

use super::KnownBody;

type BoxError = Box<dyn Error + Send + Sync>;

pin_project! {
    /// The whole body, once it is there.
    pub(super) struct ReadAhead<B>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        #[pin]
        body: Collect<Limited<MapErr<B, fn(B::Error) -> Own>>>,
        is_too_large: bool,
    }
}

/// Why there is no whole body.
pub(super) enum Unread {
    /// It is longer than the limit.
    TooLarge,
    /// It says so itself.
    Broken(BoxError),
}

impl<B> ReadAhead<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    pub(super) fn new(body: B, limit: usize) -> Self {
        let own: fn(B::Error) -> Own = |error| Own(error.into());
        Self {
            is_too_large: body.size_hint().lower() > limit as u64,
            body: Limited::new(body.map_err(own), limit).collect(),
        }
    }
}

impl<B> Future for ReadAhead<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<KnownBody, Unread>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if *this.is_too_large {
            return Poll::Ready(Err(Unread::TooLarge));
        }
        let read = ready!(this.body.poll(cx)).map(KnownBody::new);
        Poll::Ready(read.map_err(|error| match error.downcast::<Own>() {
            Ok(own) => Unread::Broken(own.0),
            Err(error) if error.is::<LengthLimitError>() => Unread::TooLarge,
            Err(error) => Unread::Broken(error),
        }))
    }
}

/// The body's own error, which may be of a limit of its own.
#[derive(Debug)]
struct Own(BoxError);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Own {}
