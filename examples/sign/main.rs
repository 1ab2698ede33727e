//! The signature tool: prints the headers that sign a request, one a line, for Postman's "Bulk Edit" and the like:
//!
//! ```sh
//! export HMAC_KEY_ID=AKIDtestkey0001
//! read -rs HMAC_SECRET_KEY && export HMAC_SECRET_KEY
//! cargo run -q --example sign -- --source billing --header 'X-Tenant: 7' --sign x-tenant
//! ```
//!
//! For curl take `--curl`, which prints the whole command: curl sends an empty header only if told in its own way.
//!
//! ```sh
//! eval "$(cargo run -q --example sign -- --source '' --sign host --curl 'https://api.example.com/a?x=1')"
//! ```
//!
//! `--explain` shows what was signed, `--why ANSWER` tells what to check if the gateway refuses, `--help` all options. Whatever is wrong is said in one line on standard
//! error, with exit status 2.

mod output;
#[path = "../support/mod.rs"]
mod support;
mod values;

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    io::{Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::SystemTime,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use sha2::{Digest as _, Sha256};
use tower_hmac_auth::{
    Algorithm, BuildError, DateHeader, KeyId, KeyPair, Rejection, Scheme, SecretKey, Signer,
};

use self::{
    output::{curl_command, header_lines},
    support::{essence, print},
    values::{date, date_header, header, header_name, header_value, url},
};

const KEY_ID: &str = "HMAC_KEY_ID";
const SECRET_KEY: &str = "HMAC_SECRET_KEY";

/// Refusals are short; more is not looked at, in bytes.
const MAX_ANSWER_LEN: u64 = 64 * 1024;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Prints the headers that sign a request with the key pair in HMAC_KEY_ID and HMAC_SECRET_KEY
#[derive(Parser)]
#[command(name = "sign", version)]
struct Arguments {
    /// Whose scheme: tencent, kong, apisix or cavage
    #[arg(long, value_name = "NAME", default_value_t)]
    scheme: Scheme,
    /// The request's method [default: GET, or POST with --data]
    #[arg(long, value_name = "METHOD")]
    method: Option<Method>,
    /// A file with the request's body, whose SHA-256 is sent and signed as Digest
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The header to carry the date; Tencent's gateway checks the age of X-Date only [default: the scheme's]
    #[arg(long, value_name = "date|x-date", value_parser = date_header)]
    date_header: Option<DateHeader>,
    /// The date, such as 'Fri, 09 Oct 2015 00:00:00 GMT' [default: now]
    #[arg(long, value_parser = date)]
    date: Option<SystemTime>,
    /// The Source header, the caller's mark on its requests; may be empty [default: none]
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, value_parser = header_value)]
    source: Option<HeaderValue>,
    /// hmac-sha1, hmac-sha256, hmac-sha384 or hmac-sha512 [default: hmac-sha1 for tencent, else hmac-sha256]
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,
    /// A header of the request; can be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", allow_hyphen_values = true, value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// A header to be signed after what the scheme signs anyway; can be repeated
    #[arg(long = "sign", value_name = "NAME", allow_hyphen_values = true, value_parser = signed_name)]
    signed: Vec<String>,
    /// Tells what a gateway's answer means instead; - stands for standard input
    #[arg(long, value_name = "ANSWER", allow_hyphen_values = true)]
    why: Option<String>,
    /// Prints a curl command for a POSIX shell instead; needs the URL
    #[arg(long)]
    curl: bool,
    /// Shows the signing string on standard error
    #[arg(long)]
    explain: bool,
    /// Where the request goes; tencent needs it for --curl and --sign host only
    #[arg(value_parser = url)]
    url: Option<(String, Uri)>,
}

fn main() -> ExitCode {
    support::exit("sign", run())
}

fn run() -> Result<()> {
    refuse_exposed_secret()?;
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return Err(essence(&error).into()),
        Err(help_or_version) => return print(help_or_version.render().to_string().as_bytes()),
    };
    if let Some(answer) = &arguments.why {
        return why(answer);
    }
    let now = arguments.date.unwrap_or_else(SystemTime::now);
    let signer = signer(&arguments)?;
    let request = signed_request(&arguments, &signer, now)?;

    print(&match &arguments.url {
        Some((url, _)) if arguments.curl => {
            let data = arguments.data.as_ref().map(|file| {
                let mut at = OsString::from("@");
                at.push(file);
                at
            });
            let mut options = vec![
                OsStr::new("--request"),
                OsStr::new(request.method().as_str()),
            ];
            options.extend(
                data.iter()
                    .flat_map(|data| [OsStr::new("--data-binary"), data]),
            );
            if request.method() == Method::GET && data.is_none() {
                options.clear();
            }
            curl_command(request.headers(), &options, url)
        }
        None if arguments.curl => {
            return Err("--curl needs a URL: add one, such as https://api.example.com/a".into());
        }
        _ => header_lines(request.headers()),
    })?;
    if arguments.explain {
        let string = signer.signing_string((&request).into(), now)?;
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

fn why(answer: &str) -> Result<()> {
    let answer = match answer {
        "-" => io::read_to_string(io::stdin().lock().take(MAX_ANSWER_LEN))?,
        answer => answer.to_owned(),
    };
    let kind = Rejection::from_response_text(&answer);
    let kind = kind.ok_or("--why: no gateway's refusal that is known: give its whole answer")?;
    print(format!("{}\n", kind.hint()).as_bytes())
}

/// Whether the list of what is signed has this name, with or without what sets it apart from a header's.
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

/// What is in the arguments and the key id is printed, in errors too.
fn refuse_exposed_secret() -> Result<()> {
    let secret = env::var(SECRET_KEY).unwrap_or_default();
    let is_exposed = |text: OsString| text.to_string_lossy().contains(&secret);
    let mut printed = env::args_os().skip(1).chain(env::var_os(KEY_ID));
    // A shorter one, which no gateway issues, stands in other words by chance.
    if secret.len() >= 8 && printed.any(is_exposed) {
        return Err(format!("the secret key is in an argument or {KEY_ID}: take it out").into());
    }
    Ok(())
}

fn signer(arguments: &Arguments) -> Result<Signer> {
    let mut signed = arguments.signed.clone();
    // The other schemes sign a digest anyway.
    if arguments.data.is_some() && arguments.scheme == Scheme::Tencent {
        signed.push("digest".to_owned());
    }
    let mut builder = Signer::builder(key_pair()?)
        .scheme(arguments.scheme)
        .signed_headers(signed);
    if let Some(algorithm) = arguments.algorithm {
        builder = builder.algorithm(algorithm);
    }
    if let Some(date_header) = arguments.date_header {
        builder = builder.date_header(date_header);
    }
    let signer = builder.build().map_err(|error| match error {
        BuildError::SignedAnyway { name } => format!(
            "--sign {name}: it is signed anyway: leave it out (--date-header chooses between date and x-date)"
        ),
        error => error.to_string(),
    })?;
    Ok(match &arguments.source {
        Some(source) => signer.source(source.clone()),
        None => signer,
    })
}

fn key_pair() -> Result<KeyPair> {
    let variable =
        |name| env::var_os(name).ok_or_else(|| format!("{name} is not set: export it first"));
    let id = variable(KEY_ID)?.into_string();
    let id = id.map_err(|_| format!("{KEY_ID} is not UTF-8: give the id the gateway issued"))?;
    let id = KeyId::new(id).map_err(|error| format!("{KEY_ID}: {error}"))?;
    // On Unix these are the very bytes of the variable.
    let secret = variable(SECRET_KEY)?.into_encoded_bytes();
    let secret = SecretKey::new(secret).map_err(|error| format!("{SECRET_KEY}: {error}"))?;
    Ok((id, secret).into())
}

fn signed_request(arguments: &Arguments, signer: &Signer, now: SystemTime) -> Result<Request<()>> {
    let mut request = request(arguments)?;
    signer.sign_request(&mut request, now)?;
    if lists(&request, "request-target") && arguments.url.is_none() {
        let scheme = arguments.scheme;
        return Err(format!("{scheme} signs the method and the target: add the URL").into());
    }
    // Said rather than left to the client, so that what is signed is what is sent.
    if lists(&request, "host")
        && let Some(authority) = request.uri().authority()
    {
        let host = HeaderValue::from_str(authority.as_str())?;
        let entry = request.headers_mut().try_entry(header::HOST)?;
        entry.or_try_insert(host)?;
    }
    Ok(request)
}

fn request(arguments: &Arguments) -> Result<Request<()>> {
    let method = match (&arguments.method, &arguments.data) {
        (Some(method), _) => method.clone(),
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let mut builder = Request::builder().method(method);
    if let Some(file) = &arguments.data {
        let name = file.display();
        let data =
            fs::read(file).map_err(|error| format!("--data: cannot read {name}: {error}"))?;
        builder = builder.header("digest", digest(&data));
    }
    if let Some((_, uri)) = &arguments.url {
        builder = builder.uri(uri.clone());
    }
    for (name, value) in &arguments.headers {
        builder = builder.header(name, value);
    }
    let request = builder
        .body(())
        .map_err(|_| "there are too many headers: leave some out")?;
    let headers = request.headers();
    if arguments.source.is_some() && headers.contains_key("source") {
        return Err("--source and --header 'Source: …' contradict each other: give one".into());
    }
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Err("Host is given twice, of which curl sends the first: give it once".into());
    }
    let has_url = arguments.url.is_some();
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    let will_have = |name: &str| headers.contains_key(name) || is_host(name) && has_url;
    match arguments.signed.iter().find(|name| !will_have(name)) {
        Some(name) if is_host(name) => {
            Err("--sign host: the host is not known: add the URL".into())
        }
        Some(name) => Err(format!("--sign {name}: no such header: add it with --header").into()),
        None => Ok(request),
    }
}

fn digest(data: &[u8]) -> String {
    let mut base64 = [0; 44];
    // The base64 of 32 bytes is 44 characters long, so this cannot fail.
    let len = STANDARD
        .encode_slice(Sha256::digest(data), &mut base64)
        .unwrap_or(0);
    let base64 = base64.get(..len).unwrap_or_default();
    format!("SHA-256={}", String::from_utf8_lossy(base64))
}

fn signed_name(text: &str) -> Result<String> {
    header_name(text).map(|_| text.to_owned())
}
