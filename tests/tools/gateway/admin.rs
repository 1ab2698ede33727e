//! The listener for monitoring.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    time::{Duration, SystemTime},
};

use http::{Method, Request, StatusCode, Version};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tower_hmac_auth::{KeyPair, Signer};

use super::{
    ending::{InFlight, in_flight_with},
    harness::{
        Body, Gateway, body, command_with_keys, fails_to_start, no_body, send, send_unsigned,
        signed_head, text, within,
    },
    keys::{KeyFile, ask},
};
use crate::common::{KEY_ID, keys, loopback::client};

pub(super) const ADMIN: [&str; 2] = ["--admin", "127.0.0.1:0"];

const ACCEPTED: &str = r#"hmac_requests_total{verdict="accepted",kind=""}"#;
const COUNT: &str = "hmac_request_duration_seconds_count";
const IN_FLIGHT: &str = "hmac_requests_in_flight";
const CONNECTIONS: &str = "hmac_connections";
const KEYS: &str = "hmac_keys";
const DROPPED: &str = "hmac_log_lines_dropped_total";

fn refused(kind: &str) -> String {
    format!(r#"hmac_requests_total{{verdict="refused",kind="{kind}"}}"#)
}

/// Sends a request to the admin listener, and returns the whole answer.
async fn ask_admin(gateway: &Gateway, request_line: &str) -> String {
    let mut stream = within(TcpStream::connect(gateway.admin.unwrap()))
        .await
        .unwrap();
    let request = format!("{request_line} HTTP/1.1\r\nHost: monitoring\r\n\r\n");
    within(stream.write_all(request.as_bytes())).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

/// Every series, by its name and labels.
pub(super) async fn metrics(gateway: &Gateway) -> BTreeMap<String, f64> {
    let answer = ask_admin(gateway, "GET /metrics").await;
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// Waits until a series has this value, and returns all.
pub(super) async fn until(gateway: &Gateway, series: &str, value: f64) -> BTreeMap<String, f64> {
    let has_value = async {
        loop {
            let metrics = metrics(gateway).await;
            if metrics[series] == value {
                return metrics;
            }
        }
    };
    within(has_value).await
}

/// The sum of all counts of requests.
fn requests(metrics: &BTreeMap<String, f64>) -> f64 {
    let series = metrics.iter();
    series
        .filter(|(series, _)| series.starts_with("hmac_requests_total{"))
        .map(|(_, count)| count)
        .sum()
}

#[tokio::test]
async fn its_health_is_200_then_503_until_the_last_request_is_answered() {
    let InFlight {
        mut gateway,
        answer,
        may_answer,
        _upstream,
    } = in_flight_with(Version::HTTP_11, &ADMIN).await;
    let health = ask_admin(&gateway, "GET /healthz").await;
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    assert!(health.ends_with("\r\n\r\nok"), "{health}");

    gateway.signal("-TERM").await;
    assert_eq!(gateway.log_line().await, "ending: open connections: 1");
    let health = ask_admin(&gateway, "GET /healthz").await;
    assert!(health.starts_with("HTTP/1.1 503 "), "{health}");
    let metrics = metrics(&gateway).await;
    assert_eq!((metrics[IN_FLIGHT], metrics[CONNECTIONS]), (1.0, 1.0));

    may_answer.add_permits(1);
    assert_eq!(within(answer).await.unwrap().0, StatusCode::OK);
    let status = within(gateway.child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    let gone = within(TcpStream::connect(gateway.admin.unwrap())).await;
    assert!(gone.is_err(), "it still listens");
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let gateway = Gateway::start(&ADMIN).await;
    for (request_line, status) in [
        ("GET /healthz?verbose", 200),
        ("GET /", 404),
        ("POST /", 404),
        ("GET /healthz/", 404),
        ("GET /metrics/a", 404),
        ("OPTIONS *", 404),
        ("POST /healthz", 405),
        ("PUT /metrics", 405),
        ("HEAD /metrics", 405),
    ] {
        let answer = ask_admin(&gateway, request_line).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&expected), "{request_line}: {answer}");
        assert_eq!(answer.contains("\r\nallow: GET\r\n"), status == 405);
    }
    // The main listener has neither of them.
    let request = Request::get(gateway.url("/healthz")).body(no_body());
    let response = send_unsigned(request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn each_request_is_counted_once_with_the_kind_that_the_log_has() {
    let mut gateway = Gateway::start(&ADMIN).await;
    let get = || Request::get(gateway.url("/")).body(no_body()).unwrap();
    let sign_at = |time| {
        let mut request = get();
        Signer::new(keys())
            .sign_request(&mut request, time)
            .unwrap();
        request
    };
    let with_authorization = |value| {
        let mut request = get();
        let value = http::HeaderValue::from_static(value);
        request.headers_mut().insert("authorization", value);
        request
    };
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let cases = [
        ("AuthorizationMissing", vec![get(), get(), get()]),
        ("OutOfDate", vec![sign_at(an_hour_ago)]),
        (
            "AuthorizationMalformed",
            vec![with_authorization("Basic YQ==")],
        ),
    ];
    let mut expected = BTreeMap::new();
    for (kind, requests) in cases {
        expected.insert(refused(kind), requests.len());
        for request in requests {
            send_unsigned(request).await;
        }
    }
    for (kind, id, secret, count) in [
        ("KeyUnknown", "another", "a secret", 2),
        ("SignatureMismatch", KEY_ID, "another secret", 4),
    ] {
        expected.insert(refused(kind), count);
        for _ in 0..count {
            let response = ask(&gateway, id, secret.as_bytes()).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        }
    }
    expected.insert(ACCEPTED.to_owned(), 5);
    for _ in 0..3 {
        gateway.get("/").await;
    }
    let post = Request::post(gateway.url("/upload")).body(body("data"));
    let response = send(&keys(), post.unwrap()).await.unwrap();
    text(response.into_body()).await;
    // Has a valid signature, and is refused for another reason.
    let connect = signed_head("CONNECT a:1 HTTP/1.1", &["Host: a:1", "Connection: close"]);
    let answer = gateway.answer_to(connect).await;
    assert!(answer.starts_with("HTTP/1.1 501 "), "{answer}");

    // A line is written after its request was counted.
    let total: usize = expected.values().sum();
    let mut logged = BTreeMap::new();
    for _ in 0..total {
        let line = gateway.log_line().await;
        let series = match line.split_once(" kind=") {
            Some((_, rest)) => refused(rest.split(' ').next().unwrap()),
            None => ACCEPTED.to_owned(),
        };
        *logged.entry(series).or_insert(0) += 1;
    }
    assert_eq!(logged, expected);
    let metrics = metrics(&gateway).await;
    for (series, count) in &expected {
        assert_eq!(metrics[series], *count as f64, "{series}");
    }
    assert_eq!(requests(&metrics), total as f64);
    assert_eq!(metrics[COUNT], total as f64);
    let last = r#"hmac_request_duration_seconds_bucket{le="+Inf"}"#;
    assert_eq!(metrics[last], total as f64);
    for bound in ["0.0005", "0.001", "0.1", "1", "10"] {
        let bucket = format!(r#"hmac_request_duration_seconds_bucket{{le="{bound}"}}"#);
        assert!(metrics.contains_key(&bucket), "{bucket}");
    }
    assert_eq!(metrics[KEYS], 1.0);
    assert_eq!(metrics[DROPPED], 0.0);
    until(&gateway, IN_FLIGHT, 0.0).await;
}

#[tokio::test]
async fn a_request_whose_client_leaves_is_counted_and_no_longer_in_flight() {
    let InFlight {
        gateway,
        answer,
        _upstream,
        ..
    } = in_flight_with(Version::HTTP_11, &ADMIN).await;
    let before = metrics(&gateway).await;
    assert_eq!((before[IN_FLIGHT], requests(&before)), (1.0, 0.0));
    answer.abort();
    let after = until(&gateway, COUNT, 1.0).await;
    assert_eq!(after[ACCEPTED], 1.0);
    until(&gateway, IN_FLIGHT, 0.0).await;
    until(&gateway, CONNECTIONS, 0.0).await;
}

#[tokio::test]
async fn open_connections_are_counted_without_those_of_monitoring() {
    let gateway = Gateway::start(&ADMIN).await;
    let mut open = Vec::new();
    for count in 1..=3 {
        open.push(gateway.connect("").await);
        until(&gateway, CONNECTIONS, f64::from(count)).await;
    }
    drop(open);
    until(&gateway, CONNECTIONS, 0.0).await;
}

#[tokio::test]
async fn requests_with_10_000_key_ids_paths_and_methods_add_no_series() {
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 10_000 / CLIENTS;
    let gateway = Gateway::start(&ADMIN).await;
    let before = metrics(&gateway).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let url = gateway.url("");
            tokio::spawn(async move {
                let client = client::<Body>(Version::HTTP_11);
                for count in 0..REQUESTS {
                    let unknown = KeyPair::new(format!("{number}-{count}"), "a").unwrap();
                    let mut request = Request::get(format!("{url}/{number}/{count}"))
                        .body(no_body())
                        .unwrap();
                    *request.method_mut() =
                        Method::from_bytes(format!("M{number}-{count}").as_bytes()).unwrap();
                    Signer::new(unknown)
                        .sign_request(&mut request, SystemTime::now())
                        .unwrap();
                    let response = within(client.request(request)).await.unwrap();
                    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
                    within(response.into_body().collect()).await.unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let after = until(&gateway, &refused("KeyUnknown"), 10_000.0).await;
    let series = |metrics: &BTreeMap<String, f64>| metrics.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(series(&after), series(&before));
}

#[tokio::test]
async fn keys_and_reloads_are_counted() {
    let ok = r#"hmac_keys_reloads_total{result="ok"}"#;
    let error = r#"hmac_keys_reloads_total{result="error"}"#;
    let file = KeyFile::new("", b"a:1\nb:2\n");
    let mut command = file.command();
    command.args(ADMIN);
    let mut gateway = Gateway::from_command(command).await;
    let at_first = metrics(&gateway).await;
    assert_eq!(
        (at_first[KEYS], at_first[ok], at_first[error]),
        (2.0, 0.0, 0.0)
    );
    for (content, expected) in [
        ("a:1\nb:2\nc:3\n", (3.0, 1.0, 0.0)),
        ("a\n", (3.0, 1.0, 1.0)),
        ("c:3\n", (1.0, 2.0, 1.0)),
    ] {
        let new = file.0.with_extension("new");
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, &file.0).unwrap();
        gateway.log_line().await;
        let now = metrics(&gateway).await;
        assert_eq!((now[KEYS], now[ok], now[error]), expected, "{content:?}");
    }
}

#[tokio::test]
async fn lines_that_were_dropped_are_counted_as_in_the_log() {
    // More than a pipe and the gateway's queue hold.
    const REQUESTS: u64 = 3000;
    let mut command = command_with_keys();
    command.args(ADMIN);
    let mut gateway = Gateway::with_unread_log(command).await;
    let client = client::<Body>(Version::HTTP_11);
    for _ in 0..REQUESTS {
        let request = Request::get(gateway.url("/unsigned")).body(no_body());
        let response = within(client.request(request.unwrap())).await.unwrap();
        within(response.into_body().collect()).await.unwrap();
    }
    let metrics = until(&gateway, COUNT, REQUESTS as f64).await;
    let mut log = gateway.unread_log();
    let (mut written, mut dropped) = (0, 0);
    while written + dropped < REQUESTS {
        let line = within(log.next_line()).await.unwrap().unwrap();
        match line.strip_prefix("log: lines dropped: ") {
            Some(count) => dropped += count.parse::<u64>().unwrap(),
            None => written += 1,
        }
    }
    assert!(dropped > 0);
    assert_eq!(metrics[DROPPED], dropped as f64);
}

/// As many connections as the admin listener serves at a time.
async fn silent_connections(gateway: &Gateway) -> Vec<TcpStream> {
    let mut silent = Vec::new();
    for _ in 0..32 {
        let stream = within(TcpStream::connect(gateway.admin.unwrap())).await;
        silent.push(stream.unwrap());
    }
    silent
}

#[tokio::test]
async fn only_32_connections_are_served_at_a_time() {
    let gateway = Gateway::start(&ADMIN).await;
    let mut silent = silent_connections(&gateway).await;
    let mut health = pin!(ask_admin(&gateway, "GET /healthz"));
    // That it waits shows only in that nothing happens.
    let answer = timeout(Duration::from_millis(500), &mut health).await;
    assert!(answer.is_err(), "{answer:?}");
    silent.pop();
    let answer = health.await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // The main listener has connections of its own.
    assert_eq!(gateway.get("/").await.0, StatusCode::OK);
}

#[tokio::test]
async fn connections_that_send_no_request_are_closed_after_the_idle_timeout() {
    let gateway = Gateway::start(&["--admin", "127.0.0.1:0", "--idle-timeout", "1"]).await;
    let mut silent = silent_connections(&gateway).await;
    let half = b"GET /healthz HTTP/1.1\r\nHost: a\r\n";
    within(silent[1].write_all(half)).await.unwrap();
    for stream in &mut silent {
        let end = within(stream.read(&mut [0])).await;
        assert_eq!(end.unwrap_or(0), 0, "an answer");
    }
    let health = ask_admin(&gateway, "GET /healthz").await;
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
}

#[tokio::test]
async fn an_address_for_monitoring_that_is_taken_is_an_error() {
    let gateway = Gateway::start(&ADMIN).await;
    let mut command = command_with_keys();
    command.args(["--admin", &gateway.admin.unwrap().to_string()]);
    let output = fails_to_start(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!("gateway: cannot listen on {}", gateway.admin.unwrap());
    assert!(said.starts_with(&expected), "{said:?}");
    assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]));
}
