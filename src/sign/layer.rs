use http::{HeaderValue, uri::Authority};
use tower_layer::Layer;

use super::SignService;
use crate::{
    Signer,
    clock::SystemClock,
    sign::{HostPatternError, RotatingKeyPair},
};

/// Signs every request that passes, each at the time it passes.
///
/// Put it inside (below) retry and timeout, so that every attempt has a date and signature of its own, and below
/// every layer that sets a signed header. Signing never waits and is never an error: a request that cannot be signed is
/// sent without `Authorization`, and the gateway refuses it; with the feature `tracing`, an [event](crate::events) says
/// why, and [`Signer::unsigned_requests`] counts it. See [`SignService`].
///
/// ```
/// use http::{HeaderValue, Request, Response};
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_hmac_auth::{KeyPair, SignLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
///
/// // Stands for a client that sends the request.
/// let client = service_fn(|request: Request<String>| async move {
///     assert!(request.headers().contains_key("x-date"));
///     let authorization = request.headers()["authorization"].to_str()?;
///     assert!(authorization.starts_with(
///         r#"hmac id="AKIDtestkey0001", algorithm="hmac-sha1", headers="x-date source", signature=""#
///     ));
///     Ok::<_, BoxError>(Response::new(()))
/// });
///
/// let service = ServiceBuilder::new()
///     .layer(SignLayer::new(keys).source(HeaderValue::from_static("billing")))
///     .service(client);
/// service.oneshot(Request::get("https://api.example.com/a").body(String::new())?).await?;
/// # Ok(())
/// # }
/// ```
///
/// The date header, the algorithm and further signed headers are chosen on the [`Signer`] a layer is made from:
///
/// ```
/// use http::header;
/// use tower_hmac_auth::{KeyPair, SignLayer, Signer, scheme::DateHeader};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let signer = Signer::builder(keys)
///     .date_header(DateHeader::Date)
///     .signed_headers([header::HOST])
///     .build()?;
/// let layer = SignLayer::from(signer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until a service is put into it"]
pub struct SignLayer<C = SystemClock> {
    signer: Signer,
    clock: C,
}

impl SignLayer {
    /// Signs with all of [`Signer::new`]'s defaults, by the system's clock.
    pub fn new(keys: impl Into<RotatingKeyPair>) -> Self {
        Signer::new(keys).into()
    }
}

impl<C> SignLayer<C> {
    /// As [`Signer::source`]: `HeaderValue::from_static("billing")`, or `from_str` for a value that is not known before.
    pub fn source(mut self, source: HeaderValue) -> Self {
        self.signer = self.signer.source(source);
        self
    }

    /// As [`Signer::microservice`].
    pub fn microservice(mut self, name_space_code: HeaderValue, name: HeaderValue) -> Self {
        self.signer = self.signer.microservice(name_space_code, name);
        self
    }

    /// As [`Signer::authority`].
    pub fn authority(mut self, authority: Authority) -> Self {
        self.signer = self.signer.authority(authority);
        self
    }

    /// As [`Signer::allowed_hosts`].
    ///
    /// # Errors
    ///
    /// [`HostPatternError`] for the first invalid pattern, and if there is none at all.
    pub fn allowed_hosts<P: AsRef<str>>(
        mut self,
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, HostPatternError> {
        self.signer = self.signer.allowed_hosts(patterns)?;
        Ok(self)
    }

    /// As [`Signer::https_only`].
    pub fn https_only(mut self, https_only: bool) -> Self {
        self.signer = self.signer.https_only(https_only);
        self
    }

    /// The signer, whose [`unsigned_requests`](Signer::unsigned_requests) a test can read.
    #[must_use]
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Takes the time from this clock. Default: [`SystemClock`].
    pub fn clock<D>(self, clock: D) -> SignLayer<D> {
        let Self { signer, clock: _ } = self;
        SignLayer { signer, clock }
    }
}

#[cfg(feature = "reqwest")]
impl<C> SignLayer<C> {
    /// What it signs with.
    pub(crate) fn into_parts(self) -> (Signer, C) {
        (self.signer, self.clock)
    }
}

impl From<Signer> for SignLayer {
    fn from(signer: Signer) -> Self {
        Self {
            signer,
            clock: SystemClock,
        }
    }
}

impl<S, C: Clone> Layer<S> for SignLayer<C> {
    type Service = SignService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        SignService::new(inner, self.signer.clone(), self.clock.clone())
    }
}
