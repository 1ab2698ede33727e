//! Every refusal, over a real HTTP server: the gateway's documented table row by row, and every
//! kind of bad input.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Empty};
use tower_hmac_auth::{
    Algorithm, Rejection, RequestHead, Scheme, Verifier, VerifyLayer,
    clock::ManualClock,
    error::{CredentialsError, RejectionKind},
    scheme::{DateHeader, DatePolicy},
    verify::{
        DefaultResponseForRejection, KeyAccess, KeyLookup, Refusal, ResponseForRejection as _,
        VerifyingKey,
    },
};

use crate::common::loopback::{VERSIONS, client};
use crate::common::raw_server::{Answer, RawServer};
use crate::common::sign_by_hand::authorization;
use crate::common::{FRIDAY, KEY_ID, SECRET, at, keys, verifying_on_friday as layer};

const DATE: &str = "Fri, 09 Oct 2015 00:00:00 GMT";

/// The header lines of a request that signs these headers as listed.
fn lines(listed: &[(&str, &str)]) -> Vec<String> {
    let signed: Vec<_> = listed
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .collect();
    let authorization = authorization(KEY_ID, Algorithm::HmacSha1, SECRET.as_bytes(), &signed);
    let mut lines = vec![format!("authorization: {authorization}")];
    lines.extend(
        listed
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    lines
}

fn good() -> Vec<String> {
    lines(&[("x-date", DATE), ("source", "billing")])
}

async fn ask(server: &RawServer, lines: &[String]) -> Answer {
    let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
    server.ask(&lines).await
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.body, format!(r#"{{"message":"{text}"}}"#));
    assert!(
        answer
            .headers
            .contains(&"content-type: application/json".to_owned()),
        "{answer:?}"
    );
    let challenge = answer
        .headers
        .contains(&"www-authenticate: hmac".to_owned());
    assert_eq!(challenge, status != 503, "{answer:?}");
}

const ACCEPTED: &str = r#"AKIDtestkey0001 hmac-sha1 ["x-date", "source"]"#;
const FORMAT: &str = "HMAC authorization format error.";
const PARAMETERS: &str = "HMAC authorization headers is invalidate.";
const REPEATED: &str = "HMAC do not support multiple HTTP header.";
const MISMATCH: &str = "HMAC signature does not match.";
const DATE_REQUIRED: &str =
    "HMAC signature cannot be verified, a valid date or x-date header is required.";
const X_DATE_REQUIRED: &str =
    "HMAC signature cannot be verified, a valid x-date header is required for HMAC Authentication.";
const OUT_OF_DATE: &str =
    "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication.";

fn replace(lines: &[String], from: &str, to: &str) -> Vec<String> {
    let replaced: Vec<_> = lines
        .iter()
        .map(|line| line.replacen(from, to, 1))
        .collect();
    assert_ne!(replaced, lines, "{from} is not there");
    replaced
}

#[tokio::test]
async fn a_correct_request_is_accepted() {
    let server = RawServer::start(layer()).await;
    let answer = ask(&server, &good()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ACCEPTED));
}

#[tokio::test]
async fn a_request_without_authorization_is_refused() {
    let server = RawServer::start(layer()).await;
    let text = "HMAC signature cannot be verified, a validate authorization header is required";
    assert_refused(&server.ask(&[]).await, 401, text);
    assert_refused(&ask(&server, &good()[1..]).await, 401, text);
    let proxy = replace(&good(), "authorization:", "proxy-authorization:");
    assert_refused(&ask(&server, &proxy).await, 401, text);
}

#[tokio::test]
async fn a_malformed_authorization_is_refused() {
    let server = RawServer::start(layer()).await;
    let too_long = "a".repeat(8 * 1024 + 1);
    let many_names = vec!["x-date"; 65].join(" ");
    let long_names = vec!["x-date"; 64].join(" ");
    for (from, to) in [
        ("hmac id", "id"),
        ("hmac id", "hmac,id"),
        ("hmac id", "Basic id"),
        ("hmac id", "Bearer"),
        ("hmac id", "Signature keyId"),
        ("id=\"", "id=\"\", id=\""),
        ("id=\"", "username=\"AKIDtestkey0001\", id=\""),
        ("id=\"", "keyId=\""),
        ("id=\"", "Id=\""),
        ("id=\"", "id =\""),
        ("id=\"", "id= \""),
        ("id=\"", ",id=\""),
        ("id=\"", "=\"x\", id=\""),
        ("id=\"AKIDtestkey0001\"", "id=AKIDtestkey0001"),
        ("id=\"AKIDtestkey0001\"", "id='AKIDtestkey0001'"),
        ("id=\"AKIDtestkey0001\"", "id=\"AKIDtestkey0001"),
        ("AKIDtestkey0001\", ", "AKIDtestkey0001\" "),
        ("AKIDtestkey0001\", ", "AKIDtestkey0001\",, "),
        ("AKIDtestkey0001\", ", "AKIDtestkey0001\"; "),
        ("AKIDtestkey0001", "AKIDtestkeyé"),
        ("AKIDtestkey0001", too_long.as_str()),
        (
            "algorithm=\"hmac-sha1\"",
            "algorithm=\"hmac-sha1\", algorithm=\"hmac-sha1\"",
        ),
        ("algorithm=\"hmac-sha1\"", "algorithm=hmac-sha1"),
        ("algorithm=\"hmac-sha1\"", "algorithm"),
        ("signature=\"", "realm=\"x\", signature=\""),
        ("signature=\"", "signature=\"*"),
        ("x-date source", "x-date  source"),
        ("x-date source", " x-date source"),
        ("x-date source", "x-date source "),
        ("x-date source", "x-date,source"),
        ("x-date source", "x-date x-date"),
        ("x-date source", "x-date X-Date source"),
        ("x-date source", "x-date source authorization"),
        ("x-date source", "x-date source Authorization"),
        ("x-date source", "x-date @request-target"),
        ("x-date source", "x-date (request-target)"),
        ("x-date source", "x-date source:"),
        ("x-date source", "x-date \tsource"),
        ("x-date source", "x-date request-line"),
        ("x-date source", many_names.as_str()),
        ("x-date source", long_names.as_str()),
    ] {
        let answer = ask(&server, &replace(&good(), from, to)).await;
        assert_eq!(
            answer.body,
            format!(r#"{{"message":"{FORMAT}"}}"#),
            "{from} -> {to}"
        );
        assert_refused(&answer, 401, FORMAT);
    }
}

/// What the server's log says of a request to this target with these header lines.
fn why(target: &str, lines: &[String]) -> String {
    let mut request = Request::get(target);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let request = request.body(()).unwrap();
    let checked = crate::common::verify(&Verifier::new(), (&request).into(), at(FRIDAY));
    checked.unwrap_err().to_string()
}

#[test]
fn a_list_that_is_not_separated_by_spaces_is_refused_with_that_reason() {
    for list in [
        "x-date,source",
        "x-date, source",
        "x-date ,source",
        "x-date;source",
        "x-date; source",
        "x-date\tsource",
    ] {
        assert_eq!(
            why("/", &replace(&good(), "x-date source", list)),
            "the list of headers has a comma, semicolon or tab: separate names with one space"
        );
    }
}

#[test]
fn hosts_that_differ_are_refused_with_that_reason() {
    let lines = [good(), vec!["host: b.example".to_owned()]].concat();
    assert_eq!(
        why("http://a.example/a", &lines),
        "Host and the request's target name different hosts: send one host, with one port, in both"
    );
}

#[tokio::test]
async fn a_request_line_is_refused_also_where_a_header_of_that_name_is_there() {
    let server = RawServer::start(layer()).await;
    let named = lines(&[("x-date", DATE), ("request-line", "GET /a HTTP/1.1")]);
    assert_refused(&ask(&server, &named).await, 401, FORMAT);
}

#[tokio::test]
async fn bytes_that_are_not_ascii_in_authorization_are_refused() {
    let server = RawServer::start(layer()).await;
    let x_date = format!("x-date: {DATE}");
    let lines: [&[u8]; 2] = [b"authorization: hmac id=\"\xff\xfe\"", x_date.as_bytes()];
    assert_refused(&server.ask(&lines).await, 401, FORMAT);
}

#[tokio::test]
async fn an_authorization_that_lacks_parameters_is_refused() {
    let server = RawServer::start(layer()).await;
    for (from, to) in [
        (", headers=\"x-date source\"", ""),
        ("headers=\"x-date source\"", "headers=\"\""),
        ("algorithm=\"hmac-sha1\", ", ""),
        ("algorithm=\"hmac-sha1\"", "algorithm=\"\""),
    ] {
        let answer = ask(&server, &replace(&good(), from, to)).await;
        assert_refused(&answer, 401, PARAMETERS);
    }
    for empty in ["authorization: hmac", "authorization: hmac "] {
        assert_refused(&server.ask(&[empty.as_bytes()]).await, 401, PARAMETERS);
    }
}

#[tokio::test]
async fn an_authorization_without_id_or_signature_is_refused() {
    let server = RawServer::start(layer()).await;
    let text = "HMAC id or signature missing.";
    for (from, to) in [
        ("id=\"AKIDtestkey0001\", ", ""),
        ("id=\"AKIDtestkey0001\"", "id=\"\""),
    ] {
        assert_refused(&ask(&server, &replace(&good(), from, to)).await, 401, text);
    }
    let (before, _) = good()[0]
        .split_once(", signature")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    for end in ["", ", signature=\"\""] {
        let mut lines = good();
        lines[0] = format!("{before}{end}");
        assert_refused(&ask(&server, &lines).await, 401, text);
    }
}

#[tokio::test]
async fn an_algorithm_that_does_not_exist_or_is_not_allowed_is_refused() {
    let server = RawServer::start(layer()).await;
    for algorithm in ["hmac-md5", "HMAC-SHA1", "hs2019", "none"] {
        let answer = ask(&server, &replace(&good(), "hmac-sha1", algorithm)).await;
        assert_refused(
            &answer,
            401,
            &format!("HMAC algorithm {algorithm} not supported."),
        );
    }
    let verifier = Verifier::builder()
        .algorithms([Algorithm::HmacSha512])
        .build()
        .unwrap();
    let strict = layer().verifier(verifier);
    let server = RawServer::start(strict).await;
    let text = "HMAC algorithm hmac-sha1 not supported.";
    assert_refused(&ask(&server, &good()).await, 401, text);
}

#[tokio::test]
async fn what_is_echoed_is_escaped_and_cut_at_64_bytes() {
    let server = RawServer::start(layer()).await;
    let long = format!("<b>\\{}", "a".repeat(200));
    let answer = ask(&server, &replace(&good(), "hmac-sha1", &long)).await;
    let shown = format!("<b>\\\\{}", "a".repeat(59));
    assert_eq!(shown.len(), 64);
    let message = format!("HMAC algorithm {shown} not supported.");
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body, serde_json::json!({ "message": message }));

    let name = "x-".to_owned() + &"n".repeat(100);
    let answer = ask(
        &server,
        &replace(&good(), "x-date source", &format!("x-date {name}")),
    )
    .await;
    assert!(
        answer
            .body
            .contains(&format!("a valid x-{} header is required.", "n".repeat(62)))
    );
}

#[tokio::test]
async fn a_signed_header_that_is_sent_more_than_once_is_refused() {
    let server = RawServer::start(layer()).await;
    let date = format!("date: {DATE}");
    for extra in [
        &["source: billing".to_owned()][..],
        &["Source: other".to_owned()],
        &[format!("x-date: {DATE}")],
        // Not covered by the signature, and refused all the same.
        &[date.clone(), date],
        &[good()[0].clone()],
        &["authorization: Bearer token".to_owned()],
    ] {
        let lines = [&good(), extra].concat();
        assert_refused(&ask(&server, &lines).await, 401, REPEATED);
    }
    let covered = lines(&[("x-date", DATE), ("date", DATE)]);
    let twice = [covered, vec![format!("date: {DATE}")]].concat();
    assert_refused(&ask(&server, &twice).await, 401, REPEATED);
}

#[tokio::test]
async fn a_host_that_differs_from_the_targets_is_refused() {
    let server = RawServer::start(layer()).await;
    let good = good().join("\r\n");
    let send = |target: &str, host: &str| {
        let head =
            format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{good}\r\nconnection: close\r\n\r\n");
        let server = &server;
        async move { server.exchange(head.as_bytes()).await }
    };
    for (target, host) in [
        ("http://a.example/a", "b.example"),
        ("http://a.example:8080/a", "a.example"),
        ("http://a.example/a", "a.example:8080"),
        ("http://a.example/a", ""),
    ] {
        assert_refused(&send(target, host).await, 401, REPEATED);
    }
    for (target, host) in [
        ("http://a.example/a", "a.example"),
        ("http://a.example/a", "A.Example:80"),
        ("http://a.example:80/a", "a.example"),
        ("http://user@a.example/a", "a.example"),
        ("/a", "anything.example"),
    ] {
        assert_eq!(send(target, host).await.status, 200, "{target} {host}");
    }
}

#[tokio::test]
async fn a_listed_header_that_is_absent_is_refused() {
    let server = RawServer::start(layer()).await;
    let answer = ask(&server, &good()[..2]).await;
    let text = "HMAC signature cannot be verified, a valid source header is required.";
    assert_refused(&answer, 401, text);
}

#[tokio::test]
async fn a_component_that_the_server_wants_covered_is_required() {
    let verifier = Verifier::builder().require([header::HOST]).build();
    let server = RawServer::start(layer().verifier(verifier.unwrap())).await;
    let text = "HMAC signature cannot be verified, a valid host header is required.";
    assert_refused(&ask(&server, &good()).await, 401, text);

    let host = server.address.to_string();
    let covered = lines(&[("x-date", DATE), ("host", &host)]);
    // `ask` sends the host by itself.
    assert_eq!(ask(&server, &covered[..2]).await.status, 200);
}

#[tokio::test]
async fn a_request_that_signs_no_date_is_refused() {
    let server = RawServer::start(layer()).await;
    let unsigned_date = [
        lines(&[("source", "billing")]),
        vec![format!("x-date: {DATE}")],
    ]
    .concat();
    let uncovered_x_date = [lines(&[("date", DATE)]), vec![format!("x-date: {DATE}")]].concat();
    for lines in [
        lines(&[("source", "billing")]),
        unsigned_date,
        uncovered_x_date,
        lines(&[("date", "yesterday")]),
        lines(&[("date", "Thu, 01 Jan 1969 00:00:00 GMT")]),
    ] {
        assert_refused(&ask(&server, &lines).await, 401, DATE_REQUIRED);
    }
    let verifier = Verifier::builder().date_policy(DatePolicy::Refuse).build();
    let server = RawServer::start(layer().verifier(verifier.unwrap())).await;
    assert_refused(
        &ask(&server, &lines(&[("date", DATE)])).await,
        401,
        DATE_REQUIRED,
    );
}

#[tokio::test]
async fn an_x_date_that_is_no_date_is_refused() {
    let server = RawServer::start(layer()).await;
    for date in [
        "",
        "now",
        "1444348800",
        "2015-10-09T00:00:00Z",
        "Fri, 09 Oct 2015 00:00:00 +0800",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sat, 01 Jan 10000 00:00:00 GMT",
        "Tue, 31 Feb 2015 00:00:00 GMT",
    ] {
        let answer = ask(&server, &lines(&[("x-date", date)])).await;
        assert_refused(&answer, 401, X_DATE_REQUIRED);
    }
}

#[tokio::test]
async fn an_x_date_is_accepted_900_seconds_off_and_refused_901_seconds_off() {
    let clock = ManualClock::at(at(FRIDAY));
    let server = RawServer::start(layer().clock(clock.clone())).await;
    for (off, accepted) in [
        (-901, false),
        (-900, true),
        (0, true),
        (900, true),
        (901, false),
    ] {
        clock.set(at(FRIDAY + off));
        let answer = ask(&server, &good()).await;
        if accepted {
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, ACCEPTED),
                "{off}"
            );
        } else {
            assert_refused(&answer, 401, OUT_OF_DATE);
        }
        let plain = ask(&server, &lines(&[("date", DATE)])).await;
        assert_eq!(plain.status, 200, "the age of `Date` is not checked");
    }
}

#[tokio::test]
async fn an_unknown_key_id_is_refused() {
    let server = RawServer::start(layer()).await;
    let lines = replace(&good(), "AKIDtestkey0001", "AKIDother");
    assert_refused(
        &ask(&server, &lines).await,
        401,
        "HMAC signature cannot be verified.",
    );
}

/// Where no key is found, a key of the verifier's own stands in.
#[tokio::test]
async fn an_unknown_key_id_is_refused_whatever_secret_it_is_signed_with() {
    let server = RawServer::start(layer()).await;
    for secret in [&b"\0"[..], b"", b"0", SECRET.as_bytes()] {
        for algorithm in Algorithm::ALL {
            let listed = [("x-date", DATE.as_bytes())];
            let authorization = authorization("AKIDnobody", algorithm, secret, &listed);
            let lines = [
                format!("authorization: {authorization}"),
                format!("x-date: {DATE}"),
            ];
            let text = "HMAC signature cannot be verified.";
            assert_refused(&ask(&server, &lines).await, 401, text);
        }
    }
}

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let server = RawServer::start(layer()).await;
    let altered = replace(&good(), "source: billing", "source: billinG");
    assert_refused(&ask(&server, &altered).await, 401, MISMATCH);
    let altered = replace(
        &good(),
        "headers=\"x-date source\"",
        "headers=\"source x-date\"",
    );
    assert_refused(&ask(&server, &altered).await, 401, MISMATCH);
}

#[tokio::test]
async fn a_signature_that_is_not_canonical_standard_base64_of_the_right_length_is_refused() {
    let server = RawServer::start(layer()).await;
    let good = good();
    let (before, signature) = good[0].rsplit_once("signature=\"").unwrap();
    let signature = signature.trim_end_matches('"');
    let digit = signature.chars().nth(26).unwrap();
    let next = char::from_u32(u32::from(digit) + 1).unwrap();
    for altered in [
        signature.trim_end_matches('=').to_owned(),
        format!("{signature}="),
        format!("{signature}AAAA"),
        format!(" {signature}"),
        signature.get(4..).unwrap().to_owned(),
        // The last digit's unused bits set: the same bytes in another spelling.
        signature.replace(&format!("{digit}="), &format!("{next}=")),
        "-_-_-_-_-_-_-_-_-_-_-_-_-_-=".to_owned(),
        "%".repeat(28),
    ] {
        let mut lines = good.clone();
        lines[0] = format!("{before}signature=\"{altered}\"");
        assert_refused(&ask(&server, &lines).await, 401, FORMAT);
    }
}

#[tokio::test]
async fn whether_a_key_is_bound_is_shown_only_to_those_whose_signature_is_valid() {
    let key = Arc::new(VerifyingKey::from(&keys()));
    for (binding, status, text) in [
        (KeyAccess::NotBound, 401, "HMAC apikey is invalid for API."),
        (KeyAccess::NoUsagePlan, 403, "Found no validate usage plan."),
    ] {
        let key = key.clone();
        let store = move |_: &str, _: RequestHead<'_>| KeyLookup::Key(key.clone(), binding);
        let layer = VerifyLayer::new(store).clock(ManualClock::at(at(FRIDAY)));
        let server = RawServer::start(layer).await;
        assert_refused(&ask(&server, &good()).await, status, text);
        let altered = replace(&good(), "source: billing", "source: other");
        assert_refused(&ask(&server, &altered).await, 401, MISMATCH);
    }
}

/// Kong's, Tyk's and APISIX's come from the plugins that decide it. The others are 403 where the
/// gateway documents nothing (RFC 9110, section 15.5.4).
#[test]
fn a_key_without_access_gets_the_gateways_own_status_and_text() {
    let cavage = "the key is not bound to this API: bind it, or use another key";
    let request = Request::new(());
    let mut grpc = Request::post("/a")
        .version(Version::HTTP_2)
        .body(())
        .unwrap();
    let content_type = HeaderValue::from_static("application/grpc");
    grpc.headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    for (scheme, status, code, text) in [
        (
            Scheme::Tencent,
            401,
            "16",
            "HMAC apikey is invalid for API.",
        ),
        (
            Scheme::TencentApp,
            401,
            "16",
            "HMAC apikey is invalid for API.",
        ),
        (Scheme::TencentMarket, 421, "16", "在配置中使用计划不存在"),
        (Scheme::Kong, 403, "7", "You cannot consume this service"),
        (Scheme::Apisix, 403, "7", "The consumer_name is forbidden."),
        (Scheme::Iflytek, 403, "7", "You cannot consume this service"),
        (Scheme::Cavage, 403, "7", cavage),
        (
            Scheme::Tyk,
            403,
            "7",
            "Access to this API has been disallowed",
        ),
        (Scheme::TraefikHub, 403, "7", cavage),
    ] {
        let why = Rejection::KeyNotBound;
        let refusal = Refusal::new(&why, (&request).into(), scheme);
        let answer = DefaultResponseForRejection::new().refuse(&refusal);
        assert_eq!(answer.status(), status, "{scheme}");
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        let mut members = body.as_object().unwrap().values();
        assert_eq!(members.next().unwrap(), text, "{scheme}");
        // This is for credentials that are wrong, which is 401 with most gateways.
        let other = DefaultResponseForRejection::new().unauthorized_status(StatusCode::GONE);
        let expected = if status == 401 { 410 } else { status };
        assert_eq!(other.refuse(&refusal).status(), expected, "{scheme}");
        assert_eq!(scheme.status(&why), status, "{scheme}");
        assert_eq!(refusal.status(), status, "{scheme}");
        let kind = Rejection::from_response_text(text);
        assert_eq!(kind, Some(RejectionKind::KeyNotBound), "{scheme}");

        let refusal = Refusal::new(&why, (&grpc).into(), scheme);
        let answer = DefaultResponseForRejection::new().refuse(&refusal);
        assert_eq!(answer.headers()["grpc-status"], code, "{scheme}");
    }
}

#[test]
fn a_refusals_status_is_that_of_the_schemes_gateway() {
    let date = Rejection::DateOutOfRange {
        header: DateHeader::Date,
        skew: 901,
        max_skew: 900,
    };
    let described = Scheme::builder("described", Scheme::Tyk).build().unwrap();
    let request = Request::new(());
    for (scheme, why, status) in [
        (Scheme::Tencent, Rejection::SignatureMismatch, 401),
        (Scheme::Tyk, Rejection::SignatureMismatch, 400),
        (described, Rejection::SignatureMismatch, 400),
        (described, Rejection::KeyNotBound, 403),
        (Scheme::TencentMarket, Rejection::NoUsagePlan, 421),
        (Scheme::Iflytek, date.clone(), 403),
        (Scheme::Kong, date, 401),
        (Scheme::Tyk, Rejection::KeyStoreUnavailable, 503),
    ] {
        assert_eq!(scheme.status(&why), status, "{scheme} {why:?}");
        let refusal = Refusal::new(&why, (&request).into(), scheme);
        assert_eq!(refusal.status(), status, "{scheme} {why:?}");
    }
}

#[tokio::test]
async fn a_key_store_that_is_unavailable_is_a_503() {
    let store = |_: &str, _: RequestHead<'_>| KeyLookup::Unavailable;
    let layer = VerifyLayer::new(store).clock(ManualClock::at(at(FRIDAY)));
    let server = RawServer::start(layer).await;
    let text = "HMAC signature cannot be verified at present.";
    assert_refused(&ask(&server, &good()).await, 503, text);
}

#[tokio::test]
async fn the_older_status_403_can_be_set() {
    let refusals = DefaultResponseForRejection::new().unauthorized_status(StatusCode::FORBIDDEN);
    let server = RawServer::start(layer().refuse(refusals)).await;
    let altered = replace(&good(), "source: billing", "source: other");
    assert_refused(&ask(&server, &altered).await, 403, MISMATCH);
}

#[tokio::test]
async fn with_a_hidden_reason_every_refusal_is_answered_alike() {
    let server =
        RawServer::start(layer().refuse(DefaultResponseForRejection::new().hide_reason(true)))
            .await;
    let date_of_1970 = lines(&[("x-date", "Thu, 01 Jan 1970 00:00:00 GMT")]);
    let mut answers = vec![format!("{:?}", server.ask(&[]).await)];
    for lines in [
        replace(&good(), "source: billing", "source: other"),
        replace(&good(), "AKIDtestkey0001", "AKIDother"),
        replace(&good(), "hmac-sha1", "hmac-md5"),
        replace(&good(), "id=", "di="),
        good()[..2].to_vec(),
        date_of_1970,
    ] {
        answers.push(format!("{:?}", ask(&server, &lines).await));
    }
    // But for the date that the server itself puts in.
    let without_date = |answer: &String| {
        let (before, rest) = answer.split_once("\"date: ").unwrap();
        before.to_owned() + rest.split_once("GMT").unwrap().1
    };
    let mut alike: Vec<_> = answers.iter().map(without_date).collect();
    assert!(alike[0].contains("HMAC signature cannot be verified."));
    alike.dedup();
    assert_eq!(alike.len(), 1, "{alike:?}");
}

#[tokio::test]
async fn parameters_are_accepted_in_any_order_and_with_any_whitespace_between_them() {
    let server = RawServer::start(layer()).await;
    let authorization = good()[0].clone();
    let (_, parameters) = authorization.split_once("hmac ").unwrap();
    let parameters: Vec<_> = parameters.split(", ").collect();
    for order in [[3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]] {
        for separator in [",", ", ", " , ", "\t,\t"] {
            let mut lines = good();
            let parameters = order.map(|position| parameters[position]).join(separator);
            lines[0] = format!("authorization: HMAC  {parameters}");
            let answer = ask(&server, &lines).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, ACCEPTED),
                "{lines:?}"
            );
        }
    }
}

#[tokio::test]
async fn other_date_forms_wrong_weekdays_and_bytes_above_127_are_accepted() {
    let server = RawServer::start(layer()).await;
    for date in [
        "Friday, 09-Oct-15 00:00:00 GMT",
        "Fri Oct  9 00:00:00 2015",
        "Thu, 09 Oct 2015 00:00:00 GMT",
        "Monday, 09-Oct-15 00:00:00 GMT",
        "Sun Oct  9 00:00:00 2015",
    ] {
        for name in ["x-date", "date"] {
            let answer = ask(&server, &lines(&[(name, date)])).await;
            assert_eq!(answer.status, 200, "{name}: {date}: {answer:?}");
        }
    }
    let answer = ask(&server, &lines(&[("x-date", DATE), ("source", "café 你")])).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ACCEPTED));
}

#[tokio::test]
async fn as_many_headers_as_may_be_listed_are_accepted() {
    let server = RawServer::start(layer()).await;
    let names: Vec<_> = (1..64).map(|number| format!("x-{number}")).collect();
    let mut listed = vec![("x-date", DATE)];
    listed.extend(names.iter().map(|name| (name.as_str(), "value")));
    assert_eq!(listed.len(), 64);
    assert_eq!(ask(&server, &lines(&listed)).await.status, 200);

    listed.push(("x-64", "value"));
    assert_refused(&ask(&server, &lines(&listed)).await, 401, FORMAT);
}

#[tokio::test]
async fn a_refused_head_request_is_answered_without_content_on_http_1_and_2() {
    let server = RawServer::start(layer()).await;
    for version in VERSIONS {
        let request = Request::head(format!("http://{}/a", server.address));
        let response = client(version).request(request.body(Empty::<Bytes>::new()).unwrap());
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()["content-length"], "92");
        assert_eq!(response.headers()["content-type"], "application/json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "");
    }
}

#[tokio::test]
async fn a_refusals_reason_says_where_authorization_cannot_be_read() {
    // Whitespace around a value is no part of it (RFC 9110, section 5.5).
    let at_5 = "the credentials have no name=\"value\" at byte 5: quote every value, one comma \
                between two";
    for (value, reason) in [
        ("hmac x", at_5),
        ("  hmac x", at_5),
        ("  hmac =\"x\"", at_5),
        ("\thmac a b=\"x\"", at_5),
        (
            "hmac realm=\"x\"",
            "the credentials have a parameter realm, which this scheme does not have: leave it out",
        ),
        (
            "hmac username=\"x\"",
            "the credentials name the key id username, as another scheme does: sign for the scheme \
             that this server checks, which names it id",
        ),
    ] {
        let mut request = Request::new(());
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert("authorization", value);
        let read = Verifier::new().read(&request, at(FRIDAY));
        assert_eq!(read.unwrap_err().to_string(), reason);
    }
}

#[tokio::test]
async fn no_request_but_a_post_turns_its_refusal_into_a_grpc_status() {
    let server = RawServer::start(layer()).await;
    let text = "HMAC signature cannot be verified, a validate authorization header is required";
    let grpc = b"content-type: application/grpc";
    assert_refused(&server.ask(&[grpc]).await, 401, text);
}

/// What an unsigned request with this method and these content types is answered.
async fn asked_over(
    version: Version,
    server: &RawServer,
    method: &Method,
    content_types: &[&'static str],
) -> Response<Bytes> {
    let client = client::<Empty<Bytes>>(version);
    let url = format!("http://{}/a.B/C", server.address);
    let mut request = Request::builder().method(method).uri(url);
    for content_type in content_types {
        request = request.header("content-type", *content_type);
    }
    let response = client.request(request.body(Empty::new()).unwrap());
    let (head, body) = response.await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, body)
}

#[tokio::test]
async fn a_refusal_is_a_200_for_grpc_calls_over_http_2_alone() {
    let server = RawServer::start(layer()).await;
    let calls: [&[_]; 5] = [
        &["application/grpc"],
        &["application/grpc+proto"],
        &["application/grpc+json"],
        &["application/grpc;charset=utf-8"],
        &["application/grpc; charset=utf-8"],
    ];
    let others: [&[_]; 12] = [
        &["application/grpcx"],
        &["application/grpc-web"],
        &["application/grpc-web+proto"],
        &["application/grpc-web-text"],
        &["application/grpc.x"],
        &["application/grpc/x"],
        &["application/grpc x"],
        &["application/grpc ;x=y"],
        &["application/grp"],
        &["Application/gRPC"],
        &["application/grpc", "application/grpc"],
        &["application/grpc", "application/json"],
    ];
    for content_types in calls.into_iter().chain(others) {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            for method in [Method::POST, Method::PUT] {
                let is_call = version == Version::HTTP_2
                    && method == Method::POST
                    && calls.contains(&content_types);
                let answer = asked_over(version, &server, &method, content_types).await;
                let asked = format!("{method} {version:?} {content_types:?}");
                let status = answer.headers().get("grpc-status");
                if is_call {
                    assert_eq!(answer.status(), StatusCode::OK, "{asked}");
                    assert_eq!(status.unwrap(), "16", "{asked}");
                } else {
                    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{asked}");
                    assert_eq!(status, None, "{asked}");
                    assert_eq!(answer.headers()["content-type"], "application/json");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_grpc_form_can_be_switched_off() {
    for (refusals, status) in [
        (DefaultResponseForRejection::new(), StatusCode::OK),
        (
            DefaultResponseForRejection::new().grpc(true),
            StatusCode::OK,
        ),
        (
            DefaultResponseForRejection::new().grpc(false),
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let server = RawServer::start(layer().refuse(refusals)).await;
        let call = &["application/grpc"];
        let answer = asked_over(Version::HTTP_2, &server, &Method::POST, call).await;
        assert_eq!(answer.status(), status);
        let has_body = !answer.body().is_empty();
        assert_eq!(has_body, status == StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn the_65th_name_is_one_too_many_whatever_it_is() {
    let names: Vec<_> = (0..63).map(|number| format!("x-{number}")).collect();
    let list = format!("x-date {}", names.join(" "));
    for last in [" x-64", " ", " b@d", " x-0", " authorization"] {
        let authorization = format!(
            r#"hmac id="a", algorithm="hmac-sha1", headers="{list}{last}", signature="zJ1fUmiWSmSZUoqgZi+dGUJvxn0=""#
        );
        let request = Request::get("/a")
            .header("x-date", "Fri, 09 Oct 2015 00:00:00 GMT")
            .header("authorization", authorization)
            .body(())
            .unwrap();
        let refused = Verifier::new().read(&request, at(FRIDAY));
        let expected = Rejection::AuthorizationMalformed(CredentialsError::TooManyNames);
        assert_eq!(refused.unwrap_err(), expected, "{last:?}");
    }
}
