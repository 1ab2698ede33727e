//! Every layer of this crate with every one of tower-http's that has a place beside them: one
//! `ServiceBuilder` a side, in the order of `layer_order`, over a socket.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tower::{BoxError, Layer as _, Service, ServiceBuilder, ServiceExt as _};
use tower_hmac_auth::{
    Scheme, SignLayer, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
    clock::ManualClock,
    digest::{BufferedBody, DigestLayer, VerifyDigestLayer},
    sign::{RetryOnClockSkew, ServerClock},
    verify::DrainLayer,
};
use tower_http::{
    add_extension::AddExtensionLayer,
    decompression::DecompressionLayer,
    follow_redirect::{
        FollowRedirectLayer,
        policy::{PolicyExt as _, Standard, clone_body_fn},
    },
    map_response_body::MapResponseBodyLayer,
    normalize_path::NormalizePathLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    sensitive_headers::SetSensitiveRequestHeadersLayer,
    set_header::SetRequestHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

use crate::common::loopback::{self, VERSIONS, serve};
use crate::common::server_layers::{AnyBody, LIMIT, TRACE, boxed, seconds, server_layers};
use crate::common::{KEY_ID, keys};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// `{"hello":"world"}`, compressed by Python's `gzip`.
const GZIPPED: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xab\x56\xca\x48\xcd\xc9\xc9\x57\xb2\x52\
    \x2a\xcf\x2f\xca\x49\x51\xaa\x05\x00\xd1\x41\x09\xd8\x11\x00\x00\x00";

/// What `AddExtensionLayer` hands to the handler.
#[derive(Clone)]
struct Greeting(&'static str);

/// Answers with the request, in a text that is worth compressing. Some paths redirect or panic.
async fn handle<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (head, body) = request.into_parts();
    let redirect = |status, to| {
        let answer = Response::builder()
            .status(status)
            .header(header::LOCATION, to);
        Ok(answer.body(Full::default()).unwrap())
    };
    match head.uri.path() {
        "/see-other" => return redirect(StatusCode::SEE_OTHER, "/items"),
        "/moved" => return redirect(StatusCode::TEMPORARY_REDIRECT, "/items"),
        "/panic" => panic!("as it was asked to"),
        _ => {}
    }
    let Greeting(greeting) = *head.extensions.get().unwrap();
    let key = head.extensions.get::<VerifiedKey>().unwrap().key_id();
    let request_id = head.headers[REQUEST_ID].to_str().unwrap();
    let body = match body.collect().await.map_err(Into::into) {
        Ok(body) => String::from_utf8(body.to_bytes().to_vec()).unwrap(),
        Err(error) => format!("error: {error}"),
    };
    let answer = format!(
        "{greeting} {key} {} {} {request_id} {body}",
        head.method,
        head.uri.path_and_query().unwrap()
    );
    let padded = format!("{answer}{}", " ".repeat(200));
    Ok(Response::new(Full::from(padded)))
}

/// The server's layers, outermost first.
fn server(
    digest: VerifyDigestLayer,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    let verifier = Verifier::builder()
        .scheme(Scheme::Kong)
        .require(["@request-target", REQUEST_ID.as_str(), TENANT.as_str()])
        .build()
        .unwrap();
    let verify = VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier);
    server_layers!(verify, digest)
        .layer(AddExtensionLayer::new(Greeting("hello")))
        .service_fn(handle)
}

/// What the client's innermost layer has seen come back.
type Seen = Arc<Mutex<Vec<(StatusCode, HeaderMap)>>>;

/// The client's layers, outermost first. Its clock is an hour slow.
fn client(
    version: Version,
    seen: &Seen,
) -> impl Service<
    Request<Full<Bytes>>,
    Response = Response<impl Body<Data = Bytes, Error: Into<BoxError>> + Send>,
    Error = BoxError,
    Future: Send,
> + Clone {
    let record = Arc::clone(seen);
    let slow = ManualClock::at(SystemTime::now() - seconds(3600));
    let clock = ServerClock::with_base(slow);
    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .signed_headers([REQUEST_ID, TENANT, header::ACCEPT_ENCODING])
        .allowed_hosts(["127.0.0.1"])
        .build()
        .unwrap();
    let body_again = clone_body_fn(|body: &BufferedBody| Some(body.clone()));
    ServiceBuilder::new()
        .layer(DigestLayer::new())
        .retry(RetryOnClockSkew::new(clock.clone()))
        .layer(FollowRedirectLayer::with_policy(
            body_again.and::<_, _, BoxError>(Standard::default()),
        ))
        .layer(TraceLayer::new_for_http())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            seconds(30),
        ))
        .layer(AddExtensionLayer::new(Greeting("of the client")))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestHeaderLayer::overriding(
            TENANT,
            HeaderValue::from_static("7"),
        ))
        .layer(SetSensitiveRequestHeadersLayer::new([TENANT]))
        .layer(DecompressionLayer::new())
        .layer(NormalizePathLayer::trim_trailing_slash())
        .layer(SignLayer::new(signer).clock(clock.clone()))
        .layer(clock.observe())
        .map_response(move |response: Response<AnyBody>| {
            let seen = (response.status(), response.headers().clone());
            record.lock().unwrap().push(seen);
            response
        })
        .layer(MapResponseBodyLayer::new(boxed))
        .service(loopback::client::<BufferedBody>(version))
}

/// What was answered, read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

async fn send<S, B>(client: &S, request: Request<Full<Bytes>>) -> Answer
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>> + Clone,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let response = client.clone().oneshot(request).await.map_err(Into::into);
    let (head, body) = response.unwrap().into_parts();
    let body = body.collect().await.map_err(Into::into).unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

fn request(method: Method, url: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(url);
    let request = request
        .header(header::ACCEPT, "text/plain")
        .header(header::ORIGIN, "https://shop.example");
    request.body(Full::new(body.into())).unwrap()
}

/// What the handler has answered, with the request id that it has seen.
#[track_caller]
fn assert_handled(answer: &Answer, what: &str, body: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let request_id = answer.headers[REQUEST_ID].to_str().unwrap();
    let text = format!("hello {KEY_ID} {what} {request_id} {body}");
    assert_eq!(answer.text.trim_end(), text.trim_end());
    assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn every_layer_works_with_every_one_of_tower_http_in_the_documented_order() {
    let both = [
        VerifyDigestLayer::buffered(LIMIT),
        VerifyDigestLayer::streaming(),
    ];
    for (digest, version) in both
        .into_iter()
        .flat_map(|digest| VERSIONS.map(|version| (digest.clone(), version)))
    {
        let root = format!("http://{}", serve(server(digest)).await);
        let url = |path: &str| format!("{root}{path}");
        let seen = Seen::default();
        let client = client(version, &seen);
        let hello = r#"{"hello":"world"}"#;

        // The clock is an hour slow: the server's time is learnt from the first refusal, and the
        // request sent again.
        let answer = send(&client, request(Method::GET, &url("/items"), "")).await;
        assert_handled(&answer, "GET /items", "");
        let statuses: Vec<_> = seen.lock().unwrap().iter().map(|seen| seen.0).collect();
        assert_eq!(statuses, [StatusCode::UNAUTHORIZED, StatusCode::OK]);

        // The answer's compression: gzip on the wire, and the text outside of the decompression.
        let (_, on_the_wire) = seen.lock().unwrap().pop().unwrap();
        assert_eq!(on_the_wire[header::CONTENT_ENCODING], "gzip");
        assert!(!answer.headers.contains_key(header::CONTENT_ENCODING));

        // The request's: the digest is that of the bytes that were sent.
        let mut compressed = request(Method::POST, &url("/items"), GZIPPED);
        let gzip = HeaderValue::from_static("gzip");
        compressed
            .headers_mut()
            .insert(header::CONTENT_ENCODING, gzip);
        let answer = send(&client, compressed).await;
        assert_handled(&answer, "POST /items", hello);

        // The client's own request id is signed, and comes back.
        let mut named = request(Method::PUT, &url("/items?x=1"), hello);
        let (id, trace) = (
            HeaderValue::from_static("id-1"),
            HeaderValue::from_static("t"),
        );
        named.headers_mut().insert(REQUEST_ID, id.clone());
        named.headers_mut().insert(TRACE, trace.clone());
        let answer = send(&client, named).await;
        assert_handled(&answer, "PUT /items?x=1", hello);
        assert_eq!(
            (&answer.headers[REQUEST_ID], &answer.headers[TRACE]),
            (&id, &trace)
        );

        // A path is made normal before it is signed.
        let answer = send(&client, request(Method::GET, &url("/items/"), "")).await;
        assert_handled(&answer, "GET /items", "");

        // Redirects are signed again: with the body's digest, or with that of an empty body if the
        // redirect drops the body.
        let answer = send(&client, request(Method::POST, &url("/moved"), hello)).await;
        assert_handled(&answer, "POST /items", hello);
        let answer = send(&client, request(Method::POST, &url("/see-other"), hello)).await;
        assert_handled(&answer, "GET /items", "");

        // The server's own refusals, after the signature was verified.
        for (path, status) in [
            ("/admin", StatusCode::FORBIDDEN),
            ("/panic", StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            let answer = send(&client, request(Method::GET, &url(path), "")).await;
            assert_eq!(answer.status, status, "{}", answer.text);
            assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        }
        let large = request(Method::POST, &url("/items"), vec![b'a'; LIMIT + 1]);
        let answer = send(&client, large).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn unsigned_requests_get_their_answers_from_the_layers_outside_of_the_verifier() {
    let address = serve(server(VerifyDigestLayer::buffered(LIMIT))).await;
    let url = format!("http://{address}/items");
    for version in VERSIONS {
        let client = loopback::client::<Full<Bytes>>(version);

        let answer = send(&client, request(Method::GET, &url, "")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.text, r#"{"message":"Unauthorized"}"#);
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE));
        assert!(answer.headers.contains_key(REQUEST_ID));

        let mut preflight = request(Method::OPTIONS, &url, "");
        preflight.headers_mut().insert(
            header::ACCESS_CONTROL_REQUEST_METHOD,
            HeaderValue::from_static("PUT"),
        );
        let answer = send(&client, preflight).await;
        assert_eq!((answer.status, &*answer.text), (StatusCode::OK, ""));
        assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_METHODS], "*");

        let mut other = request(Method::GET, &url, "");
        let html = HeaderValue::from_static("text/html");
        other.headers_mut().insert(header::ACCEPT, html);
        assert_eq!(
            send(&client, other).await.status,
            StatusCode::NOT_ACCEPTABLE
        );

        let large = request(Method::POST, &url, vec![b'a'; LIMIT + 1]);
        assert_eq!(
            send(&client, large).await.status,
            StatusCode::PAYLOAD_TOO_LARGE
        );
    }
}

#[test]
fn every_service_gives_its_inner_service_back() {
    let keys = keys();
    let clock = ServerClock::new();
    let mut observing = clock.observe().layer("inner");
    let mut digesting = DigestLayer::new().layer("inner");
    let mut checking = VerifyDigestLayer::buffered(10).layer("inner");
    let mut draining = DrainLayer::new(10, std::future::pending, tokio::spawn).layer("inner");
    let mut signing = SignLayer::new(keys.clone()).layer("inner");
    let mut verifying = VerifyLayer::new(StaticKeys::from(keys)).layer("inner");
    macro_rules! assert_inner {
        ($($service:ident),*) => {$(
            assert_eq!(*$service.get_ref(), "inner");
            *$service.get_mut() = "another";
            assert_eq!($service.into_inner(), "another");
        )*};
    }
    assert_inner!(observing, digesting, checking, draining, signing, verifying);
}
