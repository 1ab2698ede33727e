//! The body under the signature: `DigestLayer` and `VerifyDigestLayer`, over real sockets and by
//! hand.

mod client;
mod forms;
mod passed_on;
mod redirects;
mod refusals;
mod server;
mod sha512;
mod streaming;
mod wire;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;

use crate::common::{signing, verifying};

const HELLO: &str = r#"{"hello":"world"}"#;
/// Computed with openssl.
const HELLO_DIGEST: &str = "SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=";
const EMPTY_DIGEST: &str = "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

fn post(body: &str) -> Request<Full<Bytes>> {
    let body = Full::from(Bytes::copy_from_slice(body.as_bytes()));
    let post = Request::post("http://api.example.com/items");
    post.body(body).unwrap()
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap()
}
