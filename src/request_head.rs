//! The parts of a request that signing and verifying read.

use http::{Extensions, HeaderMap, Method, Request, Uri, Version, request};

use crate::form::FormParameters;

/// Borrows a request's head: everything but the body. Of the extensions it only reads what layers
/// of this crate put there.
///
/// It is made from a reference to a [`Request`] with any body, or to its [`request::Parts`].
///
/// ```
/// use http::Request;
/// use tower_hmac_auth::RequestHead;
///
/// let request = Request::get("https://api.example.com/a?x=1").body(()).unwrap();
/// let head = RequestHead::from(&request);
/// assert_eq!(head.uri().query(), Some("x=1"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'h> {
    method: &'h Method,
    uri: &'h Uri,
    version: Version,
    headers: &'h HeaderMap,
    /// Where layers put what they know of the body.
    extensions: Option<&'h Extensions>,
}

/// In a request's extensions, marks that its digest has to be signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Digested;

/// Returns whether the request's digest has to be signed.
pub(crate) fn has_digest(extensions: &Extensions) -> bool {
    extensions.get::<Digested>().is_some()
}

impl<'h> RequestHead<'h> {
    /// Creates a head from its parts.
    #[must_use]
    pub const fn new(
        method: &'h Method,
        uri: &'h Uri,
        version: Version,
        headers: &'h HeaderMap,
    ) -> Self {
        Self {
            method,
            uri,
            version,
            headers,
            extensions: None,
        }
    }

    /// Adds the request's extensions, where layers put what they know of the body. Schemes that
    /// sign a form find its [`FormParameters`] there.
    #[must_use]
    pub const fn with_extensions(mut self, extensions: &'h Extensions) -> Self {
        self.extensions = Some(extensions);
        self
    }

    /// Returns whether a digest among the headers has to be signed.
    pub(crate) fn has_digest(self) -> bool {
        self.extensions.is_some_and(has_digest)
    }

    /// Returns the parameters of the form in the body, if a layer has read it.
    pub(crate) fn form(self) -> Option<&'h FormParameters> {
        self.extension()
    }

    /// Returns what a layer has put into the request's extensions.
    pub(crate) fn extension<T: Send + Sync + 'static>(self) -> Option<&'h T> {
        self.extensions?.get()
    }

    /// Returns the method.
    #[must_use]
    pub const fn method(self) -> &'h Method {
        self.method
    }

    /// Returns the target: in origin form on HTTP/1.1 servers, with scheme and authority in clients
    /// and on HTTP/2.
    #[must_use]
    pub const fn uri(self) -> &'h Uri {
        self.uri
    }

    /// Returns the HTTP version.
    #[must_use]
    pub const fn version(self) -> Version {
        self.version
    }

    /// Returns the headers.
    #[must_use]
    pub const fn headers(self) -> &'h HeaderMap {
        self.headers
    }
}

impl<'h, B> From<&'h Request<B>> for RequestHead<'h> {
    fn from(request: &'h Request<B>) -> Self {
        Self::new(
            request.method(),
            request.uri(),
            request.version(),
            request.headers(),
        )
        .with_extensions(request.extensions())
    }
}

impl<'h> From<&'h request::Parts> for RequestHead<'h> {
    fn from(parts: &'h request::Parts) -> Self {
        Self::new(&parts.method, &parts.uri, parts.version, &parts.headers)
            .with_extensions(&parts.extensions)
    }
}
