//! Lists of one's own, the times of `hs2019`, both digest headers, and nonces.
//!
//! Signatures without another source were computed with Python's `hmac` over the signing string.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::UNIX_EPOCH,
};

use super::{FRIDAY, printed, refused, run, tool};
use crate::temp_file::TempFile;

const BODY: &[u8] = br#"{"hello":"world"}"#;
const URL: &str = "http://example.com/a?x=1";

/// The key pair and the date of the vectors.
fn vector_tool(arguments: &[&str]) -> Command {
    let mut command = tool(&["--date", FRIDAY]);
    command
        .args(arguments)
        .env("HMAC_KEY_ID", "AKIDtestkey0001")
        .env("HMAC_SECRET_KEY", "test-secret-key-0001");
    command
}

/// The expected `Authorization` of a case in `tests/vectors`.
fn vector(case: &str) -> String {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let authorization = vectors.join(case).join("authorization");
    fs::read_to_string(authorization).unwrap()
}

fn authorization(lines: &str) -> &str {
    let mut lines = lines.lines();
    lines
        .find_map(|line| line.strip_prefix("Authorization: "))
        .unwrap()
}

fn explained(command: &mut Command) -> String {
    let Output { status, stderr, .. } = run(command.arg("--explain"));
    let explanation = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{explanation}");
    explanation
}

#[test]
fn components_are_signed_instead_of_the_default_list_in_their_order() {
    let lines = printed(&mut vector_tool(&[
        "--header",
        "X-Tenant: 7",
        "--components",
        " x-tenant  date ",
    ]));
    let expected = r#"headers="x-tenant date", signature="FQCZ3rttegOms0lklw1tE/2smPQ=""#;
    assert!(lines.contains(expected), "{lines}");

    let lines = printed(&mut vector_tool(&[
        "--components",
        "date source",
        "--source",
        "AndriodApp",
    ]));
    assert_eq!(
        authorization(&lines),
        r#"hmac id="AKIDtestkey0001", algorithm="hmac-sha1", headers="date source", signature="C6pxycsoBHmQJ9G8lCBx7779juc=""#
    );
}

#[test]
fn a_digest_is_signed_after_components_that_leave_it_out() {
    let body = TempFile::new("", BODY);
    for components in ["date request-line", "date request-line digest"] {
        let lines = printed(&mut vector_tool(&[
            "--scheme",
            "kong",
            "--components",
            components,
            "--data",
            body.path(),
            "http://a/digest/items",
        ]));
        assert_eq!(
            authorization(&lines),
            vector("kong-request-line-and-digest")
        );
    }
}

#[test]
fn the_times_of_hs2019_are_signed_where_components_have_them() {
    let created_and_expires = [
        "--scheme",
        "cavage",
        "--hs2019",
        "--algorithm",
        "hmac-sha512",
        "--components",
        "(request-target) (created) (expires) host",
        "--expires",
        "60",
        "http://example.com/a",
    ];
    let lines = printed(&mut vector_tool(&created_and_expires));
    assert_eq!(authorization(&lines), vector("cavage-created-and-expires"));
    assert!(!lines.contains("Date: "), "{lines}");

    let beside_a_date = [
        "--scheme",
        "cavage",
        "--hs2019",
        "--components",
        "(created) x-date",
    ];
    let lines = printed(&mut vector_tool(&beside_a_date));
    assert_eq!(
        authorization(&lines),
        vector("cavage-created-beside-a-date")
    );
    assert!(lines.contains(&format!("X-Date: {FRIDAY}\n")), "{lines}");
}

#[test]
fn created_takes_the_place_of_the_date_and_expires_comes_after_it() {
    let body = TempFile::new("", BODY);
    let cases: [(&[&str], &str, &str); 3] = [
        (
            &["--created", URL],
            r#"created=1444348800,headers="(request-target) host (created)""#,
            "lJHV3rzCq5RqosoRu8VXAfoTFDNxSfAAeh7Gcmm+mZA=",
        ),
        (
            &["--expires", "60", URL],
            r#"expires=1444348860,headers="(request-target) host date (expires)""#,
            "UaraYcEq3hOf8U+DJ+f10vmlfqmq61eAW9JVvfI28PY=",
        ),
        (
            &[
                "--created",
                "--expires",
                "60",
                "--source",
                "x",
                "--digest-header",
                "content-digest",
                "--data",
                body.path(),
                "http://example.com/a",
            ],
            r#"created=1444348800,expires=1444348860,headers="(request-target) host (created) (expires) source content-digest""#,
            "BoixXuRtE1/P/sfVhi60R5fFEgJZOAwVlz0g+LjbSY0=",
        ),
    ];
    for (arguments, list, signature) in cases {
        let mut command = vector_tool(&["--scheme", "cavage", "--hs2019"]);
        let lines = printed(command.args(arguments));
        let expected = format!(
            r#"Signature keyId="AKIDtestkey0001",algorithm="hs2019",{list},signature="{signature}""#
        );
        assert_eq!(authorization(&lines), expected);
        let has_date = !arguments.contains(&"--created");
        assert_eq!(lines.contains(&format!("Date: {FRIDAY}")), has_date);
    }
}

#[test]
fn a_content_digest_is_signed_in_every_scheme() {
    let body = TempFile::new("", BODY);
    for (scheme, list, signature) in [
        (
            "tencent",
            "x-date content-digest",
            "XFB7bKnxiSqSZlaIP9btyMYEb0A=",
        ),
        (
            "kong",
            "x-date @request-target content-digest",
            "1NzHIsO9lLJvxcVBGo47/SSpDLNg8e8G8TZqZGByxeI=",
        ),
    ] {
        let lines = printed(&mut vector_tool(&[
            "--scheme",
            scheme,
            "--digest-header",
            "Content-Digest",
            "--data",
            body.path(),
            "http://example.com/a",
        ]));
        let digest = "Content-Digest: sha-256=:k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=:\n";
        assert!(lines.starts_with(digest), "{lines}");
        let expected = format!("headers=\"{list}\", signature=\"{signature}\"");
        assert!(lines.contains(&expected), "{lines}");
    }
}

#[test]
#[cfg(feature = "nonce")]
fn every_signature_has_a_nonce_of_its_own_under_it() {
    use super::{SECRET, friday, verified};

    let nonce = || {
        let lines = printed(&mut tool(&["--date", FRIDAY, "--nonce", "X-Nonce"]));
        let nonce = lines
            .lines()
            .find_map(|line| line.strip_prefix("X-Nonce: "));
        let nonce = nonce.unwrap().to_owned();
        assert_eq!(
            verified(&lines, SECRET.as_bytes(), friday()),
            format!("x-date: {FRIDAY}\\nx-nonce: {nonce}")
        );
        nonce
    };
    assert_ne!(nonce(), nonce());

    // `--explain` shows the string of the signature that was printed.
    let mut command = tool(&["--nonce", "x-n", "--components", "x-n date", "--explain"]);
    let output = run(&mut command);
    let lines = String::from_utf8(output.stdout).unwrap();
    let explanation = String::from_utf8(output.stderr).unwrap();
    let nonce = lines.lines().find_map(|line| line.strip_prefix("X-N: "));
    let expected = format!("signing string: x-n: {}\\ndate: ", nonce.unwrap());
    assert!(explanation.starts_with(&expected), "{explanation}");
}

#[test]
#[cfg(not(feature = "nonce"))]
fn without_the_feature_a_nonce_is_refused_and_the_error_names_the_feature() {
    let line = refused(&mut tool(&["--nonce", "X-Nonce"]));
    assert!(line.contains("--features nonce"), "{line}");
}

#[test]
fn the_time_of_signing_is_that_of_the_clock() {
    let arguments = ["--scheme", "cavage", "--hs2019", "--created", URL];
    let before = UNIX_EPOCH.elapsed().unwrap().as_secs();
    let lines = printed(&mut tool(&arguments));
    let after = UNIX_EPOCH.elapsed().unwrap().as_secs();
    let (_, rest) = lines.split_once("created=").unwrap();
    let created: u64 = rest.split_once(',').unwrap().0.parse().unwrap();
    assert!((before..=after).contains(&created), "{lines}");
}

#[test]
fn what_the_signature_covers_is_said_whatever_its_names_are() {
    let body = TempFile::new("", BODY);
    let cases: [(&[&str], &str); 4] = [
        (
            &["--components", "date"],
            "these headers, but not the method, the path, the query or the body.",
        ),
        (
            &["--components", "date", "--data", body.path()],
            "these headers and the body, but not the method, the path or the query.",
        ),
        (
            &["--scheme", "kong", "--components", "date request-line", URL],
            "these headers, the method, the path and the query, but not the body.",
        ),
        (
            &["--scheme", "apisix", "--data", body.path(), URL],
            "these headers, the method, the path, the query and the body.",
        ),
    ];
    for (arguments, scope) in cases {
        let explanation = explained(&mut vector_tool(arguments));
        let expected = format!("\nIt covers {scope}\n");
        assert!(explanation.ends_with(&expected), "{explanation}");
    }
}

#[test]
fn the_curl_command_uses_the_http_version_that_is_signed() {
    let command = |components| {
        printed(&mut vector_tool(&[
            "--scheme",
            "kong",
            "--curl",
            "--components",
            components,
            "https://example.com/a",
        ]))
    };
    let signed = command("date request-line");
    assert!(signed.contains(" '--http1.1' "), "{signed}");
    let unsigned = command("date @request-target");
    assert!(!unsigned.contains("--http1.1"), "{unsigned}");
}

#[test]
fn options_that_contradict_each_other_are_refused_with_what_to_do() {
    let cavage = ["--scheme", "cavage", "--hs2019"];
    let cases: &[(&[&str], &str)] = &[
        (
            &["--components", "date", "--date-header", "date"],
            "--components and --date-header both choose the date header: name it in --components",
        ),
        (
            &["--components", "date", "--created", "--hs2019"],
            "name (created) in --components",
        ),
        (
            &["--created", "--hs2019", "--date-header", "date"],
            "leave out --date-header",
        ),
        (&["--created"], "add --hs2019"),
        (&["--expires", "5"], "add --hs2019"),
        (&["--expires", "0"], "at least 1"),
        (&["--expires=-1"], "at least 1"),
        (&["--hs2019"], "--hs2019: tencent does not have it"),
        (
            &["--hs2019", "--created"],
            "--hs2019: tencent does not have it",
        ),
        (&["--digest-header", "digest"], "add --data"),
        (
            &["--digest-header", "md5"],
            "write digest or content-digest",
        ),
        (
            &["--nonce", "X-N", "--header", "x-n: 1"],
            "--nonce x-n and --header 'X-N: …' both set the nonce",
        ),
        (&["--nonce", "x n"], "'x n' is not a header name"),
        (&["--components", ""], "--components: no date"),
        (&["--components", "source"], "--components: no date"),
        (&["--components", "date x-date"], "--components: date and"),
        (
            &["--components", "date,source"],
            "separate the names with spaces",
        ),
        (&["--components", "date source"], "add --source"),
        (
            &["--components", "date x-a"],
            "--components x-a: no such header",
        ),
        (&["--components", "date digest"], "add --data"),
        (&["--components", "date host"], "add the URL"),
        (&["--components", "date date"], "named twice"),
        (&["--components", "date", "--sign", "date"], "signed anyway"),
        (
            &["--components", "date (request-target)"],
            "--components (request-target): tencent cannot sign the target",
        ),
        (
            &["--components", "date (created)"],
            "--components (created): tencent has no times",
        ),
        (
            &[
                "--scheme",
                "kong",
                "--components",
                "date (request-target)",
                URL,
            ],
            "kong names the target @request-target",
        ),
        (
            &["--scheme", "kong", "--components", "date @request-target"],
            "kong signs the method and the target: add the URL",
        ),
        (
            &["--scheme", "kong", "--sign", "(other)", URL],
            "(other) is neither a header nor one of kong's own names",
        ),
        (
            &["--scheme", "cavage", "--sign", "(created)", URL],
            "(created) is signed under the algorithm's name hs2019 only: add --hs2019",
        ),
    ];
    for (arguments, text) in cases {
        let line = refused(&mut vector_tool(arguments));
        assert!(line.contains(text), "{arguments:?}: {line}");
    }
    for (arguments, text) in [
        (
            &["--components", "date (expires)", URL][..],
            "say with --expires for how long",
        ),
        (
            &["--components", "date", "--expires", "5", URL],
            "--expires: (expires) is not in --components",
        ),
        (
            &["--components", "(request-target)", URL],
            "--components: no date",
        ),
    ] {
        let line = refused(vector_tool(&cavage).args(arguments));
        assert!(line.contains(text), "{arguments:?}: {line}");
    }
    let digest = TempFile::new("", BODY);
    let line = refused(&mut vector_tool(&[
        "--data",
        digest.path(),
        "--digest-header",
        "content-digest",
        "--header",
        "content-digest: sha-256=:AAAA:",
    ]));
    assert!(line.contains("--header 'Content-Digest: …'"), "{line}");
}

#[test]
#[cfg(feature = "nonce")]
fn a_header_with_a_meaning_of_its_own_cannot_carry_a_nonce() {
    for name in ["date", "host", "source", "digest", "authorization"] {
        let line = refused(&mut tool(&["--nonce", name]));
        assert!(line.contains(name), "{line}");
    }
}
