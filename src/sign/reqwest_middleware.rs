//! Signing in a chain of the crate `reqwest-middleware`.

use std::fmt;

use http::Extensions;
use reqwest::{Request, Response, Url};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};

use super::reqwest::{sign as sign_reqwest, without_redirects};
use crate::{
    SignLayer, Signer,
    clock::{Clock, SystemClock},
};

impl<C> SignLayer<C>
where
    C: Clock + Send + Sync + 'static,
{
    /// Builds a client that follows no redirects, and signs what it sends after the `outer`
    /// middlewares.
    ///
    /// Requires the feature `reqwest-middleware`.
    ///
    /// `outer` adds the other middlewares, for example reqwest-retry's. The one that signs is put
    /// inside all of them, so that every attempt is signed again. `Policy::none` replaces the
    /// redirect policy of `builder`, for the reasons that [`reqwest_client`](Self::reqwest_client)
    /// gives: an answer that redirects is returned as it is.
    ///
    /// ```
    /// use http::HeaderValue;
    /// use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
    /// use tower_hmac_auth::{KeyPair, SignLayer, Signer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
    /// let backoff = ExponentialBackoff::builder().build_with_max_retries(3);
    /// let signer = Signer::builder(keys)
    ///     .source(HeaderValue::from_static("billing"))
    ///     .allowed_hosts(["gateway.example"])
    ///     .build()?;
    /// let client = SignLayer::new(signer)
    ///     .reqwest_middleware(reqwest::Client::builder(), |outer| {
    ///         outer.with(RetryTransientMiddleware::new_with_policy(backoff))
    ///     })?;
    /// # if false {
    /// let response = client.get("https://gateway.example/v1/orders").send().await?;
    /// println!("{}", response.status());
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`reqwest::ClientBuilder::build`].
    pub fn reqwest_middleware(
        self,
        builder: reqwest::ClientBuilder,
        outer: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<ClientWithMiddleware, reqwest::Error> {
        let client = without_redirects(builder)?;
        let chain = outer(ClientBuilder::new(client));
        Ok(chain.with(SignMiddleware::from(self)).build())
    }
}

/// Signs every request that passes a chain of the crate reqwest-middleware.
///
/// Requires the feature `reqwest-middleware`.
///
/// [`SignLayer::reqwest_middleware`] builds a whole client with it, and is the safe way. To put it
/// into a chain of your own, make it from a [`SignLayer`] or [`Signer`], add it last, after
/// retries, and build the client with [`reqwest::redirect::Policy::none`].
///
/// ```
/// use tower_hmac_auth::{KeyPair, SignLayer, Signer, sign::SignMiddleware};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let client = reqwest::Client::builder()
///     .redirect(reqwest::redirect::Policy::none())
///     .build()?;
/// let signer = Signer::builder(keys).allowed_hosts(["gateway.example"]).build()?;
/// let client = reqwest_middleware::ClientBuilder::new(client)
///     // Retries belong here.
///     .with(SignMiddleware::from(SignLayer::new(signer)))
///     .build();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It signs requests and sets their headers as [`SignService`](crate::sign::SignService) does.
///
/// # Redirects
///
/// The redirect policy of a client cannot be read from it. If a signed request is answered from
/// another origin, this middleware returns [`RedirectFollowed`] instead of the answer, so that the
/// mistake is found. By then the request's date and source have already been sent there. A
/// middleware below this one that answers by itself has to give its response the URL of the request
/// (`reqwest::ResponseBuilderExt::url`).
#[derive(Debug, Clone)]
pub struct SignMiddleware<C = SystemClock> {
    signer: Signer,
    clock: C,
}

impl<C> From<SignLayer<C>> for SignMiddleware<C> {
    fn from(layer: SignLayer<C>) -> Self {
        let (signer, clock) = layer.into_parts();
        Self { signer, clock }
    }
}

impl From<Signer> for SignMiddleware {
    fn from(signer: Signer) -> Self {
        SignLayer::from(signer).into()
    }
}

#[async_trait::async_trait]
impl<C> Middleware for SignMiddleware<C>
where
    C: Clock + Send + Sync + 'static,
{
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let is_signed = sign_reqwest(&self.signer, &self.clock, &mut request);
        let signed_for = is_signed.then(|| request.url().clone());
        let response = next.run(request, extensions).await?;
        match signed_for {
            Some(url) if url.origin() != response.url().origin() => {
                let error = RedirectFollowed::new(&url, response.url());
                Err(reqwest_middleware::Error::middleware(error))
            }
            _ => Ok(response),
        }
    }
}

/// Reports that the client below a [`SignMiddleware`] followed a redirect of a signed request to
/// another origin.
///
/// Requires the feature `reqwest-middleware`.
///
/// It is in the `Middleware` variant of [`reqwest_middleware::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectFollowed {
    from: Box<str>,
    to: Box<str>,
}

impl RedirectFollowed {
    /// Keeps the origins only: errors are logged, and a path or query can hold secrets.
    fn new(from: &Url, to: &Url) -> Self {
        let origin = |url: &Url| url.origin().ascii_serialization().into_boxed_str();
        Self {
            from: origin(from),
            to: origin(to),
        }
    }
}

impl fmt::Display for RedirectFollowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a signed request to {} was answered by {}, which received its date and source: build \
             the client with redirect::Policy::none()",
            self.from, self.to
        )
    }
}

impl std::error::Error for RedirectFollowed {}
