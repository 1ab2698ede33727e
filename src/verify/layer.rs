use std::{fmt, sync::Arc};

use http::{Extensions, Uri};
use tower_layer::Layer;

use super::{
    DefaultResponseForRejection, VerifierSet, VerifyService,
    service::{Admission, Options},
};
use crate::{Verifier, clock::SystemClock};

/// Passes signed requests on to the inner service, and answers all others as the gateway does.
///
/// `K` is the key store, a [`KeyStore`](crate::verify::KeyStore) or an
/// [`AsyncKeyStore`](crate::verify::AsyncKeyStore) in [`AsyncKeys`](crate::verify::AsyncKeys); `R`
/// answers refusals; `C` is the clock. See [`VerifyService`] for what happens to a request.
///
/// The first example has the rules of [`Verifier::new`], for clients of Tencent's gateway. **They
/// accept a signature over a date alone, and a signed `Date` of any age.** For other clients set a
/// [`verifier`](Self::verifier) with [`require`](crate::verify::VerifierBuilder::require) and
/// [`DatePolicy::CheckAge`](crate::scheme::DatePolicy::CheckAge).
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_hmac_auth::{KeyPair, SignLayer, StaticKeys, VerifiedKey, VerifyLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let handler = service_fn(|request: Request<()>| async move {
///     let key = request.extensions().get::<VerifiedKey>().ok_or("not verified")?;
///     let greeting = format!("hello {}", key.key_id());
///     Ok::<_, BoxError>(Response::new(Full::<Bytes>::from(greeting)))
/// });
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let server = ServiceBuilder::new()
///     .layer(VerifyLayer::new(StaticKeys::from(keys.clone())))
///     .service(handler);
///
/// let unsigned = Request::get("/a").body(())?;
/// let response = server.clone().oneshot(unsigned).await?;
/// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
///
/// let client = ServiceBuilder::new().layer(SignLayer::new(keys)).service(server);
/// let response = client.oneshot(Request::get("/a").body(())?).await?;
/// assert_eq!(response.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
///
/// With other rules and another response:
///
/// ```
/// use std::time::Duration;
/// use http::{StatusCode, header};
/// use tower_hmac_auth::{
///     Algorithm, StaticKeys, Verifier, VerifyLayer, scheme::DatePolicy,
///     verify::DefaultResponseForRejection,
/// };
///
/// let layer = VerifyLayer::new(StaticKeys::new())
///     .verifier(
///         Verifier::builder()
///             .algorithms([Algorithm::HmacSha256])
///             .require([header::HOST])
///             .max_skew(Duration::from_secs(60))
///             .date_policy(DatePolicy::Refuse)
///             .build()?,
///     )
///     .refuse(
///         DefaultResponseForRejection::new()
///             .unauthorized_status(StatusCode::FORBIDDEN)
///             .hide_reason(true),
///     )
///     .remove_authorization(true);
/// # Ok::<(), tower_hmac_auth::error::BuildError>(())
/// ```
#[must_use = "a layer does nothing until a service is put into it"]
pub struct VerifyLayer<K, R = DefaultResponseForRejection, C = SystemClock> {
    keys: Arc<K>,
    options: Options,
    refuse: Arc<R>,
    clock: C,
}

impl<K> VerifyLayer<K> {
    /// Creates a layer that verifies with these keys, by the rules of [`Verifier::new`] and the
    /// system's clock, and answers refusals with [`DefaultResponseForRejection::new`].
    ///
    /// **[`Verifier::new`] is as lenient as Tencent's gateway.** A signature need not cover more
    /// than a date, so whoever reads one request can send any other with it. A signed `Date` may
    /// have any age, so such a copy can be valid forever. Set a [`verifier`](Self::verifier) that
    /// [requires](crate::verify::VerifierBuilder::require) more, and has
    /// [`DatePolicy::CheckAge`](crate::scheme::DatePolicy::CheckAge).
    pub fn new(keys: K) -> Self {
        Self {
            keys: Arc::new(keys),
            options: Options {
                verifiers: Verifier::new().into(),
                remove_authorization: false,
                original_target: |_| None,
                before_routing: false,
                explain: false,
            },
            refuse: Arc::new(DefaultResponseForRejection::new()),
            clock: SystemClock,
        }
    }
}

impl<K, R, C> VerifyLayer<K, R, C> {
    /// Sets the verifier, which holds the rules, or a [`VerifierSet`] of which each request chooses
    /// one by its form. Default: [`Verifier::new`].
    pub fn verifier(mut self, verifier: impl Into<VerifierSet>) -> Self {
        self.options.verifiers = verifier.into();
        self
    }

    /// Sets whether the credentials are removed from requests that pass: `Authorization`, or the
    /// parameters of the target's query that carry them. Default: `false`.
    pub fn remove_authorization(mut self, remove: bool) -> Self {
        self.options.remove_authorization = remove;
        self
    }

    /// Sets a function that finds the target as the client sent it, for servers where a router
    /// outside this layer rewrites it. `None` means the request's own target. Default: always
    /// `None`.
    ///
    /// axum's `nest` removes the prefix, and the signature covers the whole target. With `nest`:
    ///
    /// ```
    /// use axum::extract::OriginalUri;
    /// use tower_hmac_auth::{StaticKeys, VerifyLayer};
    ///
    /// let layer = VerifyLayer::new(StaticKeys::new())
    ///     .original_target(|extensions| Some(&extensions.get::<OriginalUri>()?.0));
    /// ```
    pub fn original_target(mut self, find: for<'e> fn(&'e Extensions) -> Option<&'e Uri>) -> Self {
        self.options.original_target = find;
        self
    }

    /// Sets whether this layer runs before the request is routed. Default: `false`.
    ///
    /// It matters with [`normalize_target`](crate::verify::VerifierBuilder::normalize_target) only.
    /// With `true`, a target that is not in normal form is replaced by its normal form, by which
    /// the router then chooses the handler. With `false` such a target is refused with
    /// [`TargetError::NotNormal`](crate::error::TargetError::NotNormal).
    ///
    /// **Set it only if the layer is around all routing.** axum's `Router::layer` and
    /// `route_layer`, and all layers of a router in `nest`, run after the handler was chosen. By
    /// then the request `/admin/../a` has reached the handler of `/admin/{*rest}`, and the
    /// signature for `/a` would be valid for it. Put the layer around the router instead. The body
    /// of its responses is not axum's, so it is converted:
    ///
    /// ```no_run
    /// use axum::{Router, ServiceExt, body::Body, extract::Request, response::Response, routing::get};
    /// use tower::ServiceBuilder;
    /// use tower_hmac_auth::{KeyPair, Scheme, StaticKeys, Verifier, VerifyLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = StaticKeys::from(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?);
    /// let verifier = Verifier::builder()
    ///     .scheme(Scheme::Apisix)
    ///     .require(["@request-target"])
    ///     .normalize_target(true)
    ///     .build()?;
    /// let layer = VerifyLayer::new(keys).verifier(verifier).before_routing(true);
    ///
    /// let router = Router::new().route("/a", get(|| async { "hello" }));
    /// let service = ServiceBuilder::new()
    ///     .map_response(|response: Response<_>| response.map(Body::new))
    ///     .layer(layer)
    ///     .service(router);
    ///
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    /// axum::serve(listener, ServiceExt::<Request>::into_make_service(service)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn before_routing(mut self, before_routing: bool) -> Self {
        self.options.before_routing = before_routing;
        self
    }

    /// Sets whether the server's signing string is reported for each request whose signature does
    /// not match: in the field `signing_string` of the event (feature `tracing`, see
    /// [`events`](crate::events)), and as a
    /// [`ServerSigningString`](crate::verify::ServerSigningString) in the response's extensions.
    /// Default: `false`.
    ///
    /// "The signature does not match" means that the two sides have hashed different bytes or have
    /// different secrets. Compare the string with the client's, from
    /// [`Signer::signing_string`](crate::Signer::signing_string): if both are the same, the secrets
    /// differ. It is escaped, on one line, and cut at 4 KiB.
    ///
    /// **Turn it on for debugging only.** The string contains no secret key and no valid signature,
    /// but it does contain the values of all signed headers, such as `Cookie`, and anyone can send
    /// those. Refusing such a request also takes longer than refusing one with an unknown key, so a
    /// client can tell the two apart by timing. The response that is sent stays the same.
    pub fn explain(mut self, explain: bool) -> Self {
        self.options.explain = explain;
        self
    }

    /// Sets what answers refusals. Default: [`DefaultResponseForRejection::new`].
    ///
    /// A closure `|refusal: &Refusal<'_>|` makes the whole `Response<Bytes>`, including the status.
    /// It gets no gRPC form by itself: a server with gRPC clients has to build that too.
    pub fn refuse<Q>(self, refuse: Q) -> VerifyLayer<K, Q, C> {
        VerifyLayer {
            keys: self.keys,
            options: self.options,
            refuse: Arc::new(refuse),
            clock: self.clock,
        }
    }

    /// Sets the clock. Default: [`SystemClock`].
    pub fn clock<D>(self, clock: D) -> VerifyLayer<K, R, D> {
        VerifyLayer {
            keys: self.keys,
            options: self.options,
            refuse: self.refuse,
            clock,
        }
    }
}

impl<S, K, R, C: Clone> Layer<S> for VerifyLayer<K, R, C> {
    type Service = VerifyService<S, K, R, C>;

    fn layer(&self, inner: S) -> Self::Service {
        VerifyService {
            inner,
            keys: Arc::clone(&self.keys),
            admission: Arc::new(Admission {
                options: self.options.clone(),
                refuse: Arc::clone(&self.refuse),
            }),
            clock: self.clock.clone(),
        }
    }
}

impl<K, R, C: Clone> Clone for VerifyLayer<K, R, C> {
    fn clone(&self) -> Self {
        Self {
            keys: Arc::clone(&self.keys),
            options: self.options.clone(),
            refuse: Arc::clone(&self.refuse),
            clock: self.clock.clone(),
        }
    }
}

impl<K, R, C> fmt::Debug for VerifyLayer<K, R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyLayer")
            .field("verifiers", &self.options.verifiers)
            .finish_non_exhaustive()
    }
}
