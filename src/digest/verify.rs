//! The server's side: compares a body with its signed digest.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, request};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    BoxError, BufferedBody, CheckedBody, DigestHeader, VerifyDigestFuture, body_digest::BodyDigest,
    content_md5, read_ahead::ReadAhead, verify_future::Waiting,
};
use crate::{
    Rejection, VerifiedKey,
    form::{FormParameters, is_form},
    header::CONTENT_MD5,
    readiness::take_ready,
    rejection::Excerpt,
    verify::{
        DefaultResponseForRejection, Refused, ResponseForRejection, VerifyBody, VerifyFuture, Wait,
    },
    wire::{digest_header::BodyDigests, signing_string::RequestLine},
};

/// Passes on requests whose body matches their signed digest, and refuses all others.
///
/// Requires the feature `digest`.
///
/// Put it directly inside [`VerifyLayer`](crate::VerifyLayer). Outside it, it does not know what is
/// signed, and answers every request with 500 and [`Rejection::NotVerified`].
///
/// Every request needs one `Digest` or `Content-Digest` header that the signature covers. A digest
/// that is not signed protects nothing, so it is ignored. If both are covered, both have to match.
/// In a list of digests the SHA-256 is used; with [`Scheme::TraefikHub`](crate::Scheme::TraefikHub)
/// the SHA-512 as well, and a body must have every digest of these two that is there. Trailers are
/// not hashed, so nothing protects them.
///
/// With [`Scheme::TencentApp`](crate::Scheme::TencentApp), a request without a signed SHA-256 needs
/// a `Content-MD5` ([`content_md5`](super::content_md5()), or as in RFC 1864). **MD5 protects
/// nothing against anyone who can choose a part of the body.** A form that
/// [`ReadFormLayer`](super::ReadFormLayer) has read needs neither, because its parameters are
/// signed. In other schemes `Content-MD5` is not compared.
///
/// A request without a body needs the digest of an empty body, unless
/// [`allow_none_without_body`](Self::allow_none_without_body) is set. An empty body that is sent in
/// chunks has the same digest.
///
/// [`buffered`](Self::buffered) compares the digest before the handler sees the first byte,
/// [`streaming`](Self::streaming) while the handler reads.
///
/// ```
/// use tower::ServiceBuilder;
/// use tower_hmac_auth::{Scheme, StaticKeys, Verifier, VerifyLayer, digest::VerifyDigestLayer};
///
/// let verifier = Verifier::builder().scheme(Scheme::Kong).build()?;
/// let layers = ServiceBuilder::new()
///     .layer(VerifyLayer::new(StaticKeys::new()).verifier(verifier))
///     .layer(VerifyDigestLayer::buffered(1024 * 1024));
/// # Ok::<(), tower_hmac_auth::error::BuildError>(())
/// ```
#[must_use = "a layer does nothing until a service is put into it"]
pub struct VerifyDigestLayer<R = DefaultResponseForRejection> {
    options: Options<R>,
}

pub(super) struct Options<R> {
    /// The longest body that is buffered, in bytes. `None` for streaming.
    limit: Option<usize>,
    allow_none_without_body: bool,
    refuse: Arc<R>,
}

impl VerifyDigestLayer {
    fn new(limit: Option<usize>) -> Self {
        let options = Options {
            limit,
            allow_none_without_body: false,
            refuse: Arc::new(DefaultResponseForRejection::new()),
        };
        Self { options }
    }

    /// Creates a layer that reads the whole body first, and refuses the request if the digest does
    /// not match. A body of more than `limit` bytes is refused with 413.
    ///
    /// The body is copied into one buffer. It grows as bytes arrive, and is never larger than
    /// `limit` bytes, however small the client's chunks are. While it grows, up to half of that is
    /// used in addition. A body that arrives in a single frame is not copied. Trailers need memory
    /// too; hyper limits them to about 16 KiB.
    ///
    /// The total is that times the number of requests that are read at a time, so limit it with a
    /// concurrency limit outside this layer. The digest is compared last, so anyone who has
    /// captured a signed head can make the server read a body.
    pub fn buffered(limit: usize) -> Self {
        Self::new(Some(limit))
    }

    /// Creates a layer that passes the body on as it arrives, and ends it with an error if the
    /// digest does not match: see [`CheckedBody`]. The handler must not act on a part of the body
    /// as if it were complete. If it does not read the body to the end, the digest is not checked.
    /// A body that is empty from the start is compared, and refused if needed, before the handler
    /// is called.
    ///
    /// A proxy that forwards the body keeps its length. hyper's client drops the body of a `GET`
    /// whose length is unknown, and the body is then never compared. Use
    /// [`buffered`](Self::buffered) in such a proxy.
    pub fn streaming() -> Self {
        Self::new(None)
    }
}

impl<R> VerifyDigestLayer<R> {
    /// Sets whether requests without a body pass without a digest, as Kong lets them. Default:
    /// `false`, as in APISIX, which requires the digest of an empty body. A body that is sent in
    /// chunks always needs a digest, because only reading it shows whether it is empty.
    pub fn allow_none_without_body(mut self, allow: bool) -> Self {
        self.options.allow_none_without_body = allow;
        self
    }

    /// Sets what answers refusals. Default: [`DefaultResponseForRejection::new`].
    pub fn refuse<Q>(self, refuse: Q) -> VerifyDigestLayer<Q> {
        let options = Options {
            limit: self.options.limit,
            allow_none_without_body: self.options.allow_none_without_body,
            refuse: Arc::new(refuse),
        };
        VerifyDigestLayer { options }
    }
}

impl<R> Clone for VerifyDigestLayer<R> {
    fn clone(&self) -> Self {
        let options = self.options.clone();
        Self { options }
    }
}

impl<R> Clone for Options<R> {
    fn clone(&self) -> Self {
        Self {
            limit: self.limit,
            allow_none_without_body: self.allow_none_without_body,
            refuse: Arc::clone(&self.refuse),
        }
    }
}

impl<R> fmt::Debug for VerifyDigestLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyDigestLayer")
            .field("limit", &self.options.limit)
            .finish_non_exhaustive()
    }
}

impl<S, R> Layer<S> for VerifyDigestLayer<R> {
    type Service = VerifyDigestService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        VerifyDigestService {
            inner,
            options: Arc::new(self.options.clone()),
        }
    }
}

/// Passes on requests whose body matches their signed digest, and refuses all others.
///
/// Requires the feature `digest`.
///
/// [`VerifyDigestLayer`] creates it.
///
/// The inner service has to be `Clone`, because it may be called only after the body was read, and
/// this service may be called again before that.
pub struct VerifyDigestService<S, R = DefaultResponseForRejection> {
    inner: S,
    options: Arc<Options<R>>,
}

impl<S, R> VerifyDigestService<S, R> {
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

impl<S: Clone, R> Clone for VerifyDigestService<S, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            options: Arc::clone(&self.options),
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for VerifyDigestService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyDigestService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl<S, R, B, RB> Service<Request<B>> for VerifyDigestService<S, R>
where
    S: Service<Request<CheckedBody<B>>, Response = Response<RB>> + Clone,
    R: ResponseForRejection,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Response = Response<VerifyBody<RB>>;
    type Error = S::Error;
    type Future = VerifyDigestFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let options = &self.options;
        let expected = options.expected(&head, &body);
        let wait = match (expected, options.limit) {
            (Err(why), _) => Wait::decided(VerifyFuture::refused(options.refused(&head, why))),
            (Ok(Expected::Digest(expected)), Some(limit)) => {
                let waiting = Waiting {
                    inner: take_ready(&mut self.inner),
                    options: Arc::clone(&self.options),
                    head,
                    expected,
                    limit,
                };
                Wait::new(ReadAhead::new(body, limit), waiting)
            }
            (Ok(expected), _) => {
                let body = match expected {
                    Expected::Digest(expected) => CheckedBody::streaming(body, expected),
                    Expected::Known(body) => CheckedBody::known(body),
                };
                let request = Request::from_parts(head, body);
                Wait::decided(VerifyFuture::inner(self.inner.call(request)))
            }
        };
        VerifyDigestFuture { wait }
    }
}

impl<R: ResponseForRejection> Options<R> {
    /// Returns what the body must be.
    fn expected(&self, head: &request::Parts, body: &impl Body) -> Result<Expected, Rejection> {
        let key = head.extensions.get::<VerifiedKey>();
        let key = key.ok_or(Rejection::NotVerified)?;
        let has_body = !body.is_end_stream() && body.size_hint().exact() != Some(0);
        if let Some(digest) = signed_digest(&head.headers, key)? {
            // Compared here and not while reading: hyper and other servers and clients never poll a
            // body that is at its end, so [`CheckedBody`] would not get to compare it.
            if !has_body && !digest.is_of(b"") {
                return Err(Rejection::DigestMismatch);
            }
            return Ok(Expected::Digest(digest));
        }
        if signs_unlisted(key, RequestLine::TARGET)
            && is_form(&head.headers)
            && let Some(form) = head.extensions.get::<FormParameters>()
        {
            // The signature covers what the outer layer has read, so that is the body.
            let body = BufferedBody::from(form.bytes().clone());
            return Ok(Expected::Known(body));
        }
        if has_body || !self.allow_none_without_body {
            let name = Excerpt::new(DigestHeader::Digest.name().as_str());
            return Err(Rejection::NotCovered { name });
        }
        Ok(Expected::Known(BufferedBody::default()))
    }

    pub(super) fn refused(&self, head: &request::Parts, why: Rejection) -> Response<Bytes> {
        Refused::after_verification(head.into(), why).answer(&*self.refuse)
    }
}

/// What a request's body must be.
enum Expected {
    /// A body with this digest.
    Digest(BodyDigest),
    /// This body: none, or a form that was read before it was verified.
    Known(BufferedBody),
}

/// Returns the digest that the signature covers, or `None` if it covers none.
fn signed_digest(headers: &HeaderMap, key: &VerifiedKey) -> Result<Option<BodyDigest>, Rejection> {
    let is_covered = |header: &DigestHeader| key.covered().contain(header.name().as_str());
    let has_sha512 = key.scheme().dialect().has_sha512_digest;
    let mut digests: Option<BodyDigests> = None;
    for header in DigestHeader::ALL.into_iter().filter(is_covered) {
        let others = single_digest(headers, header.name(), |value| {
            header.decode(value, has_sha512)
        })?;
        let both = digests.unwrap_or_default().and(others);
        digests = Some(both.ok_or(Rejection::DigestMismatch)?);
    }
    if let Some(digests) = digests {
        return Ok(Some(BodyDigest::Sha(digests)));
    }
    // Other schemes do not give `Content-MD5` a meaning, so there it stays a header like others.
    if signs_unlisted(key, CONTENT_MD5.as_str()) {
        let digest = single_digest(headers, &CONTENT_MD5, content_md5::decode)?;
        return Ok(Some(BodyDigest::Md5(digest)));
    }
    Ok(None)
}

/// Returns whether the signature covers this without listing it, as the scheme requires.
fn signs_unlisted(key: &VerifiedKey, name: &str) -> bool {
    let format = &key.scheme().dialect().format;
    format.signs_unlisted(name) && key.covered().contain(name)
}

/// Returns the digest in one of the headers, which must not be repeated.
fn single_digest<D>(
    headers: &HeaderMap,
    name: &HeaderName,
    decode: impl FnOnce(&HeaderValue) -> Option<D>,
) -> Result<D, Rejection> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => decode(value).ok_or_else(|| {
            let name = Excerpt::new(name.as_str());
            Rejection::DigestMalformed { name }
        }),
        _ => Err(Rejection::repeated(name.as_str())),
    }
}
