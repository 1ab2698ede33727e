//! Over real sockets: hyper's client and server on loopback, HTTP/1.1 and HTTP/2.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_hmac_auth::{
    Scheme, SignLayer, Signer, Verifier, clock::ManualClock, scheme::DateHeader,
};

use crate::common::schemes_with_lists;
use crate::common::{
    keys,
    loopback::{VERSIONS, client, serve},
    verifier_of, verify,
};

/// A gateway on a free port.
struct Gateway {
    address: SocketAddr,
}

impl Gateway {
    async fn start(verifier: Verifier) -> Self {
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer(&verifier, &request);
            async move { answer }
        });
        let address = serve(service).await;
        Self { address }
    }

    fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }
}

/// The key id, or the refusal's text.
fn answer(verifier: &Verifier, request: &Request<Incoming>) -> http::Result<Response<Full<Bytes>>> {
    let (status, text) = match verify(verifier, request.into(), SystemTime::now()) {
        Ok(key) => {
            let covered: Vec<_> = key.covered().collect();
            (
                StatusCode::OK,
                format!("{} {:?} {covered:?}", key.key_id(), request.version()),
            )
        }
        Err(why) => (why.status(), Scheme::Tencent.text(&why).into_owned()),
    };
    Response::builder().status(status).body(text.into())
}

/// Sends through `layer`, with `tamper` on the way.
async fn send(
    version: Version,
    layer: SignLayer<ManualClock>,
    request: Request<Full<Bytes>>,
    tamper: fn(&mut Request<Full<Bytes>>),
) -> (StatusCode, String) {
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(30))
        .layer(layer)
        .map_request(move |mut request| {
            tamper(&mut request);
            request
        })
        .service(client(version));
    let response = service.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn on_time(signer: Signer) -> SignLayer<ManualClock> {
    SignLayer::new(signer).clock(ManualClock::at(SystemTime::now()))
}

fn post(url: String) -> Request<Full<Bytes>> {
    Request::post(url).body(Full::from("a body")).unwrap()
}

#[tokio::test]
async fn a_signed_request_is_accepted() {
    let gateway = Gateway::start(Verifier::new()).await;
    for version in VERSIONS {
        for date_header in [DateHeader::XDate, DateHeader::Date] {
            let signer = Signer::builder(keys())
                .date_header(date_header)
                .source(HeaderValue::from_static("billing"))
                .build()
                .unwrap();
            let layer = on_time(signer);
            let answer = send(version, layer, post(gateway.url("/a?x=1")), |_| {}).await;
            let listed = format!(
                "AKIDtestkey0001 {version:?} [\"{}\", \"source\"]",
                date_header.name()
            );
            assert_eq!(answer, (StatusCode::OK, listed));
        }
    }
}

#[tokio::test]
async fn an_unsigned_an_altered_and_a_stale_request_are_refused() {
    let gateway = Gateway::start(Verifier::new()).await;
    let refused = |text: &str| (StatusCode::UNAUTHORIZED, text.to_owned());
    let signer = Signer::builder(keys())
        .source(HeaderValue::from_static("billing"))
        .build()
        .unwrap();
    for version in VERSIONS {
        let layer = || on_time(signer.clone());
        let request = || post(gateway.url("/a"));

        let unsigned = |request: &mut Request<_>| {
            request.headers_mut().remove(header::AUTHORIZATION);
        };
        assert_eq!(
            send(version, layer(), request(), unsigned).await,
            refused(
                "HMAC signature cannot be verified, a validate authorization header is required"
            )
        );

        let altered = |request: &mut Request<_>| {
            let other = HeaderValue::from_static("billinG");
            request.headers_mut().insert("source", other);
        };
        assert_eq!(
            send(version, layer(), request(), altered).await,
            refused("HMAC signature does not match.")
        );

        let a_while_ago = SystemTime::now() - Duration::from_secs(960);
        let late = layer().clock(ManualClock::at(a_while_ago));
        assert_eq!(
            send(version, late, request(), |_| {}).await,
            refused(
                "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication."
            )
        );
    }
}

#[tokio::test]
async fn the_signed_host_is_the_one_that_is_sent() {
    let verifier = Verifier::builder().require([header::HOST]).build().unwrap();
    let gateway = Gateway::start(verifier).await;
    for version in VERSIONS {
        let signer = Signer::builder(keys())
            .signed_headers([header::HOST])
            .build()
            .unwrap();
        let port = gateway.address.port();
        for url in [
            gateway.url("/a?x=1"),
            format!("http://user:password@127.0.0.1:{port}/a"),
            format!("http://LOCALHOST:{port}"),
        ] {
            let (status, text) =
                send(version, on_time(signer.clone()), post(url.clone()), |_| {}).await;
            assert_eq!(status, StatusCode::OK, "{version:?} {url}: {text}");
        }
    }
}

#[test]
fn a_target_whose_host_is_signed_loses_user_information_and_a_default_port() {
    let signer = Signer::builder(keys())
        .signed_headers([header::HOST])
        .build()
        .unwrap();
    for (target, sent, host) in [
        (
            "https://api.example.com:443/a",
            "https://api.example.com/a",
            "api.example.com",
        ),
        (
            "http://api.example.com:80/?q",
            "http://api.example.com/?q",
            "api.example.com",
        ),
        (
            "http://api.example.com:443/a",
            "http://api.example.com:443/a",
            "api.example.com:443",
        ),
        (
            "https://u:p@api.example.com:8443/a",
            "https://api.example.com:8443/a",
            "api.example.com:8443",
        ),
        ("https://[::1]:443/a", "https://[::1]/a", "[::1]"),
        (
            "http://api.example.com:080/a",
            "http://api.example.com/a",
            "api.example.com",
        ),
        (
            "wss://api.example.com:443/a",
            "wss://api.example.com/a",
            "api.example.com",
        ),
        (
            "http://api.example.com:/a",
            "http://api.example.com/a",
            "api.example.com",
        ),
        (
            "http://[2001:db8::80]/a",
            "http://[2001:db8::80]/a",
            "[2001:db8::80]",
        ),
    ] {
        let mut request = Request::get(target).body(()).unwrap();
        let now = SystemTime::now();
        let string = signer.signing_string(&request, now).unwrap();
        assert!(
            string
                .as_bytes()
                .ends_with(format!("\nhost: {host}").as_bytes()),
            "{string}"
        );
        signer.sign_request(&mut request, now).unwrap();
        assert_eq!(request.uri().to_string(), sent);
        verify(&Verifier::new(), (&request).into(), now).unwrap();
    }
}

#[test]
fn the_configured_authority_is_signed_where_the_target_has_none() {
    let signer = Signer::builder(keys())
        .signed_headers([header::HOST])
        .authority("grpc.example.com:8443".parse().unwrap())
        .build()
        .unwrap();
    let request = Request::get("/package.Service/Method").body(()).unwrap();
    let string = signer.signing_string(&request, SystemTime::now()).unwrap();
    assert!(
        string
            .as_bytes()
            .ends_with(b"\nhost: grpc.example.com:8443"),
        "{string}"
    );
}

#[tokio::test]
async fn a_signed_target_is_the_one_that_is_sent() {
    let targets = [
        ("/v1/a%20b?x=1&y=%E4%BD%A0", "/v1/a%20b?x=1&y=%E4%BD%A0"),
        ("", "/"),
        ("/", "/"),
        ("?q", "/?q"),
        ("/a?", "/a?"),
    ];
    for (scheme, name) in [
        (Scheme::Kong, "@request-target"),
        (Scheme::Apisix, "@request-target"),
        (Scheme::Cavage, "(request-target)"),
    ] {
        let verifier = Verifier::builder()
            .scheme(scheme)
            .require([name])
            .build()
            .unwrap();
        let gateway = Gateway::start(verifier).await;
        for version in [Version::HTTP_11, Version::HTTP_2] {
            for (target, sent) in targets {
                let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
                let request = post(gateway.url(target));
                let answer = send(version, on_time(signer), request, |_| {}).await;
                assert_eq!(answer.0, StatusCode::OK, "{scheme} {target}: {}", answer.1);
                assert!(answer.1.contains(name), "{}", answer.1);

                // It is the target that is signed: another one is refused.
                let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
                let request = post(gateway.url(target));
                let to_another = |request: &mut Request<Full<Bytes>>| {
                    let mut parts = request.uri().clone().into_parts();
                    parts.path_and_query = Some("/another".parse().unwrap());
                    *request.uri_mut() = parts.try_into().unwrap();
                };
                let answer = send(version, on_time(signer), request, to_another).await;
                assert_eq!(answer.0, StatusCode::UNAUTHORIZED, "{scheme} {sent}");
            }
        }
    }
}

#[tokio::test]
async fn a_request_line_is_signed_for_http_1_1_and_breaks_on_http_2() {
    let gateway = Gateway::start(verifier_of(Scheme::Kong)).await;
    let signer = || {
        let builder = Signer::builder(keys()).scheme(Scheme::Kong);
        builder
            .components(["date", "request-line"])
            .build()
            .unwrap()
    };
    let request = || post(gateway.url("/a?x=1"));
    let answer = send(Version::HTTP_11, on_time(signer()), request(), |_| {}).await;
    assert_eq!(answer.0, StatusCode::OK, "{}", answer.1);
    // The request says HTTP/1.1, as all do that do not know better.
    let answer = send(Version::HTTP_2, on_time(signer()), request(), |_| {}).await;
    assert_eq!(answer.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_cookie_in_crumbs_is_accepted_on_http_2_as_the_one_line_is_on_http_1() {
    for scheme in schemes_with_lists() {
        let verifier = Verifier::builder().scheme(scheme).require(["cookie"]);
        let gateway = Gateway::start(verifier.build().unwrap()).await;
        let signer = Signer::builder(keys()).scheme(scheme);
        let signer = signer.signed_headers([header::COOKIE]).build().unwrap();
        let request = || {
            let mut request = post(gateway.url("/a"));
            let cookie = HeaderValue::from_static("a=1; b=2; c=3");
            request.headers_mut().insert(header::COOKIE, cookie);
            request
        };
        let one_line = |_: &mut Request<_>| {};
        // As Go's client and browsers send it.
        let crumbs = |request: &mut Request<_>| {
            let headers = request.headers_mut();
            headers.insert(header::COOKIE, HeaderValue::from_static("a=1"));
            headers.append(header::COOKIE, HeaderValue::from_static("b=2"));
            headers.append(header::COOKIE, HeaderValue::from_static("c=3"));
        };
        let on_http_1 = send(
            Version::HTTP_11,
            on_time(signer.clone()),
            request(),
            one_line,
        );
        assert_eq!(on_http_1.await.0, StatusCode::OK, "{scheme}");
        let on_http_2 = send(Version::HTTP_2, on_time(signer), request(), crumbs);
        assert_eq!(on_http_2.await.0, StatusCode::OK, "{scheme}");
    }
}
