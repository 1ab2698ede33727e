//! Counts of requests that a signer's services did not sign as configured.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::{Request, header};

use super::signer::Signer;

/// The counts. Only requests that are not signed as configured write them: a write for every
/// request would move the cache line between the cores of all threads that sign.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    unsigned: AtomicU64,
    without_host: AtomicU64,
    setup_was_reported: AtomicBool,
}

impl Faults {
    pub(crate) fn count_unsigned(&self) {
        self.unsigned.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that is signed without its host. Returns whether it is the first one.
    pub(crate) fn count_without_host(&self) -> bool {
        self.without_host.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Marks a fault of the setup as reported. Returns whether this is the first report.
    pub(crate) fn report_setup(&self) -> bool {
        !self.setup_was_reported.swap(true, Ordering::Relaxed)
    }
}

impl Signer {
    /// Returns how many requests should have been signed and were sent unsigned by services with
    /// this signer.
    ///
    /// A test can assert that it is 0.
    ///
    /// It counts what [`SignService`](crate::sign::SignService) and `SignMiddleware` pass on
    /// without a signature, whatever the [`SignError`](crate::error::SignError). Not counted are
    /// requests that [`allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts) or
    /// [`https_only`](crate::sign::SignerBuilder::https_only) exclude by their own host or scheme,
    /// and errors that are returned to the caller, as [`sign_request`](Self::sign_request) does.
    ///
    /// Clones share the count; another signer that is built from the same keys counts for itself.
    /// So use the signer of the layer ([`SignLayer::signer`](crate::SignLayer::signer)) or of the
    /// service. Where the layer is moved into a client, as by `reqwest_middleware`, keep a clone of
    /// the signer.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_hmac_auth::{KeyPair, SignLayer, Signer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
    /// let signer = Signer::builder(keys).allowed_hosts(["gateway.example"]).build()?;
    /// let layer = SignLayer::new(signer);
    /// let client = service_fn(|_: Request<()>| async { Ok::<_, BoxError>(Response::new(())) });
    ///
    /// // The layers of a tonic client see such targets, unless it is made with its origin.
    /// let request = Request::post("/helloworld.Greeter/SayHello").body(())?;
    /// layer.layer(client).oneshot(request).await?;
    /// assert_eq!(layer.signer().unsigned_requests(), 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn unsigned_requests(&self) -> u64 {
        self.inner.faults.unsigned.load(Ordering::Relaxed)
    }

    /// Returns how many requests were signed by services with this signer without their `host`,
    /// although it is listed.
    ///
    /// The host was not known: the request has no `Host` header, its target has no authority, and
    /// [`authority`](crate::sign::SignerBuilder::authority) is not set. A test can assert that it
    /// is 0.
    ///
    /// The signature is valid but does not cover the host. A gateway that requires it refuses the
    /// request.
    ///
    /// Clones share the count, as they do that of [`unsigned_requests`](Self::unsigned_requests).
    #[must_use]
    pub fn requests_without_host(&self) -> u64 {
        self.inner.faults.without_host.load(Ordering::Relaxed)
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Returns whether `host` is to be signed but was left out of the signature of this request.
    pub(crate) fn left_out_host<B>(&self, request: &Request<B>) -> bool {
        self.inner.components.signs_host
            && self.inner.destinations.authority.is_none()
            && request.uri().authority().is_none()
            && !request.headers().contains_key(header::HOST)
    }
}
