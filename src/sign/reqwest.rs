//! Signing what a `reqwest::Client` sends.

use std::{
    mem,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Uri;
use reqwest::{Body, Client, ClientBuilder, Url, redirect};
use tower_service::Service;

use super::{SignLayer, SignService, report, service};
use crate::{
    Signer,
    clock::Clock,
    form::{FormParameters, is_form},
    header::DIGESTS,
    request_head::Digested,
};

impl<C> SignLayer<C> {
    /// Builds a client that follows no redirects, and signs what it sends.
    ///
    /// Requires the feature `reqwest`.
    ///
    /// reqwest follows redirects below every layer. On the same host it repeats the old signature.
    /// To another host it removes the `Authorization`, but sends the date, `Source` and every other
    /// signed header. So [`redirect::Policy::none`] replaces the policy of `builder`, and an answer
    /// that redirects is returned as it is. To follow it, send a request to its `Location` through
    /// the same service, with [`allowed_hosts`](crate::sign::SignerBuilder::allowed_hosts).
    ///
    /// The layer can also be put around an existing [`Client`], as around any service. That client
    /// must have been built with [`redirect::Policy::none`]; its policy cannot be read from it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use http::HeaderValue;
    /// use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
    /// use tower_hmac_auth::{KeyPair, SignLayer, Signer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
    /// let signer = Signer::builder(keys)
    ///     .source(HeaderValue::from_static("billing"))
    ///     .allowed_hosts(["gateway.example"])
    ///     .build()?;
    /// let client = SignLayer::new(signer)
    ///     .reqwest_client(reqwest::Client::builder().connect_timeout(Duration::from_secs(5)))?;
    ///
    /// let get = |url: &str| client.get_ref().get(url).build();
    /// let request = get("https://gateway.example/v1/orders")?;
    ///
    /// let mut service = ServiceBuilder::new()
    ///     // A retry layer belongs here: outside, so that every attempt is signed again.
    ///     .timeout(Duration::from_secs(5))
    ///     .service(client);
    /// # if false {
    /// let response = service.ready().await?.call(request).await?;
    /// println!("{}", response.status());
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    /// # What is sent unsigned
    ///
    /// [`get_ref`](SignService::get_ref) returns the client itself, for its request builders
    /// (`get`, `post`) and `build()`. A request that is sent by the builder's `send()`, or by the
    /// client's `execute`, does not pass the service. It is **not signed**, there is no event, and
    /// [`Signer::unsigned_requests`] does not count it. Pass the request that `build()` returns to
    /// the service, as above. In a chain of reqwest-middleware (feature `reqwest-middleware`)
    /// `send()` does sign.
    ///
    /// # The body
    ///
    /// `DigestLayer` does not take reqwest's requests. A `Digest` or `Content-Digest` that is set
    /// on one is signed in every scheme, even if it is not in the signer's list. With the feature
    /// `digest`, `DigestHeader` computes it:
    ///
    /// ```
    /// # #[cfg(feature = "digest")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), tower::BoxError> {
    /// # use tower::{Layer, ServiceExt};
    /// use tower_hmac_auth::{KeyPair, SignLayer, Signer, digest::DigestHeader};
    ///
    /// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
    /// let signer = Signer::builder(keys).allowed_hosts(["gateway.example"]).build()?;
    /// let layer = SignLayer::new(signer);
    /// # let sent = tower::service_fn(|request: reqwest::Request| async move {
    /// #     assert_eq!(request.headers()["digest"], "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=");
    /// #     let authorization = request.headers()["authorization"].to_str()?;
    /// #     assert!(authorization.contains("headers=\"x-date digest\""), "{authorization}");
    /// #     Ok::<_, tower::BoxError>(())
    /// # });
    /// # let service = layer.clone().layer(sent);
    /// let client = layer.reqwest_client(reqwest::Client::builder())?;
    ///
    /// let body = r#"{"hello":"world"}"#;
    /// let request = client
    ///     .get_ref()
    ///     .post("https://gateway.example/v1/orders")
    ///     .header(DigestHeader::Digest.name(), DigestHeader::Digest.value_of(body))
    ///     .body(body)
    ///     .build()?;
    /// # service.oneshot(request).await?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "digest"))]
    /// # fn main() {}
    /// ```
    ///
    /// # What is below the layer
    ///
    /// The client adds its default headers ([`ClientBuilder::default_headers`]) and its cookies
    /// after signing. So set a header that is to be signed, `Host` too, on the request. Attempts of
    /// [`ClientBuilder::retry`] repeat the signature; put retries outside.
    ///
    /// A request from reqwest's `RequestBuilder` has no user information in its URL: the builder
    /// turns it into an `Authorization: Basic`, which the signature replaces. User information in
    /// the URL of another request is removed where `host` is signed, as [`Signer::sign_request`]
    /// does.
    ///
    /// # Errors
    /// Returns the errors of [`ClientBuilder::build`].
    pub fn reqwest_client(
        self,
        builder: ClientBuilder,
    ) -> Result<SignService<Client, C>, reqwest::Error> {
        let client = without_redirects(builder)?;
        let (signer, clock) = self.into_parts();
        Ok(SignService {
            inner: client,
            signer,
            clock,
        })
    }
}

pub(crate) fn without_redirects(builder: ClientBuilder) -> Result<Client, reqwest::Error> {
    builder.redirect(redirect::Policy::none()).build()
}

impl<S, C> Service<reqwest::Request> for SignService<S, C>
where
    S: Service<reqwest::Request>,
    C: Clock,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: reqwest::Request) -> Self::Future {
        sign(&self.signer, &self.clock, &mut request);
        self.inner.call(request)
    }
}

/// Signs the request with the clock's time, or leaves it unsigned and reports that. Returns whether
/// it is signed.
pub(crate) fn sign(signer: &Signer, clock: &impl Clock, request: &mut reqwest::Request) -> bool {
    let Some(uri) = sent_target(request.url()) else {
        // reqwest refuses to send it; another service might not. An older signature must not be
        // sent.
        signer.remove_signature(request.headers_mut());
        report::unsendable_url(signer);
        return false;
    };
    let mut head = http::Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = uri.clone();
    *head.version_mut() = request.version();
    mem::swap(head.headers_mut(), request.headers_mut());
    // No layer can mark a reqwest request as digested, so a digest is always signed. Unsigned, it
    // could be replaced together with the body.
    if DIGESTS.iter().any(|name| head.headers().contains_key(name)) {
        head.extensions_mut().insert(Digested);
    }
    if signer.signs_forms()
        && is_form(head.headers())
        && let Some(form) = form(request.body())
    {
        head.extensions_mut().insert(form);
    }

    let mut is_signed = service::sign(signer, clock, &mut head);

    mem::swap(head.headers_mut(), request.headers_mut());
    if *head.uri() != uri {
        remove_user_information(request.url_mut());
        if head.uri().query() != uri.query() {
            request.url_mut().set_query(head.uri().query());
        }
        // Signing may change the target to the form that is sent, and of a `Url` only the user
        // information can differ from it. If anything else did, the signature would be over another
        // target than the one sent, so it is removed.
        if sent_target(request.url()).as_ref() != Some(head.uri()) {
            signer.remove_signature(request.headers_mut());
            request.url_mut().set_query(uri.query());
            if is_signed {
                report::unsendable_url(signer);
            }
            is_signed = false;
        }
    }
    is_signed
}

/// Returns the parameters of a form, or `None` if the body is a stream.
fn form(body: Option<&Body>) -> Option<FormParameters> {
    let bytes = body.map_or(Some(&[][..]), Body::as_bytes)?;
    Some(FormParameters::new(Bytes::copy_from_slice(bytes)))
}

/// Returns the target that reqwest makes of the URL. A `Url` has no default and no empty port, and
/// no empty path.
fn sent_target(url: &Url) -> Option<Uri> {
    url.as_str().parse().ok()
}

fn remove_user_information(url: &mut Url) {
    // These fail only for a URL without a host, which has no user information.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}
