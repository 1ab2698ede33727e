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
    let date = httpdate::fmt_http_date(SystemTime::now());
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
    use http::{Response, Version};
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::{
        common::within,
        gateway::harness::{Upstream, channel, text},
        temp_file::TempFile,
    };

    const MAX: usize = 64 * 1024;

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
        let gateway = Gateway::start(&[&APP[..], &limits].concat()).await;
        let (mut sender, content) = channel();
        let stalled = post(gateway.url("/a"), "/a?a=1", content);
        let stalled = tokio::spawn(send_unsigned(stalled));
        within(sender.send_data("a=".into())).await.unwrap();
        let whole = post(gateway.url("/a"), "/a?a=1", body("a=1"));
        let whole = tokio::spawn(send_unsigned(whole));
        let response = within(stalled).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(within(whole).await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn forms_of_other_schemes_are_not_read_ahead() {
        let gateway = Gateway::start(&["--scheme", "tencent"]).await;
        let request = Request::post(gateway.url("/a")).header("content-type", FORM);
        let request = request.body(body("x".repeat(2 * MAX))).unwrap();
        let keys = crate::common::keys();
        let response = crate::gateway::harness::send(&keys, request).await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
}
