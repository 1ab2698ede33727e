//! Makes the request to sign, and curl's options for it.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Method, Request, header, request::Builder};
use md5::Md5;
use sha2::{Digest as _, Sha256};
use tower_hmac_auth::{Scheme, scheme::FormParameters};

use super::{Arguments, support::Result};

pub(super) fn request(arguments: &Arguments) -> Result<Request<()>> {
    let method = match (&arguments.method, &arguments.data) {
        (Some(method), _) => method.clone(),
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let mut builder = Request::builder().method(method);
    let data = arguments.data.as_deref().map(read).transpose()?;
    if let Some(data) = &data {
        builder = match arguments.scheme {
            Scheme::TencentApp => with_content_md5(builder, data, arguments),
            _ => builder.header("digest", digest(data)),
        };
    }
    if let Some((_, uri)) = &arguments.url {
        builder = builder.uri(uri.clone());
    }
    for (name, value) in &arguments.headers {
        builder = builder.header(name, value);
    }
    let is_given = |wanted: &str| arguments.headers.iter().any(|(name, _)| name == wanted);
    if arguments.data.is_some() && is_given("digest") {
        return Err("--data and --header 'Digest: …' both set the digest: give one of them".into());
    }
    if data.is_some() && arguments.scheme == Scheme::TencentApp && is_given("content-md5") {
        return Err("--data and --header 'Content-MD5: …' both set it: give one of them".into());
    }
    // Without a content type, curl sends `application/x-www-form-urlencoded`.
    if arguments.curl && arguments.data.is_some() && !is_given("content-type") {
        builder = builder.header(header::CONTENT_TYPE, "application/octet-stream");
    }
    let request = builder
        .body(())
        .map_err(|_| "there are too many headers: remove some")?;
    let headers = request.headers();
    if arguments.source.is_some() && headers.contains_key("source") {
        return Err(
            "--source and --header 'Source: …' both set the source: give one of them".into(),
        );
    }
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Err("Host is given twice, and curl would send the first only: give it once".into());
    }
    let has_url = arguments.url.is_some();
    let is_host = |name: &str| name.eq_ignore_ascii_case("host");
    let will_have = |name: &str| headers.contains_key(name) || is_host(name) && has_url;
    match arguments.signed.iter().find(|name| !will_have(name)) {
        Some(name) if is_host(name) => Err("--sign host: the host is unknown: add the URL".into()),
        Some(name) => Err(format!("--sign {name}: no such header: add it with --header").into()),
        None => Ok(request),
    }
}

/// Adds what Tencent's application authentication signs of a body: the parameters of a form, or the
/// base64 of the 32 hexadecimal digits of its MD5.
fn with_content_md5(builder: Builder, data: &[u8], arguments: &Arguments) -> Builder {
    let mut content_types = arguments.headers.iter();
    let is_form = content_types.any(|(name, value)| {
        let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
        name == header::CONTENT_TYPE && value.starts_with("application/x-www-form-urlencoded")
    });
    if is_form {
        return builder.extension(FormParameters::new(data.to_vec()));
    }
    if data.is_empty() {
        return builder;
    }
    let digits: String = Md5::digest(data)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    builder.header("content-md5", base64(digits.as_bytes()))
}

fn digest(data: &[u8]) -> String {
    format!("SHA-256={}", base64(&Sha256::digest(data)))
}

/// Returns the base64 of 32 bytes.
fn base64(bytes: &[u8]) -> String {
    let mut base64 = [0; 44];
    // The base64 of 32 bytes is 44 characters long, so this cannot fail.
    let len = STANDARD.encode_slice(bytes, &mut base64).unwrap_or(0);
    let base64 = base64.get(..len).unwrap_or_default();
    String::from_utf8_lossy(base64).into_owned()
}

/// Returns curl's options for the method and the body.
pub(super) fn curl_options(method: &Method, data: Option<&Path>) -> Result<Vec<OsString>> {
    let mut options: Vec<OsString> = match (method, data) {
        (&Method::GET, None) => Vec::new(),
        // With `--request HEAD`, curl would wait for the body that `Content-Length` announces.
        (&Method::HEAD, None) => vec!["--head".into()],
        (&Method::HEAD, Some(_)) => {
            return Err("curl sends no body with --method HEAD: remove --data".into());
        }
        (method, _) => vec!["--request".into(), method.as_str().into()],
    };
    if let Some(file) = data {
        let mut at = OsString::from("@");
        at.push(file);
        options.extend(["--data-binary".into(), at]);
    }
    Ok(options)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let mut input = Vec::new();
    let read = match file.to_str() {
        Some("-") => io::stdin().read_to_end(&mut input).map(|_| input),
        _ => fs::read(file),
    };
    let name = file.display();
    read.map_err(|error| format!("--data: cannot read {name}: {error}").into())
}
