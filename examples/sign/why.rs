//! Explains a gateway's refusal.

use std::io::{self, Read as _};

use tower_hmac_auth::{Rejection, error::RejectionKind};

use super::support::{Result, print};

/// How many bytes of standard input are read. A gateway's refusal is much shorter.
const MAX_ANSWER_LEN: u64 = 64 * 1024;

/// Prints what to check after this answer, or after a refusal of the kind with this name.
pub(super) fn why(answer: &str) -> Result<()> {
    let answer = match answer {
        "-" => io::read_to_string(io::stdin().lock().take(MAX_ANSWER_LEN))?,
        answer => answer.to_owned(),
    };
    let kind = kind_named(&answer).or_else(|| Rejection::from_response_text(&answer));
    let unknown = "--why: unknown answer: give the gateway's whole answer, or the kind's name";
    print(format!("{}\n", kind.ok_or(unknown)?.hint()).as_bytes())
}

/// Returns the kind of this name. The example `gateway` logs one for each refusal, as in
/// `kind=SignatureMismatch`.
fn kind_named(name: &str) -> Option<RejectionKind> {
    let is_named = |kind: &RejectionKind| kind.name().eq_ignore_ascii_case(name.trim());
    RejectionKind::ALL.into_iter().find(is_named)
}
