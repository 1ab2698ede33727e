//! The server's side: compares a body with the digest that was signed.

use std::{
    error::Error,
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, request};
use http_body::Body;
use sha2::{Digest as _, Sha256};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    BufferedBody, CheckedBody, DigestHeader, VerifyDigestFuture,
    check_future::{Kind, Waiting},
    read_ahead::ReadAhead,
};
use crate::{
    Rejection, Scheme, VerifiedKey,
    rejection::Excerpt,
    verify::{
        DefaultResponseForRejection, Refused, ResponseForRejection, VerifyBody, VerifyFuture,
    },
    wire::digest_header::Sha256Digest,
};

type BoxError = Box<dyn Error + Send + Sync>;

/// Lets requests pass whose body is what their signed digest says. With the feature `digest`.
///
/// Its place is right below [`VerifyLayer`](crate::VerifyLayer). Above it, it does not know what is signed, and answers
/// every request with 500 and [`Rejection::NotVerified`].
///
/// It wants `Digest` or `Content-Digest` on every request, once, covered by the signature; a digest that is not signed
/// protects nothing, so it does not count. If both are covered, both have to be right. Of a list of digests the SHA-256
/// counts. Trailers are not part of what is hashed: nothing protects them.
///
/// A request without a body needs the digest of nothing too, unless
/// [`allow_none_without_body`](Self::allow_none_without_body) says otherwise. An empty body that is sent in chunks is an
/// empty body, and has that digest.
///
/// [`buffered`](Self::buffered) compares before the handler sees the first byte, [`streaming`](Self::streaming) while
/// the handler reads.
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
    /// `None` while streaming.
    limit: Option<usize>,
    needs_none_without_body: bool,
    refuse: Arc<R>,
}

pub(super) struct Options<R> {
    limit: Option<usize>,
    needs_none_without_body: bool,
    refuse: Arc<R>,
}

impl VerifyDigestLayer {
    fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            needs_none_without_body: false,
            refuse: Arc::new(DefaultResponseForRejection::new()),
        }
    }

    /// Reads the whole body first, and refuses it if it is not what the digest says. A body of more than `limit` bytes is
    /// refused with 413.
    ///
    /// The body is copied into one buffer, which grows with what has arrived and is never larger than `limit` bytes,
    /// however small the pieces are that the client sends; while it grows, up to half of that again is in use. (A body
    /// that arrives whole in one frame is not copied.) Trailers come on top; hyper limits them to some 16 KiB. Multiply
    /// by how many requests may be read at a time, which a concurrency limit outside bounds: the digest is compared
    /// last, so that a captured head is enough to make the server read.
    pub fn buffered(limit: usize) -> Self {
        Self::new(Some(limit))
    }

    /// Hands the body on as it comes, and ends it with an error if it is not what the digest says: see [`CheckedBody`].
    /// The handler must not act on a part of the body as if it were all; of a body that it does not read to the end
    /// nothing is known. A body that is over before it begins is compared at once, and refused.
    ///
    /// A proxy that passes the body on keeps its length. hyper's client sends a `GET` of unknown length without its
    /// body, which then has not been compared: use [`buffered`](Self::buffered) there.
    pub fn streaming() -> Self {
        Self::new(None)
    }
}

impl<R> VerifyDigestLayer<R> {
    /// Lets requests without a body pass without a digest, as Kong does. Default: `false`, as with APISIX, which wants
    /// the digest of nothing there. A body sent in chunks may turn out to be empty, but not before it is read: it needs
    /// its digest all the same.
    pub fn allow_none_without_body(mut self, allow: bool) -> Self {
        self.needs_none_without_body = allow;
        self
    }

    /// Answers refusals with this. Default: [`DefaultResponseForRejection::new`].
    pub fn refuse<Q>(self, refuse: Q) -> VerifyDigestLayer<Q> {
        VerifyDigestLayer {
            limit: self.limit,
            needs_none_without_body: self.needs_none_without_body,
            refuse: Arc::new(refuse),
        }
    }
}

impl<R> Clone for VerifyDigestLayer<R> {
    fn clone(&self) -> Self {
        Self {
            limit: self.limit,
            needs_none_without_body: self.needs_none_without_body,
            refuse: Arc::clone(&self.refuse),
        }
    }
}

impl<R> fmt::Debug for VerifyDigestLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyDigestLayer")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<S, R> Layer<S> for VerifyDigestLayer<R> {
    type Service = VerifyDigestService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        VerifyDigestService {
            inner,
            options: Arc::new(Options {
                limit: self.limit,
                needs_none_without_body: self.needs_none_without_body,
                refuse: Arc::clone(&self.refuse),
            }),
        }
    }
}

/// Lets requests pass whose body is what their signed digest says: what [`VerifyDigestLayer`] makes.
///
/// The inner service has to be `Clone`, because it may be called only when the body has been read, and this service may
/// be called again meanwhile.
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
        let kind = match (expected, options.limit) {
            (Err(why), _) => Kind::Decided {
                future: VerifyFuture::refused(options.refused(&head, why)),
            },
            (Ok(Some(expected)), Some(limit)) => {
                // The service that was polled ready goes with the request; its clone takes its place.
                let clone = self.inner.clone();
                Kind::Reading {
                    body: ReadAhead::new(body, limit),
                    waiting: Some(Waiting {
                        inner: mem::replace(&mut self.inner, clone),
                        options: Arc::clone(&self.options),
                        head,
                        expected,
                        limit,
                    }),
                }
            }
            (Ok(expected), _) => {
                let body = match expected {
                    Some(expected) => CheckedBody::streaming(body, expected),
                    None => CheckedBody::known(BufferedBody::default()),
                };
                let request = Request::from_parts(head, body);
                Kind::Decided {
                    future: VerifyFuture::inner(self.inner.call(request)),
                }
            }
        };
        VerifyDigestFuture { kind }
    }
}

impl<R: ResponseForRejection> Options<R> {
    /// What the body has to be, if it has to be anything.
    fn expected(
        &self,
        head: &request::Parts,
        body: &impl Body,
    ) -> Result<Option<Sha256Digest>, Rejection> {
        let key = head.extensions.get::<VerifiedKey>();
        let key = key.ok_or(Rejection::NotVerified)?;
        let is_covered = |header: &DigestHeader| {
            let name = header.name().as_str();
            let mut covered = key.covered();
            covered.any(|covered| covered.eq_ignore_ascii_case(name))
        };
        let mut expected = None;
        for header in DigestHeader::ALL.into_iter().filter(is_covered) {
            let digest = one(&head.headers, header)?;
            if expected
                .replace(digest)
                .is_some_and(|other| other != digest)
            {
                return Err(Rejection::DigestMismatch);
            }
        }
        let has_body = !body.is_end_stream() && body.size_hint().exact() != Some(0);
        if expected.is_none() && (has_body || !self.needs_none_without_body) {
            let name = Excerpt::new(DigestHeader::Digest.name().as_str());
            return Err(Rejection::NotCovered { name });
        }
        // At once, because a server or client below may never poll such a body.
        if !has_body && expected.is_some_and(|digest| *Sha256::digest("") != digest) {
            return Err(Rejection::DigestMismatch);
        }
        Ok(expected)
    }

    pub(super) fn refused(&self, head: &request::Parts, why: Rejection) -> Response<Bytes> {
        let key = head.extensions.get::<VerifiedKey>();
        let scheme = key.map_or(Scheme::default(), VerifiedKey::scheme);
        let refused = Refused {
            scheme,
            why,
            head: head.into(),
            #[cfg(feature = "tracing")]
            key,
            explained: None,
        };
        refused.answer(&*self.refuse)
    }
}

/// What one of the headers says, which may be there only once.
fn one(headers: &HeaderMap, header: DigestHeader) -> Result<Sha256Digest, Rejection> {
    let name = header.name();
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => header.decode(value).ok_or_else(|| {
            let name = Excerpt::new(name.as_str());
            Rejection::DigestMalformed { name }
        }),
        _ => Err(Rejection::repeated(name.as_str())),
    }
}
