//! Replaces `forms.rs` if the feature `digest` is off: forms are not read, so schemes that sign
//! their parameters refuse them.

use hyper::body::Incoming;
use tower_hmac_auth::verify::{SharedKeys, VerifierSet};

use super::{arguments::Arguments, refusals::Refusals};

/// A client's body.
pub(crate) type ClientBody = Incoming;

/// Reads nothing.
#[derive(Clone)]
pub(crate) struct Forms;

impl Forms {
    pub(crate) fn of(_: &Arguments, _: &VerifierSet, _: &SharedKeys, _: &Refusals) -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "the other module's needs it")]
    pub(crate) fn before<S>(self, service: S) -> S {
        service
    }
}
