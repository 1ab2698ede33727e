//! What differs from gateway to gateway, as data.

use http::{HeaderMap, HeaderValue, header};

use crate::{Algorithm, DateHeader, component::SOURCE};

/// The facts of one gateway's dialect.
#[derive(Debug)]
pub(crate) struct Scheme {
    /// The word the `Authorization` header begins with, as it is sent; read ignoring case (RFC 9110, 11.1).
    pub(crate) auth_scheme: &'static str,
    /// The parameter that carries the key id.
    pub(crate) key_id: &'static str,
    /// What is used unless the caller says otherwise.
    pub(crate) algorithm: Algorithm,
    /// What is sent unless the caller says otherwise.
    pub(crate) date_header: DateHeader,
    /// Names that another gateway reads as something else than a header, so that a list with one of them would
    /// mean two things.
    pub(crate) ambiguous_names: &'static [&'static str],
}

impl Scheme {
    /// Whether an `Authorization` is of this scheme.
    pub(crate) fn wrote(&self, authorization: &HeaderValue) -> bool {
        let bytes = authorization.as_bytes();
        let word = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        word.eq_ignore_ascii_case(self.auth_scheme.as_bytes())
    }

    /// Takes a signature of this scheme off a request that must not carry one, with the date and the source that came
    /// with it. Another scheme's `Authorization` stays.
    pub(crate) fn remove_signature(&self, headers: &mut HeaderMap) {
        let (ours, others): (Vec<_>, Vec<_>) = headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .cloned()
            .partition(|authorization| self.wrote(authorization));
        if ours.is_empty() {
            return;
        }
        headers.remove(header::AUTHORIZATION);
        headers.remove(DateHeader::XDate.name());
        headers.remove(&SOURCE);
        for authorization in others {
            headers.append(header::AUTHORIZATION, authorization);
        }
    }
}

/// Tencent Cloud API Gateway, "key pair authentication".
pub(crate) static TENCENT: Scheme = Scheme {
    auth_scheme: "hmac",
    key_id: "id",
    algorithm: Algorithm::HmacSha1,
    date_header: DateHeader::XDate,
    ambiguous_names: &["request-line"],
};
