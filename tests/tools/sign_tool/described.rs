//! Gateways without a preset, which a file describes.
//!
//! The signatures of [`ACME`] were computed with Python's `hmac` over the signing strings.

use std::{fs, path::Path, process::Command};

use super::{FRIDAY, printed, refused, run, tool};
use crate::temp_file::TempFile;

pub(crate) const SENSECORE: &str = r#"
name = "sensecore"
nearest = "kong"
key_id_parameter = "accesskey"
default_list = ["date", "host", "@request-target"]
"#;

/// A gateway that does not exist. It differs from draft-cavage wherever a file can say so.
pub(crate) const ACME: &str = r#"
name = "acme"
nearest = "cavage"
auth_scheme = "ACME-HMAC"
key_id_parameter = "client"
separator = ", "
any_parameter_order = true
ignore_unknown_parameters = true
default_list = ["X-Date", "@target", "host", "X-Tenant"]
algorithms = ["hmac-sha512", "hmac-sha256"]
date_headers = ["x-date"]
keep_name_case = true
key_id_line = true
final_newline = true
missing_headers = "omitted"
join_repeated_headers = true
max_skew = 60
date_policy = "check-age"

[derived_components]
"@target" = "request-line"
"#;

pub(crate) fn file(text: &str) -> TempFile {
    TempFile::new(".toml", text)
}

fn sensecore_tool(file: &TempFile) -> Command {
    let mut command = tool(&["--scheme", file.path()]);
    command
        .args(["--date", "Wed, 25 Nov 2026 04:05:06 GMT"])
        .arg("https://management.example.cn/rmh/v1/resources?page_size=10")
        .env("HMAC_KEY_ID", "AKIDfamily0000000001")
        .env("HMAC_SECRET_KEY", "family-secret-0123456789abcdef");
    command
}

fn acme_tool(file: &TempFile) -> Command {
    let mut command = tool(&["--scheme", file.path(), "--header", "X-Tenant: 7"]);
    command
        .args(["--date", FRIDAY])
        .env("HMAC_KEY_ID", "AKIDtestkey0001")
        .env("HMAC_SECRET_KEY", "test-secret-key-0001");
    command
}

/// What a reader of the guide would copy.
fn guide_file() -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide/own_gateway.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, rest) = guide.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn a_described_gateway_signs_what_its_clients_sign() {
    for text in [SENSECORE.to_owned(), guide_file()] {
        let lines = printed(&mut sensecore_tool(&file(&text)));
        let expected = r#"Authorization: hmac accesskey="AKIDfamily0000000001", algorithm="hmac-sha256", headers="date host @request-target", signature="0x5wvoKoZ1bLijW3iHHd2YcNlvBAZzIvIOVAUaYdKJw=""#;
        assert!(lines.contains(expected), "{lines}");
        assert!(lines.contains("Host: management.example.cn\n"), "{lines}");
    }

    let text = SENSECORE.replace(r#""date", "host", "@request-target""#, r#""x-date""#);
    let lines = printed(&mut sensecore_tool(&file(&text)));
    let expected = r#"headers="x-date", signature="hePLyXjuM3jnT1P5eFKxL83mCCugXUX7rAux8BlHEcc=""#;
    assert!(lines.contains(expected), "{lines}");
}

#[test]
fn every_key_that_signers_use_shows_in_the_signature() {
    let acme = file(ACME);
    let url = "https://acme.example/v1/orders?page=2";
    let lines = printed(acme_tool(&acme).arg(url));
    assert_eq!(
        lines,
        format!(
            "X-Tenant: 7\nX-Date: {FRIDAY}\nAuthorization: ACME-HMAC client=\"AKIDtestkey0001\", \
             algorithm=\"hmac-sha512\", headers=\"X-Date @target host X-Tenant\", signature=\"\
             gR2Q5lUnmGOgI3B+p8t08WvDTz0iwKemL2HUIIjPaPNXqmlVbsP2OfYx5GqVQWFM5FxyPxGIPjD9h20zoMnbfQ\
             ==\"\nHost: acme.example\n"
        )
    );

    let joined = printed(acme_tool(&acme).args(["--header", "X-Tenant: 8", url]));
    let signature =
        "QpVHeiRHH3s2qWHSh96wxcHqxzEpZoeeD1WuDfcfh6W2/LZY8hBOq6kgWDj1TsVwuMId9b98ckrivdyEdFv50A==";
    assert!(joined.contains(signature), "{joined}");
    let refuses = ACME.replace(
        "join_repeated_headers = true",
        "join_repeated_headers = false",
    );
    let line = refused(acme_tool(&file(&refuses)).args(["--header", "X-Tenant: 8", url]));
    assert!(line.contains("more than once"), "{line}");
}

#[test]
fn a_name_of_ones_own_for_the_target_needs_the_url_and_is_explained() {
    let acme = file(ACME);
    let line = refused(&mut acme_tool(&acme));
    assert!(line.contains("acme signs the method"), "{line}");
    let mut command = acme_tool(&acme);
    let output = run(command.args(["--explain", "--curl", "https://acme.example/"]));
    let explanation = String::from_utf8(output.stderr).unwrap();
    assert!(
        explanation.contains("It covers these headers, the method, the path and the query"),
        "{explanation}"
    );
    let command = String::from_utf8(output.stdout).unwrap();
    assert!(command.contains(" '--http1.1' "), "{command}");
}

#[test]
fn a_component_that_the_default_list_leaves_out_can_be_signed_as_well() {
    let text = SENSECORE.replace(r#""host", "@request-target""#, "");
    let file = file(&text);
    let lines = printed(sensecore_tool(&file).args(["--sign", "@request-target"]));
    assert!(
        lines.contains(r#"headers="date @request-target""#),
        "{lines}"
    );
    let line = refused(sensecore_tool(&file).args(["--sign", "(request-target)"]));
    assert!(
        line.contains("sensecore's own names (@request-target"),
        "{line}"
    );
}

/// Expected: the vector `tencent-app-documented`, whose path has no stage.
#[test]
fn a_stage_and_a_form_of_application_authentication_can_be_described() {
    let staged = file("name = 'staged'\nnearest = 'tencent-app'\npath_prefix = '/release'\n");
    let form = file("p=test");
    let tool = |url: &str| {
        let mut command = tool(&["--scheme", staged.path(), "--data", form.path(), url]);
        command
            .args(["--header", "Accept: application/json"])
            .args([
                "--header",
                "Content-Type: application/x-www-form-urlencoded",
            ])
            .args(["--source", "apigw test", "--explain"])
            .args(["--date", "Thu, 11 Mar 2021 08:29:58 GMT"]);
        command
    };
    let output = run(&mut tool("http://a/release/"));
    let explanation = String::from_utf8(output.stderr).unwrap();
    assert!(
        explanation.contains(r"POST\napplication/json"),
        "{explanation}"
    );
    assert!(explanation.contains(r"\n/?p=test"), "{explanation}");
    assert!(
        explanation.contains("the method, the path, the query and the body."),
        "{explanation}"
    );
    let line = refused(&mut tool("http://a/test/"));
    assert!(line.contains("/test/") || line.contains("path"), "{line}");
}

/// Expected: the vector `tencent-app-post`, whose path has no stage.
#[test]
fn a_body_has_the_digest_of_the_preset_that_a_description_starts_from() {
    let staged = file("name = 'staged'\nnearest = 'tencent-app'\npath_prefix = '/release'\n");
    let json = file(r#"{"sn":"SN001"}"#);
    let path = "/release/pudu-entry/open-platform-service/v1/custom_call";
    let mut command = tool(&["--scheme", staged.path(), "--data", json.path()]);
    command
        .args(["--header", "Accept: application/json"])
        .args(["--header", "Content-Type: application/json"])
        .args(["--date", "Wed, 25 Nov 2026 04:05:06 GMT"])
        .arg(format!("http://a{path}"))
        .env("HMAC_KEY_ID", "AKIDfamily0000000001")
        .env("HMAC_SECRET_KEY", "family-secret-0123456789abcdef");
    let lines = printed(&mut command);
    let md5 = "Content-Md5: MWRiYmUxMTg2YTdhY2FlZGI2NGFjNTA5ODA1NjZhNmU=\n";
    assert!(lines.contains(md5), "{lines}");
    assert!(!lines.contains("Digest"), "{lines}");
    assert!(
        lines.contains("signature=\"Foq4A0wjDRFwOufS7I8hgSWRFng=\""),
        "{lines}"
    );
}

/// Expected: the vector `dnse-default`.
#[test]
fn a_header_of_its_own_and_a_nonce_can_be_described() {
    let dnse = file(
        "name = 'dnse'\nnearest = 'tyk'\ncredentials_header = 'X-Signature'\n\
         nonce_parameter = 'nonce'\ndefault_list = ['(request-target)', 'date']\n",
    );
    let base = || {
        let mut command = tool(&["--scheme", dnse.path(), "https://a/price/ohlc?symbol=HPG"]);
        command
            .args(["--date", "Wed, 25 Nov 2026 04:05:06 GMT"])
            .env("HMAC_KEY_ID", "AKIDfamily0000000001")
            .env("HMAC_SECRET_KEY", "family-secret-0123456789abcdef");
        command
    };
    let signs = || {
        let mut command = base();
        command.args(["--nonce-parameter", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"]);
        command
    };
    let output = run(signs().arg("--explain"));
    let lines = String::from_utf8(output.stdout).unwrap();
    let expected = "X-Signature: Signature keyId=\"AKIDfamily0000000001\",algorithm=\"hmac-sha256\",\
                    headers=\"(request-target) date\",\
                    signature=\"eBoMVKq7kKIbXKAZIrqhGwmBycC90ga4bwlomUZFMXY%3D\",\
                    nonce=\"0f1e2d3c4b5a69788796a5b4c3d2e1f0\"\n";
    assert!(lines.contains(expected), "{lines}");
    assert!(!lines.contains("Authorization"), "{lines}");
    let explanation = String::from_utf8(output.stderr).unwrap();
    assert!(
        explanation.contains("It covers these headers, the method and the path, but not the query"),
        "{explanation}"
    );
    let line = refused(&mut base());
    assert!(line.contains("add --nonce-parameter"), "{line}");
    let line = refused(&mut tool(&[
        "--scheme",
        "tyk",
        "--nonce-parameter",
        "a",
        "http://a/",
    ]));
    assert!(line.contains("--nonce-parameter: tyk has no"), "{line}");
}

#[test]
fn the_form_that_the_help_shows_is_a_description_of_kong() {
    let help = printed(&mut tool(&["--help"]));
    let (_, form) = help.split_once("nearest.\n").unwrap();
    let described = file(form);
    let signed = |scheme: &str| {
        let arguments = ["--source", "a", "--date", FRIDAY, "http://a/b?c"];
        printed(tool(&arguments).args(["--scheme", scheme]))
    };
    assert_eq!(signed(described.path()), signed("kong"));
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_line_and_what_to_do() {
    let begin = "name = \"x\"\nnearest = \"kong\"\n\n";
    let after_begin: &[(&str, usize, &str)] = &[
        (
            "key_id_parametre = 'a'",
            4,
            "unknown field `key_id_parametre`: write one of `name`",
        ),
        ("\nname = 'y'", 5, "duplicate key"),
        ("final_newline = 'yes'", 4, "write true or false"),
        ("default_list = 'date'", 4, "write a list"),
        ("default_list = ['date', 1]", 4, "write a string"),
        ("max_skew = -1", 4, "write a number of seconds"),
        ("max_skew = '5 min'", 4, "write a number of seconds"),
        (
            "missing_headers = 'none'",
            4,
            "use empty, empty-value, omitted or refused",
        ),
        (
            "date_policy = 'never'",
            4,
            "use any-age, check-age or refuse",
        ),
        ("algorithms = ['md5']", 4, "use hmac-sha1, hmac-sha256"),
        ("date_headers = ['x-amz-date']", 4, "use date or x-date"),
        ("derived_components = ['@a']", 4, "write a table"),
        (
            "[derived_components]\n'@a' = 'url'",
            5,
            "use request-target, request-line",
        ),
        ("key_id_line", 4, "write `=`"),
        // What only the whole description shows.
        ("auth_scheme = 'two words'", 4, "use one word of letters"),
        (
            "\nkey_id_parameter = 'signature'",
            5,
            "use one word that no other parameter has",
        ),
        ("separator = ';'", 4, "use a comma"),
        ("algorithms = []", 4, "name at least one"),
        ("date_headers = []", 4, "name date, x-date or both"),
        ("default_list = ['host']", 4, "no date"),
        (
            "key_id_line = true\ndefault_list = ['date', 'x-date']",
            5,
            "name one of them",
        ),
        ("default_list = ['date', 'a', 'A']", 4, "named twice"),
        (
            "date_headers = ['date']\ndefault_list = ['x-date']",
            5,
            "takes no date from x-date",
        ),
        (
            "date_headers = ['date']\ndate_policy = 'refuse'",
            5,
            "write check-age",
        ),
        (
            "[derived_components]\nfoo = 'request-line'",
            4,
            "cannot name a derived component",
        ),
        (
            "[derived_components]\n'(a)' = 'request-line'",
            4,
            "kong signs @request-target by default",
        ),
        (
            "default_list = ['date']\n[derived_components]\n'@a' = 'request-target'\n'@A' = 'request-line'",
            5,
            "named twice",
        ),
        (
            "[derived_components]\n'request-line' = 'request-line'\n'(b)' = 'decoded-target'",
            4,
            "describe one of them",
        ),
        (
            "[derived_components]\n'(created)' = 'created'",
            4,
            "write nearest = \"cavage\"",
        ),
        (
            "\ncredentials_header = 'Host'",
            5,
            "use a header of its own, such as x-signature",
        ),
        ("credentials_header = 'a b'", 4, "invalid HTTP header name"),
        (
            "\nnonce_parameter = 'username'",
            5,
            "use another word, which the other parameters do not have",
        ),
        (
            "default_list = ['date']\n[derived_components]\n'(a)' = 'decoded-path'\n'(b)' = 'decoded-target'",
            5,
            "describe one of them",
        ),
    ];
    let whole: &[(&str, usize, &str)] = &[
        ("", 1, "missing field `name`: add it"),
        ("nearest = 'kong'", 1, "missing field `name`: add it"),
        (
            "name = 'x'\nnearest = 'kong'\npath_prefix = '/release'",
            3,
            "start from tencent-app",
        ),
        ("name = 'x'\nnearest = 'nginx'", 2, "use one of tencent"),
        (
            "nearest = 'kong'\nname = 'My Gateway'",
            2,
            "use lower-case letters",
        ),
        ("\nname = 'kong'\nnearest = 'kong'", 2, "no preset's name"),
        ("# ours\nAKIDbilling:the-secret-key", 2, "write `=`"),
        (
            "name = 'x'\nnearest = 'cavage'\ndefault_list = ['(created)', 'date']",
            3,
            "let clients list it",
        ),
    ];
    let after_begin = after_begin
        .iter()
        .map(|(text, line, words)| (format!("{begin}{text}"), *line, *words));
    let whole = whole
        .iter()
        .map(|(text, line, words)| ((*text).to_owned(), *line, *words));
    for (text, line, words) in after_begin.chain(whole) {
        let file = file(&text);
        let said = refused(&mut tool(&["--scheme", file.path(), "https://a/"]));
        let at = format!("{}, line {line}: ", file.path());
        assert!(said.contains(&at), "{text}\n{said}");
        assert!(said.contains(words), "{text}\n{said}");
        assert!(!said.contains("the-secret-key"), "{said}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let said = refused(&mut tool(&["--scheme", "/nowhere/acme.toml"]));
    assert!(
        said.contains("/nowhere/acme.toml cannot be read: "),
        "{said}"
    );
    let said = refused(&mut tool(&["--scheme", "acme"]));
    assert!(said.contains("or a file that ends in .toml"), "{said}");
    let bytes = TempFile::new(".TOML", b"name = \"\xff\"");
    let said = refused(&mut tool(&["--scheme", bytes.path()]));
    assert!(said.contains("line 1: "), "{said}");
}
