//! Counts and reports requests that are not signed as configured.

use std::fmt;

use super::error::Cause;
use crate::{Signer, sign::SignError};
#[cfg(feature = "tracing")]
use crate::{events, rejection::Excerpt};

/// Reports that a request is sent unsigned.
///
/// A fault of the setup is a warning only the first time. Every further request has it too, and a
/// warning for each would hide all others in the log.
#[cold]
pub(super) fn unsigned(signer: &Signer, error: &SignError) {
    let faults = signer.faults();
    let is_warning = match error.cause() {
        Cause::Excluded => false,
        Cause::Setup => {
            faults.count_unsigned();
            faults.report_setup()
        }
        Cause::Request => {
            faults.count_unsigned();
            true
        }
    };
    report(
        signer,
        is_warning,
        "request sent unsigned",
        error.name(),
        error,
    );
}

/// Reports that a request is sent unsigned because of the form of its URL.
///
/// The text does not repeat the URL, because its query can hold secrets.
#[cfg(feature = "reqwest")]
#[cold]
pub(super) fn unsendable_url(signer: &Signer) {
    signer.faults().count_unsigned();
    let reason = "the URL is not one that HTTP can carry as it stands: correct it";
    report(
        signer,
        true,
        "request sent unsigned",
        "UrlNotSendable",
        &reason,
    );
}

/// Reports that a request is signed without its host.
#[cold]
pub(super) fn without_host(signer: &Signer) {
    let is_first = signer.faults().count_without_host();
    let reason =
        "host should be signed but is not known: set authority (or give a tonic client its origin)";
    report(
        signer,
        is_first,
        "request signed without its host",
        "HostUnknown",
        &reason,
    );
}

#[cfg(feature = "tracing")]
fn report(
    signer: &Signer,
    is_warning: bool,
    message: &'static str,
    kind: &'static str,
    reason: &dyn fmt::Display,
) {
    // tracing needs the level as a constant, so each level needs a call of its own.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: events::SIGN,
                tracing::Level::$level,
                kind = %kind,
                scheme = %signer.scheme(),
                key_id = %Excerpt::new(signer.keys().key_id().as_str()),
                %reason,
                "{message}"
            )
        };
    }
    if is_warning {
        event!(WARN);
    } else {
        event!(DEBUG);
    }
}

#[cfg(not(feature = "tracing"))]
fn report(_: &Signer, _: bool, _: &'static str, _: &'static str, _: &dyn fmt::Display) {}
