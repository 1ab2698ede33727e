//! Counts of requests that a signer's services did not sign as configured.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::{Request, header};

use super::signer::Signer;

/// Touched only by requests that are not signed as configured, so that signing shares no cache line that is written to.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    unsigned: AtomicU64,
    without_host: AtomicU64,
    setup_was_reported: AtomicBool,
}

impl Clone for Faults {
    /// A signer is cloned inside only to give it another option: the clone is another signer, and counts from zero.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Faults {
    pub(crate) fn count_unsigned(&self) {
        self.unsigned.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns whether it is the first one.
    pub(crate) fn count_without_host(&self) -> bool {
        self.without_host.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Returns whether it is the first report of a fault that every request of this kind will have.
    pub(crate) fn report_setup(&self) -> bool {
        !self.setup_was_reported.swap(true, Ordering::Relaxed)
    }
}

impl Signer {
    /// Returns how many requests services with this signer have sent unsigned that should have been signed. A test can
    /// assert that it is 0.
    ///
    /// It counts what [`SignService`](crate::sign::SignService) and `SignMiddleware` pass on without a signature, for whatever
    /// [`SignError`](crate::error::SignError), but for requests that [`allowed_hosts`](Self::allowed_hosts) or
    /// [`https_only`](Self::https_only) exclude by their own host or scheme, as that is what they are for. Errors that
    /// are returned, by [`sign_request`](Self::sign_request) and the like, are not counted.
    ///
    /// Clones share the count. A clone that is given another option, such as [`authority`](Self::authority), is another
    /// signer and counts from zero: ask the signer of the layer ([`SignLayer::signer`](crate::SignLayer::signer)) or of
    /// the service, or keep a clone of it where the layer disappears into a client, as that of `reqwest_middleware`.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_hmac_auth::{KeyPair, SignLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
    /// let layer = SignLayer::new(keys).allowed_hosts(["gateway.example"])?;
    /// let client = service_fn(|_: Request<()>| async { Ok::<_, BoxError>(Response::new(())) });
    ///
    /// // A tonic client's targets look so to its layers, unless it is made with its origin.
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

    /// Returns how many requests services with this signer have signed without the `host` that is to be signed, as it
    /// was not known: the request has no `Host` header, its target no authority, and [`authority`](Self::authority) is
    /// not set. A test can assert that it is 0.
    ///
    /// The signature is then right but does not cover the host. A gateway that requires it refuses the request.
    ///
    /// Clones share the count as that of [`unsigned_requests`](Self::unsigned_requests).
    #[must_use]
    pub fn requests_without_host(&self) -> u64 {
        self.inner.faults.without_host.load(Ordering::Relaxed)
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Whether `host` is to be signed but was left out of the signature of this request.
    pub(crate) fn left_out_host<B>(&self, request: &Request<B>) -> bool {
        let options = &self.inner.options;
        options.signs_host()
            && options.authority.is_none()
            && request.uri().authority().is_none()
            && !request.headers().contains_key(header::HOST)
    }
}
