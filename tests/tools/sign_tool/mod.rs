//! The signature tool, `examples/sign/`, as its users run it: arguments and environment in, text
//! and status out.

mod bodies;
pub(crate) mod described;
mod lists;
mod schemes;

use std::{
    env::{self, consts::EXE_SUFFIX},
    ffi::OsStr,
    path::PathBuf,
    process::{Command, Output},
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, Request};
use tower_hmac_auth::{
    SecretKey, Verifier,
    verify::{KeyAccess, KeyLookup, VerifyingKey},
};

const KEY_ID: &str = "AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj548pN";
const SECRET: &str = "ZxF2whO0RhuwnVCj5JMMAuqcDcN2oPrC";

const FRIDAY: &str = "Fri, 09 Oct 2015 00:00:00 GMT";
const MONDAY: &str = "Mon, 19 Mar 2018 12:08:40 GMT";

/// `Date` signed as of [`FRIDAY`], the way most of the vectors are.
const DATE: [&str; 4] = ["--date-header", "date", "--date", FRIDAY];

/// The tool with the documentation's key pair.
pub(crate) fn tool(arguments: &[&str]) -> Command {
    // target/debug/deps/sign_tool-0123 -> target/debug/examples/sign
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let sign: PathBuf = profile.join("examples").join(format!("sign{EXE_SUFFIX}"));
    assert!(
        sign.exists(),
        "{} is missing: run `cargo build --example sign` first",
        sign.display()
    );
    let mut command = Command::new(sign);
    command
        .args(arguments)
        .env("HMAC_KEY_ID", KEY_ID)
        .env("HMAC_SECRET_KEY", SECRET);
    command
}

/// Whatever else a test is about: the secret is in no output.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    for stream in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(stream);
        assert!(!text.contains(SECRET), "the secret was printed: {text}");
    }
    output
}

/// What is on standard output, if there is nothing on standard error.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = run(command);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// The one line on standard error, if there is nothing on standard output and the status is 2.
pub(crate) fn refused(command: &mut Command) -> String {
    let output = run(command);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{command:?}: {text}");
    assert_eq!(output.stdout, b"", "{command:?}");
    let line = text.strip_suffix('\n').unwrap();
    let is_break = |c: char| c.is_control() || "\u{2028}\u{2029}".contains(c);
    assert!(!line.contains(is_break), "several lines: {text:?}");
    assert!(!line.is_empty(), "{command:?}");
    for noise in ["error:", "Usage", "tip:", "For more information"] {
        assert!(!line.contains(noise), "{line}");
    }
    line.to_owned()
}

fn authorization(algorithm: &str, headers: &str, signature: &str) -> String {
    format!(
        "Authorization: hmac id=\"{KEY_ID}\", algorithm=\"{algorithm}\", headers=\"{headers}\", \
         signature=\"{signature}\""
    )
}

fn names(lines: &str) -> Vec<&str> {
    let name = |line| str::split_once(line, ": ").unwrap().0;
    lines.lines().map(name).collect()
}

/// Sends the printed lines to a server, and tells what its signing string was.
fn verified(lines: &str, secret: &[u8], now: SystemTime) -> String {
    let mut request = Request::new(());
    for line in lines.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        request.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let key = VerifyingKey::new(&SecretKey::new(secret).unwrap());
    let verifier = Verifier::new();
    let credentials = verifier.read(&request, now).unwrap();
    let signing_string = credentials.signing_string().to_string();
    let lookup = KeyLookup::Key(&key, KeyAccess::Bound);
    assert!(verifier.verify(credentials, lookup).is_ok(), "{lines}");
    signing_string
}

fn friday() -> SystemTime {
    httpdate::parse_http_date(FRIDAY).unwrap()
}

#[test]
fn the_documented_date_sample_is_printed_line_by_line() {
    let lines = printed(tool(&DATE).args(["--source", "AndriodApp"]));
    let authorization = authorization("hmac-sha1", "date source", "zJ1fUmiWSmSZUoqgZi+dGUJvxn0=");
    assert_eq!(
        lines,
        format!("Date: {FRIDAY}\nSource: AndriodApp\n{authorization}\n")
    );
}

#[test]
fn the_documented_x_date_sample_is_what_the_defaults_give() {
    let lines = printed(&mut tool(&["--date", MONDAY, "--source", "xxxxxx"]));
    let authorization = authorization("hmac-sha1", "x-date source", "M+oOCMJyaH8QvRYDqyL6ObdUaLg=");
    assert_eq!(
        lines,
        format!("X-Date: {MONDAY}\nSource: xxxxxx\n{authorization}\n")
    );

    let explicit = printed(
        tool(&["--date-header", "X-Date", "--algorithm", "hmac-sha1"])
            .args(["--date", MONDAY, "--source", "xxxxxx"]),
    );
    assert_eq!(explicit, lines);
}

#[test]
fn an_empty_source_is_signed_and_printed() {
    let lines = printed(tool(&DATE).args(["--source", ""]));
    let authorization = authorization("hmac-sha1", "date source", "PJNOhNPlwkfzkoa/rAgVm32W6XU=");
    assert_eq!(
        lines,
        format!("Date: {FRIDAY}\nSource: \n{authorization}\n")
    );
}

#[test]
fn sha256_signs_as_documented() {
    let cases = [
        (
            "date",
            FRIDAY,
            "AndriodApp",
            "P6FsmuKopyHp3tBPMSjBX/N2PG3dOU6NE0LVHAFfeFk=",
        ),
        (
            "x-date",
            MONDAY,
            "xxxxxx",
            "pC5Dxo6XSccOwQ86opo2pM4VH9tZ2RNm3JdOfgSHDww=",
        ),
        (
            "date",
            FRIDAY,
            "",
            "9u0gZQ4z14X+aMd/gXDI8jwlG5g/HrkCWxzhFmnEPSo=",
        ),
    ];
    for (name, date, source, signature) in cases {
        let lines = printed(
            tool(&["--algorithm", "hmac-sha256", "--date-header", name])
                .args(["--date", date, "--source", source]),
        );
        let expected = authorization("hmac-sha256", &format!("{name} source"), signature);
        assert_eq!(lines.lines().last(), Some(expected.as_str()));
    }
}

#[test]
fn every_algorithm_is_taken_and_its_signature_verifies() {
    for algorithm in ["hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"] {
        let lines = printed(tool(&DATE).args(["--algorithm", algorithm]));
        assert!(lines.contains(&format!("algorithm=\"{algorithm}\"")));
        verified(&lines, SECRET.as_bytes(), friday());
    }
}

#[test]
fn all_three_forms_of_a_date_name_the_same_time() {
    let forms = [
        FRIDAY,
        "Friday, 09-Oct-15 00:00:00 GMT",
        "Fri Oct  9 00:00:00 2015",
    ];
    for form in forms {
        let lines = printed(&mut tool(&[
            "--date-header",
            "date",
            "--date",
            form,
            "--source",
            "AndriodApp",
        ]));
        assert!(lines.starts_with(&format!("Date: {FRIDAY}\n")), "{lines}");
        assert!(lines.contains("zJ1fUmiWSmSZUoqgZi+dGUJvxn0="), "{lines}");
    }
}

#[test]
fn without_a_date_the_clock_is_asked() {
    let second = Duration::from_secs(1);
    let before = SystemTime::now() - second;
    let lines = printed(&mut tool(&[]));
    let after = SystemTime::now();

    let date = lines.lines().next().unwrap().strip_prefix("X-Date: ");
    let date = httpdate::parse_http_date(date.unwrap()).unwrap();
    assert!(before <= date && date <= after, "{lines}");
    verified(&lines, SECRET.as_bytes(), after);
}

#[test]
fn a_source_given_as_a_header_is_the_source() {
    for header in [
        "Source: AndriodApp",
        "SOURCE:AndriodApp",
        "source: \tAndriodApp ",
    ] {
        let lines = printed(tool(&DATE).args(["--header", header]));
        assert!(lines.contains("Source: AndriodApp\n"), "{lines:?}");
        assert!(lines.contains("zJ1fUmiWSmSZUoqgZi+dGUJvxn0="), "{lines}");
    }
}

#[test]
fn whitespace_around_a_source_is_neither_signed_nor_printed() {
    let lines = printed(tool(&DATE).args(["--source", " \tAndriodApp "]));
    assert!(lines.contains("Source: AndriodApp\n"), "{lines:?}");
    assert!(lines.contains("zJ1fUmiWSmSZUoqgZi+dGUJvxn0="), "{lines}");
}

#[test]
fn the_callers_headers_come_first_and_all_names_are_in_title_case() {
    let lines = printed(tool(&DATE).args([
        "--header",
        "x-microservice-name: provider-demo",
        "--header",
        "ACCEPT: a, b: c",
        "--header",
        "x-empty:",
        "--source",
        "s",
    ]));
    assert!(lines.starts_with("X-Microservice-Name: provider-demo\nAccept: a, b: c\nX-Empty: \n"));
    assert_eq!(
        names(&lines)[3..],
        ["Date", "Source", "Authorization"],
        "{lines}"
    );
}

#[test]
fn a_repeated_header_that_is_not_signed_is_printed_each_time() {
    let lines = printed(tool(&DATE).args(["--header", "Cookie: a=1", "--header", "cookie: b=2"]));
    assert!(
        lines.starts_with("Cookie: a=1\nCookie: b=2\nDate: "),
        "{lines}"
    );
}

#[test]
fn headers_are_signed_in_the_order_of_the_sign_options() {
    let lines = printed(tool(&DATE).args([
        "--header", "X-A: 1", "--header", "X-B: 2", "--header", "X-C: 3", "--source", "s",
        "--sign", "X-B", "--sign", "x-a",
    ]));
    assert!(lines.contains("headers=\"date source x-b x-a\""), "{lines}");
    assert_eq!(
        verified(&lines, SECRET.as_bytes(), friday()),
        format!("date: {FRIDAY}\\nsource: s\\nx-b: 2\\nx-a: 1")
    );
}

#[test]
fn a_signed_host_is_printed_as_it_is_signed() {
    let cases = [
        ("https://api.example.com/a?x=1", "api.example.com"),
        ("https://api.example.com:443/a", "api.example.com"),
        ("http://api.example.com:80", "api.example.com"),
        ("http://api.example.com:", "api.example.com"),
        (
            "http://user:pass@api.example.com:8080/a",
            "api.example.com:8080",
        ),
        ("HTTPS://API.example.com#part", "API.example.com"),
        ("https://[::1]:8443/", "[::1]:8443"),
        ("https://user@[::1]/", "[::1]"),
    ];
    for (url, host) in cases {
        let lines = printed(tool(&DATE).args(["--sign", "HOST", url]));
        assert!(lines.contains(&format!("\nHost: {host}\n")), "{lines}");
        assert_eq!(
            verified(&lines, SECRET.as_bytes(), friday()),
            format!("date: {FRIDAY}\\nhost: {host}")
        );
    }
}

#[test]
fn a_host_header_wins_over_the_urls_host() {
    let lines = printed(tool(&DATE).args([
        "--header",
        "Host: inner.example.com",
        "--sign",
        "host",
        "https://outer.example.com",
    ]));
    assert_eq!(names(&lines), ["Host", "Date", "Authorization"]);
    assert_eq!(
        verified(&lines, SECRET.as_bytes(), friday()),
        format!("date: {FRIDAY}\\nhost: inner.example.com")
    );
}

#[test]
fn a_host_that_is_not_signed_is_left_to_the_client() {
    let lines = printed(tool(&DATE).arg("https://api.example.com"));
    assert_eq!(names(&lines), ["Date", "Authorization"]);
}

#[test]
fn values_may_begin_with_a_hyphen() {
    let lines = printed(tool(&DATE).args([
        "--source",
        "-x",
        "--header",
        "-odd: --1",
        "--header",
        "--curl: 2",
        "--sign",
        "-odd",
    ]));
    assert!(lines.starts_with("-Odd: --1\n--Curl: 2\n"), "{lines}");
    assert_eq!(
        verified(&lines, SECRET.as_bytes(), friday()),
        format!("date: {FRIDAY}\\nsource: -x\\n-odd: --1")
    );
}

#[test]
fn explain_adds_the_signing_string_on_standard_error_only() {
    let arguments = ["--source", "AndriodApp", "https://api.example.com"];
    for option in [None, Some("--curl")] {
        let plain = printed(tool(&DATE).args(arguments).args(option));
        let explained = run(tool(&DATE).args(arguments).args(option).arg("--explain"));
        assert_eq!(explained.status.code(), Some(0));
        assert_eq!(String::from_utf8(explained.stdout).unwrap(), plain);
        let explanation = String::from_utf8(explained.stderr).unwrap();
        let signing_string = format!("date: {FRIDAY}\\nsource: AndriodApp\n");
        assert!(explanation.contains(&signing_string), "{explanation}");
        assert!(explanation.contains("not the method"), "{explanation}");
    }
}

#[test]
fn help_and_version_need_no_keys() {
    let texts = [
        ("--help", "HMAC_SECRET_KEY"),
        ("-h", "--explain"),
        ("--version", env!("CARGO_PKG_VERSION")),
    ];
    for (option, text) in texts {
        let mut command = tool(&[option]);
        command
            .env_remove("HMAC_KEY_ID")
            .env_remove("HMAC_SECRET_KEY");
        let help = printed(&mut command);
        assert!(help.contains(text), "{help}");
    }
}

#[test]
fn arguments_that_cannot_be_used_are_refused_with_what_to_do() {
    let cases: &[(&[&str], &str)] = &[
        (&["--nope"], "'--nope'"),
        (&["--curll"], "'--curll'"),
        (&["-x"], "'-x'"),
        (&["--source"], "--source"),
        (&["--source", "a", "--source", "b"], "--source"),
        (&["https://a.example", "https://b.example"], "b.example"),
        (&["--algorithm", "md5"], "hmac-sha256"),
        (&["--algorithm", "HMAC-SHA1"], "lower case"),
        (&["--algorithm", ""], "hmac-sha256"),
        (&["--date-header", "expires"], "date or x-date"),
        (&["--date", ""], FRIDAY),
        (&["--date", "now"], FRIDAY),
        (&["--date", "2015-10-09T00:00:00Z"], FRIDAY),
        (&["--date", "Sat, 31 Feb 2015 00:00:00 GMT"], FRIDAY),
        (&["--date", "Fri, 09 Oct 2015 00:00:00 UTC"], FRIDAY),
        (&["--header", "X-A"], "'Name: value'"),
        (&["--header", "X A: 1"], "'X A'"),
        (&["--header", ": 1"], "header name"),
        (&["--header", "Größe: 1"], "'Größe'"),
        (&["--header", "X-A: 1\r\nX-B: 2"], "control characters"),
        (&["--source", "a\u{7f}"], "control characters"),
        (&["--header", "Date: x"], "--date-header"),
        (&["--header", "X-DATE: x"], "--date"),
        (&["--header", "authorization: x"], "--algorithm"),
        (&["--source", "a", "--header", "source: a"], "--source"),
        (&["--header", "Host: a", "--header", "host: b"], "Host"),
        (&["--sign", "x-a"], "--sign x-a"),
        (&["--sign", "x a"], "'x a'"),
        (&["--sign", ""], "header name"),
        (&["--sign", "host"], "URL"),
        (&["--sign", "date"], "--date-header chooses"),
        (
            &["--sign", "source", "--source", "a"],
            "source: it is signed anyway",
        ),
        (
            &["--sign", "authorization"],
            "authorization cannot be signed",
        ),
        (
            &["--sign", "a", "--sign", "A", "--header", "a: 1"],
            "named twice",
        ),
        (
            &["--sign", "a", "--header", "a: 1", "--header", "A: 2"],
            "more than once",
        ),
        (
            &["--header", "source: 1", "--header", "source: 2"],
            "more than once",
        ),
        (&["--curl"], "--curl needs a URL"),
        (&["two\u{2028}lines"], "https://"),
        (&["--two\n\nlines"], "--two"),
    ];
    for (arguments, word) in cases {
        let line = refused(&mut tool(arguments));
        assert!(line.contains(word), "{arguments:?}: {line}");
    }
}

#[test]
fn a_wrong_weekday_is_refused_with_the_right_one() {
    let dates = [
        ("Thu, 09 Oct 2015 00:00:00 GMT", FRIDAY),
        ("fri, 09 Oct 2015 00:00:00 GMT", FRIDAY),
        ("Thu Oct  9 00:00:00 2015", "Fri Oct  9 00:00:00 2015"),
    ];
    for (wrong, right) in dates {
        let line = refused(&mut tool(&["--date", wrong]));
        assert!(line.contains("weekday"), "{line}");
        assert!(line.contains(&format!("'{right}'")), "{line}");
    }
}

#[test]
fn what_is_no_web_address_is_refused() {
    let urls = [
        "",
        "api.example.com",
        "api.example.com/a",
        "/a",
        "ftp://api.example.com/",
        "file:///etc/passwd",
        "https://",
        "https://:443/",
        "https://user@/",
        "https://api.example.com:port/",
        "https://api.example.com:99999/",
        "https://api.example.com/a b",
        " https://api.example.com/",
        "https://api.example.com/\n",
    ];
    for url in urls {
        for option in [None, Some("--curl")] {
            let line = refused(tool(&[]).args(option).args(["--", url]));
            assert!(line.contains("https://host"), "{url:?}: {line}");
        }
    }
    for url in ["-x", "--next", "-Khttps://api.example.com"] {
        let line = refused(&mut tool(&["--curl", "--", url]));
        assert!(line.contains("https://host"), "{url:?}: {line}");
    }
}

#[test]
fn keys_that_are_missing_or_cannot_be_used_are_named() {
    for name in ["HMAC_KEY_ID", "HMAC_SECRET_KEY"] {
        let line = refused(tool(&[]).env_remove(name));
        assert!(line.contains(&format!("{name} is not set")), "{line}");
        let line = refused(tool(&[]).env(name, ""));
        assert!(line.contains(name) && line.contains("empty"), "{line}");
    }
    for id in ["AKID\n", "\"AKID\"", "schlüssel"] {
        let line = refused(tool(&[]).env("HMAC_KEY_ID", id));
        assert!(line.contains("HMAC_KEY_ID"), "{line}");
        assert!(!line.contains("AKID"), "the value is repeated: {line}");
    }
}

#[test]
fn whitespace_around_keys_is_signed_and_warned_of_once() {
    for (id, secret) in [
        (KEY_ID, "hush-hush\n"),
        (KEY_ID, " hush-hush"),
        (" id", SECRET),
    ] {
        let output = run(tool(&DATE)
            .env("HMAC_KEY_ID", id)
            .env("HMAC_SECRET_KEY", secret));
        let variable = if secret == SECRET {
            "HMAC_KEY_ID"
        } else {
            "HMAC_SECRET_KEY"
        };
        let said = String::from_utf8(output.stderr).unwrap();
        let expected = format!("sign: warning: {variable} begins or ends with whitespace");
        assert!(said.starts_with(&expected), "{said}");
        assert!(!said.contains("hush-hush"), "{said}");
        assert_eq!((output.status.code(), said.lines().count()), (Some(0), 1));
        verified(
            &String::from_utf8(output.stdout).unwrap(),
            secret.as_bytes(),
            friday(),
        );
    }
}

#[test]
fn a_secret_that_would_be_printed_is_refused() {
    let with_secret = |text: &str| text.replace("SECRET", SECRET);
    let places = [
        ["--source", "SECRET"],
        ["--header", "X-Secret: SECRET"],
        ["--secret=SECRET", "https://api.example.com"],
        ["--curl", "https://api.example.com/?key=SECRET"],
        ["--", "SECRET"],
        ["--algorithm", "SECRET"],
        ["--date", "SECRET\n"],
        ["--sign", "SECRET"],
    ];
    for place in places {
        let line = refused(tool(&[]).args(place.map(with_secret)));
        assert!(line.contains("secret key is in an argument"), "{line}");
    }
    let line = refused(tool(&[]).env("HMAC_KEY_ID", SECRET));
    assert!(line.contains("HMAC_KEY_ID"), "{line}");
}

#[test]
fn a_short_secret_that_is_part_of_other_words_is_taken() {
    let lines = printed(tool(&DATE).env("HMAC_SECRET_KEY", "date"));
    verified(&lines, b"date", friday());
}

#[cfg(unix)]
mod unix {
    use std::{io::pipe, os::unix::ffi::OsStrExt as _};

    use super::*;

    /// What `curl` would be called with, if the line were pasted into a shell.
    fn arguments_in_a_shell(line: &str) -> Vec<String> {
        assert!(line.starts_with("curl "), "{line}");
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
        let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}\n{line}");
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{line}"
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_curl_command_has_all_headers_and_the_url() {
        let url = "https://api.example.com/a/../b?x=[1-3]&y=1#part";
        let arguments = ["--source", "AndriodApp", "--header", "x-a: 1", url];
        let lines = printed(tool(&DATE).args(arguments));
        let command = printed(tool(&DATE).args(arguments).arg("--curl"));

        let mut expected = vec!["--path-as-is", "--globoff"];
        for line in lines.lines() {
            expected.extend(["-H", line]);
        }
        expected.push(url);
        assert_eq!(arguments_in_a_shell(&command), expected);
        assert!(
            command.contains("zJ1fUmiWSmSZUoqgZi+dGUJvxn0="),
            "{command}"
        );
    }

    #[test]
    fn the_curl_command_has_the_signed_host() {
        let command =
            printed(tool(&DATE).args(["--curl", "--sign", "host", "http://h.example:80/"]));
        let arguments = arguments_in_a_shell(&command);
        assert!(
            arguments.contains(&"Host: h.example".to_owned()),
            "{command}"
        );
    }

    #[test]
    fn a_shell_takes_nothing_in_the_curl_command_for_its_own() {
        let nasty = "it's \"$HOME\" $(id) `id` \\n \\' '' ! * ~ ; & | > # {a,b} \t é '";
        let url = "http://h.example/it's/$HOME/$(id)/\"*\"/~;&?a='&b=!&c=''#'";
        let header = format!("x-'nasty': {nasty}");
        let command = printed(
            tool(&DATE)
                .env("HMAC_KEY_ID", "it's $HOME")
                .args(["--curl", "--source", nasty, "--header", &header, url]),
        );
        let arguments = arguments_in_a_shell(&command);
        assert_eq!(arguments[3], format!("X-'nasty': {nasty}"));
        assert_eq!(arguments[7], format!("Source: {nasty}"));
        assert!(arguments[9].starts_with("Authorization: hmac id=\"it's $HOME\", "));
        assert_eq!(arguments[10..], [url]);
    }

    #[test]
    fn the_curl_command_sends_an_empty_header() {
        let command = printed(tool(&DATE).args([
            "--curl",
            "--source",
            "",
            "--header",
            "x-empty: \t ",
            "https://api.example.com",
        ]));
        assert!(command.contains(" -H 'Source;' "), "{command}");
        assert!(command.contains(" -H 'X-Empty;' "), "{command}");
        assert!(
            command.contains("PJNOhNPlwkfzkoa/rAgVm32W6XU="),
            "{command}"
        );
    }

    #[test]
    fn a_secret_may_be_any_bytes() {
        for secret in [&b"\xff\xfe\x80"[..], b"two\nlines", b"a '\" b"] {
            let lines = printed(tool(&DATE).env("HMAC_SECRET_KEY", OsStr::from_bytes(secret)));
            verified(&lines, secret, friday());
        }
    }

    #[test]
    fn what_is_not_utf_8_is_refused() {
        let bytes = OsStr::from_bytes(b"AKID\xff");
        let line = refused(tool(&[]).env("HMAC_KEY_ID", bytes));
        assert!(line.contains("HMAC_KEY_ID is not UTF-8"), "{line}");
        assert!(!line.contains("AKID"), "the value is repeated: {line}");

        let line = refused(tool(&["--source"]).arg(bytes));
        assert!(line.contains("UTF-8"), "{line}");
    }

    #[test]
    fn a_closed_standard_output_is_no_error() {
        for arguments in [&["--source", "a"][..], &["--help"]] {
            let (reader, writer) = pipe().unwrap();
            drop(reader);
            let child = tool(arguments)
                .stdout(writer)
                .stderr(std::process::Stdio::piped())
                .spawn();
            let output = child.unwrap().wait_with_output().unwrap();
            assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
            assert_eq!(output.status.code(), Some(0));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_output_that_cannot_be_written_is_an_error() {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let line = refused(tool(&[]).stdout(full.unwrap()));
        assert!(line.contains("standard output"), "{line}");
    }
}
