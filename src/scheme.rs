//! What differs from gateway to gateway, as data.

use crate::{Algorithm, DateHeader};

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

/// Tencent Cloud API Gateway, "key pair authentication".
pub(crate) static TENCENT: Scheme = Scheme {
    auth_scheme: "hmac",
    key_id: "id",
    algorithm: Algorithm::HmacSha1,
    date_header: DateHeader::XDate,
    ambiguous_names: &["request-line"],
};
