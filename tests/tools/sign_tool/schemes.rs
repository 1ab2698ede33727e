//! Other gateways' schemes, bodies, and answers explained.

use std::{
    env, fs,
    io::Write as _,
    process::{self, Stdio},
};

use tower_hmac_auth::error::RejectionKind;

use super::{printed, refused, tool};

#[test]
fn a_gateways_answer_is_explained() {
    let answer = r#"{"message":"HMAC signature does not match."}"#;
    let hint = printed(&mut tool(&["--why", answer]));
    assert!(
        hint.contains("compare both sides' signing strings"),
        "{hint}"
    );
    assert_eq!(hint.lines().count(), 1);

    let line = refused(&mut tool(&["--why", "no such host"]));
    assert!(line.contains("--why"), "{line}");
}

#[test]
fn a_kind_that_a_log_names_is_explained() {
    for (name, kind) in [
        ("SignatureMismatch", RejectionKind::SignatureMismatch),
        ("authorizationmissing", RejectionKind::AuthorizationMissing),
        (" KEYUNKNOWN\n", RejectionKind::KeyUnknown),
        ("Unspecified", RejectionKind::Unspecified),
    ] {
        let hint = printed(&mut tool(&["--why", name]));
        assert_eq!(hint, format!("{}\n", kind.hint()), "{name}");
    }
    let line = refused(&mut tool(&["--why", "SignatureMismatched"]));
    assert!(line.contains("the kind's name"), "{line}");
}

#[test]
fn an_answer_on_standard_input_is_explained() {
    let mut tool = tool(&["--why", "-"]);
    let mut child = tool
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"client request can't be validated")
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("only logs the reason")
    );
}

/// Accepted by Kong's and APISIX's own code, and confirmed with a library of draft-cavage.
#[test]
fn every_scheme_signs_what_its_gateway_accepts() {
    let friday = "Fri, 09 Oct 2015 00:00:00 GMT";
    let signed = |arguments: &[&str]| {
        let mut command = tool(&["--date", friday]);
        command.env("HMAC_KEY_ID", "AKIDtestkey0001");
        command.env("HMAC_SECRET_KEY", "test-secret-key-0001");
        printed(command.args(arguments))
    };
    for (arguments, list, signature) in [
        (
            &["--scheme", "kong", "http://a/v1/a%20b?x=1&y=%E4%BD%A0"][..],
            r#"hmac username="AKIDtestkey0001", algorithm="hmac-sha256", headers="x-date @request-target""#,
            "wkRFFij+nfhxTgDPL9ZuXdLtGoA3ejrIKnWsvU2T1jI=",
        ),
        (
            &[
                "--scheme",
                "apisix",
                "http://a/v1/caf%C3%A9%20b?x=1&y=%E4%BD%A0",
            ],
            r#"Signature keyId="AKIDtestkey0001",algorithm="hmac-sha256",headers="@request-target date""#,
            "OylvM093iqwOhx2hsWQFdlmLpjvF9lEx/ZtWheLUJDU=",
        ),
        (
            &[
                "--scheme",
                "apisix",
                "--algorithm",
                "hmac-sha1",
                "http://a/a",
            ],
            r#"Signature keyId="AKIDtestkey0001",algorithm="hmac-sha1",headers="@request-target date""#,
            "KYYhoj+AjVNWbjmvDnaClvkAApM=",
        ),
        (
            &["--scheme", "cavage", "http://example.com/a?x=1&y=%20"],
            r#"Signature keyId="AKIDtestkey0001",algorithm="hmac-sha256",headers="(request-target) host date""#,
            "va7+DLJcT3Flx//oGi+3DaDsX5jh+JgDWhKop1Ydfhk=",
        ),
        (
            &[
                "--scheme",
                "tyk",
                "http://a/v1/caf%C3%A9%20b?x=1&y=%E4%BD%A0",
            ],
            r#"Signature keyId="AKIDtestkey0001",algorithm="hmac-sha256",headers="(request-target) date""#,
            "l2MVkxaadepyBpR01n1XlotgpCS%2B4udUBSoDehfxLyA%3D",
        ),
        (
            &["--scheme", "traefik-hub", "http://a/a"],
            r#"Hmac keyId="AKIDtestkey0001",algorithm="hmac-sha256",created="1444348800",expires="1444348860",headers="(request-target) (created) (expires)""#,
            "UXdzVoo6J4XzU70/huRmdPESI2MDAwUKsNB8WWcFnLo=",
        ),
    ] {
        let lines = signed(arguments);
        assert!(lines.contains(list), "{lines}");
        assert!(
            lines.contains(&format!("signature=\"{signature}\"")),
            "{lines}"
        );
    }
}

#[test]
fn iflytek_gets_its_own_words_and_the_path_alone_is_signed() {
    let mut tool = tool(&["--scheme", "iflytek", "--explain", "--date"]);
    tool.arg("Fri, 23 Apr 2021 02:35:47 GMT");
    tool.arg("--method").arg("POST");
    tool.arg("https://api.xf-yun.com/v1/private/s782b4996?x=1");
    tool.env("HMAC_KEY_ID", "0123456789abcdef0123456789abcdef");
    tool.env("HMAC_SECRET_KEY", "apisecretXXXXXXXXXXXXXXXXXXXXXXX");
    let output = tool.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let begin = r#"Authorization: api_key="0123456789abcdef0123456789abcdef", "#;
    assert!(lines.contains(begin), "{lines}");
    assert!(lines.contains("Host: api.xf-yun.com\n"), "{lines}");
    let signature = r#"signature="1jwQbIAKmQE7JwIH0IDxiC1pejrlN+VpHXDWOFVy5NM=""#;
    assert!(lines.contains(signature), "{lines}");
    let explained = String::from_utf8(output.stderr).unwrap();
    let scope = "the method and the path, but not the query or the body";
    assert!(explained.contains(scope), "{explained}");
}

#[test]
fn tencent_cloud_market_gets_a_json_object_a_request_id_and_no_date_header() {
    let mut tool = tool(&["--scheme", "tencent-market", "--date"]);
    tool.arg("Wed, 25 Nov 2026 04:05:06 GMT");
    tool.env("HMAC_KEY_ID", "AKIDfamily0000000001");
    tool.env("HMAC_SECRET_KEY", "family-secret-0123456789abcdef");
    let line = concat!(
        r#"Authorization: {"id":"AKIDfamily0000000001", "#,
        r#""x-date":"Wed, 25 Nov 2026 04:05:06 GMT", "signature":"cvoEK4WBVhVUeTzpN9Lum12mKZ8="}"#,
        "\n"
    );
    let lines = printed(&mut tool);
    let (id, rest) = lines.split_once('\n').unwrap();
    assert!(id.starts_with("Request-Id: ") && id.len() == 48, "{id}");
    assert_eq!(rest, line);
    let again = printed(&mut tool);
    assert_ne!(again.lines().next(), Some(id));
    let own = "Request-Id: an-id-of-its-own";
    let lines = printed(tool.args(["--header", own]));
    assert_eq!(lines, format!("{own}\n{line}"));
    let line = refused(tool.args(["--sign", "host"]));
    assert!(line.contains("sends no list of what is signed"), "{line}");
}

#[test]
fn the_digest_of_a_file_is_sent_and_signed() {
    let file = env::temp_dir().join(format!("sign-tool-data-{}", process::id()));
    fs::write(&file, br#"{"hello":"world"}"#).unwrap();
    let data = file.to_str().unwrap();
    let mut command = tool(&[
        "--scheme",
        "cavage",
        "--date",
        "Fri, 09 Oct 2015 00:00:00 GMT",
    ]);
    command.env("HMAC_KEY_ID", "AKIDtestkey0001");
    command.env("HMAC_SECRET_KEY", "test-secret-key-0001");
    let lines = printed(command.args(["--data", data, "http://example.com/items"]));
    let curl = printed(command.arg("--curl"));
    let tencent = printed(&mut tool(&["--data", data]));
    fs::remove_file(&file).unwrap();

    assert!(lines.contains("Digest: SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=\n"));
    assert!(lines.contains(r#"signature="4h7CDRogIuM2JTrl4R2ApBNXFjg5U90/QjgZSRnrqhY=""#));
    assert!(
        curl.contains("'--request' 'POST' '--data-binary' '@"),
        "{curl}"
    );
    assert!(tencent.contains(r#"headers="x-date digest""#), "{tencent}");
}

#[test]
fn a_scheme_that_signs_the_target_needs_the_url() {
    for scheme in ["kong", "apisix", "iflytek", "cavage", "tyk", "traefik-hub"] {
        let line = refused(&mut tool(&["--scheme", scheme]));
        assert!(line.contains("add the URL"), "{line}");
    }
    let line = refused(&mut tool(&["--scheme", "none"]));
    assert!(
        line.contains("tencent, tencent-app, tencent-market, kong, apisix, iflytek, cavage"),
        "{line}"
    );
    let line = refused(&mut tool(&[
        "--scheme",
        "apisix",
        "--algorithm",
        "hmac-sha384",
        "http://a/",
    ]));
    assert!(line.contains("apisix has no hmac-sha384"), "{line}");
}

#[test]
fn a_name_that_is_no_headers_is_refused_with_the_option_to_use() {
    for (scheme, name, words) in [
        (
            "tencent",
            "@request-target",
            &["tencent cannot sign the target", "--scheme", "kong"][..],
        ),
        (
            "tencent",
            "(request-target)",
            &["tencent cannot sign the target", "--scheme", "cavage"],
        ),
        (
            "kong",
            "@request-target",
            &[
                "kong signs the target anyway",
                "as @request-target",
                "leave it out",
            ],
        ),
        (
            "kong",
            "(request-target)",
            &["kong signs the target anyway", "as @request-target"],
        ),
        (
            "apisix",
            "(request-target)",
            &["apisix signs the target anyway", "as @request-target"],
        ),
        (
            "cavage",
            "@request-target",
            &["cavage signs the target anyway", "as (request-target)"],
        ),
        (
            "tencent",
            "request-line",
            &["tencent cannot sign the target", "--scheme"],
        ),
        ("kong", "(created)", &["kong has no times", "use a date"]),
        (
            "tencent",
            "(expires)",
            &["tencent has no times", "--scheme cavage"],
        ),
    ] {
        let line = refused(&mut tool(&[
            "--scheme",
            scheme,
            "--sign",
            name,
            "http://a/",
        ]));
        for word in words {
            assert!(line.contains(word), "{scheme} {name}: {line}");
        }
        assert!(line.contains("--sign"), "{line}");
        for code in [
            "hs2019(",
            "components",
            "signed_headers",
            "set hs2019",
            "::",
        ] {
            assert!(!line.contains(code), "{line}");
        }
    }
}

/// The signatures are those of clients of Pudu Robotics, and of the documentation's sample request.
#[test]
fn application_authentication_signs_the_body_and_a_form() {
    let file = env::temp_dir().join(format!("sign-tool-app-{}", process::id()));
    let data = file.to_str().unwrap();
    let signed = |content: &str, arguments: &[&str]| {
        fs::write(&file, content).unwrap();
        let mut command = tool(&["--scheme", "tencent-app", "--data", data]);
        command.env("HMAC_KEY_ID", "AKIDfamily0000000001");
        command.env("HMAC_SECRET_KEY", "family-secret-0123456789abcdef");
        command.args(["--header", "Accept: application/json"]);
        printed(command.args(arguments))
    };
    let json = signed(
        r#"{"sn":"SN001"}"#,
        &[
            "--header",
            "Content-Type: application/json",
            "--date",
            "Wed, 25 Nov 2026 04:05:06 GMT",
            "http://a/pudu-entry/open-platform-service/v1/custom_call",
        ],
    );
    let form = signed(
        "p=test",
        &[
            "--header",
            "Content-Type: application/x-www-form-urlencoded",
            "--source",
            "apigw test",
            "--date",
            "Thu, 11 Mar 2021 08:29:58 GMT",
            "http://a/",
        ],
    );
    let like_a_form = "Content-Type: application/x-www-form-urlencoded-x";
    let like_a_form = signed("p=test", &["--header", like_a_form, "http://a/"]);
    assert!(like_a_form.contains("Content-Md5: "), "{like_a_form}");
    fs::remove_file(&file).unwrap();
    let md5 = "Content-Md5: MWRiYmUxMTg2YTdhY2FlZGI2NGFjNTA5ODA1NjZhNmU=\n";
    assert!(json.contains(md5), "{json}");
    assert!(!json.contains("Digest"), "{json}");
    let (signature, of_form) = (
        "Foq4A0wjDRFwOufS7I8hgSWRFng=",
        "q9kjrvwT8M80trJ8psnYnedpWBE=",
    );
    assert!(
        json.contains(&format!("signature=\"{signature}\"")),
        "{json}"
    );
    assert!(form.contains(&format!("signature=\"{of_form}\"")), "{form}");
    assert!(form.contains(r#"headers="source x-date""#), "{form}");

    let line = refused(&mut tool(&["--scheme", "tencent-app"]));
    assert!(line.contains("add the URL"), "{line}");
    let target = [
        "--scheme",
        "tencent-app",
        "--sign",
        "@request-target",
        "http://a/",
    ];
    let line = refused(&mut tool(&target));
    assert!(line.contains("signs the target anyway"), "{line}");
}
