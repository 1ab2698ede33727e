//! Answers refused requests, and passes their key id to the log.

use bytes::Bytes;
use http::Response;
use tower_hmac_auth::verify::{DefaultResponseForRejection, Refusal, ResponseForRejection};

use super::arguments::Arguments;

/// Answers as the gateway that `--scheme` names.
#[derive(Clone)]
pub(crate) struct Refusals(DefaultResponseForRejection);

/// The key id that a refused request names. The log takes it from the response's extensions.
#[derive(Clone)]
pub(crate) struct ClaimedKeyId(pub(crate) String);

impl Refusals {
    pub(crate) fn of(arguments: &Arguments) -> Self {
        let refusals = DefaultResponseForRejection::new().hide_reason(arguments.hide_reason);
        Self(match arguments.unauthorized_status {
            Some(status) => refusals.unauthorized_status(status),
            None => refusals,
        })
    }
}

impl ResponseForRejection for Refusals {
    fn refuse(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let mut response = self.0.refuse(refusal);
        if let Some(key_id) = refusal.key_id() {
            response.extensions_mut().insert(ClaimedKeyId(key_id));
        }
        response
    }
}
