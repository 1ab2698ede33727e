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
//! # What is signed
//!
//! The tool signs the scheme's default list, then the headers of `--sign`, then the digest of
//! `--data`. `--components` replaces the default list:
//!
//! ```sh
//! cargo run -q --example sign -- --scheme kong --components 'date @request-target host' "$url"
//! ```
//!
//! `--hs2019 --created --expires 60` signs the times of draft-cavage instead of a date. `--nonce
//! X-Nonce` signs a random nonce; the tool has to be built with `--features nonce` for it.
//!
//! # Another gateway
//!
//! `--scheme FILE.toml` describes a gateway that has no preset by its differences from the nearest
//! one. `--help` shows all keys of the file, and the example `gateway` reads the same file:
//!
//! ```sh
//! cat > sensecore.toml <<END
//! name = "sensecore"
//! nearest = "kong"
//! key_id_parameter = "accesskey"
//! default_list = ["date", "host", "@request-target"]
//! END
//! cargo run -q --example sign -- --scheme sensecore.toml --explain "$url"
//! ```
//!
//! Every error is one line on standard error, with exit status 2.

mod conflicts;
mod coverage;
mod digest_header;
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
    time::{Duration, SystemTime},
};

use clap::Parser;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use tower_hmac_auth::{Algorithm, Scheme, Signer, scheme::DateHeader};

use self::{
    conflicts::refuse_conflicts,
    coverage::Signed,
    digest_header::DigestHeader,
    output::{curl_command, header_lines},
    request::{check_headers, curl_options, request},
    signer::signer,
    support::{
        Result,
        keys::{KEY_ID, SECRET_KEY},
        print,
        scheme::{self, scheme},
    },
    values::{
        Components, components, date, date_header, header, header_name, header_value, lifetime,
        signed_name, url,
    },
    why::why,
};

/// Prints the headers that sign a request with the key pair in HMAC_KEY_ID and HMAC_SECRET_KEY
#[derive(Parser)]
#[command(name = "sign", version, after_help = scheme::HELP)]
struct Arguments {
    /// The gateway's signature scheme: the name of a preset, such as tencent or kong, or a file
    /// that describes another one (see below)
    #[arg(long, value_name = "NAME|FILE.toml", default_value_t, value_parser = scheme)]
    scheme: Scheme,
    /// The request's method [default: GET, or POST with --data]
    #[arg(long, value_name = "METHOD")]
    method: Option<Method>,
    /// A file with the request's body, whose SHA-256 is sent and signed (with tencent-app, its MD5
    /// as Content-MD5, or a form's parameters are signed); - is standard input, which the command
    /// printed by --curl reads again
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The header that carries the digest of --data [default: digest; with tencent-app,
    /// Content-MD5]
    #[arg(long, value_name = "digest|content-digest")]
    digest_header: Option<DigestHeader>,
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
    /// hmac-sha1, hmac-sha256, hmac-sha384 or hmac-sha512 [default: hmac-sha1 for the schemes of
    /// Tencent, else hmac-sha256]
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
    /// A header to sign after the scheme's default list or --components; can be repeated
    #[arg(
        long = "sign",
        value_name = "NAME",
        allow_hyphen_values = true,
        value_parser = signed_name
    )]
    signed: Vec<String>,
    /// The names to sign instead of the scheme's default list, in this order, such as 'date host'
    #[arg(
        long,
        value_name = "NAMES",
        allow_hyphen_values = true,
        value_parser = components
    )]
    components: Option<Components>,
    /// Signs the time of signing as (created) instead of a date; needs --hs2019
    #[arg(long)]
    created: bool,
    /// Signs the time at which the signature ends as (expires), this long after the date; needs
    /// --hs2019, and (expires) in --components if those are given
    #[arg(long, value_name = "SECONDS", value_parser = lifetime)]
    expires: Option<Duration>,
    /// Sends hs2019 as the algorithm's name, as in later drafts of draft-cavage
    #[arg(long)]
    hs2019: bool,
    /// A header to send and sign a random nonce in, such as X-Nonce; the tool has to be built with
    /// --features nonce
    #[arg(long, value_name = "NAME", value_parser = header_name)]
    nonce: Option<HeaderName>,
    /// The nonce, in a scheme that sends one as a parameter; another one each time, such as
    /// "$(uuidgen)"
    #[arg(long, value_name = "NONCE", allow_hyphen_values = true)]
    nonce_parameter: Option<String>,
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
    /// The request's URL; tencent and tencent-market need it for --curl and --sign host only
    #[arg(value_parser = url)]
    url: Option<(String, Uri)>,
}

impl Arguments {
    fn digest_header(&self) -> DigestHeader {
        match self.scheme.nearest() {
            Scheme::TencentApp => self.digest_header.unwrap_or(DigestHeader::ContentMd5),
            _ => self.digest_header.unwrap_or_default(),
        }
    }
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
    refuse_conflicts(&arguments)?;
    let now = arguments.date.unwrap_or_else(SystemTime::now);
    let mut request = request(&arguments)?;
    let signer = signer(&arguments, &request, now)?;
    sign(&arguments, &mut request, &signer, now)?;
    let signed = Signed {
        signer: &signer,
        request: &request,
        now,
    };
    print(&match &arguments.url {
        Some((url, _)) if arguments.curl => {
            let mut options = curl_options(request.method(), arguments.data.as_deref())?;
            if signed.covers_version()? {
                options.push("--http1.1".into());
            }
            curl_command(request.headers(), &options, url)
        }
        _ => header_lines(request.headers()),
    })?;
    if arguments.explain {
        let string = signer.signing_string(&request, now)?;
        let scope = signed.scope()?;
        let mut stderr = io::stderr().lock();
        writeln!(stderr, "signing string: {string}\nIt covers {scope}.")?;
    }
    Ok(())
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

fn sign(
    arguments: &Arguments,
    request: &mut Request<()>,
    signer: &Signer,
    now: SystemTime,
) -> Result<()> {
    signer.sign_request(request, now)?;
    check_headers(arguments, request)?;
    let signed = Signed {
        signer,
        request,
        now,
    };
    if arguments.url.is_none() && signed.covers_method()? {
        let scheme = arguments.scheme;
        return Err(format!("{scheme} signs the method and the target: add the URL").into());
    }
    // Print the signed Host: a client that adds its own may spell it in another way, for example
    // with the default port, and the signature would not match.
    if signed.covers_host()?
        && let Some(authority) = request.uri().authority()
    {
        let host = HeaderValue::from_str(authority.as_str())?;
        let entry = request.headers_mut().try_entry(header::HOST)?;
        entry.or_try_insert(host)?;
    }
    Ok(())
}
