//! Responses to refused requests.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, Version, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::ServerSigningString;
use crate::{
    Rejection, RequestHead, Scheme, VerifiedKey, rejection::refuses_credentials, wire::credentials,
};
#[cfg(feature = "tracing")]
use crate::{events, rejection::Excerpt};

/// Describes a refused request to a [`ResponseForRejection`].
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    rejection: &'a Rejection,
    head: RequestHead<'a>,
    scheme: Scheme,
    /// The key, if the signature was valid and something else is wrong.
    key: Option<&'a VerifiedKey>,
}

impl<'a> Refusal<'a> {
    /// Creates a refusal, for servers that use a [`Verifier`](crate::Verifier) without the layer.
    #[must_use]
    pub const fn new(rejection: &'a Rejection, head: RequestHead<'a>, scheme: Scheme) -> Self {
        Self {
            rejection,
            head,
            scheme,
            key: None,
        }
    }

    /// Returns why the request is refused.
    #[must_use]
    pub const fn rejection(&self) -> &'a Rejection {
        self.rejection
    }

    /// Returns the request's head. Nothing in it is verified if
    /// [`VerifyLayer`](crate::VerifyLayer) itself refuses the request.
    #[must_use]
    pub const fn head(&self) -> RequestHead<'a> {
        self.head
    }

    /// Returns the server's scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the status with which the scheme's gateway refuses the request: [`Scheme::status`].
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.scheme.status(self.rejection)
    }

    /// Returns the key id that the request names, from `Authorization`, the header that the scheme
    /// has instead, JSON or the query. Returns `None` if the credentials are missing or malformed,
    /// even if the key id itself could be seen.
    ///
    /// It is **not verified** unless a layer inside [`VerifyLayer`](crate::VerifyLayer) refuses the
    /// request: anyone can send any id. It is ASCII of up to 8 KiB; escape it before you log it.
    #[must_use]
    pub fn key_id(&self) -> Option<String> {
        // A layer between can have removed the credentials of a request that was verified.
        if let Some(key) = self.key {
            return Some(key.key_id().to_owned());
        }
        let syntax = &self.scheme.dialect().syntax;
        let key_id = credentials::with_parameters(syntax, &self.head, |authorization, _| {
            authorization.key_id.to_owned()
        });
        key_id.ok()
    }
}

/// Creates the response to a refused request.
///
/// [`DefaultResponseForRejection`] is the default and answers as the gateway does. Any closure
/// `Fn(&Refusal<'_>) -> Response<Bytes>` implements this trait too.
///
/// ```
/// use bytes::Bytes;
/// use http::Response;
/// use tower_hmac_auth::{StaticKeys, VerifyLayer, verify::Refusal};
///
/// let layer = VerifyLayer::new(StaticKeys::new()).refuse(|refusal: &Refusal<'_>| {
///     let mut response = Response::new(Bytes::from(format!("refused: {}", refusal.rejection())));
///     *response.status_mut() = refusal.status();
///     response
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make responses for rejections",
    label = "does not make responses for rejections",
    note = "another status: `DefaultResponseForRejection::new().unauthorized_status(status)`",
    note = "another response: a closure `|refusal: &Refusal<'_>|`, with the argument's type, that \
            returns a `Response<Bytes>`"
)]
pub trait ResponseForRejection {
    /// Returns the response. The service adds the [`Rejection`] to its extensions, and removes the
    /// body if the request is a `HEAD`.
    fn refuse(&self, refusal: &Refusal<'_>) -> Response<Bytes>;
}

// Otherwise the compiler asks for a closure, and does not show the notes above.
#[diagnostic::do_not_recommend]
impl<F> ResponseForRejection for F
where
    F: Fn(&Refusal<'_>) -> Response<Bytes>,
{
    fn refuse(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        self(refusal)
    }
}

/// Answers as the verifier's gateway does: `{"message": "…"}` (Tyk: `{"error": "…"}`) with its
/// documented text ([`Scheme::text`]) and status ([`Scheme::status`]), and its `WWW-Authenticate`.
/// Kong can also answer in HTML, XML and plain text; this type always answers in JSON, whatever the
/// request accepts.
///
/// # gRPC
///
/// A gRPC call is answered in gRPC's form: HTTP 200, a `grpc-status`, the text as `grpc-message`
/// (percent-encoded where it is not printable ASCII), and no body. The status is 16
/// (unauthenticated), 7 (permission denied) if the API has no usage plan or the gateway answers 403
/// to a key without access to it, and 14 for an unavailable key store. gRPC clients treat any other
/// answer as a broken stream. Anything that looks only at the HTTP status sees a success: see
/// [`grpc`](Self::grpc).
///
/// A request counts as a gRPC call by the rules of the gRPC protocol over HTTP/2: it is a `POST`
/// over HTTP/2 or later with exactly one `Content-Type`. The value is `application/grpc`, alone or
/// followed by `+` or `;`, in lower case, without whitespace. Every other request is answered with
/// the plain status. That includes `application/grpc-web`, which puts its status into the body, and
/// whose clients understand an HTTP 401.
#[derive(Debug, Clone)]
pub struct DefaultResponseForRejection {
    /// The status that replaces 401, instead of the gateway's.
    unauthorized: Option<StatusCode>,
    hides_reason: bool,
    grpc: bool,
}

impl DefaultResponseForRejection {
    /// Creates the gateway's documented answers, with its status: 400 for Tyk, 401 for the others.
    /// Some refusals have another one, such as 403 for a key without access to the API, except
    /// with Tencent's schemes, and for a date that iFlytek does not accept.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            unauthorized: None,
            hides_reason: false,
            grpc: true,
        }
    }

    /// Sets the status of refusals that are about credentials, instead of the gateway's usual one.
    /// Where the gateway has another status for a reason, it stays. Tencent Cloud's older documents
    /// have 403.
    #[must_use]
    pub const fn unauthorized_status(mut self, status: StatusCode) -> Self {
        self.unauthorized = Some(status);
        self
    }

    /// Sets whether every refused client gets the same answer, so that none learns what was wrong.
    /// Default: `false`.
    ///
    /// Answers that do not depend on the credentials stay distinct: an unavailable key store (503),
    /// after which the client should try again, and a body that is too large or incomplete. The
    /// reason stays in the response's extensions, for the server's own log.
    #[must_use]
    pub const fn hide_reason(mut self, hide_reason: bool) -> Self {
        self.hides_reason = hide_reason;
        self
    }

    /// Sets whether gRPC calls are answered in gRPC's form, which is an HTTP 200. Default: `true`.
    ///
    /// Turn it off if something other than a gRPC client acts on the HTTP status. An example is an
    /// authorization service behind nginx's `auth_request`, Envoy's `ext_authz` or Traefik's
    /// `forwardAuth`: those proxies let a request through on a 200. A gRPC client maps an HTTP 401
    /// to status 16 too, but does not get the text.
    ///
    /// ```
    /// use tower_hmac_auth::{StaticKeys, VerifyLayer, verify::DefaultResponseForRejection};
    ///
    /// let authorizer = VerifyLayer::new(StaticKeys::new())
    ///     .refuse(DefaultResponseForRejection::new().grpc(false));
    /// ```
    #[must_use]
    pub const fn grpc(mut self, grpc: bool) -> Self {
        self.grpc = grpc;
        self
    }
}

impl DefaultResponseForRejection {
    /// Returns the gateway's status, or the configured one where the gateway has its usual status
    /// for credentials. A status that says more, such as 403 for a date, stays.
    fn status(&self, of: fn(&Rejection) -> StatusCode, shown: &Rejection) -> StatusCode {
        let status = of(shown);
        match self.unauthorized {
            Some(unauthorized)
                if shown.status() == StatusCode::UNAUTHORIZED
                    && status == of(&Rejection::AuthorizationMissing) =>
            {
                unauthorized
            }
            _ => status,
        }
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
            ..
        } = *refusal;
        let shown = match why {
            why if !why.is_about_credentials() => why,
            _ if self.hides_reason => &Rejection::KeyUnknown,
            _ => why,
        };
        let text = scheme.text(shown);
        if self.grpc && is_grpc(head) {
            // Not the gateway's status, where one means several things: a 400 of Tyk's is about
            // credentials, and so is a 403 of iFlytek's for a date.
            let status = match shown {
                Rejection::KeyNotBound => scheme.status(shown),
                _ => shown.status(),
            };
            return grpc_status(status, &text);
        }
        let dialect = scheme.dialect();
        let status = self.status(dialect.status, shown);
        let mut response = Response::new(json(dialect.message_member, &text));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if refuses_credentials(status) {
            let challenge = HeaderValue::from_static(dialect.challenge);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        *response.status_mut() = status;
        response
    }
}

/// A refused request, and what its answer and its event need.
pub(crate) struct Refused<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) why: Rejection,
    pub(crate) head: RequestHead<'a>,
    /// The key, if the signature was valid and something else is wrong.
    pub(crate) key: Option<&'a VerifiedKey>,
    pub(crate) explained: Option<ServerSigningString>,
}

impl<'a> Refused<'a> {
    /// Describes a request that a layer inside [`VerifyLayer`](crate::VerifyLayer) refuses.
    pub(crate) fn after_verification(head: RequestHead<'a>, why: Rejection) -> Self {
        let key = head.extension::<VerifiedKey>();
        Self {
            scheme: key.map_or(Scheme::default(), VerifiedKey::scheme),
            why,
            head,
            key,
            explained: None,
        }
    }

    /// Describes a request that a layer outside [`VerifyLayer`](crate::VerifyLayer) refuses.
    #[cfg(feature = "digest")]
    pub(crate) fn before_verification(
        head: RequestHead<'a>,
        scheme: Scheme,
        why: Rejection,
    ) -> Self {
        Self {
            scheme,
            why,
            head,
            key: None,
            explained: None,
        }
    }

    /// Creates the response, with the reason in its extensions. The response to a `HEAD` has no
    /// body (RFC 9110, section 9.3.2).
    pub(crate) fn answer(self, refuse: &impl ResponseForRejection) -> Response<Bytes> {
        let refusal = Refusal {
            rejection: &self.why,
            head: self.head,
            scheme: self.scheme,
            key: self.key,
        };
        let mut response = refuse.refuse(&refusal);
        #[cfg(feature = "tracing")]
        report(&refusal, self.explained.as_ref(), response.status());
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
}

/// Emits the event. Its fields are computed only if a subscriber wants it.
#[cfg(feature = "tracing")]
fn report(refusal: &Refusal<'_>, explained: Option<&ServerSigningString>, status: StatusCode) {
    let why = refusal.rejection;
    let key_id = || refusal.key_id().map(|key_id| Excerpt::new(&key_id));
    // The level has to be a constant, because `tracing` puts it into a static call site. A macro
    // avoids writing the fields twice.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: events::VERIFY,
                tracing::Level::$level,
                kind = %why.kind(),
                scheme = %refusal.scheme,
                key_id = key_id().map(tracing::field::display),
                skew_s = why.skew(),
                status = status.as_u16(),
                reason = %why,
                signing_string = explained.map(tracing::field::display),
                "request refused"
            )
        };
    }
    if why.status().is_server_error() {
        event!(WARN);
    } else {
        event!(INFO);
    }
}

/// Returns a JSON object with the text as this member.
fn json(member: &str, text: &str) -> Bytes {
    let (begin, middle, quotes, end) = ("{\"", "\":", "\"\"", "}");
    // Enough for a text without escapes, so that nothing is moved.
    let len = begin.len() + member.len() + middle.len() + quotes.len() + text.len() + end.len();
    let mut json = Vec::with_capacity(len);
    for part in [begin, member, middle] {
        json.extend_from_slice(part.as_bytes());
    }
    // Writing a string to memory cannot fail.
    let _written = serde_json::to_writer(&mut json, text);
    json.extend_from_slice(end.as_bytes());
    json.into()
}

/// Returns `true` if the request is a gRPC call. The check is strict, because any other client
/// would read the 200 of a refusal as a success. grpc-go compares the bytes of the content type in
/// the same way.
fn is_grpc(head: RequestHead<'_>) -> bool {
    if head.method() != Method::POST || head.version() < Version::HTTP_2 {
        return false;
    }
    let mut content_types = head.headers().get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (content_types.next(), content_types.next()) else {
        return false;
    };
    let after = content_type.as_bytes().strip_prefix(b"application/grpc");
    matches!(after, Some([] | [b'+' | b';', ..]))
}

/// What is escaped in a `grpc-message`, besides bytes outside ASCII: all that is not printable, and
/// the sign that begins an escape.
const NOT_IN_GRPC_MESSAGE: &AsciiSet = &CONTROLS.add(b'%');

/// Creates a "trailers-only" response of the gRPC protocol over HTTP/2.
fn grpc_status(status: StatusCode, text: &str) -> Response<Bytes> {
    let code = match status {
        StatusCode::FORBIDDEN => "7",
        StatusCode::SERVICE_UNAVAILABLE => "14",
        StatusCode::PAYLOAD_TOO_LARGE => "8",
        StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR => "13",
        _ => "16",
    };
    let message = utf8_percent_encode(text, NOT_IN_GRPC_MESSAGE).to_string();
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    headers.insert("grpc-status", HeaderValue::from_static(code));
    if let Ok(message) = HeaderValue::try_from(message) {
        headers.insert("grpc-message", message);
    }
    response
}
