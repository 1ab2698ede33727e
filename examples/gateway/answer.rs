//! Answers requests whose signature is valid, and formats the gateway's own answers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Either, Full};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower_hmac_auth::VerifiedKey;

use super::{
    forms::ClientBody,
    log::{self, Failure},
    proxy::{Proxy, UpstreamBody},
    timed::{Timed, TooSlow},
};

/// An answer with the gateway's own text, or with the upstream's body.
pub(crate) type Answer = Response<AnswerBody>;

pub(crate) type AnswerBody = Either<Full<Bytes>, UpstreamBody>;

/// After how many seconds a client may try again if too many requests were in flight.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

pub(crate) struct Answers {
    pub(crate) proxy: Option<Proxy>,
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) body_timeout: Duration,
}

impl Answers {
    pub(crate) async fn to(&self, mut request: Request<ClientBody>) -> Answer {
        let Some(key) = request.extensions_mut().remove::<VerifiedKey>() else {
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "not verified");
        };
        let mut response = self.to_verified(request, &key).await;
        // The log takes the key id from the response.
        response.extensions_mut().insert(key);
        response
    }

    async fn to_verified(&self, request: Request<ClientBody>, key: &VerifiedKey) -> Answer {
        if request.method() == Method::CONNECT {
            return refusal(StatusCode::NOT_IMPLEMENTED, "no tunnels here");
        }
        // Acquired after verification, so that requests without a valid signature cannot use up the
        // permits.
        let Ok(in_flight) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            return busy();
        };
        let in_flight = Arc::new(in_flight);
        let upload = |body| Timed::upload(body, self.body_timeout, Arc::clone(&in_flight));
        let request = request.map(upload);
        match &self.proxy {
            Some(proxy) => proxy.forward(request, key, in_flight).await,
            None => describe(request, key).await,
        }
    }
}

/// Answers with the key id and the signed names, after the body has been read: some clients read
/// no answer before they have sent their whole body.
async fn describe(request: Request<Timed<ClientBody>>, key: &VerifiedKey) -> Answer {
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(_) => {}
            Err(error) if error.is::<TooSlow>() => return too_slow(log::chain(error.as_ref())),
            Err(_) => break,
        }
    }
    let signed: Vec<_> = key.covered().collect();
    json_answer(
        StatusCode::OK,
        &json!({"key_id": key.key_id(), "signed": signed}),
    )
}

/// Returns the answer to a client that may try again later.
pub(crate) fn busy() -> Answer {
    let why = "too many requests are in flight";
    let mut response = failure(StatusCode::SERVICE_UNAVAILABLE, why, why.to_owned());
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// Returns the answer to a client whose body came too slowly. `why` is for the log.
pub(crate) fn too_slow(why: String) -> Answer {
    let message = "the body came too slowly";
    failure(StatusCode::REQUEST_TIMEOUT, message, why)
}

/// Returns an answer that tells the client `message`, and the log `why`.
pub(crate) fn failure(status: StatusCode, message: &str, why: String) -> Answer {
    let mut response = refusal(status, message);
    response.extensions_mut().insert(Failure(why));
    response
}

fn refusal(status: StatusCode, message: &str) -> Answer {
    json_answer(status, &json!({"message": message}))
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    let mut response = Response::new(Either::Left(Full::from(value.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
