//! Where keys come from, and the errors of invalid ones.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::process::Command;
use tower_hmac_auth::KeyPair;

use super::harness::{Gateway, command, fails_to_start, no_body, send, text};

/// Removed when dropped.
pub(super) struct KeyFile(pub(super) PathBuf);

impl KeyFile {
    /// A file whose name ends so.
    pub(super) fn new(ending: &str, content: &[u8]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let name = format!("keys-{}-{number}{ending}", process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    pub(super) fn command(&self) -> Command {
        let mut command = command();
        command.arg("--keys").arg(&self.0);
        command
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Sends a request that is signed with these keys.
pub(super) async fn ask(gateway: &Gateway, id: &str, secret: &[u8]) -> Response<Incoming> {
    let keys = KeyPair::new(id, secret).unwrap();
    let request = Request::get(gateway.url("/")).body(no_body()).unwrap();
    send(&keys, request).await.unwrap()
}

pub(super) async fn knows(gateway: &Gateway, id: &str, secret: &[u8]) {
    let response = ask(gateway, id, secret).await;
    assert_eq!(response.status(), StatusCode::OK, "{id}");
    let answer: serde_json::Value =
        serde_json::from_str(&text(response.into_body()).await).unwrap();
    assert_eq!(answer["key_id"], id);
}

/// The complaint has the file's name, is one line with status 2, and repeats nothing that might be
/// a secret.
async fn is_refused(ending: &str, content: &[u8], complaint: &str) {
    let file = KeyFile::new(ending, content);
    let output = fails_to_start(file.command()).await;
    let said = String::from_utf8(output.stderr).unwrap();
    let place = format!("gateway: {}{complaint}", file.0.display());
    assert!(said.starts_with(&place), "{said:?} should be {complaint:?}");
    assert!(!said.contains("hush-hush"), "{said:?}");
    assert_eq!(
        (output.status.code(), said.lines().count()),
        (Some(2), 1),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_key_file_has_comments_empty_lines_either_line_end_and_secrets_of_any_bytes() {
    let file = KeyFile::new(
        "",
        b"# first:not-a-key\n\n\r\nfirst:a secret\r\nsecond key:\xff\x00\r\xfe\n#\nlast:#no end",
    );
    let gateway = Gateway::from_command(file.command()).await;
    knows(&gateway, "first", b"a secret").await;
    knows(&gateway, "second key", b"\xff\x00\r\xfe").await;
    knows(&gateway, "last", b"#no end").await;
}

#[tokio::test]
async fn a_bad_key_file_is_named_with_the_line_but_not_repeated() {
    for (content, complaint) in [
        (&b"a:b\nhush-hush\n"[..], ", line 2: there is no colon"),
        (b"# a\n\n:hush-hush", ", line 3: the key id is empty"),
        (b"hush-hush:", ", line 1: the secret key is empty"),
        (b"hush-hush:\r\n", ", line 1: the secret key is empty"),
        (
            b"\"hush-hush\":hush",
            ", line 1: the key id has a double quote",
        ),
        (b"hush-hush\xff:hush", ", line 1: the key id is not UTF-8"),
        (
            b"hush-hush\xc3\xa9:hush",
            ", line 1: the key id has a byte that is not ASCII",
        ),
        (
            b"hush-hush :hush",
            ", line 1: the key id begins or ends with whitespace",
        ),
        (
            b"hush-hush:1\nb:2\nhush-hush:1\n",
            ", line 3: line 1 has the same key id",
        ),
        (b"# hush-hush:1\n", " has no key pair"),
        (b"", " has no key pair"),
    ] {
        is_refused("", content, complaint).await;
    }
}

#[tokio::test]
async fn a_line_with_two_colons_is_refused_with_the_form_to_use() {
    for line in ["arn:hush-hush:key", "hush-hush:a:secret", "hush-hush::"] {
        let content = format!("# comment: with: colons\na:b\n{line}\n");
        let complaint = ", line 3: there is more than one colon, so the end of the id is ambiguous: \
                         use a file that ends in .toml or .json";
        is_refused("", content.as_bytes(), complaint).await;
    }
}

#[tokio::test]
async fn ids_and_secrets_with_colons_come_from_toml_or_json() {
    let toml = br#"
        # The secret of the second is the bytes 00 ff.
        [[keys]]
        id = "arn:billing"
        secret = 'a:secret:'

        [[keys]]
        id = "shop"
        secret_base64 = "AP8="
    "#;
    let json = br#"{"keys": [
        {"id": "arn:billing", "secret": "a:secret:"},
        {"id": "shop", "secret_base64": "AP8="}
    ]}"#;
    for (ending, content) in [(".toml", &toml[..]), (".json", json), (".JSON", json)] {
        let file = KeyFile::new(ending, content);
        let gateway = Gateway::from_command(file.command()).await;
        knows(&gateway, "arn:billing", b"a:secret:").await;
        knows(&gateway, "shop", b"\x00\xff").await;
    }
}

#[tokio::test]
async fn bad_toml_and_json_are_named_with_the_line_but_not_repeated() {
    let good_toml = "[[keys]]\nid = \"hush-hush\"\nsecret = \"hush-hush\"\n";
    for (content, complaint) in [
        ("id = hush-hush".to_owned(), ", line 1: it is not TOML"),
        ("\nhush-hush = 1".into(), ", line 2: it is not TOML"),
        (
            "[[keys]]\nid = 1\nsecret = 'a'".into(),
            ", line 2: it is not TOML",
        ),
        (
            "keys = []\n\n[hush-hush]\n".into(),
            ", line 3: it is not TOML",
        ),
        (
            "[[keys]]\nid = 'hush-hush'".into(),
            ", line 1: there are both secret and secret_base64, or neither",
        ),
        (
            format!("{good_toml}secret_base64 = ''"),
            ", line 1: there are both secret and secret_base64, or neither",
        ),
        (
            "[[keys]]\nid = 'a'\nsecret_base64 = 'hush-hush'".into(),
            ", line 1: secret_base64 is not base64",
        ),
        (
            format!("{good_toml}previous_secret = 'a'\nprevious_secret_base64 = ''"),
            ", line 1: there are both previous_secret and previous_secret_base64: give one",
        ),
        (
            format!("{good_toml}previous_secret_base64 = 'hush-hush'"),
            ", line 1: previous_secret_base64 is not base64",
        ),
        (
            format!("{good_toml}previous_secret = ''"),
            ", line 1: previous_secret: the secret key is empty",
        ),
        (
            format!("{good_toml}\n{good_toml}"),
            ", line 5: line 1 has the same key id",
        ),
        (
            "\n[[keys]]\nid = ''\nsecret = 'hush-hush'".into(),
            ", line 2: the key id is empty",
        ),
        ("keys = []".into(), " has no key pair: add a table [[keys]]"),
    ] {
        is_refused(".toml", content.as_bytes(), complaint).await;
    }
    for (content, complaint) in [
        ("hush-hush", ", line 1: it is not JSON"),
        ("{\n\"keys\": [}", ", line 2: it is not JSON"),
        (
            "{\"hush-hush\": 1}",
            ", line 1: it is not of the form {\"keys\": [",
        ),
        (
            "{\"keys\": [\n{\"id\": \"a\",\n\"secret\": 1}]}",
            ", line 3: it is not of the form {\"keys\": [",
        ),
        (
            "{\"keys\": [\n{\"id\": \"a\", \"id\": \"hush-hush\"}]}",
            ", line 2: it is not of the form {\"keys\": [",
        ),
        (
            "{\"keys\": [{\"id\": \"a\", \"secret\": \"b\"},\n\n{\"id\": \"a\", \"secret\": \"hush-hush\"}]}",
            ", line 3: line 1 has the same key id",
        ),
        (
            "{\"keys\": [\n{\"id\": \"hush-hush\\n\", \"secret\": \"b\"}]}",
            ", line 2: the key id has a control character",
        ),
        ("{\"keys\": []}", " has no key pair: add an object"),
    ] {
        is_refused(".json", content.as_bytes(), complaint).await;
    }
}

#[tokio::test]
async fn whitespace_around_a_secret_is_warned_of_once_and_kept() {
    let warning = "the secret key begins or ends with whitespace, which is taken as a part of it";
    let lines = b"a:good\nb:hush-hush \r\nc: hush-hush\nd:inner space\ne:\thush-hush\n";
    let file = KeyFile::new("", lines);
    let mut gateway = Gateway::from_command(file.command()).await;
    let path = file.0.display();
    let said = gateway.log_line().await;
    let expected = format!("gateway: warning: {path}, line 2 (and 2 more): {warning}");
    assert!(said.starts_with(&expected), "{said}");
    knows(&gateway, "a", b"good").await;
    assert!(gateway.log_line().await.starts_with("GET / 200 "));
    knows(&gateway, "b", b"hush-hush ").await;
    knows(&gateway, "c", b" hush-hush").await;

    let toml = KeyFile::new(".toml", b"[[keys]]\nid = 'a'\nsecret = \"hush-hush\\n\"\n");
    let mut gateway = Gateway::from_command(toml.command()).await;
    let said = gateway.log_line().await;
    assert!(said.contains(&format!(", line 1: {warning}")), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
}

#[tokio::test]
async fn a_key_pair_in_the_environment_has_a_secret_of_any_bytes() {
    let mut command = command();
    command.env("HMAC_KEY_ID", "from environment").env(
        "HMAC_SECRET_KEY",
        OsString::from_vec(b"\xff\xfe:\n".to_vec()),
    );
    let mut gateway = Gateway::from_command(command).await;
    let said = gateway.log_line().await;
    let expected = "gateway: warning: HMAC_SECRET_KEY begins or ends with whitespace";
    assert!(said.starts_with(expected), "{said}");
    knows(&gateway, "from environment", b"\xff\xfe:\n").await;
    assert!(gateway.log_line().await.starts_with("GET / 200 "));
}
