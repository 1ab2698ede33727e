//! What the command-line examples share: how they print, how they fail, and keys from the
//! environment.

pub(super) mod keys;

use std::{
    error::Error,
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

/// Success, or the error on one line of standard error and status 2.
pub(super) fn exit(program: &str, ended: Result<(), impl fmt::Display>) -> ExitCode {
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    complain(program, &error.to_string());
    ExitCode::from(2)
}

/// One line of standard error, before the work begins.
pub(super) fn warn(program: &str, text: &str) {
    complain(program, &format!("warning: {text}"));
}

fn complain(program: &str, text: &str) {
    // An argument that the message repeats may have several lines.
    let is_break = |c: char| c.is_control() || ('\u{2028}'..='\u{2029}').contains(&c);
    let line = text.replace(is_break, " ");
    let _nobody_left_to_tell = writeln!(io::stderr().lock(), "{program}: {line}");
}

/// What clap says is wrong, on one line and without tips, usage and pointers.
pub(super) fn essence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let ends = ["\n\n  tip:", "\n\nUsage:", "\n\nFor more information"];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    let essence = end.and_then(|end| text.get(..end)).unwrap_or(&text);
    let essence = essence.trim_start_matches("error: ").replace("\n  ", " ");
    format!("{essence} (see --help)")
}

/// A reader that has read enough (`| head -1`) is no error.
pub(super) fn print(output: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(output).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("standard output cannot be written: {error}").into())
        }
        _ => Ok(()),
    }
}
