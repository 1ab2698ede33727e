//! What the command-line examples share: arguments, keys from the environment, schemes from files,
//! forms, output and failure.

pub(crate) mod keys;
pub(crate) mod scheme;

use std::{
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser;
use http::{HeaderValue, uri::Authority};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Parses the arguments. Returns `None` if they ask for help or the version, which is then printed.
pub(crate) fn arguments<A: Parser>() -> Result<Option<A>> {
    match A::try_parse() {
        Ok(arguments) => Ok(Some(arguments)),
        Err(error) if error.use_stderr() => Err(essence(&error).into()),
        Err(help_or_version) => {
            print(help_or_version.render().to_string().as_bytes())?;
            Ok(None)
        }
    }
}

/// Returns clap's error on one line, without tips, usage and pointers.
fn essence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let ends = ["\n\n  tip:", "\n\nUsage:", "\n\nFor more information"];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    let essence = end.and_then(|end| text.get(..end)).unwrap_or(&text);
    let essence = essence.trim_start_matches("error: ").replace("\n  ", " ");
    format!("{essence} (see --help)")
}

/// Returns `true` if the host is not empty and the port, where there is one, is a number.
///
/// [`Authority`] itself accepts an empty host and any text as a port.
pub(crate) fn has_valid_host(authority: &Authority) -> bool {
    let text = authority.as_str();
    let host_and_port = text.rsplit_once('@').map_or(text, |(_user, rest)| rest);
    let (_, port) = host_and_port.rsplit_once(':').unwrap_or_default();
    // The last colon of an IPv6 address without a port is inside the brackets.
    let has_no_port = port.is_empty() || port.ends_with(']');
    !authority.host().is_empty() && (has_no_port || authority.port_u16().is_some())
}

/// Returns `true` if a body with this `Content-Type` is a form.
#[cfg_attr(
    not(feature = "digest"),
    allow(dead_code, reason = "the gateway reads forms with this feature only")
)]
pub(crate) fn is_form(content_type: Option<&HeaderValue>) -> bool {
    let value = content_type.map_or(&[][..], HeaderValue::as_bytes);
    let media_type = value.split(|byte| *byte == b';').next();
    let media_type = media_type.unwrap_or_default().trim_ascii();
    media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// Returns success, or prints the error as one line on standard error and returns status 2.
pub(crate) fn exit(program: &str, result: Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    complain(program, &error);
    ExitCode::from(2)
}

/// Prints a warning as one line on standard error.
pub(crate) fn warn(program: &str, text: &str) {
    complain(program, &format_args!("warning: {text}"));
}

fn complain(program: &str, text: &dyn fmt::Display) {
    let line = one_line(&text.to_string());
    // If standard error is closed, there is nowhere left to report that.
    let _ignored = writeln!(io::stderr().lock(), "{program}: {line}");
}

/// Replaces line breaks and other control characters by spaces. A text may repeat an argument, and
/// an argument may have several lines.
pub(crate) fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || ('\u{2028}'..='\u{2029}').contains(&c);
    text.replace(is_break, " ")
}

/// Writes to standard output. A reader that closes the pipe early, such as `head -1`, is no error.
pub(crate) fn print(output: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(output).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}").into())
        }
        _ => Ok(()),
    }
}

/// Returns the number of the line that has the byte at this offset.
pub(crate) fn line_at(text: &[u8], offset: usize) -> usize {
    let before = text.iter().take(offset);
    before
        .filter(|byte| **byte == b'\n')
        .count()
        .saturating_add(1)
}
