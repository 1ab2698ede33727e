//! Forms and `Content-MD5`, which Tencent's application authentication signs: a client's layer and
//! a server's.

use std::convert::Infallible;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tower::{BoxError, Layer as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Rejection, Scheme,
    digest::{BufferedBody, DigestHeader, DigestLayer, ReadFormLayer, VerifyDigestLayer},
    error::TargetError,
    scheme::FormParameters,
    verify::Refusal,
};

use super::{HELLO, signing, value, verifying};
use crate::common::loopback::{self, VERSIONS, client};

const SCHEME: Scheme = Scheme::TencentApp;
const FORM: &str = "application/x-www-form-urlencoded";
const LIMIT: usize = 1024;

/// Answers the body.
async fn echo<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body<Error: std::fmt::Debug>,
{
    let mut answer = Response::new(Full::default());
    match request.into_body().collect().await {
        Ok(body) => *answer.body_mut() = Full::from(body.to_bytes()),
        Err(_) => *answer.status_mut() = StatusCode::BAD_REQUEST,
    }
    Ok(answer)
}

/// A server that reads forms, verifies, and compares bodies.
async fn serve(digest: VerifyDigestLayer) -> String {
    let digest = digest.allow_none_without_body(true);
    let service = ServiceBuilder::new()
        .layer(ReadFormLayer::new(LIMIT))
        .layer(verifying(SCHEME))
        .layer(digest)
        .service(service_fn(echo));
    let address = loopback::serve::<_, _>(service).await;
    format!("http://{address}/items?x=1")
}

fn layers() -> [VerifyDigestLayer; 2] {
    [
        VerifyDigestLayer::buffered(LIMIT),
        VerifyDigestLayer::streaming(),
    ]
}

async fn send(
    version: Version,
    layer: DigestLayer,
    request: Request<Full<Bytes>>,
    tamper: fn(&mut Request<BufferedBody>),
) -> (StatusCode, String) {
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(signing(SCHEME))
        .map_request(move |mut request| {
            tamper(&mut request);
            request
        })
        .service(client::<BufferedBody>(version));
    let response = service.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn post(url: &str, content_type: &str, body: &'static str) -> Request<Full<Bytes>> {
    let post = Request::post(url).header(header::CONTENT_TYPE, content_type);
    post.body(Full::from(body)).unwrap()
}

fn replace_body(request: &mut Request<BufferedBody>, body: &'static str) {
    *request.body_mut() = BufferedBody::from(Bytes::from_static(body.as_bytes()));
}

#[tokio::test]
async fn forms_and_other_bodies_arrive_whole_and_checked() {
    for layer in layers() {
        let url = serve(layer).await;
        for version in VERSIONS {
            for digest in [DigestLayer::content_md5(), DigestLayer::new()] {
                for (content_type, body) in [
                    (FORM, "b=2&a=1+1"),
                    (FORM, ""),
                    ("application/json", HELLO),
                    ("text/plain", ""),
                ] {
                    let request = post(&url, content_type, body);
                    let answer = send(version, digest, request, |_| {}).await;
                    assert_eq!(answer, (StatusCode::OK, body.to_owned()), "{content_type}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_changed_form_or_body_is_refused() {
    let refused = |(status, _): (StatusCode, String)| {
        let refusals = [StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST];
        assert!(refusals.contains(&status), "{status}");
    };
    for layer in layers() {
        let url = serve(layer).await;
        let (md5, version) = (DigestLayer::content_md5(), Version::HTTP_11);
        let form = || post(&url, FORM, "a=1");
        refused(send(version, md5, form(), |request| replace_body(request, "a=2")).await);
        refused(
            send(version, md5, form(), |request| {
                replace_body(request, "a=1&b=2");
            })
            .await,
        );
        let json = || post(&url, "application/json", HELLO);
        let other = r#"{"hello":"earth"}"#;
        assert_eq!(other.len(), HELLO.len());
        refused(
            send(version, md5, json(), |request| {
                replace_body(request, "{\"hello\":\"earth\"}");
            })
            .await,
        );
        refused(
            send(version, md5, json(), |request| {
                request.headers_mut().remove("content-md5");
            })
            .await,
        );
        // As a form, the body would have no parameter that is signed.
        refused(
            send(version, md5, json(), |request| {
                request
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
            })
            .await,
        );
    }
}

#[tokio::test]
async fn a_body_without_content_md5_is_refused_where_bodies_are_compared() {
    let url = serve(VerifyDigestLayer::buffered(LIMIT)).await;
    let service = signing(SCHEME).layer(client::<Full<Bytes>>(Version::HTTP_11));
    let response = service.oneshot(post(&url, "text/plain", HELLO)).await;
    assert_eq!(response.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn content_md5_is_the_base64_of_hexadecimal_digits_and_a_form_has_none() {
    let sent = |layer: DigestLayer, request: Request<Full<Bytes>>| async move {
        let service = layer.layer(service_fn(|request: Request<BufferedBody>| async {
            Ok::<_, BoxError>(request)
        }));
        service.oneshot(request).await.unwrap()
    };
    let layer = DigestLayer::content_md5();
    let mut request = post("/", "application/json", r#"{"sn":"SN001"}"#);
    request.headers_mut().insert("digest", value("stale"));
    let request = sent(layer, request).await;
    let md5 = "MWRiYmUxMTg2YTdhY2FlZGI2NGFjNTA5ODA1NjZhNmU=";
    assert_eq!(request.headers()["content-md5"], md5);
    assert!(!request.headers().contains_key("digest"));
    assert!(request.extensions().get::<FormParameters>().is_none());
    for (content_type, body) in [(FORM, "a=1"), ("text/plain", "")] {
        let mut request = post("/", content_type, body);
        request.headers_mut().insert("content-md5", value("stale"));
        let request = sent(layer, request).await;
        assert!(!request.headers().contains_key("content-md5"));
        let form = request.extensions().get::<FormParameters>();
        let expected = (content_type == FORM).then(|| FormParameters::new(body));
        assert_eq!(form, expected.as_ref());
    }
    let digest = layer.header(DigestHeader::Digest);
    let request = sent(digest, post("/", "text/plain", HELLO)).await;
    assert!(request.headers().contains_key("digest"));
    assert!(!request.headers().contains_key("content-md5"));
}

/// What comes out of a verifying stack without sockets.
async fn answered(request: Request<Full<Bytes>>) -> (StatusCode, Option<Rejection>) {
    let service = ServiceBuilder::new()
        .layer(ReadFormLayer::new(LIMIT))
        .layer(verifying(SCHEME))
        .layer(VerifyDigestLayer::buffered(LIMIT))
        .service(service_fn(echo));
    let mut response = service.oneshot(request).await.unwrap();
    let why = response.extensions_mut().remove::<Rejection>();
    (response.status(), why)
}

async fn signed(layer: DigestLayer, request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let keep = service_fn(|request: Request<BufferedBody>| async { Ok::<_, BoxError>(request) });
    let service = ServiceBuilder::new()
        .layer(layer)
        .layer(signing(SCHEME))
        .service(keep);
    let request = service.oneshot(request).await.unwrap();
    request.map(|body| Full::from(body.data().clone()))
}

#[tokio::test]
async fn a_form_over_the_limit_is_refused_before_it_is_verified() {
    let body = vec![b'a'; LIMIT + 1];
    let mut request = post("/", FORM, "");
    *request.body_mut() = Full::from(body);
    let too_large = Rejection::BodyTooLarge {
        size: None,
        limit: LIMIT,
    };
    let answer = answered(request).await;
    assert_eq!(answer, (StatusCode::PAYLOAD_TOO_LARGE, Some(too_large)));
}

/// Which scheme and which key id a refusal of [`ReadFormLayer`] reports.
async fn reported(layer: ReadFormLayer, parameter: &str) -> (String, String) {
    let layer = layer.refuse(|refusal: &Refusal<'_>| {
        let (scheme, key_id) = (refusal.scheme(), refusal.key_id());
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert("scheme", value(scheme.name()));
        headers.insert("key-id", value(&key_id.unwrap_or_default()));
        response
    });
    let mut request = post("/", FORM, "a=1");
    let authorization = format!(
        "hmac {parameter}=\"AKIDtestkey0001\", algorithm=\"hmac-sha1\", headers=\"x-date\", \
         signature=\"AAAAAAAAAAAAAAAAAAAAAAAAAAA=\""
    );
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, value(&authorization));
    let service = layer.layer(service_fn(echo));
    let response = service.oneshot(request).await.unwrap();
    let field = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    (field("scheme"), field("key-id"))
}

#[tokio::test]
async fn a_refused_form_has_the_key_id_that_the_layers_scheme_finds() {
    let described = Scheme::builder("described", SCHEME)
        .key_id_parameter("ak")
        .build()
        .unwrap();
    let report = |scheme: &str, key_id: &str| (scheme.to_owned(), key_id.to_owned());
    let key_id = "AKIDtestkey0001";
    let layer = || ReadFormLayer::new(0);
    let answer = reported(layer(), "id").await;
    assert_eq!(answer, report("tencent-app", key_id));
    let answer = reported(layer(), "ak").await;
    assert_eq!(answer, report("tencent-app", ""));
    let answer = reported(layer().scheme(described), "ak").await;
    assert_eq!(answer, report("described", key_id));
}

#[tokio::test]
async fn only_what_was_read_counts_and_the_handler_gets_it() {
    let mut request = signed(DigestLayer::content_md5(), post("/", FORM, "a=1")).await;
    // An outer layer cannot say what the form is.
    *request.body_mut() = Full::from("a=2");
    let (status, why) = answered(request).await;
    assert_eq!(
        (status, why),
        (StatusCode::UNAUTHORIZED, Some(Rejection::SignatureMismatch))
    );

    // Without the layer no form passes.
    let request = signed(DigestLayer::content_md5(), post("/", FORM, "a=1")).await;
    let (mut head, body) = request.into_parts();
    head.extensions.clear();
    let service = verifying(SCHEME).layer(service_fn(echo::<Full<Bytes>>));
    let mut response = service
        .oneshot(Request::from_parts(head, body))
        .await
        .unwrap();
    let why = response.extensions_mut().remove::<Rejection>();
    assert_eq!(why, Some(Rejection::Target(TargetError::FormNotRead)));
}

#[tokio::test]
async fn content_md5_is_read_as_in_rfc_1864_too_and_nothing_else_is() {
    let with = |md5: &'static str, body: &'static str| {
        let mut request = post("/", "text/plain", body);
        request.headers_mut().insert("content-md5", value(md5));
        request
    };
    let send = async |request: Request<Full<Bytes>>| {
        let mut head = Request::new(());
        let (parts, body) = request.into_parts();
        *head.headers_mut() = parts.headers;
        *head.method_mut() = Method::POST;
        let signer = tower_hmac_auth::Signer::builder(crate::common::keys()).scheme(SCHEME);
        let signer = signer.build().unwrap();
        signer
            .sign_request(&mut head, std::time::SystemTime::now())
            .unwrap();
        answered(head.map(|()| body)).await.1
    };
    // Both computed with openssl.
    let (digits, bytes) = (
        "ZmJjMjRiY2M3YTE3OTQ3NThmYzEzMjdmY2ZlYmRhZjY=",
        "+8JLzHoXlHWPwTJ/z+va9g==",
    );
    for md5 in [digits, bytes] {
        assert_eq!(send(with(md5, HELLO)).await, None, "{md5}");
        let other = send(with(md5, "other")).await;
        assert_eq!(other, Some(Rejection::DigestMismatch));
    }
    for md5 in [
        "x",
        "eHg=",
        "ZmJjMjRiY2M3YTE3OTQ3NThmYzEzMjdmY2ZlYmRhZjZ6",
        "fbc24bcc7a1794758fc1327fcfebdaf6",
    ] {
        let why = send(with(md5, HELLO)).await;
        assert!(
            matches!(why, Some(Rejection::DigestMalformed { .. })),
            "{md5} {why:?}"
        );
    }
    // An empty one is none.
    let why = send(with("", HELLO)).await;
    assert!(matches!(why, Some(Rejection::NotCovered { .. })), "{why:?}");
}

/// In other schemes it is a header like others: MD5 does not replace the digest that they have.
#[tokio::test]
async fn content_md5_does_not_count_in_other_schemes() {
    let signer = tower_hmac_auth::Signer::builder(crate::common::keys())
        .scheme(Scheme::Kong)
        .signed_headers(["content-md5"]);
    let mut head = Request::post("/").body(()).unwrap();
    let md5 = tower_hmac_auth::digest::content_md5(HELLO);
    head.headers_mut().insert("content-md5", md5);
    let now = std::time::SystemTime::now();
    signer
        .build()
        .unwrap()
        .sign_request(&mut head, now)
        .unwrap();
    let service = ServiceBuilder::new()
        .layer(verifying(Scheme::Kong))
        .layer(VerifyDigestLayer::buffered(LIMIT))
        .service(service_fn(echo));
    let request = head.map(|()| Full::<Bytes>::from(HELLO));
    let mut response = service.oneshot(request).await.unwrap();
    let why = response.extensions_mut().remove::<Rejection>();
    assert!(matches!(why, Some(Rejection::NotCovered { .. })), "{why:?}");
}

/// A body that is no form is passed on while it arrives.
#[tokio::test]
async fn other_bodies_are_not_read() {
    let service = ReadFormLayer::new(0).layer(service_fn(echo));
    let response = service
        .oneshot(post("/", "text/plain", HELLO))
        .await
        .unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, HELLO);
}

/// A proxy with `ReadFormLayer` forwards what it gets, with a client that drops the trailers of a
/// body whose length is known.
#[tokio::test]
async fn trailers_of_a_form_can_be_forwarded_and_a_form_without_them_has_a_length() {
    let upstream = loopback::serve::<_, _>(service_fn(async |request: Request<Incoming>| {
        let length = request.headers().get(header::CONTENT_LENGTH).cloned();
        let body = request.into_body().collect().await.unwrap();
        let mut answer = Response::new(Full::<Bytes>::default());
        let headers = answer.headers_mut();
        if let Some(length) = length {
            headers.insert("received-length", length);
        }
        headers.extend(body.trailers().cloned().unwrap_or_default());
        *answer.body_mut() = Full::from(body.to_bytes());
        Ok::<_, Infallible>(answer)
    }))
    .await;
    for (trailers, length) in [(true, None), (false, Some("3"))] {
        let sent = HeaderMap::from_iter([(HeaderName::from_static("x-checksum"), value("1"))]);
        let sent = trailers.then_some(Ok(sent));
        let body = Full::<Bytes>::from("a=1").with_trailers(std::future::ready(sent));
        // hyper sends only trailers that are announced.
        let request = Request::post(format!("http://{upstream}/"))
            .header(header::CONTENT_TYPE, FORM)
            .header(header::TRAILER, "x-checksum")
            .body(body)
            .unwrap();
        let forward = ReadFormLayer::new(LIMIT).layer(client(Version::HTTP_11));
        let response = forward.oneshot(request).await.unwrap();
        let received = |name| response.headers().get(name).map(HeaderValue::as_bytes);
        assert_eq!(received("received-length"), length.map(str::as_bytes));
        assert_eq!(received("x-checksum"), trailers.then_some(&b"1"[..]));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "a=1");
    }
}

/// As the layers that follow a 303 do. The body that was hashed is no longer sent.
#[tokio::test]
async fn a_post_that_became_a_get_has_no_content_md5_and_no_parameters() {
    for (content_type, body) in [("application/json", HELLO), (FORM, "a=1")] {
        let keep =
            service_fn(|request: Request<BufferedBody>| async { Ok::<_, BoxError>(request) });
        let service = ServiceBuilder::new()
            .layer(DigestLayer::content_md5())
            .map_request(|mut request: Request<BufferedBody>| {
                *request.method_mut() = Method::GET;
                request.map(|_| BufferedBody::default())
            })
            .layer(signing(SCHEME))
            .service(keep);
        let request = service
            .oneshot(post("/", content_type, body))
            .await
            .unwrap();
        assert!(!request.headers().contains_key("content-md5"));
        let (mut head, body) = request.into_parts();
        head.extensions.clear();
        let request = Request::from_parts(head, Full::<Bytes>::from(body.data().clone()));
        let service = ServiceBuilder::new()
            .layer(ReadFormLayer::new(LIMIT))
            .layer(verifying(SCHEME))
            .service(service_fn(echo));
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{content_type}");
    }
}
