//! Prints the headers that sign a request, one header a line. Postman's "Bulk Edit" takes them as
//! they are:
//!
//! ```sh
//! export HMAC_KEY_ID=AKIDtestkey0001
//! read -rs HMAC_SECRET_KEY && export HMAC_SECRET_KEY
//! cargo run -q --example sign -- --source billing --header 'X-Tenant: 7' --sign x-tenant
//! ```
//!
//! For curl, `--curl` prints the whole command, as curl has a syntax of its own for empty headers:
//!
//! ```sh
//! url='https://api.example.com/a?x=1'
//! eval "$(cargo run -q --example sign -- --source '' --sign host --curl "$url")"
//! ```
//!
//! `--explain` shows the signing string. `--why ANSWER` explains a gateway's refusal: ANSWER is the
//! text of the gateway's answer, or the name of a `RejectionKind`, such as `SignatureMismatch`,
//! from the gateway's log. `--help` lists all options.
//!
//! The tool signs the scheme's default list plus `--sign` headers. For anything else, use the
//! library. Every error is one line on standard error, with exit status 2.

mod output;
mod request;
mod signer;
#[path = "../support/mod.rs"]
mod support;
mod values;
mod why;

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::SystemTime,
};

use clap::Parser;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use tower_hmac_auth::{Algorithm, Scheme, Signer, scheme::DateHeader};

use self::{
    output::{curl_command, header_lines},
    request::{curl_options, request},
    signer::signer,
    support::{
        Result,
        keys::{KEY_ID, SECRET_KEY},
        print,
    },
    values::{date, date_header, header, header_value, signed_name, url},
    why::why,
};

/// Prints the headers that sign a request with the key pair in HMAC_KEY_ID and HMAC_SECRET_KEY
#[derive(Parser)]
#[command(name = "sign", version)]
struct Arguments {
    /// The gateway's signature scheme: tencent, tencent-app, tencent-market, kong, apisix or cavage
    #[arg(long, value_name = "NAME", default_value_t)]
    scheme: Scheme,
    /// The request's method [default: GET, or POST with --data]
    #[arg(long, value_name = "METHOD")]
    method: Option<Method>,
    /// A file with the request's body, whose SHA-256 is sent and signed as Digest (with tencent-app,
    /// its MD5 as Content-MD5, or a form's parameters are signed); - is standard input, which the
    /// command printed by --curl reads again
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The header that carries the date; Tencent's gateway checks the age of X-Date only [default:
    /// the scheme's]
    #[arg(long, value_name = "date|x-date", value_parser = date_header)]
    date_header: Option<DateHeader>,
    /// The date, such as 'Fri, 09 Oct 2015 00:00:00 GMT' [default: now]
    #[arg(long, value_parser = date)]
    date: Option<SystemTime>,
    /// The value of the Source header, which identifies the caller; may be empty [default: none]
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, value_parser = header_value)]
    source: Option<HeaderValue>,
    /// hmac-sha1, hmac-sha256, hmac-sha384 or hmac-sha512 [default: hmac-sha1 for the schemes
    /// of Tencent, else hmac-sha256]
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,
    /// A header of the request; can be repeated
    #[arg(
        long = "header",
        value_name = "NAME: VALUE",
        allow_hyphen_values = true,
        value_parser = header
    )]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// A header to sign in addition to the scheme's default list; can be repeated
    #[arg(
        long = "sign",
        value_name = "NAME",
        allow_hyphen_values = true,
        value_parser = signed_name
    )]
    signed: Vec<String>,
    /// Signs nothing, but explains a gateway's answer or the name of a RejectionKind, such as
    /// SignatureMismatch; - is standard input
    #[arg(long, value_name = "ANSWER", allow_hyphen_values = true)]
    why: Option<String>,
    /// Prints a curl command for a POSIX shell instead of headers; needs the URL
    #[arg(long)]
    curl: bool,
    /// Prints the signing string on standard error
    #[arg(long)]
    explain: bool,
    /// The request's URL; tencent needs it for --curl and --sign host only
    #[arg(value_parser = url)]
    url: Option<(String, Uri)>,
}

fn main() -> ExitCode {
    support::exit("sign", run())
}

fn run() -> Result<()> {
    refuse_exposed_secret()?;
    let Some(arguments) = support::arguments::<Arguments>()? else {
        return Ok(());
    };
    if let Some(answer) = &arguments.why {
        return why(answer);
    }
    let now = arguments.date.unwrap_or_else(SystemTime::now);
    let signer = signer(&arguments)?;
    let request = signed_request(&arguments, &signer, now)?;

    print(&match &arguments.url {
        Some((url, _)) if arguments.curl => {
            let options = curl_options(request.method(), arguments.data.as_deref())?;
            curl_command(request.headers(), &options, url)
        }
        None if arguments.curl => {
            return Err("--curl needs a URL: add one, such as https://api.example.com/a".into());
        }
        _ => header_lines(request.headers()),
    })?;
    if arguments.explain {
        let string = signer.signing_string(&request, now)?;
        let scope = match (lists(&request, "request-target"), lists(&request, "digest")) {
            (false, false) => "these headers only: not the method, the path, the query or the body",
            (false, true) => "these headers and the body: not the method, the path or the query",
            (true, false) => "the method, the path and the query, but not the body",
            (true, true) => "the method, the path, the query and the body",
        };
        let mut stderr = io::stderr().lock();
        writeln!(stderr, "signing string: {string}\nIt covers {scope}.")?;
    }
    Ok(())
}

/// Returns `true` if the request's list of signed headers has this name, with or without the `@` or
/// the parentheses that mark a derived component.
fn lists(request: &Request<()>, wanted: &str) -> bool {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let text = authorization
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (_, list) = text.split_once("headers=\"").unwrap_or_default();
    let (list, _) = list.split_once('"').unwrap_or_default();
    let mut names = list.split(' ');
    names.any(|name| {
        name.trim_matches(['@', '(', ')'])
            .eq_ignore_ascii_case(wanted)
    })
}

/// Fails if an argument or the key id contains the secret key: both are printed, in errors too.
///
/// It runs before the arguments are parsed, as a parser's error repeats what it cannot parse.
fn refuse_exposed_secret() -> Result<()> {
    let secret = env::var(SECRET_KEY).unwrap_or_default();
    let is_exposed = |text: OsString| text.to_string_lossy().contains(&secret);
    let mut printed = env::args_os().skip(1).chain(env::var_os(KEY_ID));
    // No gateway issues shorter keys, and a short text may be part of another word by chance.
    if secret.len() >= 8 && printed.any(is_exposed) {
        return Err(format!("the secret key is in an argument or {KEY_ID}: remove it").into());
    }
    Ok(())
}

fn signed_request(arguments: &Arguments, signer: &Signer, now: SystemTime) -> Result<Request<()>> {
    let mut request = request(arguments)?;
    signer.sign_request(&mut request, now)?;
    let signs_target = lists(&request, "request-target") || arguments.scheme == Scheme::TencentApp;
    if signs_target && arguments.url.is_none() {
        let scheme = arguments.scheme;
        return Err(format!("{scheme} signs the method and the target: add the URL").into());
    }
    // Print the signed Host: a client that adds its own may spell it in another way, for example
    // with the default port, and the signature would not match.
    if lists(&request, "host")
        && let Some(authority) = request.uri().authority()
    {
        let host = HeaderValue::from_str(authority.as_str())?;
        let entry = request.headers_mut().try_entry(header::HOST)?;
        entry.or_try_insert(host)?;
    }
    Ok(request)
}
