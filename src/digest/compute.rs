//! The client's side: reads a body ahead and sends its digest.

use std::{
    error::Error,
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    BufferedBody, DigestError, DigestHeader,
    read_ahead::{ReadAhead, Unread},
};
use crate::{request_head::Digested, wire::digest_header::ComputedFor};

type BoxError = Box<dyn Error + Send + Sync>;

/// Computes the digest of a request's body and sends it in a header, for [`SignLayer`](crate::SignLayer) to sign. With
/// the feature `digest`.
///
/// Its place is outermost, above retry: the body is read and hashed once, and handed on as a [`BufferedBody`], which can
/// be sent again. Stale `Digest` and `Content-Digest` headers are replaced. An empty body has a digest too.
///
/// A body of one frame of [`Bytes`](bytes::Bytes) that says that it is over after it, such as `Full<Bytes>`, is not
/// copied. All others are copied into one buffer, which is never larger than the [limit](Self::limit), however small the
/// frames are; while it grows, up to half of that again is in use.
///
/// Signers of every scheme sign the digest that this layer has computed, whatever their list says; a layer in between
/// must hand the request's extensions on, as tower's do.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_hmac_auth::{KeyPair, SignLayer, Signer, digest::{BufferedBody, DigestLayer}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// # let client = service_fn(|request: Request<BufferedBody>| async move {
/// #     assert_eq!(request.headers()["digest"], "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=");
/// #     assert!(request.headers()["authorization"].to_str()?.contains("headers=\"x-date digest\""));
/// #     Ok::<_, BoxError>(Response::new(()))
/// # });
/// let service = ServiceBuilder::new()
///     .layer(DigestLayer::new())
///     // A retry layer belongs here.
///     .layer(SignLayer::new(Signer::builder(keys).allowed_hosts(["api.example.com"]).build()?))
///     .service(client);
/// let body = Full::<Bytes>::from(r#"{"hello":"world"}"#);
/// service.oneshot(Request::post("https://api.example.com/a").body(body)?).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Redirects
///
/// A layer in between that follows a redirect may turn a `POST` into a `GET` without a body, and leave the old digest
/// on it. The method being another, [`SignLayer`](crate::SignLayer) sends and signs the digest of nothing instead. It
/// knows the first method from the request's extensions, which tower-http's `FollowRedirect` hands on since its version
/// 0.7, and to the same origin only. Where redirects lead to other origins, with an older version, or where a `GET` has
/// a body, put this layer inside of the one that follows; otherwise a server that checks the digest refuses the request.
///
/// # Trailers
///
/// They are kept, and not hashed: nothing protects them. Clients send them on HTTP/2; on HTTP/1.1 they drop them, as the
/// length of the body is known.
///
/// # reqwest
///
/// The layer is for [`http::Request`]. On a `reqwest::Request`, set the header with
/// [`DigestHeader::value_of`]: it is signed in every scheme. `SignLayer::reqwest_client` has an example.
#[derive(Debug, Clone, Copy)]
#[must_use = "a layer does nothing until a service is put into it"]
pub struct DigestLayer {
    limit: usize,
    header: DigestHeader,
}

impl DigestLayer {
    /// How long a body may be by default, in bytes: 8 MiB.
    pub const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;

    /// Sends `Digest` for bodies of up to [`DEFAULT_LIMIT`](Self::DEFAULT_LIMIT) bytes.
    pub const fn new() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
            header: DigestHeader::Digest,
        }
    }

    /// How long a body may be, in bytes; a request with a longer one is an error before anything is sent. Default:
    /// [`DEFAULT_LIMIT`](Self::DEFAULT_LIMIT). (With its default buffer Kong checks bodies of up to about 8 KiB only, and
    /// refuses longer ones.)
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Which header carries the digest. Default: [`DigestHeader::Digest`].
    pub const fn header(mut self, header: DigestHeader) -> Self {
        self.header = header;
        self
    }
}

impl Default for DigestLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for DigestLayer {
    type Service = DigestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DigestService {
            inner,
            options: *self,
        }
    }
}

/// Computes the digest of a request's body, then hands it to the inner service: what [`DigestLayer`] makes.
///
/// The inner service has to be `Clone`, because it is called only when the body has been read, and this service may be
/// called again meanwhile. As tower's own middleware has it, errors are boxed: the inner service's as they are, and
/// [`DigestError`].
#[derive(Debug, Clone)]
pub struct DigestService<S> {
    inner: S,
    options: DigestLayer,
}

impl<S> DigestService<S> {
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

impl<S, B> Service<Request<B>> for DigestService<S>
where
    S: Service<Request<BufferedBody>> + Clone,
    S::Error: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = DigestFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        // The service that was polled ready goes with the request; its clone takes its place.
        let clone = self.inner.clone();
        DigestFuture {
            kind: Kind::Reading {
                body: ReadAhead::new(body, self.options.limit),
                waiting: Some(Waiting {
                    head,
                    inner: mem::replace(&mut self.inner, clone),
                    options: self.options,
                }),
            },
        }
    }
}

struct Waiting<S> {
    head: request::Parts,
    /// Polled ready.
    inner: S,
    options: DigestLayer,
}

impl<S: Service<Request<BufferedBody>>> Waiting<S> {
    fn send(self, body: BufferedBody) -> S::Future {
        let Self {
            mut head,
            mut inner,
            options,
        } = self;
        for header in DigestHeader::ALL {
            head.headers.remove(header.name());
        }
        let value = options.header.value_of(body.data());
        // A map that is too full to take it is too full to be signed.
        let _full = head.headers.try_insert(options.header.name(), value);
        head.extensions.insert(Digested);
        head.extensions.insert(ComputedFor(head.method.clone()));
        inner.call(Request::from_parts(head, body))
    }
}

pin_project! {
    /// The wait for the body, then the inner service's answer: the future of [`DigestService`].
    pub struct DigestFuture<S, B>
    where
        S: Service<Request<BufferedBody>>,
        B: Body,
        B::Error: Into<BoxError>,
    {
        #[pin]
        kind: Kind<S, B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<S, B>
    where
        S: Service<Request<BufferedBody>>,
        B: Body,
        B::Error: Into<BoxError>,
    {
        Reading {
            #[pin]
            body: ReadAhead<B>,
            waiting: Option<Waiting<S>>,
        },
        Calling {
            #[pin]
            future: S::Future,
        },
    }
}

impl<S, B> Future for DigestFuture<S, B>
where
    S: Service<Request<BufferedBody>>,
    S::Error: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut kind = self.project().kind;
        loop {
            let future = match kind.as_mut().project() {
                KindProjection::Calling { future } => {
                    return future.poll(cx).map_err(Into::into);
                }
                KindProjection::Reading { body, waiting } => {
                    let read = ready!(body.poll(cx));
                    // There is always one: it is taken once, and then the future is another kind.
                    let Some(waiting) = waiting.take() else {
                        return Poll::Pending;
                    };
                    let body = read.map_err(|unread| match unread {
                        Unread::TooLarge => DigestError::BodyTooLarge {
                            limit: waiting.options.limit,
                        },
                        Unread::Broken(error) => DigestError::Body(error),
                    })?;
                    waiting.send(body)
                }
            };
            kind.set(Kind::Calling { future });
        }
    }
}

impl<S, B> fmt::Debug for DigestFuture<S, B>
where
    S: Service<Request<BufferedBody>>,
    B: Body,
    B::Error: Into<BoxError>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestFuture").finish_non_exhaustive()
    }
}
