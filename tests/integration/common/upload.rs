//! Uploads whose body is sent apart from the head.

use std::{convert::Infallible, future::ready, net::SocketAddr};

use http::{Request, request};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::Scheme;

use super::signing;

/// The head of a signed request for this server, of which the body is sent by other means.
pub(crate) async fn signed_head(address: SocketAddr, digest: &str) -> request::Parts {
    let sign = service_fn(|request: Request<()>| ready(Ok::<_, Infallible>(request)));
    let request = Request::post(format!("http://{address}/items")).header("digest", digest);
    let service = signing(Scheme::Kong).layer(sign);
    let signed = service.oneshot(request.body(()).unwrap()).await.unwrap();
    signed.into_parts().0
}

/// The head as HTTP/1.1 has it, for a body of this length.
pub(crate) fn written(head: &request::Parts, len: usize) -> String {
    let (path, authority) = (head.uri.path(), head.uri.authority().unwrap());
    let mut text = format!("POST {path} HTTP/1.1\r\nhost: {authority}\r\n");
    for (name, value) in &head.headers {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    text + &format!("content-length: {len}\r\nconnection: close\r\n\r\n")
}
