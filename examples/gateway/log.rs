//! Logs one line for each request.

use std::{
    error::Error,
    fmt::Write as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::AUTHORIZATION};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_hmac_auth::{Rejection, VerifiedKey, error::RejectionKind, verify::ServerSigningString};

use super::{
    activity::{Activity, InFlight},
    metrics,
    refusals::ClaimedKeyId,
    stderr,
};

/// Why a request failed that has no [`Rejection`], or more than that says. The log takes it from
/// the response's extensions.
#[derive(Clone)]
pub(crate) struct Failure(pub(crate) String);

/// The size in bytes up to which an answer no longer counts as in flight: it fits into the buffers
/// of the connection, so only the client can delay it.
const SHORT: u64 = 4096;

/// The capacity in bytes that most lines need at most.
const LINE: usize = 256;

/// How many characters of a path, and of an unverified key id, are logged.
const MAX_PATH: usize = 512;
const MAX_CLAIMED_KEY_ID: usize = 64;

/// Presets' names for the parameter of `Authorization` that holds the key id.
const KEY_ID_NAMES: [&str; 4] = ["id", "username", "keyId", "api_key"];

/// A request's line in the log. It is written on drop, which is when the request is over: after the
/// last byte of the answer, or when the client has closed the connection.
pub(crate) struct Entry {
    method: Method,
    path: String,
    began: Instant,
    status: Option<StatusCode>,
    key_id: Option<String>,
    used_previous_secret: bool,
    /// Searched only if the refusal has no [`ClaimedKeyId`].
    authorization: Option<HeaderValue>,
    kind: Option<RejectionKind>,
    /// The key id that a refused request names, escaped. It is unverified, because anyone can send
    /// any id; after a replay it is verified.
    claimed_key_id: Option<String>,
    wrong: Option<String>,
    /// The gateway's signing string, with `--explain`.
    hashed: Option<ServerSigningString>,
    is_complete: bool,
    /// Dropped as soon as there is a short answer, such as a refusal, so that the idle timeout
    /// applies to a client that does not read it.
    in_flight: Option<InFlight>,
    /// Unlike `in_flight`, until the entry is dropped.
    _counted: metrics::Counted,
}

impl Entry {
    pub(crate) fn new<B>(request: &Request<B>, activity: &Arc<Activity>) -> Self {
        Self {
            method: request.method().clone(),
            // Without the query, which may hold secrets.
            path: request.uri().path().to_owned(),
            began: Instant::now(),
            status: None,
            key_id: None,
            used_previous_secret: false,
            authorization: request.headers().get(AUTHORIZATION).cloned(),
            kind: None,
            claimed_key_id: None,
            wrong: None,
            hashed: None,
            is_complete: false,
            in_flight: Some(InFlight::new(activity)),
            _counted: metrics::Counted::request(),
        }
    }

    /// Records the answer, and moves into its body, to be dropped after the last byte.
    pub(crate) fn stay_with<B: Body>(mut self, response: Response<B>) -> Response<Logged<B>> {
        self.status = Some(response.status());
        let extensions = response.extensions();
        if let Some(key) = extensions.get::<VerifiedKey>() {
            self.key_id = Some(key.key_id().to_owned());
            self.used_previous_secret = key.used_previous_secret();
        }
        let authorization = self.authorization.take();
        if let Some(why) = extensions.get::<Rejection>() {
            self.kind = Some(why.kind());
            let claimed = extensions.get::<ClaimedKeyId>();
            let claimed = claimed.map(|ClaimedKeyId(key_id)| key_id.clone());
            let guessed = || guessed_key_id(authorization.as_ref()?);
            self.claimed_key_id = claimed.or_else(guessed).as_deref().map(escaped);
        }
        // A form that was not read has both, and the failure says more.
        self.wrong = match (extensions.get::<Failure>(), extensions.get::<Rejection>()) {
            (Some(Failure(why)), _) => Some(why.clone()),
            (None, Some(why)) => Some(why.to_string()),
            (None, None) => None,
        };
        self.hashed = extensions.get().cloned();
        // hyper does not poll the body of an answer to HEAD.
        self.is_complete = self.method == Method::HEAD || response.body().is_end_stream();
        if is_short(response.body()) {
            self.in_flight = None;
        }
        response.map(|body| Logged { body, entry: self })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        metrics::request_over(self.kind, took);
        let mut line = String::with_capacity(LINE);
        push_excerpt(&mut line, self.method.as_str(), MAX_PATH);
        line.push(' ');
        push_excerpt(&mut line, &self.path, MAX_PATH);
        let _infallible = match self.status {
            Some(status) => write!(line, " {}", status.as_u16()),
            None => write!(line, " -"),
        };
        let _infallible = write!(line, " {}ms", took.as_millis());
        if let Some(key_id) = &self.key_id {
            let _infallible = write!(line, " key={key_id:?}");
        }
        if self.used_previous_secret {
            line.push_str(" secret=previous");
        }
        if let Some(kind) = self.kind {
            let _infallible = write!(line, " kind={kind}");
        }
        // Not `key=`, which is for verified ids only. Only after a replay is this one verified,
        // too.
        if let Some(key_id) = &self.claimed_key_id {
            let _infallible = write!(line, " claimed_key_id=\"{key_id}\"");
        }
        let cut_off = || "the client is gone".to_owned();
        let wrong = self.wrong.take();
        if let Some(wrong) = wrong.or_else(|| (!self.is_complete).then(cut_off)) {
            let _infallible = write!(line, " wrong={wrong:?}");
        }
        // Last and unquoted, so that it can be compared with the client's. Its `Display` escapes
        // it.
        if let Some(hashed) = &self.hashed {
            let _infallible = write!(line, " signing_string={hashed}");
        }
        stderr::say(line);
    }
}

/// Returns `true` if the idle timeout applies to a client that does not read this answer.
pub(crate) fn is_short(body: &impl Body) -> bool {
    let length = body.size_hint().upper();
    length.is_some_and(|length| length <= SHORT)
}

/// Returns the text in printable ASCII without spaces, and cut after `max_chars` characters, so
/// that no part of it can be mistaken for another field of the line.
pub(crate) fn excerpt(text: &str, max_chars: usize) -> String {
    let mut excerpt = String::new();
    push_excerpt(&mut excerpt, text, max_chars);
    excerpt
}

fn push_excerpt(line: &mut String, text: &str, max_chars: usize) {
    let mut chars = text.chars();
    for c in chars.by_ref().take(max_chars) {
        match c {
            '!'..='~' => line.push(c),
            _ => line.extend(c.escape_unicode()),
        }
    }
    if chars.next().is_some() {
        line.push_str("...");
    }
}

/// Returns the text escaped, and cut after 64 characters.
fn escaped(key_id: &str) -> String {
    let mut chars = key_id.chars();
    let start = chars.by_ref().take(MAX_CLAIMED_KEY_ID);
    let mut escaped: String = start.flat_map(char::escape_default).collect();
    if chars.next().is_some() {
        escaped.push_str("...");
    }
    escaped
}

/// Returns the key id in an `Authorization` that is not valid as a whole, for example because it is
/// cut off.
fn guessed_key_id(authorization: &HeaderValue) -> Option<String> {
    let text = String::from_utf8_lossy(authorization.as_bytes());
    let mut rest = &*text;
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        // The first parameter may follow the scheme's word. iFlytek's scheme has none.
        let separators = [' ', '\t', ','];
        let name = name.trim_end_matches(separators).rsplit(separators).next();
        let name = name.unwrap_or_default();
        if KEY_ID_NAMES.iter().any(|id| id.eq_ignore_ascii_case(name)) {
            return Some(value.to_owned());
        }
        rest = after;
    }
    None
}

pin_project! {
    /// The answer's body together with the request's entry in the log.
    pub(crate) struct Logged<B> {
        #[pin]
        body: B,
        entry: Entry,
    }
}

impl<B> Body for Logged<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        this.entry.is_complete = frame.is_none() || this.body.is_end_stream();
        Poll::Ready(frame.map(|frame| {
            frame.map_err(|error| {
                let error = error.into();
                this.entry.wrong = Some(chain(error.as_ref()));
                error
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Formats the error and its sources.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _infallible = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
