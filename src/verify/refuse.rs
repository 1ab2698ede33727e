//! How a refusal is answered.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

use crate::{Rejection, RequestHead, Scheme};

/// Answers a request that is refused.
///
/// [`Refusals`], the default, answers as the gateway does. Any closure `Fn(&Rejection, RequestHead<'_>) ->
/// Response<Bytes>` will do as well.
///
/// ```
/// use bytes::Bytes;
/// use http::{Response, StatusCode};
/// use tower_hmac_auth::{Rejection, RequestHead, StaticKeys, VerifyLayer};
///
/// let layer = VerifyLayer::new(StaticKeys::new()).refuse(|why: &Rejection, _: RequestHead<'_>| {
///     let mut response = Response::new(Bytes::from(format!("refused: {why}")));
///     *response.status_mut() = StatusCode::UNAUTHORIZED;
///     response
/// });
/// ```
pub trait Refuse {
    /// The answer. The service adds the [`Rejection`] to its extensions.
    fn refuse(&self, why: &Rejection, head: RequestHead<'_>) -> Response<Bytes>;

    /// The answer in the words of the verifier's scheme: what the service calls. Default: [`refuse`](Self::refuse),
    /// whatever the scheme.
    fn refuse_as(&self, scheme: Scheme, why: &Rejection, head: RequestHead<'_>) -> Response<Bytes> {
        let _same_for_all = scheme;
        self.refuse(why, head)
    }
}

impl<F> Refuse for F
where
    F: Fn(&Rejection, RequestHead<'_>) -> Response<Bytes>,
{
    fn refuse(&self, why: &Rejection, head: RequestHead<'_>) -> Response<Bytes> {
        self(why, head)
    }
}

/// Answers as the verifier's gateway does: `{"message": "…"}` with its documented text ([`Scheme::text`]) and status, and
/// its `WWW-Authenticate`. (Kong can also write HTML, XML and plain text; this is JSON whatever the request accepts.)
///
/// A gRPC request (`POST`, `content-type: application/grpc…`) is answered in its own terms: HTTP 200, `grpc-status` 16
/// (unauthenticated; 7 for a missing usage plan, 14 for a key store that is unavailable), the text as `grpc-message`, and no
/// body, as gRPC clients take any other answer for a broken stream.
#[derive(Debug, Clone)]
pub struct Refusals {
    unauthorized: StatusCode,
    terse: bool,
}

impl Refusals {
    /// The documented answers, with status 401.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            unauthorized: StatusCode::UNAUTHORIZED,
            terse: false,
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
    pub const fn terse(mut self, terse: bool) -> Self {
        self.terse = terse;
        self
    }
}

impl Default for Refusals {
    fn default() -> Self {
        Self::new()
    }
}

impl Refuse for Refusals {
    fn refuse(&self, why: &Rejection, head: RequestHead<'_>) -> Response<Bytes> {
        self.refuse_as(Scheme::Tencent, why, head)
    }

    fn refuse_as(&self, scheme: Scheme, why: &Rejection, head: RequestHead<'_>) -> Response<Bytes> {
        let shown = match why {
            why if !why.is_about_credentials() => why,
            _ if self.terse => &Rejection::KeyUnknown,
            _ => why,
        };
        let text = scheme.text(shown);
        if is_grpc(head) {
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
            let challenge = HeaderValue::from_static(scheme.facts().challenge);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        *response.status_mut() = match shown.status() {
            StatusCode::UNAUTHORIZED => self.unauthorized,
            status => status,
        };
        response
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

/// gRPC calls are POST requests; anything else of that type must not turn a refusal into a 200.
fn is_grpc(head: RequestHead<'_>) -> bool {
    let content_type = head.headers().get(header::CONTENT_TYPE);
    head.method() == Method::POST
        && content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
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
