//! Handlers that pass the body on while it is compared, over hyper's HTTP/1.1 and HTTP/2 on
//! loopback: nobody gets a complete body that differs from the signed one.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tower::{Layer as _, service_fn};
use tower_hmac_auth::{
    Scheme, Signer,
    digest::{CheckedBody, VerifyDigestLayer},
};

use super::{EMPTY_DIGEST, HELLO, HELLO_DIGEST, value, verifying};
use crate::common::{
    keys,
    loopback::{client, serve},
};

/// Empty, shorter, as long, longer.
const WRONG: [&str; 4] = [
    "",
    "{\"hello\":",
    "{\"hello\":\"wurld\"}",
    "{\"hello\":\"world\"}{\"hello\":\"world\"}",
];

/// How a body's end is marked on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Framing {
    ContentLength,
    /// In chunks of five bytes, or in frames of five on HTTP/2.
    Chunks,
    /// A `Content-Length` of what was signed, whatever is sent.
    SignedLength,
}
use Framing::{Chunks, ContentLength, SignedLength};

/// The head of a request with this digest, signed.
fn head(url: &str, method: Method, digest: &str) -> http::request::Parts {
    let mut request = Request::builder().method(method).uri(url).body(()).unwrap();
    request.headers_mut().insert("digest", value(digest));
    let signer = Signer::builder(keys()).scheme(Scheme::Kong).build();
    let now = SystemTime::now();
    signer.unwrap().sign_request(&mut request, now).unwrap();
    request.into_parts().0
}

/// The status and the body, if it came whole.
type Answer = (StatusCode, Option<String>);

/// Writes the bytes of the request itself.
async fn over_h1(head: http::request::Parts, body: &str, framing: Framing) -> Answer {
    let authority = head.uri.authority().unwrap().as_str();
    let target = head.uri.path_and_query().unwrap();
    let mut bytes = format!(
        "{} {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n",
        head.method
    );
    for (name, value) in &head.headers {
        bytes += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    bytes += &match framing {
        ContentLength => format!("content-length: {}\r\n\r\n{body}", body.len()),
        SignedLength => format!("content-length: {}\r\n\r\n{body}", HELLO.len()),
        Chunks => {
            let chunks = body.as_bytes().chunks(5).map(|chunk| {
                let text = std::str::from_utf8(chunk).unwrap();
                format!("{:x}\r\n{text}\r\n", chunk.len())
            });
            let chunks: String = chunks.collect();
            format!("transfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
        }
    };
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    if framing == SignedLength {
        stream.shutdown().await.unwrap();
    }
    let mut answer = Vec::new();
    // The server may reset what it does not want to read.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return (StatusCode::BAD_GATEWAY, None);
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "));
    let whole = match length {
        Some(length) => (length == body.len().to_string()).then(|| body.to_owned()),
        None => body.ends_with("0\r\n\r\n").then(|| {
            let lines = body.split("\r\n");
            lines.skip(1).step_by(2).collect()
        }),
    };
    (status, whole)
}

async fn over_h2(mut head: http::request::Parts, body: &str, framing: Framing) -> Answer {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let body = match framing {
        ContentLength => Full::new(body).boxed(),
        _ => {
            if framing == SignedLength {
                let length = value(&HELLO.len().to_string());
                head.headers.insert(header::CONTENT_LENGTH, length);
            }
            let frames: Vec<_> = body.chunks(5).map(Bytes::copy_from_slice).collect();
            let frames = frames.into_iter().map(|data| Ok(Frame::data(data)));
            StreamBody::new(tokio_stream::iter(frames)).boxed()
        }
    };
    let client = client(Version::HTTP_2);
    let Ok(response) = client.request(Request::from_parts(head, body)).await else {
        return (StatusCode::BAD_GATEWAY, None);
    };
    let status = response.status();
    let body = response.into_body().collect().await.ok();
    let text = body.map(|body| String::from_utf8(body.to_bytes().to_vec()).unwrap());
    (status, text)
}

/// Over both protocols.
async fn send(
    url: &str,
    method: Method,
    digest: &str,
    body: &str,
    framing: Framing,
) -> [Answer; 2] {
    let head = || head(url, method.clone(), digest);
    [
        over_h1(head(), body, framing).await,
        over_h2(head(), body, framing).await,
    ]
}

/// A server that answers with the body it gets, as it gets it.
async fn echo() -> String {
    let echo = |request: Request<CheckedBody<Incoming>>| async {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    };
    let checked = VerifyDigestLayer::streaming().layer(service_fn(echo));
    let address = serve(verifying(Scheme::Kong).layer(checked)).await;
    format!("http://{address}/items")
}

#[tokio::test]
async fn a_right_body_is_answered_with_whole() {
    let url = echo().await;
    for (digest, body) in [(HELLO_DIGEST, HELLO), (EMPTY_DIGEST, "")] {
        for framing in [ContentLength, Chunks] {
            for (status, text) in send(&url, Method::POST, digest, body, framing).await {
                assert_eq!(status, StatusCode::OK, "{framing:?}");
                assert_eq!(text.as_deref(), Some(body), "{framing:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_body_is_never_answered_with_as_whole() {
    let url = echo().await;
    for body in WRONG {
        for framing in [ContentLength, Chunks, SignedLength] {
            if framing == SignedLength && body.len() >= HELLO.len() {
                continue; // On HTTP/1.1 what is too much begins another request.
            }
            for (status, text) in send(&url, Method::POST, HELLO_DIGEST, body, framing).await {
                let is_passed = status == StatusCode::OK && text.is_some();
                assert!(!is_passed, "{body:?} {framing:?}: {text:?}");
            }
        }
    }
    // What has no body is refused at once.
    for (status, _) in send(&url, Method::POST, HELLO_DIGEST, "", ContentLength).await {
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    // And the digest of nothing is not that of something.
    for framing in [ContentLength, Chunks] {
        for (status, text) in send(&url, Method::POST, EMPTY_DIGEST, HELLO, framing).await {
            let is_passed = status == StatusCode::OK && text.is_some();
            assert!(!is_passed, "{framing:?}: {text:?}");
        }
    }
}

type Whole = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A reverse proxy that passes bodies on while they are compared, and the requests that its
/// upstream got whole.
async fn proxy() -> (String, Whole) {
    let whole = Whole::default();
    let keep = whole.clone();
    let upstream = service_fn(move |request: Request<Incoming>| {
        let keep = keep.clone();
        async move {
            let (head, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                keep.lock().unwrap().push((head.headers, body.to_bytes()));
            }
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    let upstream = format!("http://{}", serve(upstream).await);
    let client = client(Version::HTTP_11);
    let pass_on = service_fn(move |mut request: Request<CheckedBody<Incoming>>| {
        let (client, upstream) = (client.clone(), upstream.clone());
        async move {
            *request.uri_mut() = upstream.parse().unwrap();
            *request.version_mut() = Version::HTTP_11;
            for hop_by_hop in [header::CONNECTION, header::TRANSFER_ENCODING] {
                request.headers_mut().remove(hop_by_hop);
            }
            let mut answer = Response::new(Full::<Bytes>::default());
            *answer.status_mut() = match client.request(request).await {
                Ok(response) => response.status(),
                Err(_) => StatusCode::BAD_GATEWAY,
            };
            Ok::<_, Infallible>(answer)
        }
    });
    let checked = VerifyDigestLayer::streaming().layer(pass_on);
    let address = serve(verifying(Scheme::Kong).layer(checked)).await;
    (format!("http://{address}/items"), whole)
}

#[tokio::test]
async fn a_proxy_passes_a_right_body_on_with_its_length() {
    let (url, whole) = proxy().await;
    for method in [Method::POST, Method::GET] {
        for (digest, body) in [(HELLO_DIGEST, HELLO), (EMPTY_DIGEST, "")] {
            for (status, _) in send(&url, method.clone(), digest, body, ContentLength).await {
                assert_eq!(status, StatusCode::OK);
                let (headers, whole) = whole.lock().unwrap().pop().unwrap();
                assert_eq!(whole, body);
                assert!(!headers.contains_key(header::TRANSFER_ENCODING));
                let length = headers.get(header::CONTENT_LENGTH);
                let length = length.map_or("0", |length| length.to_str().unwrap());
                assert_eq!(length, body.len().to_string());
            }
        }
    }
    for (status, _) in send(&url, Method::POST, HELLO_DIGEST, HELLO, Chunks).await {
        assert_eq!(status, StatusCode::OK);
        let (_, whole) = whole.lock().unwrap().pop().unwrap();
        assert_eq!(whole, HELLO);
    }
}

#[tokio::test]
async fn a_proxy_never_passes_a_wrong_body_on_as_whole() {
    let (url, whole) = proxy().await;
    for body in WRONG {
        for framing in [ContentLength, Chunks] {
            for (status, _) in send(&url, Method::POST, HELLO_DIGEST, body, framing).await {
                let is_refused = [StatusCode::UNAUTHORIZED, StatusCode::BAD_GATEWAY];
                assert!(is_refused.contains(&status), "{body:?} {framing:?}");
                assert!(whole.lock().unwrap().is_empty(), "{body:?} {framing:?}");
            }
        }
    }
}
