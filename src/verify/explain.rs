//! The server's signing string, for debugging a signature mismatch.

use std::fmt;

use crate::wire::signing_string::SigningString;

/// Holds the signing string that the server hashed, escaped on one line and cut at 4 KiB.
///
/// If [`VerifyLayer::explain`](crate::VerifyLayer::explain) is on, the response to a request whose
/// signature does not match has one in its extensions.
///
/// Compare it with what the client prints with
/// [`Signer::signing_string`](crate::Signer::signing_string): the escapes are those of
/// [`SigningString`]'s `Display`. A server without `tracing` can log it, as the gateway example
/// does. Do not send it in the response's body: it contains the values of signed headers.
///
/// ```
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use bytes::Bytes;
/// use tower::{BoxError, Layer, ServiceExt, service_fn};
/// use tower_hmac_auth::{KeyPair, SignLayer, StaticKeys, VerifyLayer, verify::ServerSigningString};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let (id, secret) = ("AKIDtestkey0001", "test-secret-key-0001");
/// let handler = service_fn(|_: Request<()>| async {
///     Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
/// });
/// let keys = StaticKeys::from(KeyPair::new(id, secret)?);
/// let server = VerifyLayer::new(keys).explain(true).layer(handler);
///
/// // A newline at the end of the secret is the most frequent cause.
/// let client = SignLayer::new(KeyPair::new(id, format!("{secret}\n"))?).layer(server);
/// let response = client.oneshot(Request::get("/a").body(())?).await?;
/// let hashed = response.extensions().get::<ServerSigningString>().ok_or("no explanation")?;
/// // Both sides hash the same text, so the secrets differ.
/// assert!(hashed.as_str().starts_with("x-date: "));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ServerSigningString(Box<str>);

impl ServerSigningString {
    const MAX_LEN: usize = 4096;

    pub(super) fn new(string: &SigningString) -> Self {
        Self(string.excerpt(Self::MAX_LEN).into_boxed_str())
    }

    /// Returns the escaped text: printable ASCII on one line, at most 4,096 bytes. It ends with
    /// `...` if it was cut.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerSigningString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServerSigningString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerSigningString(\"{}\")", self.0)
    }
}
