//! The values of arguments.

use std::time::SystemTime;

use http::{HeaderName, HeaderValue, Uri, uri::Authority};
use tower_hmac_auth::scheme::DateHeader;

use super::Result;

pub(super) fn date_header(name: &str) -> Result<DateHeader> {
    match name.to_ascii_lowercase().as_str() {
        "date" => Ok(DateHeader::Date),
        "x-date" => Ok(DateHeader::XDate),
        _ => Err("write date or x-date".into()),
    }
}

pub(super) fn date(text: &str) -> Result<SystemTime> {
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

pub(super) fn header(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let form = "write it as 'Name: value', or as 'Name:' if the value is empty";
    let (name, value) = text.split_once(':').ok_or(form)?;
    let name = header_name(name)?;
    match name.as_str() {
        "date" | "x-date" => Err("leave it out: --date-header and --date set it".into()),
        "authorization" => Err("leave it out: --algorithm, --sign and the keys set it".into()),
        _ => Ok((name, header_value(value)?)),
    }
}

/// What other gateways' lists have beside headers' names.
pub(super) const SPECIAL: [&str; 5] = [
    "@request-target",
    "(request-target)",
    "request-line",
    "(created)",
    "(expires)",
];

pub(super) fn signed_name(text: &str) -> Result<String> {
    if !SPECIAL.contains(&text) {
        header_name(text)?;
    }
    Ok(text.to_owned())
}

fn header_name(text: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| format!("'{text}' is no header name: use letters, digits and hyphens").into())
}

pub(super) fn header_value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text.trim_matches([' ', '\t']))
        .map_err(|_| "no header can carry this value: take the control characters out".into())
}

/// The text is kept for curl, as a [`Uri`] has no fragment.
pub(super) fn url(text: &str) -> Result<(String, Uri)> {
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
