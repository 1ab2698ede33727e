//! What clients are answered, and what the log says.

use std::time::{Duration, SystemTime};

use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tower_hmac_auth::{KeyPair, Scheme, Signer, scheme::DateHeader};

use super::harness::{Gateway, body, command, no_body, send, send_unsigned, signed_head, text};
use crate::{
    common::{self, KEY_ID, SECRET, keys, sign_by_hand::base64},
    temp_file::TempFile,
};

/// The description of `common::dnse`.
const DNSE: &str = "name = 'dnse'\nnearest = 'tyk'\ncredentials_header = 'x-signature'\n\
                    nonce_parameter = 'nonce'\ndefault_list = ['(request-target)', 'date']\n";

const UNSIGNED: &str =
    "HMAC signature cannot be verified, a validate authorization header is required";

async fn json(response: Response<Incoming>) -> (StatusCode, Value) {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let status = response.status();
    let body = text(response.into_body()).await;
    (status, serde_json::from_str(&body).unwrap())
}

/// Signed by hand.
async fn send_signed_by(signer: Signer, age: Duration, gateway: &Gateway) -> (StatusCode, Value) {
    let mut request = Request::get(gateway.url("/a")).body(no_body()).unwrap();
    signer
        .sign_request(&mut request, SystemTime::now() - age)
        .unwrap();
    json(send_unsigned(request).await).await
}

fn signer(date_header: DateHeader) -> Signer {
    Signer::builder(keys())
        .date_header(date_header)
        .build()
        .unwrap()
}

#[tokio::test]
async fn without_an_upstream_the_answer_is_the_key_id_and_what_was_signed() {
    // Everything a key id may have that JSON has to escape or might be thought to.
    let id = r"a\b/{}':, <&>";
    let mut command = command();
    command
        .env("HMAC_KEY_ID", id)
        .env("HMAC_SECRET_KEY", SECRET);
    let gateway = Gateway::from_command(command).await;
    let keys = KeyPair::new(id, SECRET).unwrap();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let request = Request::post(gateway.url("/a?x=1")).version(version);
        let request = request.body(body("a body")).unwrap();
        let response = send(&keys, request).await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(
            json(response).await,
            (
                StatusCode::OK,
                json!({"key_id": id, "signed": ["x-date", "source"]})
            )
        );
    }
}

#[tokio::test]
async fn head_is_answered_without_the_body_and_nothing_is_wrong_with_it() {
    let mut gateway = Gateway::start(&[]).await;
    let head = signed_head("HEAD / HTTP/1.1", &["Host: a", "Connection: close"]);
    let answer = gateway.answer_to(head).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    let logged = gateway.log_line().await;
    assert!(!logged.contains("wrong="), "{logged}");
}

#[tokio::test]
async fn a_refusal_is_the_documented_one() {
    let gateway = Gateway::start(&[]).await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let request = Request::get(gateway.url("/a")).version(version);
        let response = send_unsigned(request.body(no_body()).unwrap()).await;
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "hmac");
        assert_eq!(
            json(response).await,
            (StatusCode::UNAUTHORIZED, json!({"message": UNSIGNED}))
        );
    }
}

#[tokio::test]
async fn the_options_say_how_to_refuse() {
    let gateway = Gateway::start(&["--unauthorized-status", "403", "--hide-reason"]).await;
    let request = Request::get(gateway.url("/a")).body(no_body()).unwrap();
    assert_eq!(
        json(send_unsigned(request).await).await,
        (
            StatusCode::FORBIDDEN,
            json!({"message": "HMAC signature cannot be verified."})
        )
    );
}

#[tokio::test]
async fn the_options_say_which_dates_are_good() {
    let [day, minute, now] = [86_400, 60, 0].map(Duration::from_secs);
    let [any_age, refuse] = ["any-age", "refuse"];
    for (date_policy, date_header, age, expected) in [
        (any_age, DateHeader::Date, day, StatusCode::OK),
        (any_age, DateHeader::XDate, minute, StatusCode::OK),
        (any_age, DateHeader::XDate, day, StatusCode::UNAUTHORIZED),
        ("check-age", DateHeader::Date, day, StatusCode::UNAUTHORIZED),
        ("check-age", DateHeader::Date, now, StatusCode::OK),
        (refuse, DateHeader::Date, now, StatusCode::UNAUTHORIZED),
        (refuse, DateHeader::XDate, now, StatusCode::OK),
    ] {
        let gateway = Gateway::start(&["--date-policy", date_policy]).await;
        let (status, body) = send_signed_by(signer(date_header), age, &gateway).await;
        assert_eq!(
            status, expected,
            "{date_policy} {date_header:?} {age:?}: {body}"
        );
    }
    let gateway = Gateway::start(&["--max-skew", "50"]).await;
    let (status, body) = send_signed_by(signer(DateHeader::XDate), minute, &gateway).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
}

#[tokio::test]
async fn with_explain_the_log_line_of_a_mismatch_has_what_the_gateway_hashed_and_the_answer_has_not()
 {
    let signer = Signer::builder(KeyPair::new(KEY_ID, "hush-hush").unwrap())
        .source(HeaderValue::from_static("a \"b\\"))
        .build()
        .unwrap();
    let mut request = Request::get("http://gateway.example/a").body(()).unwrap();
    let now = SystemTime::now();
    signer.sign_request(&mut request, now).unwrap();
    let date = request.headers()["x-date"].to_str().unwrap();
    let hashed = format!(r#" signing_string=x-date: {date}\nsource: a "b\\"#);
    let mut head = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".to_owned();
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head.push_str("\r\n");

    for (arguments, is_explained) in [(&["--explain"][..], true), (&[], false)] {
        let mut gateway = Gateway::start(arguments).await;
        let answer = gateway.answer_to(&head).await;
        assert!(
            answer.contains("HMAC signature does not match."),
            "{answer}"
        );
        assert!(!answer.contains("a \"b"), "{answer}");
        let line = gateway.log_line().await;
        assert!(
            line.contains("wrong=\"the signature does not match"),
            "{line}"
        );
        assert_eq!(line.ends_with(&hashed), is_explained, "{line}");
        assert_eq!(line.contains("signing_string="), is_explained, "{line}");
        assert!(!line.contains("hush-hush"), "{line}");
        gateway.get("/a").await;
        assert!(!gateway.log_line().await.contains("signing_string="));
    }
}

#[tokio::test]
async fn the_log_has_one_line_a_request_with_the_reason_and_without_secrets() {
    let mut gateway = Gateway::start(&[]).await;
    let mut lines = Vec::new();

    gateway.get("/accepted?token=hush-hush").await;
    lines.push(gateway.log_line().await);
    assert!(lines[0].starts_with("GET /accepted 200 "), "{lines:?}");
    assert!(
        lines[0].ends_with(&format!("ms key={KEY_ID:?}")),
        "{lines:?}"
    );

    let request = Request::post(gateway.url("/unsigned?token=hush-hush"));
    send_unsigned(request.body(no_body()).unwrap()).await;
    lines.push(gateway.log_line().await);
    assert!(lines[1].starts_with("POST /unsigned 401 "), "{lines:?}");
    assert!(
        lines[1].contains("ms kind=AuthorizationMissing wrong=\"no credentials in Authorization, "),
        "{lines:?}"
    );

    // Only the reason tells a wrong secret from an altered request.
    let wrong = KeyPair::new(KEY_ID, "hush-hush").unwrap();
    let request = Request::get(gateway.url("/mismatch"))
        .body(no_body())
        .unwrap();
    send(&wrong, request).await.unwrap();
    lines.push(gateway.log_line().await);
    let kind_and_id = format!("ms kind=SignatureMismatch claimed_key_id={KEY_ID:?} wrong=");
    assert!(
        lines[2].contains(&format!("{kind_and_id}\"the signature does not match")),
        "{lines:?}"
    );

    // U+009B is a control character; terminals take it for the beginning of a command.
    let close = ["Host: a", "Connection: close"];
    gateway
        .answer_to(signed_head("GET /\u{9b}31m\u{e9}\" HTTP/1.1", &close))
        .await;
    lines.push(gateway.log_line().await);
    assert!(
        lines[3].starts_with(r#"GET /\u{9b}31m\u{e9}" 200 "#),
        "{lines:?}"
    );

    let head = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: hmac id=\"a\", \
                algorithm=\"x\u{1b}[31m\", headers=\"x-date\", signature=\"hush-hush\"\r\n\r\n";
    gateway.answer_to(head.replace('\u{1b}', "\u{9b}")).await;
    lines.push(gateway.log_line().await);
    assert!(lines[4].contains(" 401 "), "{lines:?}");

    let log = lines.join("\n");
    assert!(!log.contains("hush-hush") && !log.contains(SECRET), "{log}");
    assert!(
        log.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')),
        "{log}"
    );
    assert_eq!(log.lines().count(), 5);
}

#[tokio::test]
async fn the_log_says_which_key_id_a_refused_client_claims_and_of_what_kind_the_refusal_is() {
    let long = "k".repeat(65);
    let credentials = |word: &str, parameter: &str| {
        format!(
            "{word} {parameter}, algorithm=\"hmac-sha256\", headers=\"x-date\", signature=\"hush-hush\""
        )
    };
    let cut = format!("claimed_key_id=\"{}...\" wrong=", "k".repeat(64));
    for (scheme, authorization, expected) in [
        (
            "tencent",
            credentials("hmac", "id=\"nobody\""),
            r#"claimed_key_id="nobody" wrong="#,
        ),
        (
            "kong",
            credentials("hmac", "username=\"a, b\""),
            r#"claimed_key_id="a, b" wrong="#,
        ),
        (
            "apisix",
            credentials("Signature", "keyId=\"nobody\""),
            r#"claimed_key_id="nobody" wrong="#,
        ),
        (
            "cavage",
            credentials("Signature", "keyId=\"nobody\""),
            r#"claimed_key_id="nobody" wrong="#,
        ),
        (
            "tencent",
            credentials("hmac", "id=\"a\u{9b}\\\""),
            r#"claimed_key_id="a\u{9b}\\" wrong="#,
        ),
        (
            "tencent",
            credentials("hmac", &format!("id=\"{long}\"")),
            &cut,
        ),
        (
            "tencent",
            "hmac id=\"un".to_owned(),
            r#"claimed_key_id="un" wrong="#,
        ),
        (
            "iflytek",
            "api_key=\"un".to_owned(),
            r#"claimed_key_id="un" wrong="#,
        ),
        (
            "tencent",
            credentials("hmac", "key=\"nobody\""),
            "kind=AuthorizationMalformed wrong=",
        ),
        (
            "tencent",
            "Bearer hush-hush".to_owned(),
            "kind=AuthorizationMalformed wrong=",
        ),
    ] {
        let mut gateway = Gateway::start(&["--scheme", scheme]).await;
        let head = format!(
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
        );
        gateway.answer_to(head).await;
        let line = gateway.log_line().await;
        assert!(line.contains("ms kind="), "{authorization}: {line}");
        assert!(line.contains(expected), "{authorization}: {line}");
        assert!(
            !line.contains("hush-hush") && !line.contains(" key="),
            "{line}"
        );
    }
}

/// Where the scheme has it: in another header, in JSON, in the query, under a name of its own.
#[tokio::test]
async fn the_log_finds_a_claimed_key_id_wherever_the_scheme_has_it() {
    let dnse = TempFile::new(".toml", DNSE);
    let partner = "name = 'partner'\nnearest = 'kong'\nkey_id_parameter = 'client'\n";
    let partner = TempFile::new(".toml", partner);
    let signed = r#"algorithm="hmac-sha256", headers="date", signature="hush-hush""#;
    let tyks = signed.replace(", ", ",");
    let date = r#""x-date":"Fri, 09 Oct 2015 00:00:00 GMT""#;
    let inner = format!(r#"api_key="nobody", {signed}"#);
    let query = [
        "/a?authorization=",
        &base64(inner.as_bytes())
            .replace('+', "%2B")
            .replace('=', "%3D"),
        "&date=Fri%2C%2009%20Oct%202015%2000%3A00%3A00%20GMT&host=a",
    ];
    for (scheme, target, lines) in [
        (
            dnse.path(),
            "/a",
            format!(r#"X-Signature: Signature keyId="nobody",{tyks},nonce="1""#),
        ),
        (
            partner.path(),
            "/a",
            format!(r#"Authorization: hmac client="nobody", {signed}"#),
        ),
        (
            "tencent-market",
            "/a",
            format!(r#"Authorization: {{"id":"nobody",{date},"signature":"hush-hush"}}"#),
        ),
        ("iflytek", "/a", format!("Authorization: {inner}")),
        ("iflytek", &query.concat(), "Accept: */*".to_owned()),
    ] {
        let mut gateway = Gateway::start(&["--scheme", scheme]).await;
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n\r\n");
        gateway.answer_to(head).await;
        let line = gateway.log_line().await;
        assert!(
            line.contains(r#" claimed_key_id="nobody" wrong="#),
            "{scheme}: {line}"
        );
        assert!(!line.contains("hush-hush"), "{line}");
    }
}

/// The gateway has removed the credentials when it finds the nonce used.
#[tokio::test]
async fn a_replay_is_logged_with_its_key_id_and_refused_by_the_schemes_own_nonce() {
    let dnse = TempFile::new(".toml", DNSE);
    let arguments = ["--scheme", dnse.path(), "--nonce", "nonce"];
    let arguments = [&arguments[..], &["--assume-no-earlier-claims"]].concat();
    let mut gateway = Gateway::start(&arguments).await;
    let signer = Signer::builder(keys()).scheme(common::dnse());
    let signer = signer.nonce_parameter(|| "once".to_owned()).build();
    let mut request = Request::get(gateway.url("/a")).body(no_body()).unwrap();
    let now = SystemTime::now();
    signer.unwrap().sign_request(&mut request, now).unwrap();
    let mut again = Request::get(gateway.url("/a")).body(no_body()).unwrap();
    again.headers_mut().clone_from(request.headers());
    let response = send_unsigned(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let response = send_unsigned(again).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let accepted = gateway.log_line().await;
    assert!(accepted.contains(&format!(" key={KEY_ID:?}")), "{accepted}");
    let refused = gateway.log_line().await;
    let expected = format!(" kind=Replayed claimed_key_id={KEY_ID:?} wrong=");
    assert!(refused.contains(&expected), "{refused}");
}

#[tokio::test]
async fn application_authentication_is_verified_with_its_parameters() {
    let scheme = Scheme::TencentApp;
    let arguments = ["--scheme", "tencent-app", "--require", "@request-target"];
    let gateway = Gateway::start(&arguments).await;
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    let post = Request::post(gateway.url("/a?b=2&a=1"));
    let post = post.header("content-type", "application/json");
    let mut request = post.body(body("{}")).unwrap();
    signer
        .sign_request(&mut request, SystemTime::now())
        .unwrap();
    let response = send_unsigned(request).await;
    assert_eq!(response.status(), StatusCode::OK);
}
