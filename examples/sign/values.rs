//! Parses the values of arguments.

use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue, Uri};
use tower_hmac_auth::scheme::DateHeader;

use super::support::{Result, has_valid_host};

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
    // The parser's error does not say whether only the weekday is wrong, so try all seven.
    let day = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let dates = weekdays.map(|weekday| format!("{weekday}{day}"));
    let is_date = |date: &&String| httpdate::parse_http_date(date).is_ok();
    Err(match dates.iter().find(is_date) {
        Some(date) => format!("the weekday is wrong: write '{date}'").into(),
        None => "invalid date: write it as 'Fri, 09 Oct 2015 00:00:00 GMT'".into(),
    })
}

pub(super) fn lifetime(text: &str) -> Result<Duration> {
    let seconds = text.parse::<u32>().ok().filter(|seconds| *seconds > 0);
    let seconds = seconds.ok_or("write a number of seconds, at least 1")?;
    Ok(Duration::from_secs(seconds.into()))
}

pub(super) fn header(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let form = "write it as 'Name: value', or as 'Name:' if the value is empty";
    let (name, value) = text.split_once(':').ok_or(form)?;
    let name = header_name(name)?;
    match name.as_str() {
        "date" | "x-date" => Err("remove it: --date-header and --date set it".into()),
        "authorization" => Err("remove it: --algorithm, --sign and the keys set it".into()),
        _ => Ok((name, header_value(value)?)),
    }
}

/// The presets' names of derived components, which lists can have beside the names of headers.
pub(super) const DERIVED: [&str; 5] = [
    "@request-target",
    "(request-target)",
    "request-line",
    "(created)",
    "(expires)",
];

/// Parses a name to sign. Whether the scheme has a derived component of that name is seen later.
pub(super) fn signed_name(text: &str) -> Result<String> {
    let may_be_derived = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || !may_be_derived || text.contains(['"', ',', ';']) {
        header_name(text)?;
    }
    Ok(text.to_owned())
}

/// Parses a list of names, separated by spaces.
pub(super) fn components(text: &str) -> Result<Components> {
    match text.contains(',') {
        true => Err("separate the names with spaces, not with commas".into()),
        false => {
            let names = text.split_whitespace().map(signed_name);
            Ok(Components(names.collect::<Result<_>>()?))
        }
    }
}

/// The names of `--components`.
#[derive(Clone)]
pub(super) struct Components(pub(super) Vec<String>);

pub(super) fn header_name(text: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
        format!("'{text}' is not a header name: use letters, digits and hyphens").into()
    })
}

pub(super) fn header_value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text.trim_matches([' ', '\t']))
        .map_err(|_| "no header can carry this value: remove the control characters".into())
}

/// Parses a URL. The text is returned for curl, as a [`Uri`] loses the fragment.
pub(super) fn url(text: &str) -> Result<(String, Uri)> {
    let is_web = |uri: &Uri| {
        let has_host = uri.authority().is_some_and(has_valid_host);
        matches!(uri.scheme_str(), Some("http" | "https")) && has_host
    };
    let uri = text.parse().ok().filter(is_web);
    let uri = uri.ok_or("write it as https://host:port/path, special characters escaped with %")?;
    Ok((text.to_owned(), uri))
}
