//! Forms whose parameters are signed, with Tencent's application authentication.

use std::time::SystemTime;

use http::{Request, StatusCode};
use tower_hmac_auth::Algorithm;

use super::harness::{Body, Gateway, body, send_unsigned};
use crate::common::{
    KEY_ID, SECRET,
    sign_by_hand::{base64, mac},
};

const FORM: &str = "application/x-www-form-urlencoded";

/// A `POST` that is signed by hand for this target, which has the parameters of both query and
/// form.
fn post(url: String, signed_target: &str, content: Body) -> Request<Body> {
    post_as(FORM, url, signed_target, content)
}

fn post_as(media_type: &str, url: String, signed_target: &str, content: Body) -> Request<Body> {
    post_at(SystemTime::now(), media_type, url, signed_target, content)
}

fn post_at(
    time: SystemTime,
    media_type: &str,
    url: String,
    signed_target: &str,
    content: Body,
) -> Request<Body> {
    let date = httpdate::fmt_http_date(time);
    let string = format!("x-date: {date}\nPOST\n\n{media_type}\n\n{signed_target}");
    let mac = mac(Algorithm::HmacSha1, SECRET.as_bytes(), string.as_bytes());
    let signature = base64(&mac);
    let authorization = format!(
        "hmac id=\"{KEY_ID}\", algorithm=\"hmac-sha1\", headers=\"x-date\", signature=\"{signature}\""
    );
    Request::post(url)
        .header("content-type", media_type)
        .header("x-date", date)
        .header("authorization", authorization)
        .body(content)
        .unwrap()
}

const APP: [&str; 2] = ["--scheme", "tencent-app"];

#[cfg(not(feature = "digest"))]
#[tokio::test]
async fn a_form_is_refused_where_the_gateway_cannot_read_it() {
    let gateway = Gateway::start(&APP).await;
    let request = post(gateway.url("/a?b=2"), "/a?a=1&b=2", body("a=1"));
    let response = send_unsigned(request).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[cfg(feature = "digest")]
mod read {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, Response, Version};
    use http_body_util::BodyExt as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };
    use tower_hmac_auth::{Scheme, Signer};

    use super::*;
    use crate::{
        common::{keys, within},
        gateway::{
            admin::{ADMIN, until},
            harness::{Upstream, channel, head_of, no_body, read_head, send, text},
        },
        temp_file::TempFile,
    };

    const MAX: usize = 64 * 1024;

    /// The head of a form `a=1`, whose client sends it when the gateway reads it.
    fn head(request: &Request<Body>) -> String {
        let lines = ["Host: a", "Content-Length: 3", "Expect: 100-continue"];
        head_of("POST /a HTTP/1.1", request, &lines)
    }

    /// A valid form that is being read, and of which nothing has arrived.
    async fn being_read(gateway: &Gateway) -> TcpStream {
        let request = post(gateway.url("/a"), "/a?a=1", no_body());
        let mut stream = gateway.connect(head(&request)).await;
        assert_eq!(
            read_head(&mut stream).await,
            "HTTP/1.1 100 Continue\r\n\r\n"
        );
        stream
    }

    /// Sends a form that is being read, and returns the head of the answer.
    async fn finish(mut stream: TcpStream) -> String {
        within(stream.write_all(b"a=1")).await.unwrap();
        read_head(&mut stream).await
    }

    #[tokio::test]
    async fn a_form_is_accepted_by_its_parameters_and_arrives_as_it_was_sent() {
        let upstream = Upstream::start(|request| async {
            let length = request.headers().get("content-length").cloned();
            let content = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(length.unwrap(), content.len().to_string());
            Response::new(body(content))
        })
        .await;
        let upstream = format!("http://{}", upstream.address);
        let gateway = Gateway::start(&[&APP[..], &["--upstream", &upstream]].concat()).await;
        let url = || gateway.url("/a?b=2");
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let mut request = post(url(), "/a?a=1&b=2&c=x y", body("c=x+y&a=1"));
            *request.version_mut() = version;
            let response = send_unsigned(request).await;
            assert_eq!(response.status(), StatusCode::OK, "{version:?}");
            assert_eq!(text(response.into_body()).await, "c=x+y&a=1");
        }
        let changed = post(url(), "/a?a=1&b=2&c=x y", body("c=x+y&a=2"));
        let response = send_unsigned(changed).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn without_an_upstream_a_form_is_accepted_too() {
        let gateway = Gateway::start(&APP).await;
        let request = post(gateway.url("/a?b=2"), "/a?a=1&b=2", body("a=1"));
        let response = send_unsigned(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        let answer = text(response.into_body()).await;
        assert!(answer.contains("@request-target"), "{answer}");
    }

    #[tokio::test]
    async fn a_stage_that_a_file_describes_has_forms_as_well() {
        let staged = "name = 'staged'\nnearest = 'tencent-app'\npath_prefix = '/release'\n";
        let staged = TempFile::new(".toml", staged);
        // Beside another scheme, too.
        let schemes = ["--scheme", "kong", "--scheme", staged.path()];
        let gateway = Gateway::start(&schemes).await;
        let request = post(gateway.url("/release/a"), "/a?a=1", body("a=1"));
        let response = send_unsigned(request).await;
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_form_of_more_than_64_kib_is_413_and_other_bodies_may_be_longer() {
        let mut gateway = Gateway::start(&APP).await;
        let value = "x".repeat(MAX - 2);
        let (target, content) = (format!("/a?a={value}"), format!("a={value}"));
        let longest = post(gateway.url("/a"), &target, body(content.clone()));
        assert_eq!(send_unsigned(longest).await.status(), StatusCode::OK);
        let logged = gateway.log_line().await;
        assert!(logged.contains(" 200 "), "{logged}");

        let longer = post(
            gateway.url("/a"),
            &format!("{target}x"),
            body(content + "x"),
        );
        let response = send_unsigned(longer).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let logged = gateway.log_line().await;
        assert!(
            logged.contains(" 413 ") && logged.contains(" kind=Body "),
            "{logged}"
        );

        let other = post_as(
            "text/plain",
            gateway.url("/a"),
            "/a",
            body("x".repeat(2 * MAX)),
        );
        assert_eq!(send_unsigned(other).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_form_that_does_not_arrive_is_given_up_and_lets_others_through() {
        let limits = ["--body-timeout", "0.2", "--max-in-flight", "1"];
        let mut gateway = Gateway::start(&[&APP[..], &limits].concat()).await;
        let (mut sender, content) = channel();
        let stalled = post(gateway.url("/a"), "/a?a=1", content);
        let stalled = tokio::spawn(send_unsigned(stalled));
        within(sender.send_data("a=".into())).await.unwrap();
        let response = within(stalled).await.unwrap();
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        let answer = text(response.into_body()).await;
        assert_eq!(answer, r#"{"message":"the body came too slowly"}"#);
        let logged = gateway.log_line().await;
        let claimed = format!("claimed_key_id=\"{KEY_ID}\"");
        let why = format!(" kind=Body {claimed} wrong=\"the client's body came too slowly\"");
        assert!(logged.ends_with(&why), "{logged}");
        let whole = post(gateway.url("/a"), "/a?a=1", body("a=1"));
        assert_eq!(send_unsigned(whole).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_form_waits_while_as_many_as_are_allowed_are_being_read() {
        let arguments = [&APP[..], &ADMIN, &["--max-in-flight", "1"]].concat();
        let gateway = Gateway::start(&arguments).await;
        let first = being_read(&gateway).await;
        let second = post(gateway.url("/a"), "/a?a=1", body("a=1"));
        let second = tokio::spawn(send_unsigned(second));
        until(&gateway, "hmac_requests_in_flight", 2.0).await;
        let answer = finish(first).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(within(second).await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_form_that_waits_too_long_is_503() {
        const FORMS: usize = 5;
        let limits = ["--body-timeout", "0.5", "--max-in-flight", "1"];
        let mut gateway = Gateway::start(&[&APP[..], &limits].concat()).await;
        let request = post(gateway.url("/a"), "/a?a=1", no_body());
        let mut streams = Vec::new();
        for _ in 0..FORMS {
            streams.push(gateway.connect(head(&request)).await);
        }
        let (mut busy, mut slow) = (0, 0);
        for mut stream in streams {
            let mut answer = String::new();
            within(stream.read_to_string(&mut answer)).await.unwrap();
            if answer.starts_with("HTTP/1.1 503 ") {
                assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
                busy += 1;
            } else {
                let given_up = answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 ");
                assert!(given_up, "{answer}");
                slow += 1;
            }
        }
        assert_eq!(busy + slow, FORMS);
        assert!(busy > 0 && slow > 0, "{busy} {slow}");
        let why = format!(
            " kind=Body claimed_key_id=\"{KEY_ID}\" wrong=\"too many requests are in flight\""
        );
        let mut logged_busy = 0;
        for _ in 0..FORMS {
            let logged = gateway.log_line().await;
            logged_busy += usize::from(logged.contains(" 503 ") && logged.ends_with(&why));
        }
        assert_eq!(logged_busy, busy);
    }

    #[tokio::test]
    async fn what_the_head_refuses_is_refused_at_once_and_unread() {
        let limits = ["--body-timeout", "600", "--max-in-flight", "1"];
        let mut gateway = Gateway::start(&[&APP[..], &limits].concat()).await;
        let reading = being_read(&gateway).await;
        let signed_at = |time| post_at(time, FORM, gateway.url("/a"), "/a?a=1", no_body());
        let now = SystemTime::now();
        let mut unsigned = signed_at(now);
        let authorization = unsigned.headers_mut().remove("authorization").unwrap();
        let with = |authorization: &str| {
            let mut request = signed_at(now);
            let value = HeaderValue::from_str(authorization).unwrap();
            request.headers_mut().insert("authorization", value);
            request
        };
        let malformed = with("hmac id=\"a");
        let nobody = authorization
            .to_str()
            .unwrap()
            .replace(KEY_ID, "AKIDnobody");
        let unknown = with(&nobody);
        for (request, kind) in [
            (unsigned, "AuthorizationMissing"),
            (malformed, "AuthorizationMalformed"),
            (unknown, "KeyUnknown"),
            (signed_at(now - Duration::from_secs(3600)), "OutOfDate"),
        ] {
            // In the same way as another body, which nothing reads ahead.
            let mut refusals = Vec::new();
            for media_type in ["text/plain", FORM] {
                let head = head(&request).replace(FORM, media_type);
                let mut stream = gateway.connect(head).await;
                let answer = read_head(&mut stream).await;
                assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
                let logged = gateway.log_line().await;
                let (_time, refusal) = logged.split_once(" kind=").unwrap();
                assert!(refusal.starts_with(kind), "{logged}");
                refusals.push(refusal.to_owned());
            }
            assert_eq!(refusals[0], refusals[1]);
        }
        let answer = finish(reading).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    #[tokio::test]
    async fn with_a_hidden_reason_it_does_not_tell_a_key_id_whether_a_form_is_read() {
        let mut gateway = Gateway::start(&[&APP[..], &["--hide-reason"]].concat()).await;
        let request = head(&post(gateway.url("/a"), "/a?a=1", no_body()));
        let unknown = request.replace(KEY_ID, "AKIDnobody");
        let mut stream = gateway.connect(unknown).await;
        assert_eq!(
            read_head(&mut stream).await,
            "HTTP/1.1 100 Continue\r\n\r\n"
        );
        let answer = finish(stream).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        let logged = gateway.log_line().await;
        assert!(logged.contains(" kind=KeyUnknown "), "{logged}");
    }

    #[tokio::test]
    async fn forms_of_other_schemes_are_not_read_ahead() {
        let gateway = Gateway::start(&["--scheme", "tencent"]).await;
        let request = Request::post(gateway.url("/a")).header("content-type", FORM);
        let request = request.body(body("x".repeat(2 * MAX))).unwrap();
        let response = send(&keys(), request).await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);

        // Not beside a scheme whose forms are read, either.
        let gateway = Gateway::start(&[&APP[..], &["--scheme", "kong"]].concat()).await;
        let request = Request::post(gateway.url("/a")).header("content-type", FORM);
        let mut request = request.body(body("x".repeat(2 * MAX))).unwrap();
        let signer = Signer::builder(keys())
            .scheme(Scheme::Kong)
            .build()
            .unwrap();
        let now = SystemTime::now();
        signer.sign_request(&mut request, now).unwrap();
        assert_eq!(send_unsigned(request).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_form_of_a_described_scheme_that_is_not_read_is_logged_with_its_key_id() {
        let described = "name = 'described'\nnearest = 'tencent-app'\nkey_id_parameter = 'ak'\n";
        let described = TempFile::new(".toml", described);
        let mut gateway = Gateway::start(&["--scheme", described.path()]).await;
        let request = post(gateway.url("/a"), "/a?a=1", no_body());
        let lines = ["Host: a", "Content-Length: 70000"];
        let head = head_of("POST /a HTTP/1.1", &request, &lines).replace("hmac id=", "hmac ak=");
        let mut stream = gateway.connect(head).await;
        let answer = read_head(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        let logged = gateway.log_line().await;
        let claimed = format!(" kind=Body claimed_key_id=\"{KEY_ID}\" ");
        assert!(logged.contains(&claimed), "{logged}");
    }

    #[tokio::test]
    async fn trailers_of_a_form_are_forwarded() {
        let upstream = Upstream::start(|request| async {
            let content = request.into_body().collect().await.unwrap();
            let trailers = content.trailers().cloned().unwrap_or_default();
            let mut response = Response::new(body(content.to_bytes()));
            *response.headers_mut() = trailers;
            response
        })
        .await;
        let upstream = format!("http://{}", upstream.address);
        let gateway = Gateway::start(&[&APP[..], &["--upstream", &upstream]].concat()).await;
        let (mut sender, content) = channel();
        let mut request = post(gateway.url("/a"), "/a?a=1", content);
        let announced = HeaderValue::from_static("x-checksum");
        request.headers_mut().insert("trailer", announced);
        let response = tokio::spawn(send_unsigned(request));
        let trailers =
            HeaderMap::from_iter([("x-checksum".parse().unwrap(), "1".parse().unwrap())]);
        within(sender.send_data("a=1".into())).await.unwrap();
        within(sender.send_trailers(trailers)).await.unwrap();
        drop(sender);
        let response = within(response).await.unwrap();
        assert_eq!(response.headers()["x-checksum"], "1");
        assert_eq!(text(response.into_body()).await, "a=1");
    }
}
