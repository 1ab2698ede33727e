//! `Content-MD5`, as Tencent's application authentication signs it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderValue;
use md5::{Digest as _, Md5};

/// An MD5 digest.
pub(super) type Md5Digest = [u8; 16];

/// The length of 32 hexadecimal digits in base64.
const BASE64_LEN: usize = 44;

/// Returns the value of `Content-MD5` for this body, as clients of
/// [`Scheme::TencentApp`](crate::Scheme::TencentApp) send it: the base64 of the digest's 32
/// hexadecimal digits, not of its 16 bytes as in RFC 1864.
///
/// Requires the feature `digest`.
///
/// **MD5 protects nothing against anyone who can choose a part of the body**: they can make two
/// bodies with one digest. Send a `Digest` too if the server checks it.
///
/// It is for requests that [`DigestLayer`](super::DigestLayer) does not take, such as reqwest's.
///
/// ```
/// use tower_hmac_auth::digest::content_md5;
///
/// let value = content_md5(r#"{"sn":"SN001"}"#);
/// assert_eq!(value, "MWRiYmUxMTg2YTdhY2FlZGI2NGFjNTA5ODA1NjZhNmU=");
/// ```
#[must_use]
pub fn content_md5(body: impl AsRef<[u8]>) -> HeaderValue {
    let digest = Md5::digest(body);
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut base64 = [0; BASE64_LEN];
    // The array has room for exactly 32 bytes in base64, and base64 is a valid value, so neither
    // fails. If one did, the value would be empty, and a server that compares bodies would refuse
    // it.
    let len = STANDARD.encode_slice(digits, &mut base64).unwrap_or(0);
    let base64 = base64.get(..len).unwrap_or_default();
    HeaderValue::from_bytes(base64).unwrap_or(HeaderValue::from_static(""))
}

/// Returns the `Content-MD5` that a client sends with a body, if it sends one. A form has none,
/// because its parameters are signed, and neither has an empty body.
pub(super) fn sent_with(body: &[u8], is_form: bool) -> Option<HeaderValue> {
    (!is_form && !body.is_empty()).then(|| content_md5(body))
}

/// Reads a `Content-MD5`: the base64 of 32 hexadecimal digits, or of 16 bytes as in RFC 1864.
pub(super) fn decode(value: &HeaderValue) -> Option<Md5Digest> {
    if value.len() > BASE64_LEN {
        return None;
    }
    let mut decoded = [0; BASE64_LEN];
    let len = STANDARD.decode_slice(value, &mut decoded).ok()?;
    let digits = decoded.get(..len)?;
    if let Ok(digest) = digits.try_into() {
        return Some(digest);
    }
    let mut digest = Md5Digest::default();
    if digits.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
        let pair = str::from_utf8(pair).ok()?;
        if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(digest)
}
