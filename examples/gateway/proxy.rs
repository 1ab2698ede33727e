//! Forwards requests to the upstream, and its answers to the client (RFC 9110, section 7.6).

use std::{borrow::Cow, error::Error, io, iter::successors, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request, StatusCode, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING},
    request,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Either, combinators::MapFrame};
use tokio::sync::OwnedSemaphorePermit;
use tower_hmac_auth::VerifiedKey;

use super::{
    answer::{Answer, failure, too_slow},
    connector::Connector,
    forms::ClientBody,
    headers::{
        CONSUMER_KEY_ID, clean_announced_trailers, clean_trailers, is_alike, is_coded_otherwise,
        join_cookies, named_in_connection, options, remove_consumer_key_ids, remove_hop_by_hop,
        signed_names,
    },
    log,
    timed::{Timed, TooSlow, takes_nothing},
    upstream::{self, Upstream},
};

/// Cleans the trailers among the frames of a request's body.
type FrameMap = Box<dyn FnMut(Frame<Bytes>) -> Frame<Bytes> + Send>;

type RequestBody = MapFrame<Timed<ClientBody>, FrameMap>;

/// The body of an upstream's answer.
pub(crate) type UpstreamBody = Timed<upstream::Answer<RequestBody>>;

/// Why a request cannot be forwarded.
type NotForwarded = (StatusCode, Cow<'static, str>);

/// How many characters of a header's name an answer repeats.
const MAX_NAME: usize = 64;

pub(crate) struct Proxy {
    /// The `Host` of requests that have none.
    host: HeaderValue,
    upstream: Upstream<RequestBody>,
    /// How long the upstream may neither read the request nor send its answer.
    timeout: Duration,
}

impl Proxy {
    /// Must be called on the runtime.
    pub(crate) fn new(
        upstream: &Authority,
        connector: Connector,
        timeout: Duration,
    ) -> Result<Self, http::Error> {
        let uri = Uri::builder().scheme(Scheme::HTTP).path_and_query("/");
        let uri = uri.authority(upstream.clone()).build()?;
        Ok(Self {
            host: HeaderValue::try_from(upstream.as_str())?,
            upstream: Upstream::new(uri, connector),
            timeout,
        })
    }

    /// Sends the request to the upstream, and returns its answer.
    pub(crate) async fn forward(
        &self,
        request: Request<Timed<ClientBody>>,
        key: &VerifiedKey,
        in_flight: Arc<OwnedSemaphorePermit>,
    ) -> Answer {
        let version = request.version();
        let taker = request.body().taker();
        let request = match self.outgoing(request, key) {
            Ok(request) => request,
            Err((status, why)) => return failure(status, &why, why.to_string()),
        };
        let response = tokio::select! {
            response = self.upstream.send(request, &in_flight) => response,
            () = takes_nothing(&taker, self.timeout) => {
                return gateway_timeout("the upstream neither reads nor answers".to_owned());
            }
        };
        let response = match response {
            Ok(response) => response,
            Err(error) if causes(&*error).any(|cause| cause.is::<TooSlow>()) => {
                // Only the last cause: hyper's texts call the client's body the "user's".
                return too_slow(last_cause(&*error));
            }
            Err(error) if is_clients_fault(&*error) => {
                let why = format!("the client's body broke off: {}", last_cause(&*error));
                return failure(StatusCode::BAD_REQUEST, "the body broke off", why);
            }
            Err(error) if is_timeout(&*error) => return gateway_timeout(log::chain(&*error)),
            Err(error) => return bad_gateway(log::chain(&*error)),
        };
        // No client asked for it: `Upgrade` is not forwarded.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return bad_gateway("the upstream switched protocols".to_owned());
        }
        if is_coded_otherwise(response.headers()) {
            return bad_gateway("the upstream sent an unknown transfer coding".to_owned());
        }
        let (mut head, body) = response.into_parts();
        head.version = Version::HTTP_11;
        let is_chunked = head.headers.contains_key(TRANSFER_ENCODING);
        remove_hop_by_hop(&mut head.headers);
        // Use the length of the body as hyper reads it: the upstream may have sent several
        // `Content-Length` headers. An answer to HEAD has no body and keeps the header.
        match body.size_hint().exact() {
            _ if is_chunked => head.headers.remove(CONTENT_LENGTH),
            Some(length) if length > 0 => head.headers.insert(CONTENT_LENGTH, length.into()),
            _ => None,
        };
        let body = Timed::download(body, self.timeout, in_flight);
        // The server watches it, and closes the connection of a client that does not read its
        // answer. A short one on HTTP/1.1 needs no watch: the connection counts as idle.
        if version > Version::HTTP_11 || !log::is_short(&body) {
            head.extensions.insert(body.taker());
        }
        Answer::from_parts(head, Either::Right(body))
    }

    fn outgoing(
        &self,
        request: Request<Timed<ClientBody>>,
        key: &VerifiedKey,
    ) -> Result<Request<RequestBody>, NotForwarded> {
        let (mut head, body) = request.into_parts();
        if is_coded_otherwise(&head.headers) {
            let why = "the only supported transfer coding is chunked";
            return Err((StatusCode::NOT_IMPLEMENTED, why.into()));
        }
        let is_signed = |name: &HeaderName| key.covered().any(|signed| *name == signed);
        if let Some(name) = named_in_connection(&head.headers).find(is_signed) {
            let why = format!("Connection names a signed header: {}", short(&name));
            return Err((StatusCode::BAD_REQUEST, why.into()));
        }
        let is_twin = |name: &&HeaderName| {
            let mut signed = head.headers.keys().filter(|name| is_signed(name));
            !is_signed(name) && signed.any(|signed| is_alike(name.as_str(), signed.as_str()))
        };
        if let Some(name) = head.headers.keys().find(is_twin) {
            let why = "a header is spelled almost as a signed one";
            let why = format!("{why}: {}", short(name));
            return Err((StatusCode::BAD_REQUEST, why.into()));
        }
        if head.uri.scheme().is_none() && head.uri.authority().is_some() {
            return Err((StatusCode::BAD_REQUEST, "invalid request target".into()));
        }
        let host = host(&head)?;
        let key_id = HeaderValue::from_str(key.key_id()).map_err(|_| {
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the key id is not a valid header value".into(),
            )
        })?;

        let headers = &mut head.headers;
        let takes_trailers = options(headers, &TE).any(|coding| coding == "trailers");
        remove_hop_by_hop(headers);
        if takes_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
        }
        let signed = signed_names(key);
        clean_announced_trailers(headers, &signed);
        join_cookies(headers);
        remove_consumer_key_ids(headers);
        headers.insert(CONSUMER_KEY_ID.clone(), key_id);
        headers.insert(HOST, host.unwrap_or_else(|| self.host.clone()));
        // Use the length of the body as hyper reads it. If it disagreed with a header that is
        // forwarded, the upstream would find the end of the request elsewhere (request smuggling).
        let had_length = headers.remove(CONTENT_LENGTH).is_some();
        match body.size_hint().exact() {
            Some(0) if !had_length => None,
            Some(length) => headers.insert(CONTENT_LENGTH, length.into()),
            None => headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
        };

        let uri = origin_form(head.uri);
        let mut request = Request::new(body.map_frame(Box::new(move |mut frame: Frame<Bytes>| {
            if let Some(trailers) = frame.trailers_mut() {
                clean_trailers(trailers, &signed);
            }
            frame
        }) as FrameMap));
        *request.method_mut() = head.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = head.headers;
        Ok(request)
    }
}

/// Returns path and query as the client sent them.
fn origin_form(sent: Uri) -> Uri {
    let path_and_query = sent.into_parts().path_and_query;
    path_and_query.map_or_else(|| PathAndQuery::from_static("/").into(), Uri::from)
}

/// Returns the client's `Host`, from which the upstream makes its links. Without `Host`, as on
/// HTTP/2, it is the target's authority. If there are both, `VerifyLayer` has already checked that
/// they are equal.
fn host(head: &request::Parts) -> Result<Option<HeaderValue>, NotForwarded> {
    let no_host = |_| (StatusCode::BAD_REQUEST, "invalid host".into());
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next(), head.uri.authority()) {
        (Some(_), Some(_), _) => Err((
            StatusCode::BAD_REQUEST,
            "Host is there more than once".into(),
        )),
        (Some(host), None, _) => {
            let authority = Authority::try_from(host.as_bytes());
            let authority = authority.map_err(|_| no_host(()))?;
            match authority.as_str().contains('@') {
                true => Err(no_host(())),
                false => Ok(Some(host.clone())),
            }
        }
        (None, _, Some(authority)) => {
            let authority = authority.as_str();
            let without_user = authority.rsplit_once('@');
            let host_and_port = without_user.map_or(authority, |(_, rest)| rest);
            let host = HeaderValue::from_str(host_and_port);
            host.map(Some).map_err(|_| no_host(()))
        }
        // HTTP/1.0 requests may have none. The upstream gets its own then.
        (None, _, None) if head.version < Version::HTTP_11 => Ok(None),
        (None, _, None) => Err((StatusCode::BAD_REQUEST, "Host is missing".into())),
    }
}

fn short(name: &HeaderName) -> String {
    log::excerpt(name.as_str(), MAX_NAME)
}

/// Returns `true` if the client's body could not be read.
fn is_clients_fault(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref();
    error.is_some_and(hyper::Error::is_user)
}

/// Returns `true` for a timeout, the gateway's own or the system's.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        let error = cause.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}

/// Returns the error and its sources.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| (*error).source())
}

fn last_cause(error: &(dyn Error + 'static)) -> String {
    let last = causes(error).last();
    last.map_or_else(|| error.to_string(), ToString::to_string)
}

fn bad_gateway(why: String) -> Answer {
    failure(StatusCode::BAD_GATEWAY, "the upstream gave no answer", why)
}

fn gateway_timeout(why: String) -> Answer {
    let message = "the upstream gave no answer in time";
    failure(StatusCode::GATEWAY_TIMEOUT, message, why)
}
