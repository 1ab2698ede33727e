//! Gateways without a preset: the example `sign` and the gateway read the same file.

use std::time::{Duration, SystemTime};

use super::harness::{Gateway, command_with_keys, fails_to_start};
use crate::{
    common::{KEY_ID, SECRET},
    sign_tool::{
        described::{ACME, SENSECORE, file},
        printed, tool,
    },
    temp_file::TempFile,
};

/// A `GET` of the path with these lines, on a connection that ends with the answer.
fn get(path: &str, lines: &str) -> String {
    let lines = lines.replace('\n', "\r\n");
    format!("GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")
}

/// What the tool prints for a request to acme.example at this time, by this file.
fn signed_at(file: &TempFile, time: SystemTime) -> String {
    let date = httpdate::fmt_http_date(time);
    let mut command = tool(&["--scheme", file.path(), "--date", &date]);
    command
        .args([
            "--header",
            "X-Tenant: 7",
            "http://acme.example/orders?page=2",
        ])
        .env("HMAC_KEY_ID", KEY_ID)
        .env("HMAC_SECRET_KEY", SECRET);
    printed(&mut command)
}

fn signed(file: &TempFile) -> String {
    signed_at(file, SystemTime::now())
}

/// The status of the gateway's answer to this request for `/orders?page=2`.
async fn status(gateway: &Gateway, lines: &str) -> String {
    let answer = gateway.answer_to(get("/orders?page=2", lines)).await;
    let (_, rest) = answer.split_once(' ').unwrap();
    rest.get(..3).unwrap().to_owned()
}

/// A file with one line of [`ACME`] replaced.
fn acme_with(line: &str, other: &str) -> TempFile {
    assert!(ACME.contains(line), "{line}");
    file(&ACME.replace(line, other))
}

async fn start(file: &TempFile) -> Gateway {
    Gateway::start(&["--scheme", file.path()]).await
}

#[tokio::test]
async fn the_documented_request_of_sensecore_is_accepted_by_its_description() {
    let file = file(SENSECORE);
    let mut command = command_with_keys();
    command
        // The request is as old as the documentation.
        .args(["--scheme", file.path(), "--max-skew", "10000000000"])
        .args(["--require", "@request-target"])
        .env("HMAC_KEY_ID", "AKIDfamily0000000001")
        .env("HMAC_SECRET_KEY", "family-secret-0123456789abcdef");
    let gateway = Gateway::from_command(command).await;
    let lines = "Host: management.example.cn\nDate: Wed, 25 Nov 2026 04:05:06 GMT\n\
                 Authorization: hmac accesskey=\"AKIDfamily0000000001\", \
                 algorithm=\"hmac-sha256\", headers=\"date host @request-target\", \
                 signature=\"0x5wvoKoZ1bLijW3iHHd2YcNlvBAZzIvIOVAUaYdKJw=\"\n";

    let target = "/rmh/v1/resources?page_size=10";
    let answer = gateway.answer_to(get(target, lines)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("AKIDfamily0000000001"), "{answer}");
    let answer = gateway.answer_to(get("/rmh/v1/other", lines)).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    // What is not described is Kong's.
    assert!(answer.contains("HMAC signature does not match"), "{answer}");
    let kongs = lines.replace("accesskey", "username");
    let answer = gateway.answer_to(get(target, &kongs)).await;
    assert!(
        answer.contains("HMAC signature cannot be verified"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_the_tool_signs_by_a_file_the_gateway_accepts_by_it() {
    let acme = file(ACME);
    let gateway = start(&acme).await;
    let lines = signed(&acme);
    let answer = gateway.answer_to(get("/orders?page=2", &lines)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let signed = r#""signed":["x-date","@target","host","x-tenant"]"#;
    assert!(answer.to_lowercase().contains(signed), "{answer}");

    let changed = lines.replace("X-Tenant: 7", "X-Tenant: 8");
    assert_eq!(status(&gateway, &changed).await, "401");
    let twice = lines.replace("X-Tenant: 7", "X-Tenant: 7\nX-Tenant: 8");
    assert_eq!(status(&gateway, &twice).await, "401");
}

#[tokio::test]
async fn a_file_with_another_word_is_another_scheme() {
    let gateway = start(&file(ACME)).await;
    for (line, other) in [
        (
            "auth_scheme = \"ACME-HMAC\"",
            "auth_scheme = \"OTHER-HMAC\"",
        ),
        (
            "key_id_parameter = \"client\"",
            "key_id_parameter = \"customer\"",
        ),
        ("\"@target\"", "\"@line\""),
        ("= \"request-line\"", "= \"request-target\""),
        ("key_id_line = true", "key_id_line = false"),
        ("final_newline = true", "final_newline = false"),
        ("[\"hmac-sha512\", \"hmac-sha256\"]", "[\"hmac-sha1\"]"),
        (
            "date_headers = [\"x-date\"]",
            "date_headers = [\"x-date\", \"date\"]",
        ),
    ] {
        let lines = signed(&acme_with(line, other));
        let expected = match line.starts_with("date_headers") {
            true => "200",
            false => "401",
        };
        assert_eq!(status(&gateway, &lines).await, expected, "{other}: {lines}");
    }
}

#[tokio::test]
async fn what_only_the_verifier_reads_is_read_from_the_file() {
    let acme = file(ACME);
    let gateway = start(&acme).await;
    let reordered = |lines: &str| {
        let (before, rest) = lines.split_once("client=").unwrap();
        let (client, rest) = rest.split_once(", ").unwrap();
        let (others, rest) = rest.split_once("\"\nHost").unwrap();
        format!("{before}{others}\", client={client}\nHost{rest}")
    };
    let with_unknown = |lines: &str| lines.replace("ACME-HMAC ", "ACME-HMAC version=\"1\", ");

    let lines = signed(&acme);
    assert_eq!(status(&gateway, &reordered(&lines)).await, "200");
    assert_eq!(status(&gateway, &with_unknown(&lines)).await, "200");
    let ordered = acme_with("any_parameter_order = true", "any_parameter_order = false");
    assert_eq!(
        status(&start(&ordered).await, &reordered(&lines)).await,
        "401"
    );
    let known = acme_with(
        "ignore_unknown_parameters = true",
        "ignore_unknown_parameters = false",
    );
    assert_eq!(
        status(&start(&known).await, &with_unknown(&lines)).await,
        "401"
    );
    let joins = "join_repeated_headers = true";
    let repeats = lines.replace("X-Tenant: 7\n", "X-Tenant: 7\nX-Tenant: 8\n");
    let once = acme_with(joins, "join_repeated_headers = false");
    let mut refusing = start(&once).await;
    assert_eq!(status(&refusing, &repeats).await, "401");
    let logged = refusing.log_line().await;
    assert!(logged.contains("kind=HeaderRepeated"), "{logged}");
}

#[tokio::test]
async fn the_age_of_dates_is_checked_as_the_file_says() {
    let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
    let acme = file(ACME);
    let old = signed_at(&acme, ago(120));
    assert_eq!(status(&start(&acme).await, &old).await, "401");
    let hour = acme_with("max_skew = 60", "max_skew = 3600");
    assert_eq!(status(&start(&hour).await, &old).await, "200");

    let dated = ACME.replace("\"X-Date\"", "\"Date\"").replace(
        "date_headers = [\"x-date\"]",
        "date_headers = [\"date\", \"x-date\"]",
    );
    let ancient = signed_at(&file(&dated), ago(86_400));
    for (policy, expected) in [("any-age", "200"), ("check-age", "401"), ("refuse", "401")] {
        let file = file(&dated.replace("check-age", policy));
        assert_eq!(
            status(&start(&file).await, &ancient).await,
            expected,
            "{policy}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_wrong_is_refused_at_the_start() {
    let wrong = acme_with("key_id_line = true", "key_id_line = 1");
    let mut command = command_with_keys();
    command.args(["--scheme", wrong.path()]);
    let output = fails_to_start(command).await;
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!("{}, line 13: ", wrong.path());
    assert!(said.contains(&expected), "{said}");
    assert!(said.contains("write true or false"), "{said}");
    assert_eq!((output.status.code(), said.lines().count()), (Some(2), 1));
}
