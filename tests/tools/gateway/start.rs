//! Arguments, and the errors of invalid ones.

use super::harness::{Gateway, command, fails_to_start};

#[tokio::test]
async fn what_is_wrong_at_the_start_is_one_line_with_status_2() {
    type Words = &'static [&'static str];
    type Variables = &'static [(&'static str, &'static str)];
    const ID: (&str, &str) = ("HMAC_KEY_ID", "a");
    const SECRET: (&str, &str) = ("HMAC_SECRET_KEY", "hush-hush");
    let keys: Variables = &[ID, SECRET];
    let cases: [(Variables, Words, &str); 20] = [
        (&[], &[], "there are no keys"),
        (&[ID], &[], "HMAC_SECRET_KEY is not set"),
        (&[SECRET], &[], "HMAC_KEY_ID is not set"),
        (
            &[SECRET, ("HMAC_KEY_ID", "a\"")],
            &[],
            "HMAC_KEY_ID: the key id has a double quote",
        ),
        (
            &[ID, ("HMAC_SECRET_KEY", "")],
            &[],
            "HMAC_SECRET_KEY: the secret key is empty",
        ),
        (
            keys,
            &["--keys", "/no/such/file"],
            "/no/such/file cannot be read",
        ),
        (
            &[("HMAC_KEY_ID", " a"), SECRET],
            &[],
            "HMAC_KEY_ID: the key id begins or ends with whitespace",
        ),
        (
            keys,
            &["--write-timeout", "0"],
            "--write-timeout <SECONDS>': write a number from 0.001 to 86400",
        ),
        (keys, &["--max-in-flight", "0"], "--max-in-flight"),
        (keys, &["--listen", "nowhere"], "--listen"),
        (keys, &["--no-such-option"], "--no-such-option"),
        (keys, &["two\nlines"], "two lines"),
        (
            keys,
            &["--upstream", "https://127.0.0.1:1"],
            "write it as http://host:port",
        ),
        (
            keys,
            &["--upstream", "http://127.0.0.1:1/base"],
            "write it as http://host:port",
        ),
        (
            keys,
            &["--upstream", "http://127.0.0.1:x"],
            "write it as http://host:port",
        ),
        (
            keys,
            &["--upstream", "http://u:p@127.0.0.1"],
            "write it as http://host:port",
        ),
        (keys, &["--unauthorized-status", "400"], "write 401 or 403"),
        (
            keys,
            &["--date-policy", "never"],
            "use any-age, check-age or refuse",
        ),
        (keys, &["--max-skew", "x"], "--max-skew"),
        (
            keys,
            &["--require", "@request-target"],
            "--require: @request-target is neither a header nor one of tencent's own names",
        ),
    ];
    for (variables, arguments, complaint) in cases {
        let mut command = command();
        command.args(arguments).envs(variables.iter().copied());
        let output = fails_to_start(command).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(complaint), "{said:?} should be {complaint:?}");
        assert!(!said.contains("hush-hush"), "{said:?}");
        assert_eq!(
            (output.status.code(), said.lines().count()),
            (Some(2), 1),
            "{said:?}"
        );
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let gateway = Gateway::start(&[]).await;
    let mut command = command();
    command
        .args(["--listen", &gateway.address.to_string()])
        .env("HMAC_KEY_ID", "a")
        .env("HMAC_SECRET_KEY", "b");
    let output = super::harness::within(command.output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!("gateway: cannot listen on {}", gateway.address);
    assert!(said.starts_with(&expected), "{said:?}");
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn its_help_says_that_no_body_is_compared_with_its_digest() {
    let mut command = command();
    let output = super::harness::within(command.arg("--help").output()).await;
    let help = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(help.contains("does not compare"), "{help}");
    assert!(help.contains("VerifyDigestLayer"), "{help}");
}
