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
//! `--explain` shows what was signed, `--help` all options. Whatever is wrong is said in one line on standard
//! error, with exit status 2.

use std::{env, ffi::OsString, io, io::Write as _, process::ExitCode, time::SystemTime};

use clap::Parser;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header, uri::Authority};
use tower_hmac_auth::{Algorithm, DateHeader, KeyId, KeyPair, SecretKey, Signer};

const KEY_ID: &str = "HMAC_KEY_ID";
const SECRET_KEY: &str = "HMAC_SECRET_KEY";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Prints the headers that sign a request with the key pair in HMAC_KEY_ID and HMAC_SECRET_KEY
#[derive(Parser)]
#[command(name = "sign", version)]
struct Arguments {
    /// The header to carry the date; gateways check the age of X-Date only
    #[arg(long, value_name = "date|x-date", default_value = "x-date", value_parser = date_header)]
    date_header: DateHeader,
    /// The date, such as 'Fri, 09 Oct 2015 00:00:00 GMT' [default: now]
    #[arg(long, value_parser = date)]
    date: Option<SystemTime>,
    /// The Source header, the caller's mark on its requests; may be empty [default: none]
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true, value_parser = header_value)]
    source: Option<HeaderValue>,
    /// hmac-sha1, hmac-sha256, hmac-sha384 or hmac-sha512
    #[arg(long, value_name = "NAME", default_value_t = Algorithm::HmacSha1)]
    algorithm: Algorithm,
    /// A header of the request; can be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", allow_hyphen_values = true, value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// A header to be signed after the date and the source; can be repeated
    #[arg(long = "sign", value_name = "NAME", allow_hyphen_values = true, value_parser = header_name)]
    signed: Vec<HeaderName>,
    /// Prints a curl command for a POSIX shell instead; needs the URL
    #[arg(long)]
    curl: bool,
    /// Shows the signing string on standard error
    #[arg(long)]
    explain: bool,
    /// Where the request goes; needed by --curl and --sign host only
    #[arg(value_parser = url)]
    url: Option<(String, Uri)>,
}

fn main() -> ExitCode {
    let Err(error) = run() else {
        return ExitCode::SUCCESS;
    };
    // An argument that the message repeats may have several lines.
    let is_break = |c: char| c.is_control() || ('\u{2028}'..='\u{2029}').contains(&c);
    let line = error.to_string().replace(is_break, " ");
    let _nobody_left_to_tell = writeln!(io::stderr().lock(), "sign: {line}");
    ExitCode::from(2)
}

fn run() -> Result<()> {
    refuse_exposed_secret()?;
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return Err(essence(&error).into()),
        Err(help_or_version) => return print(help_or_version.render().to_string().as_bytes()),
    };
    let now = arguments.date.unwrap_or_else(SystemTime::now);
    let signer = signer(&arguments)?;
    let request = signed_request(&arguments, &signer, now)?;

    print(&match &arguments.url {
        Some((url, _)) if arguments.curl => curl_command(request.headers(), url),
        None if arguments.curl => {
            return Err("--curl needs a URL: add one, such as https://api.example.com/a".into());
        }
        _ => header_lines(request.headers()),
    })?;
    if arguments.explain {
        let string = signer.signing_string((&request).into(), now)?;
        let scope = "these headers only: not the method, the path, the query or the body";
        let mut stderr = io::stderr().lock();
        writeln!(stderr, "signing string: {string}\nIt covers {scope}.")?;
    }
    Ok(())
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

/// What clap says is wrong, on one line and without tips, usage and pointers.
fn essence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let ends = ["\n\n  tip:", "\n\nUsage:", "\n\nFor more information"];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    let essence = end.and_then(|end| text.get(..end)).unwrap_or(&text);
    let essence = essence.trim_start_matches("error: ").replace("\n  ", " ");
    format!("{essence} (see --help)")
}

fn date_header(name: &str) -> Result<DateHeader> {
    match name.to_ascii_lowercase().as_str() {
        "date" => Ok(DateHeader::Date),
        "x-date" => Ok(DateHeader::XDate),
        _ => Err("write date or x-date".into()),
    }
}

fn date(text: &str) -> Result<SystemTime> {
    if let Ok(date) = httpdate::parse_http_date(text) {
        return Ok(date);
    }
    // The error does not tell a wrong weekday from anything else.
    let day = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let dates = weekdays.map(|weekday| format!("{weekday}{day}"));
    let is_date = |date: &&String| httpdate::parse_http_date(date).is_ok();
    Err(match dates.iter().find(is_date) {
        Some(date) => format!("the weekday is wrong: write '{date}'").into(),
        None => "no such date: write it as 'Fri, 09 Oct 2015 00:00:00 GMT'".into(),
    })
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let form = "write it as 'Name: value', or as 'Name:' if the value is empty";
    let (name, value) = text.split_once(':').ok_or(form)?;
    let name = header_name(name)?;
    match name.as_str() {
        "date" | "x-date" => Err("leave it out: --date-header and --date set it".into()),
        "authorization" => Err("leave it out: --algorithm, --sign and the keys set it".into()),
        _ => Ok((name, header_value(value)?)),
    }
}

fn header_name(text: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| format!("'{text}' is no header name: use letters, digits and hyphens").into())
}

fn header_value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text.trim_matches([' ', '\t']))
        .map_err(|_| "no header can carry this value: take the control characters out".into())
}

/// The text is kept for curl, as a [`Uri`] has no fragment.
fn url(text: &str) -> Result<(String, Uri)> {
    // `http` takes an empty host, and anything for a port.
    let is_host = |authority: &Authority| {
        let (_, port) = authority.as_str().rsplit_once(':').unwrap_or_default();
        let has_no_port = port.is_empty() || port.contains(['@', ']']);
        !authority.host().is_empty() && (has_no_port || authority.port_u16().is_some())
    };
    let is_web = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some_and(is_host)
    };
    let uri = text.parse().ok().filter(is_web);
    let uri = uri.ok_or("write it as https://host:port/path, special characters escaped with %")?;
    Ok((text.to_owned(), uri))
}

fn signer(arguments: &Arguments) -> Result<Signer> {
    let signer = Signer::builder(key_pair()?)
        .date_header(arguments.date_header)
        .algorithm(arguments.algorithm)
        .signed_headers(arguments.signed.iter().cloned())
        .build()
        .map_err(|error| format!("--sign: {error}"))?;
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
    // Said rather than left to the client, so that what is signed is what is sent.
    let signs_host = arguments.signed.contains(&header::HOST);
    if signs_host && let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str())?;
        let entry = request.headers_mut().try_entry(header::HOST)?;
        entry.or_try_insert(host)?;
    }
    Ok(request)
}

fn request(arguments: &Arguments) -> Result<Request<()>> {
    let mut builder = Request::builder();
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
    let will_have = |name| headers.contains_key(name) || name == header::HOST && has_url;
    match arguments.signed.iter().find(|name| !will_have(*name)) {
        Some(&header::HOST) => Err("--sign host: the host is not known: add the URL".into()),
        Some(name) => Err(format!("--sign {name}: no such header: add it with --header").into()),
        None => Ok(request),
    }
}

fn header_lines(headers: &HeaderMap) -> Vec<u8> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        [title_case(name).as_bytes(), b": ", value.as_bytes(), b"\n"].concat()
    };
    headers.iter().flat_map(line).collect()
}

fn curl_command(headers: &HeaderMap, url: &str) -> Vec<u8> {
    // Without these, curl rewrites /../ in paths and expands [1-9] and {a,b}.
    let mut command = b"curl --path-as-is --globoff".to_vec();
    for (name, value) in headers {
        // `Name:` would be curl's order to leave the header out.
        let separator: &[u8] = if value.is_empty() { b";" } else { b": " };
        let option = [title_case(name).as_bytes(), separator, value.as_bytes()].concat();
        command.extend(b" -H ");
        command.extend(quoted(&option));
    }
    command.push(b' ');
    command.extend(quoted(url.as_bytes()));
    command.push(b'\n');
    command
}

/// As one word of a POSIX shell.
fn quoted(word: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = word.split(|byte| *byte == b'\'').collect();
    [b"'", parts.join(&br"'\''"[..]).as_slice(), b"'"].concat()
}

fn title_case(name: &HeaderName) -> String {
    let mut starts_word = true;
    let letter = |c: char| match std::mem::replace(&mut starts_word, c == '-') {
        true => c.to_ascii_uppercase(),
        false => c,
    };
    name.as_str().chars().map(letter).collect()
}

/// A reader that has read enough (`| head -1`) is no error.
fn print(output: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(output).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output cannot be written: {error}").into())
        }
        _ => Ok(()),
    }
}
