//! Bodies and methods: what is read, hashed and signed, and the options of the curl command.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use super::{printed, refused, tool};
use crate::temp_file::TempFile;

const URL: &str = "http://example.com/items";
const BODY: &[u8] = br#"{"hello":"world"}"#;
const DIGEST: &str = "Digest: SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=";

fn data_file() -> TempFile {
    TempFile::new("", BODY)
}

fn with_input(command: &mut Command, input: &[u8]) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn curl_asks_for_the_head_in_its_own_way() {
    let command = printed(&mut tool(&["--method", "HEAD", "--curl", URL]));
    assert!(command.contains(" '--head' "), "{command}");
    assert!(!command.contains("--request"), "{command}");

    let command = printed(&mut tool(&["--method", "DELETE", "--curl", URL]));
    assert!(command.contains(" '--request' 'DELETE' "), "{command}");

    let file = data_file();
    let head = ["--method", "HEAD", "--data", file.path(), URL];
    printed(&mut tool(&head));
    let line = refused(tool(&head).arg("--curl"));
    assert!(
        line.contains("--method HEAD") && line.contains("--data"),
        "{line}"
    );
}

#[test]
fn a_body_on_standard_input_is_hashed() {
    for (curl, expected) in [
        (None, DIGEST),
        (Some("--curl"), " '--data-binary' '@-' "),
        (Some("--curl"), DIGEST),
    ] {
        let mut command = tool(&["--scheme", "kong", "--data", "-", URL]);
        let output = with_input(command.args(curl), BODY);
        let lines = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && lines.contains(expected),
            "{lines}"
        );
    }
}

#[test]
fn curl_does_not_call_a_body_a_form() {
    let file = data_file();
    let curl = ["--data", file.path(), "--curl", URL];
    let command = printed(&mut tool(&curl));
    let octets = " -H 'Content-Type: application/octet-stream' ";
    assert!(command.contains(octets), "{command}");

    let signed = printed(tool(&curl).args(["--sign", "content-type"]));
    assert!(
        signed.contains(octets) && signed.contains(" content-type"),
        "{signed}"
    );

    let json = ["--header", "content-type: application/json"];
    let command = printed(tool(&curl).args(json));
    assert!(
        command.contains(" -H 'Content-Type: application/json' "),
        "{command}"
    );
    assert!(!command.contains("octet-stream"), "{command}");

    // Who takes the headers elsewhere chooses there, and without a body there is nothing to name.
    for arguments in [&["--data", file.path(), URL][..], &["--curl", URL]] {
        let lines = printed(&mut tool(arguments));
        assert!(!lines.contains("Content-Type"), "{lines}");
    }
}

#[test]
fn a_digest_beside_the_one_of_the_body_is_refused() {
    let file = data_file();
    for name in ["Digest", "digest", "DIGEST"] {
        let header = format!("{name}: SHA-256=AAAA");
        let line = refused(&mut tool(&[
            "--data",
            file.path(),
            "--header",
            &header,
            URL,
        ]));
        assert!(
            line.contains("--data") && line.contains("--header 'Digest: …'"),
            "{line}"
        );
        assert!(!line.contains("more than once"), "{line}");
    }
}

#[test]
fn data_that_cannot_be_read_is_named() {
    let line = refused(&mut tool(&["--data", "/nowhere/at all", URL]));
    assert!(
        line.contains("--data: cannot read /nowhere/at all"),
        "{line}"
    );
}
