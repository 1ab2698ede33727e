//! Which scheme the credentials of a request are of.

use http::HeaderValue;

use super::{Carrier, CredentialsSyntax, query};
use crate::{RequestHead, header::trim};

/// How far credentials have the form of a scheme's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// There are none, or they are of another scheme.
    None,
    /// They begin with the scheme's word.
    Word,
    /// They also have the scheme's parameter for the key id.
    Full,
}

impl CredentialsSyntax {
    /// Returns whether the value of an `Authorization` begins as this scheme's do. The rest may be
    /// invalid.
    pub(crate) fn recognizes(&self, authorization: &HeaderValue) -> bool {
        let text = trim(authorization.as_bytes());
        match self.carrier {
            Carrier::Parameters | Carrier::ParametersOrQuery => self.form(text).is_some(),
            Carrier::Json(_) => text.starts_with(b"{"),
        }
    }

    /// Returns whether a request has credentials of this scheme. They may be invalid.
    pub(crate) fn signed(&self, head: &RequestHead<'_>) -> bool {
        let authorization = head.headers().get(self.header);
        let in_query = || {
            self.carrier == Carrier::ParametersOrQuery && query::has_credentials(self, head.uri())
        };
        authorization.is_some_and(|value| self.recognizes(value)) || in_query()
    }

    /// Returns how far a request's credentials have the form of this scheme's. They may be invalid.
    pub(crate) fn fit(&self, head: &RequestHead<'_>) -> Fit {
        let authorization = head.headers().get(self.header);
        let form = authorization.and_then(|value| {
            let form = self.form(trim(value.as_bytes()))?;
            Some((value, form))
        });
        match (self.carrier, form) {
            (Carrier::Parameters | Carrier::ParametersOrQuery, Some((value, form)))
                if !names_parameter(value, form.key_id) =>
            {
                Fit::Word
            }
            _ if self.signed(head) => Fit::Full,
            _ => Fit::None,
        }
    }

    /// Returns whether some credentials have the form of both schemes.
    pub(crate) fn is_same_form(&self, other: &Self) -> bool {
        let in_query = |syntax: &Self| syntax.carrier == Carrier::ParametersOrQuery;
        if in_query(self) && in_query(other) {
            return true;
        }
        if self.header != other.header {
            return false;
        }
        match (self.carrier, other.carrier) {
            (Carrier::Json(_), Carrier::Json(_)) => true,
            (Carrier::Json(_), _) | (_, Carrier::Json(_)) => false,
            _ => self
                .forms()
                .any(|one| other.forms().any(|other| one.overlaps(other))),
        }
    }
}

/// Returns whether a parameter has this name, in any case. What is between quotes is no name.
fn names_parameter(value: &HeaderValue, name: &str) -> bool {
    let unquoted = value.as_bytes().split(|byte| *byte == b'"').step_by(2);
    let mut before_equals = unquoted.flat_map(|part| part.split(|byte| *byte == b'='));
    before_equals.any(|part| {
        let mut words = trim(part).rsplit(|byte| matches!(byte, b' ' | b'\t' | b','));
        let word = words.next().unwrap_or_default();
        word.eq_ignore_ascii_case(name.as_bytes())
    })
}
