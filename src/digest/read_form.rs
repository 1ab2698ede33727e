//! The server's side of forms whose parameters are signed: reads them before they are verified.

mod body;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

pub use self::body::ReadFormBody;
use super::{
    BoxError, BufferedBody,
    read_ahead::{ReadAhead, Unread},
};
use crate::{
    Scheme,
    form::{FormParameters, is_form},
    readiness::take_ready,
    verify::{
        Continue, DefaultResponseForRejection, Refused, ResponseForRejection, VerifyBody,
        VerifyFuture, Wait,
    },
};

/// Reads the forms among the requests' bodies, for [`Scheme::TencentApp`], which signs their
/// parameters.
///
/// Requires the feature `digest`.
///
/// Put it outside [`VerifyLayer`](crate::VerifyLayer). It puts a
/// [`FormParameters`] into the request's extensions. Without it, a
/// verifier of this scheme refuses every form. Bodies that are no forms, by their `Content-Type`,
/// are passed on as they arrive.
///
/// **It reads before anything is known of the client.** So the limit should be low, 64 KiB for
/// example, and a concurrency limit and a timeout belong outside this layer. A form that is longer
/// than the limit is refused with 413.
///
/// ```
/// use tower::ServiceBuilder;
/// use tower_hmac_auth::{Scheme, StaticKeys, Verifier, VerifyLayer, digest::ReadFormLayer};
///
/// let verifier = Verifier::builder().scheme(Scheme::TencentApp).build()?;
/// let layers = ServiceBuilder::new()
///     .layer(ReadFormLayer::new(64 * 1024))
///     .layer(VerifyLayer::new(StaticKeys::new()).verifier(verifier));
/// # Ok::<(), tower_hmac_auth::error::BuildError>(())
/// ```
#[must_use = "a layer does nothing until a service is put into it"]
pub struct ReadFormLayer<R = DefaultResponseForRejection> {
    limit: usize,
    scheme: Scheme,
    refuse: Arc<R>,
}

impl ReadFormLayer {
    /// Creates a layer that reads forms of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            scheme: Scheme::TencentApp,
            refuse: Arc::new(DefaultResponseForRejection::new()),
        }
    }
}

impl<R> ReadFormLayer<R> {
    /// Sets the scheme of the verifier, if it is a description that starts from
    /// [`Scheme::TencentApp`]. Default: `Scheme::TencentApp`.
    ///
    /// It changes only how a form that was not read is refused: the answer has this scheme's words,
    /// and the key id is found where this scheme has it
    /// ([`Refusal::key_id`](crate::verify::Refusal::key_id)).
    ///
    /// ```
    /// use tower_hmac_auth::{Scheme, digest::ReadFormLayer};
    ///
    /// let staged = Scheme::builder("staged", Scheme::TencentApp)
    ///     .path_prefix("/release")
    ///     .build()?;
    /// let layer = ReadFormLayer::new(64 * 1024).scheme(staged);
    /// # Ok::<(), tower_hmac_auth::error::BuildError>(())
    /// ```
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets what answers refusals. Default: [`DefaultResponseForRejection::new`].
    pub fn refuse<Q>(self, refuse: Q) -> ReadFormLayer<Q> {
        ReadFormLayer {
            limit: self.limit,
            scheme: self.scheme,
            refuse: Arc::new(refuse),
        }
    }
}

impl<R> Clone for ReadFormLayer<R> {
    fn clone(&self) -> Self {
        Self {
            limit: self.limit,
            scheme: self.scheme,
            refuse: Arc::clone(&self.refuse),
        }
    }
}

impl<R> fmt::Debug for ReadFormLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadFormLayer")
            .field("limit", &self.limit)
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

impl<S, R> Layer<S> for ReadFormLayer<R> {
    type Service = ReadFormService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadFormService {
            inner,
            options: self.clone(),
        }
    }
}

/// Reads the forms among the requests' bodies before it calls the inner service.
///
/// Requires the feature `digest`.
///
/// [`ReadFormLayer`] creates it.
///
/// The inner service has to be `Clone`, because it may be called only after the body was read, and
/// this service may be called again before that.
pub struct ReadFormService<S, R = DefaultResponseForRejection> {
    inner: S,
    options: ReadFormLayer<R>,
}

impl<S, R> ReadFormService<S, R> {
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

impl<S: Clone, R> Clone for ReadFormService<S, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            options: self.options.clone(),
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for ReadFormService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadFormService")
            .field("inner", &self.inner)
            .field("limit", &self.options.limit)
            .finish()
    }
}

impl<S, R, B, RB> Service<Request<B>> for ReadFormService<S, R>
where
    S: Service<Request<ReadFormBody<B>>, Response = Response<RB>> + Clone,
    R: ResponseForRejection,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Response = Response<VerifyBody<RB>>;
    type Error = S::Error;
    type Future = ReadFormFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let wait = if is_form(request.headers()) {
            let (head, body) = request.into_parts();
            let waiting = Waiting {
                inner: take_ready(&mut self.inner),
                options: self.options.clone(),
                head,
            };
            Wait::new(ReadAhead::new(body, self.options.limit), waiting)
        } else {
            let request = request.map(ReadFormBody::other);
            Wait::decided(VerifyFuture::inner(self.inner.call(request)))
        };
        ReadFormFuture { wait }
    }
}

/// A request whose form is being read, and what is needed to continue with it.
struct Waiting<S, R> {
    /// The service that was polled ready.
    inner: S,
    options: ReadFormLayer<R>,
    head: request::Parts,
}

pin_project! {
    /// Waits for the form, then resolves to the inner service's response or a refusal.
    ///
    /// Requires the feature `digest`.
    ///
    /// This is the response future of [`ReadFormService`].
    pub struct ReadFormFuture<S, R, B>
    where
        S: Service<Request<ReadFormBody<B>>>,
    {
        #[pin]
        wait: Wait<ReadAhead<B>, Waiting<S, R>, S::Future>,
    }
}

impl<S, R, B> Continue<ReadAhead<B>> for Waiting<S, R>
where
    S: Service<Request<ReadFormBody<B>>>,
    R: ResponseForRejection,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Future = S::Future;

    fn with(self, read: Result<BufferedBody, Unread>) -> VerifyFuture<S::Future> {
        let Self {
            mut inner,
            options,
            mut head,
        } = self;
        match read {
            Ok(form) => {
                let parameters = FormParameters::new(form.data().clone());
                head.extensions.insert(parameters);
                let request = Request::from_parts(head, ReadFormBody::form(form));
                VerifyFuture::inner(inner.call(request))
            }
            Err(unread) => {
                let why = unread.rejection(&head.headers, options.limit);
                let refused = Refused::before_verification((&head).into(), options.scheme, why);
                VerifyFuture::refused(refused.answer(&*options.refuse))
            }
        }
    }
}

impl<S, R, B, RB> Future for ReadFormFuture<S, R, B>
where
    S: Service<Request<ReadFormBody<B>>, Response = Response<RB>>,
    R: ResponseForRejection,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<VerifyBody<RB>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().wait.poll(cx)
    }
}

impl<S, R, B> fmt::Debug for ReadFormFuture<S, R, B>
where
    S: Service<Request<ReadFormBody<B>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadFormFuture").finish_non_exhaustive()
    }
}
