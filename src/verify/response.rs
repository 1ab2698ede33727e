//! How a refusal is answered.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, Version, header};

use super::ServerSigningString;
use crate::{Rejection, RequestHead, Scheme};
#[cfg(feature = "tracing")]
use crate::{VerifiedKey, events, rejection::Excerpt, wire::credentials::Authorization};

/// A request that is refused, as a [`ResponseForRejection`] sees it.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    rejection: &'a Rejection,
    head: RequestHead<'a>,
    scheme: Scheme,
}

impl<'a> Refusal<'a> {
    /// Creates a refusal, for servers that use a [`Verifier`](crate::Verifier) without the layer.
    #[must_use]
    pub const fn new(rejection: &'a Rejection, head: RequestHead<'a>, scheme: Scheme) -> Self {
        Self {
            rejection,
            head,
            scheme,
        }
    }

    /// Returns why the request is refused.
    #[must_use]
    pub const fn rejection(&self) -> &'a Rejection {
        self.rejection
    }

    /// Returns the request's head. Nothing of it is verified.
    #[must_use]
    pub const fn head(&self) -> RequestHead<'a> {
        self.head
    }

    /// Returns the scheme that the server speaks.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// Makes the response to a request that is refused.
///
/// [`DefaultResponseForRejection`] is the default and answers as the gateway does. Any closure
/// `Fn(&Refusal<'_>) -> Response<Bytes>` is one as well.
///
/// ```
/// use bytes::Bytes;
/// use http::{Response, StatusCode};
/// use tower_hmac_auth::{StaticKeys, VerifyLayer, verify::Refusal};
///
/// let layer = VerifyLayer::new(StaticKeys::new()).refuse(|refusal: &Refusal<'_>| {
///     let mut response = Response::new(Bytes::from(format!("refused: {}", refusal.rejection())));
///     *response.status_mut() = StatusCode::UNAUTHORIZED;
///     response
/// });
/// ```
pub trait ResponseForRejection {
    /// Returns the response. The service adds the [`Rejection`] to its extensions, and removes the
    /// content from the response to a `HEAD`.
    fn refuse(&self, refusal: &Refusal<'_>) -> Response<Bytes>;
}

impl<F> ResponseForRejection for F
where
    F: Fn(&Refusal<'_>) -> Response<Bytes>,
{
    fn refuse(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        self(refusal)
    }
}

/// Answers as the verifier's gateway does: `{"message": "…"}` with its documented text ([`Scheme::text`]) and status, and
/// its `WWW-Authenticate`. (Kong can also write HTML, XML and plain text; this is JSON whatever the request accepts.)
///
/// # gRPC
///
/// A gRPC call is answered in its own terms: HTTP 200, `grpc-status` 16 (unauthenticated; 7 for a missing usage plan, 14 for
/// a key store that is unavailable), the text as `grpc-message`, and no body. gRPC clients take any other answer for a broken
/// stream. Whoever looks at the HTTP status alone takes it for a success: see [`grpc`](Self::grpc).
///
/// A gRPC call is what the gRPC protocol over HTTP/2 says it is: a `POST`, over HTTP/2 or later, with one `Content-Type`,
/// which is `application/grpc`, alone or followed by `+` or `;`, in lower case and without whitespace, as gRPC's clients send
/// it. Everything else is answered with the plain status, `application/grpc-web` too: it has another form, in the body,
/// and its clients understand an HTTP 401.
#[derive(Debug, Clone)]
pub struct DefaultResponseForRejection {
    unauthorized: StatusCode,
    hides_reason: bool,
    grpc: bool,
}

impl DefaultResponseForRejection {
    /// The documented answers, with status 401.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            unauthorized: StatusCode::UNAUTHORIZED,
            hides_reason: false,
            grpc: true,
        }
    }

    /// Answers with `status` where it would be 401. The gateway's older documents have 403 there.
    #[must_use]
    pub const fn unauthorized_status(mut self, status: StatusCode) -> Self {
        self.unauthorized = status;
        self
    }

    /// Gives every refused client the same answer, so that none learns what was wrong. Default: `false`.
    ///
    /// What does not depend on the credentials is still told apart: a key store that is unavailable (503), as the client should
    /// try again, and a body that is too large or broke off. The reason
    /// stays in the response's extensions, for the server's own log.
    #[must_use]
    pub const fn hide_reason(mut self, hide_reason: bool) -> Self {
        self.hides_reason = hide_reason;
        self
    }

    /// Answers gRPC calls in the form that gRPC clients understand, which is an HTTP 200. Default: `true`.
    ///
    /// Switch it off where something other than a gRPC client acts on the HTTP status: a service that only authorizes, asked by
    /// a proxy (nginx's `auth_request`, Envoy's `ext_authz`, Traefik's `forwardAuth`) that takes a 200 for permission. A gRPC
    /// client makes status 16 of an HTTP 401 as well, but does not get the text.
    ///
    /// ```
    /// use tower_hmac_auth::{StaticKeys, VerifyLayer, verify::DefaultResponseForRejection};
    ///
    /// let authorizer = VerifyLayer::new(StaticKeys::new()).refuse(DefaultResponseForRejection::new().grpc(false));
    /// ```
    #[must_use]
    pub const fn grpc(mut self, grpc: bool) -> Self {
        self.grpc = grpc;
        self
    }
}

impl Default for DefaultResponseForRejection {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseForRejection for DefaultResponseForRejection {
    fn refuse(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let Refusal {
            rejection: why,
            head,
            scheme,
        } = *refusal;
        let shown = match why {
            why if !why.is_about_credentials() => why,
            _ if self.hides_reason => &Rejection::KeyUnknown,
            _ => why,
        };
        let text = scheme.text(shown);
        if self.grpc && is_grpc(head) {
            return grpc_status(shown.status(), &text);
        }
        let mut response = Response::new(json(&text));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if matches!(
            shown.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            let challenge = HeaderValue::from_static(scheme.dialect().challenge);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        *response.status_mut() = match shown.status() {
            StatusCode::UNAUTHORIZED => self.unauthorized,
            status => status,
        };
        response
    }
}

/// A request that is refused.
pub(crate) struct Refused<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) why: Rejection,
    pub(crate) head: RequestHead<'a>,
    /// The key, if it was verified before something else was found wrong.
    #[cfg(feature = "tracing")]
    pub(crate) key: Option<&'a VerifiedKey>,
    pub(crate) explained: Option<ServerSigningString>,
}

impl Refused<'_> {
    /// The answer, with the reason in its extensions; without content for HEAD (RFC 9110, section 9.3.2).
    pub(crate) fn answer(self, refuse: &impl ResponseForRejection) -> Response<Bytes> {
        let mut response = refuse.refuse(&Refusal::new(&self.why, self.head, self.scheme));
        #[cfg(feature = "tracing")]
        self.report(response.status());
        let Self {
            why,
            head,
            explained,
            ..
        } = self;
        if let Some(explained) = explained {
            response.extensions_mut().insert(explained);
        }
        response.extensions_mut().insert(why);
        if head.method() == Method::HEAD {
            let length = response.body().len().into();
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
            *response.body_mut() = Bytes::new();
        }
        response
    }

    /// Makes the event. Its fields are computed only if there is a subscriber that wants it.
    #[cfg(feature = "tracing")]
    fn report(&self, status: StatusCode) {
        // A level is part of what is fixed when this is compiled.
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: events::VERIFY,
                    tracing::Level::$level,
                    kind = ?self.why.kind(),
                    scheme = %self.scheme,
                    key_id = self.key_id().map(tracing::field::display),
                    skew_s = self.why.skew(),
                    status = status.as_u16(),
                    reason = %self.why,
                    signing_string = self.explained.as_ref().map(tracing::field::display),
                    "request refused"
                )
            };
        }
        if self.why.status().is_server_error() {
            event!(WARN);
        } else {
            event!(INFO);
        }
    }

    /// The key id as the request has it, if it can be read.
    #[cfg(feature = "tracing")]
    fn key_id(&self) -> Option<Excerpt> {
        if let Some(key) = self.key {
            return Some(Excerpt::new(key.key_id()));
        }
        let authorization = Authorization::of(&self.scheme.dialect().syntax, &self.head);
        Some(Excerpt::new(authorization.ok()?.key_id))
    }
}

/// The text, which is printable ASCII, as JSON's `message`.
fn json(text: &str) -> Bytes {
    let (before, after) = ("{\"message\":\"", "\"}");
    let mut json = String::with_capacity(before.len() + text.len() + after.len());
    json.push_str(before);
    for part in text.split_inclusive(['"', '\\']) {
        match part.strip_suffix(['"', '\\']) {
            Some(plain) => {
                json.push_str(plain);
                json.push('\\');
                json.push_str(part.get(plain.len()..).unwrap_or_default());
            }
            None => json.push_str(part),
        }
    }
    json.push_str(after);
    json.into()
}

/// Whether the request is a gRPC call: nothing else may get a 200 for a refusal. grpc-go, too, compares the bytes of the
/// content type as they are.
fn is_grpc(head: RequestHead<'_>) -> bool {
    let mut content_types = head.headers().get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (content_types.next(), content_types.next()) else {
        return false;
    };
    let after = content_type.as_bytes().strip_prefix(b"application/grpc");
    head.method() == Method::POST
        && head.version() >= Version::HTTP_2
        && matches!(after, Some([] | [b'+' | b';', ..]))
}

/// A "trailers-only" answer of the gRPC protocol over HTTP/2; `text` is printable ASCII.
fn grpc_status(status: StatusCode, text: &str) -> Response<Bytes> {
    let code = match status {
        StatusCode::FORBIDDEN => "7",
        StatusCode::SERVICE_UNAVAILABLE => "14",
        StatusCode::PAYLOAD_TOO_LARGE => "8",
        StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR => "13",
        _ => "16",
    };
    let message = HeaderValue::from_str(&text.replace('%', "%25"));
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    headers.insert("grpc-status", HeaderValue::from_static(code));
    if let Ok(message) = message {
        headers.insert("grpc-message", message);
    }
    response
}
