//! One line a request.

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
use tokio::sync::watch;
use tower_hmac_auth::{Rejection, VerifiedKey, error::RejectionKind, verify::ServerSigningString};

use super::stderr;

/// Why a request that had a right signature failed, for the log: in the response's extensions.
#[derive(Clone)]
pub(crate) struct Failure(pub(crate) String);

/// An answer that waits for nothing but the client, in bytes.
const SHORT: u64 = 4096;

/// How many characters of a path, and of a key id that is only claimed, are repeated.
const MAX_PATH: usize = 512;
const MAX_CLAIMED_KEY_ID: usize = 64;

/// What the schemes call the key id in `Authorization`.
const KEY_ID_NAMES: [&str; 3] = ["id", "username", "keyId"];

/// All that is to be said of a request. It is said when this is dropped, which is when the request is over: with the
/// last byte of the answer, or when the client is gone.
pub(crate) struct Entry {
    method: Method,
    path: String,
    began: Instant,
    status: Option<StatusCode>,
    key_id: Option<String>,
    /// Looked into only where the request is refused.
    authorization: Option<HeaderValue>,
    kind: Option<RejectionKind>,
    claimed_key_id: Option<String>,
    wrong: Option<String>,
    /// With `--explain`.
    hashed: Option<ServerSigningString>,
    is_complete: bool,
    /// Gone as soon as a short answer, such as a refusal, is at hand: a client that does not take it is idle.
    in_flight: Option<InFlight>,
}

impl Entry {
    pub(crate) fn new<B>(request: &Request<B>, requests: &Arc<watch::Sender<usize>>) -> Self {
        Self {
            method: request.method().clone(),
            // Without the query, which may hold secrets.
            path: request.uri().path().to_owned(),
            began: Instant::now(),
            status: None,
            key_id: None,
            authorization: request.headers().get(AUTHORIZATION).cloned(),
            kind: None,
            claimed_key_id: None,
            wrong: None,
            hashed: None,
            is_complete: false,
            in_flight: Some(InFlight::new(requests)),
        }
    }

    /// Takes down what was answered, and stays with the answer until its last byte.
    pub(crate) fn stay_with<B: Body>(mut self, response: Response<B>) -> Response<Logged<B>> {
        self.status = Some(response.status());
        let extensions = response.extensions();
        self.key_id = extensions
            .get()
            .map(|key: &VerifiedKey| key.key_id().to_owned());
        let authorization = self.authorization.take();
        if let Some(why) = extensions.get::<Rejection>() {
            self.kind = Some(why.kind());
            self.claimed_key_id = authorization.as_ref().and_then(claimed_key_id);
        }
        self.wrong = match (extensions.get::<Rejection>(), extensions.get::<Failure>()) {
            (Some(why), _) => Some(why.to_string()),
            (None, Some(Failure(why))) => Some(why.clone()),
            (None, None) => None,
        };
        self.hashed = extensions.get().cloned();
        // The body of an answer to HEAD is never asked for.
        self.is_complete = self.method == Method::HEAD || response.body().is_end_stream();
        if response
            .body()
            .size_hint()
            .upper()
            .is_some_and(|size| size <= SHORT)
        {
            self.in_flight = None;
        }
        response.map(|body| Logged { body, entry: self })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut line = excerpt(self.method.as_str(), MAX_PATH);
        line.push(' ');
        line.push_str(&excerpt(&self.path, MAX_PATH));
        let _infallible = match self.status {
            Some(status) => write!(line, " {}", status.as_u16()),
            None => write!(line, " -"),
        };
        let _infallible = write!(line, " {}ms", self.began.elapsed().as_millis());
        if let Some(key_id) = &self.key_id {
            let _infallible = write!(line, " key={key_id:?}");
        }
        if let Some(kind) = self.kind {
            let _infallible = write!(line, " kind={kind:?}");
        }
        // Another label than `key=`, which is for verified ids alone.
        if let Some(key_id) = &self.claimed_key_id {
            let _infallible = write!(line, " claimed_key_id=\"{key_id}\"");
        }
        let cut_off = || "the client is gone".to_owned();
        let wrong = self.wrong.take();
        if let Some(wrong) = wrong.or_else(|| (!self.is_complete).then(cut_off)) {
            let _infallible = write!(line, " wrong={wrong:?}");
        }
        // At the end and as it is, so that it can be compared with the client's: it is escaped already.
        if let Some(hashed) = &self.hashed {
            let _infallible = write!(line, " signing_string={hashed}");
        }
        stderr::say(line);
    }
}

/// Without control characters, blanks and what else might pass for another part of the line, and of limited length.
pub(crate) fn excerpt(text: &str, max_chars: usize) -> String {
    let escaped = |c: char| match c {
        '!'..='~' => c.to_string(),
        _ => c.escape_unicode().to_string(),
    };
    let mut excerpt: String = text.chars().take(max_chars).map(escaped).collect();
    if text.chars().nth(max_chars).is_some() {
        excerpt.push_str("...");
    }
    excerpt
}

/// The key id that a refused request names, escaped and cut. Nothing of it is verified: anybody may
/// have sent it.
fn claimed_key_id(authorization: &HeaderValue) -> Option<String> {
    let text = String::from_utf8_lossy(authorization.as_bytes());
    let (_scheme, mut rest) = text.split_once([' ', '\t'])?;
    while let Some((name, behind)) = rest.split_once('=') {
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => behind.split_once(',').unwrap_or((behind, "")),
        };
        let name = name.trim_matches([' ', '\t', ',']);
        if KEY_ID_NAMES.iter().any(|id| id.eq_ignore_ascii_case(name)) {
            let start = value.chars().take(MAX_CLAIMED_KEY_ID);
            let mut key_id: String = start.flat_map(char::escape_default).collect();
            if value.chars().nth(MAX_CLAIMED_KEY_ID).is_some() {
                key_id.push_str("...");
            }
            return Some(key_id);
        }
        rest = behind;
    }
    None
}

/// One more request in flight on its connection, until it is dropped.
struct InFlight(Arc<watch::Sender<usize>>);

impl InFlight {
    fn new(requests: &Arc<watch::Sender<usize>>) -> Self {
        requests.send_modify(|count| *count = count.saturating_add(1));
        Self(Arc::clone(requests))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

pin_project! {
    /// The answer's body, and the request's entry in the log with it.
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

/// The error and what caused it.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _infallible = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
