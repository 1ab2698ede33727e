//! Forms in request bodies, whose parameters some schemes sign.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, header};

/// Holds the body of a form (`application/x-www-form-urlencoded`), in a request's extensions.
///
/// [`Scheme::TencentApp`](crate::Scheme::TencentApp) signs the parameters of such a body together
/// with those of the query. Signers and verifiers do not read bodies, so a layer that has read the
/// body puts this into the extensions: with the feature `digest`, `DigestLayer` in a client and
/// `ReadFormLayer` in a server. Without it such a request is neither signed nor accepted
/// ([`TargetError::FormNotRead`](crate::error::TargetError::FormNotRead)).
///
/// ```
/// use std::time::SystemTime;
/// use http::{Request, header};
/// use tower_hmac_auth::{KeyPair, Scheme, Signer, scheme::FormParameters};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let signer = Signer::builder(keys).scheme(Scheme::TencentApp).build()?;
/// let body = "b=2&a=1+1";
/// let mut request = Request::post("/items?c=3")
///     .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
///     .extension(FormParameters::new(body))
///     .body(body)?;
/// let string = signer.signing_string(&request, SystemTime::now())?;
/// assert!(string.as_bytes().ends_with(b"/items?a=1 1&b=2&c=3"));
/// signer.sign_request(&mut request, SystemTime::now())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FormParameters(Bytes);

impl FormParameters {
    /// Takes the whole body, as it is sent.
    #[must_use]
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self(body.into())
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Writes the length only, because forms contain passwords.
impl fmt::Debug for FormParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormParameters({} bytes)", self.0.len())
    }
}

/// Returns whether the body is a form, by its `Content-Type`.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    let media_type = content_type.as_bytes().split(|byte| *byte == b';').next();
    media_type.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(FORM))
}
