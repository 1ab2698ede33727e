//! Renews the digest of a request whose method a layer in between has changed.

use bytes::Bytes;
use http::{Method, Request};

use crate::{form::FormParameters, header::CONTENT_MD5, wire::digest_header::DigestHeader};

/// In a request's extensions, the method of the request whose body the digest was computed for.
#[derive(Clone)]
pub(crate) struct ComputedFor(pub(crate) Method);

/// Replaces the digest by that of an empty body if a layer in between has changed the method. An
/// empty body has no `Content-MD5` and no parameters.
///
/// Following a 303 does so: it sends a `GET` without the body that the digest was computed for. The
/// old digest would not match, and the gateway would refuse the request.
pub(super) fn renew<B>(request: &mut Request<B>) {
    match request.extensions().get::<ComputedFor>() {
        Some(ComputedFor(method)) if method != request.method() => {}
        _ => return,
    }
    for header in DigestHeader::ALL {
        if request.headers().contains_key(header.name()) {
            let value = header.value_of("");
            // It replaces a value, so the map does not grow and this cannot fail.
            let _fits = request.headers_mut().try_insert(header.name(), value);
        }
    }
    request.headers_mut().remove(&CONTENT_MD5);
    if request.extensions().get::<FormParameters>().is_some() {
        let none = FormParameters::new(Bytes::new());
        request.extensions_mut().insert(none);
    }
    let method = request.method().clone();
    request.extensions_mut().insert(ComputedFor(method));
}
