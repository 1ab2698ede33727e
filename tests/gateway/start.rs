//! Keys, arguments, and what is said of bad ones.

use std::{
    ffi::OsString, os::unix::ffi::OsStringExt, path::PathBuf, process, sync::atomic::AtomicU32,
    sync::atomic::Ordering::Relaxed,
};

use http::{Request, StatusCode};
use tower_hmac_auth::KeyPair;

use crate::harness::{Gateway, command, fails_to_start, no_body, send, text};

/// Removed when dropped.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(content: &[u8]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("keys-{}-{}", process::id(), NUMBER.fetch_add(1, Relaxed));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn knows(gateway: &Gateway, id: &str, secret: &[u8]) {
    let keys = KeyPair::new(id, secret).unwrap();
    let request = Request::get(gateway.url("/")).body(no_body()).unwrap();
    let response = send(&keys, request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{id}");
    let answer: serde_json::Value =
        serde_json::from_str(&text(response.into_body()).await).unwrap();
    assert_eq!(answer["key_id"], id);
}

#[tokio::test]
async fn a_key_file_has_comments_empty_lines_either_line_end_and_secrets_of_any_bytes() {
    let file = KeyFile::new(
        b"# first:not-a-key\n\n\r\nfirst:a:secret: with colons \r\nsecond key:\xff\x00\r\xfe\n#\nlast:#no end",
    );
    let mut command = command();
    command.arg("--keys").arg(&file.0);
    let gateway = Gateway::from_command(command).await;
    knows(&gateway, "first", b"a:secret: with colons ").await;
    knows(&gateway, "second key", b"\xff\x00\r\xfe").await;
    knows(&gateway, "last", b"#no end").await;
}

#[tokio::test]
async fn a_bad_key_file_is_named_with_the_line_but_not_repeated() {
    for (content, complaint) in [
        (&b"a:b\nhush-hush\n"[..], "line 2: there is no colon"),
        (b"# a\n\n:hush-hush", "line 3: the key id is empty"),
        (b"hush-hush:", "line 1: the secret key is empty"),
        (b"hush-hush:\r\n", "line 1: the secret key is empty"),
        (
            b"\"hush-hush\":hush",
            "line 1: the key id has a double quote",
        ),
        (b"hush-hush\xff:hush", "line 1: the key id is not UTF-8"),
        (
            b"hush-hush\xc3\xa9:hush",
            "line 1: the key id has a byte that is not ASCII",
        ),
        (b"hush-hush :hush", "line 1: the key id has a blank"),
        (
            b"hush-hush:1\nb:2\nhush-hush:1\n",
            "line 3: line 1 has the same key id",
        ),
        (b"# hush-hush:1\n", " has no key pair"),
        (b"", " has no key pair"),
    ] {
        let file = KeyFile::new(content);
        let mut command = command();
        command.arg("--keys").arg(&file.0);
        let output = fails_to_start(command).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(complaint), "{said:?} should be {complaint:?}");
        assert!(said.contains(file.0.to_str().unwrap()), "{said:?}");
        assert!(!said.contains("hush-hush"), "{said:?}");
        assert_eq!(
            (output.status.code(), said.lines().count()),
            (Some(2), 1),
            "{said:?}"
        );
    }
}

#[tokio::test]
async fn a_key_pair_in_the_environment_has_a_secret_of_any_bytes() {
    let mut command = command();
    command.env("HMAC_KEY_ID", "from environment").env(
        "HMAC_SECRET_KEY",
        OsString::from_vec(b"\xff\xfe:\n".to_vec()),
    );
    let gateway = Gateway::from_command(command).await;
    knows(&gateway, "from environment", b"\xff\xfe:\n").await;
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_one_line_with_status_2() {
    type Words = &'static [&'static str];
    type Variables = &'static [(&'static str, &'static str)];
    const ID: (&str, &str) = ("HMAC_KEY_ID", "a");
    const SECRET: (&str, &str) = ("HMAC_SECRET_KEY", "hush-hush");
    let keys: Variables = &[ID, SECRET];
    let cases: [(Variables, Words, &str); 17] = [
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
            &["--plain-date", "never"],
            "write any-age, check-age or refuse",
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
    let output = crate::harness::within(command.output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!("gateway: cannot listen on {}", gateway.address);
    assert!(said.starts_with(&expected), "{said:?}");
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn its_help_says_that_no_body_is_compared_with_its_digest() {
    let mut command = command();
    let output = crate::harness::within(command.arg("--help").output()).await;
    let help = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(help.contains("does not compare"), "{help}");
    assert!(help.contains("VerifyDigestLayer"), "{help}");
}
