//! Makes the request to sign, and curl's options for it.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _},
    path::Path,
};

use http::{Method, Request, header, request::Builder};
use tower_hmac_auth::scheme::FormParameters;

use super::{
    Arguments,
    digest_header::DigestHeader,
    support::{Result, is_form},
    values::DERIVED,
};

pub(super) fn request(arguments: &Arguments) -> Result<Request<()>> {
    let method = match (&arguments.method, &arguments.data) {
        (Some(method), _) => method.clone(),
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let mut builder = Request::builder().method(method);
    if let Some(file) = &arguments.data {
        builder = with_digest(builder, read(file)?, arguments);
    }
    if let Some((_, uri)) = &arguments.url {
        builder = builder.uri(uri.clone());
    }
    for (name, value) in &arguments.headers {
        builder = builder.header(name, value);
    }
    let is_given = |wanted: &str| arguments.headers.iter().any(|(name, _)| name == wanted);
    // Without a content type, curl sends `application/x-www-form-urlencoded`.
    if arguments.curl && arguments.data.is_some() && !is_given("content-type") {
        builder = builder.header(header::CONTENT_TYPE, "application/octet-stream");
    }
    let request = builder
        .body(())
        .map_err(|_| "there are too many headers: remove some")?;
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Err("Host is given twice, and curl would send the first only: give it once".into());
    }
    Ok(request)
}

/// Refuses names of `--sign` and `--components` that the request has no header for: the library
/// would leave them out of the list.
pub(super) fn check_headers(arguments: &Arguments, request: &Request<()>) -> Result<()> {
    let components = arguments.components.as_ref();
    let components = components.into_iter().flat_map(|components| &components.0);
    let names = arguments.signed.iter().map(|name| ("--sign", name));
    for (option, name) in names.chain(components.map(|name| ("--components", name))) {
        let text = match name.to_ascii_lowercase().as_str() {
            name if DERIVED.contains(&name) || request.headers().contains_key(name) => continue,
            "host" if arguments.url.is_some() => continue,
            "host" => "the host is unknown: add the URL",
            "source" => "there is no source: add --source",
            "digest" | "content-digest" => "there is no digest: add --data and --digest-header",
            _ => "no such header: add it with --header",
        };
        return Err(format!("{option} {name}: {text}").into());
    }
    Ok(())
}

/// Adds the digest of the body, and the parameters of a form for schemes that sign them. Tencent's
/// application authentication has no digest of a form or of no body.
fn with_digest(builder: Builder, data: Vec<u8>, arguments: &Arguments) -> Builder {
    let header = arguments.digest_header();
    let mut headers = arguments.headers.iter();
    let content_type = headers.find(|(name, _)| name == header::CONTENT_TYPE);
    let is_form = is_form(content_type.map(|(_, value)| value));
    let builder = match header {
        DigestHeader::ContentMd5 if is_form || data.is_empty() => builder,
        _ => builder.header(header.name(), header.value_of(&data)),
    };
    match is_form {
        true => builder.extension(FormParameters::new(data)),
        false => builder,
    }
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
