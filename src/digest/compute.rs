//! The client's side: reads the body first and sends its digest.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    BoxError, BufferedBody, DigestError, DigestHeader, content_md5,
    read_ahead::{ReadAhead, Unread},
};
use crate::{
    form::{FormParameters, is_form},
    header::CONTENT_MD5,
    readiness::take_ready,
    request_head::Digested,
    sign::ComputedFor,
};

/// Computes the digest of a request's body and sends it in a header, for
/// [`SignLayer`](crate::SignLayer) to sign.
///
/// Requires the feature `digest`.
///
/// Put it outermost, outside retries: the body is then read and hashed once, and passed on as a
/// [`BufferedBody`], which can be sent again. Old `Digest` and `Content-Digest` headers are
/// replaced. An empty body gets a digest too.
///
/// A body of a single frame of [`bytes::Bytes`] that reports its end after it, such as
/// `Full<Bytes>`, is not copied. All others are copied into one buffer, which is never larger than
/// the [limit](Self::limit), however small the frames are. While it grows, up to half of that is
/// used in addition.
///
/// The parameters of a form are put into the request's extensions
/// ([`FormParameters`]), for the scheme that signs them.
///
/// Signers of every scheme sign the digest that this layer computed, whatever their list says. They
/// find out from the request's extensions, so a layer in between must keep those, as tower's layers
/// do.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_hmac_auth::{
///     KeyPair, SignLayer, Signer,
///     digest::{BufferedBody, DigestLayer},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// # let client = service_fn(|request: Request<BufferedBody>| async move {
/// #     let digest = "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=";
/// #     assert_eq!(request.headers()["digest"], digest);
/// #     let authorization = request.headers()["authorization"].to_str()?;
/// #     assert!(authorization.contains("headers=\"x-date digest\""));
/// #     Ok::<_, BoxError>(Response::new(()))
/// # });
/// let signer = Signer::builder(keys).allowed_hosts(["api.example.com"]).build()?;
/// let service = ServiceBuilder::new()
///     .layer(DigestLayer::new())
///     // A retry layer belongs here.
///     .layer(SignLayer::new(signer))
///     .service(client);
/// let body = Full::<Bytes>::from(r#"{"hello":"world"}"#);
/// service.oneshot(Request::post("https://api.example.com/a").body(body)?).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Redirects
///
/// A layer in between that follows a redirect may turn a `POST` into a `GET` without a body, and
/// keep the old digest. If the method has changed, [`SignLayer`](crate::SignLayer) replaces that
/// digest with the one of an empty body and signs it. It knows the first method from the request's
/// extensions. tower-http's `FollowRedirect` keeps those since version 0.7, and only for the same
/// origin.
///
/// So put this layer inside the one that follows redirects if they lead to other origins, if
/// tower-http is older, or if a `GET` has a body. Otherwise a server that checks the digest refuses
/// the request.
///
/// # Trailers
///
/// Trailers are kept but not hashed, so nothing protects them. Clients send them on HTTP/2. On
/// HTTP/1.1 they drop them, because the body's length is known.
///
/// # reqwest
///
/// This layer takes an [`http::Request`]. For a `reqwest::Request`, compute the header's value with
/// [`DigestHeader::value_of`]. It is signed in every scheme. `SignLayer::reqwest_client` has an
/// example.
#[derive(Debug, Clone, Copy)]
#[must_use = "a layer does nothing until a service is put into it"]
pub struct DigestLayer {
    limit: usize,
    sent: Sent,
}

/// What a [`DigestLayer`] sends.
#[derive(Debug, Clone, Copy)]
enum Sent {
    Digest(DigestHeader),
    ContentMd5,
}

impl DigestLayer {
    /// How long a body may be by default: 8 MiB.
    pub const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;

    /// Creates a layer that sends `Digest`, for bodies of up to
    /// [`DEFAULT_LIMIT`](Self::DEFAULT_LIMIT) bytes.
    pub const fn new() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
            sent: Sent::Digest(DigestHeader::Digest),
        }
    }

    /// Creates a layer that sends `Content-MD5` instead of a digest, for
    /// [`Scheme::TencentApp`](crate::Scheme::TencentApp), which signs it. Other schemes only sign
    /// it if it is in the signer's list.
    ///
    /// A form and an empty body get none: the parameters of a form are signed. See
    /// [`content_md5`](super::content_md5()) for what MD5 does not protect.
    pub const fn content_md5() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
            sent: Sent::ContentMd5,
        }
    }

    /// Sets how long a body may be, in bytes. A request with a longer body is not sent and fails
    /// with [`DigestError::BodyTooLarge`]. Default: [`DEFAULT_LIMIT`](Self::DEFAULT_LIMIT).
    ///
    /// With its default buffer, Kong only checks bodies of up to about 8 KiB and refuses longer
    /// ones.
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the header that carries the digest. Default: [`DigestHeader::Digest`].
    pub const fn header(mut self, header: DigestHeader) -> Self {
        self.sent = Sent::Digest(header);
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

/// Computes the digest of a request's body before it calls the inner service.
///
/// Requires the feature `digest`.
///
/// [`DigestLayer`] creates it.
///
/// The inner service has to be `Clone`, because it is called only after the body was read, and this
/// service may be called again before that. Errors are boxed, as in tower's own middleware. They
/// are the inner service's errors and [`DigestError`].
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
        DigestFuture {
            kind: Kind::Reading {
                body: ReadAhead::new(body, self.options.limit),
                waiting: Some(Waiting {
                    head,
                    inner: take_ready(&mut self.inner),
                    options: self.options,
                }),
            },
        }
    }
}

struct Waiting<S> {
    head: request::Parts,
    /// The service that was polled ready.
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
        let is_form = is_form(&head.headers);
        if is_form {
            let form = FormParameters::new(body.data().clone());
            head.extensions.insert(form);
        }
        // If the map is full, the signer fails too and the request is sent unsigned, so no error is
        // needed here.
        match options.sent {
            Sent::Digest(header) => {
                let value = header.value_of(body.data());
                let _full = head.headers.try_insert(header.name(), value);
                head.extensions.insert(Digested);
            }
            Sent::ContentMd5 => {
                head.headers.remove(&CONTENT_MD5);
                if let Some(value) = content_md5::sent_with(body.data(), is_form) {
                    let _full = head.headers.try_insert(&CONTENT_MD5, value);
                }
            }
        }
        head.extensions.insert(ComputedFor(head.method.clone()));
        inner.call(Request::from_parts(head, body))
    }
}

pin_project! {
    /// Waits for the body, then resolves to the inner service's response.
    ///
    /// Requires the feature `digest`.
    ///
    /// This is the response future of [`DigestService`].
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
                    // Always `Some`: it is taken once, and the kind is replaced below before the
                    // next poll. Pending instead of a panic, should that ever change.
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
