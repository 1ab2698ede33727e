use tower_layer::Layer;

use super::SignService;
use crate::{Signer, clock::SystemClock};

/// Signs every request that passes, with the time at which it passes.
///
/// Put it inside (below) retry and timeout, so that every attempt has a date and signature of its
/// own, and below every layer that sets a signed header.
///
/// Signing never waits and never fails the call. A request that cannot be signed is sent without
/// `Authorization`, and the gateway refuses it. With the feature `tracing`, an
/// [event](crate::events) says why; [`Signer::unsigned_requests`] counts it. See [`SignService`].
///
/// ```
/// use http::{HeaderValue, Request, Response};
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_hmac_auth::{KeyPair, SignLayer, Signer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let signer = Signer::builder(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?)
///     .allowed_hosts(["api.example.com"])
///     .source(HeaderValue::from_static("billing"))
///     .build()?;
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
///     .layer(SignLayer::new(signer))
///     .service(client);
/// service.oneshot(Request::get("https://api.example.com/a").body(String::new())?).await?;
/// # Ok(())
/// # }
/// ```
///
/// `SignLayer::new(keys)` signs with all defaults, and signs requests to every host.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until a service is put into it"]
pub struct SignLayer<C = SystemClock> {
    signer: Signer,
    clock: C,
}

impl SignLayer {
    /// Creates a layer from a [`Signer`], or from a [`KeyPair`](crate::KeyPair) or a
    /// [`RotatingKeyPair`](crate::sign::RotatingKeyPair) with the defaults of [`Signer::new`]. It
    /// uses the system's clock.
    pub fn new(signer: impl Into<Signer>) -> Self {
        Self {
            signer: signer.into(),
            clock: SystemClock,
        }
    }
}

impl<C> SignLayer<C> {
    /// Returns the signer, whose [`unsigned_requests`](Signer::unsigned_requests) a test can read.
    #[must_use]
    pub const fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Sets the clock that the time is taken from. Default: [`SystemClock`].
    pub fn clock<D>(self, clock: D) -> SignLayer<D> {
        let Self { signer, clock: _ } = self;
        SignLayer { signer, clock }
    }
}

#[cfg(feature = "reqwest")]
impl<C> SignLayer<C> {
    /// Returns the signer and the clock.
    pub(crate) fn into_parts(self) -> (Signer, C) {
        (self.signer, self.clock)
    }
}

impl From<Signer> for SignLayer {
    fn from(signer: Signer) -> Self {
        Self::new(signer)
    }
}

impl<S, C: Clone> Layer<S> for SignLayer<C> {
    type Service = SignService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        SignService {
            inner,
            signer: self.signer.clone(),
            clock: self.clock.clone(),
        }
    }
}
