//! How credentials begin, by which they are those of a scheme.

use std::iter;

use http::HeaderValue;

use super::{Carrier, CredentialsSyntax, query};
use crate::{RequestHead, header::trim, rejection::CredentialsError};

/// A form of credentials that are parameters: how their text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// The scheme's word. If it is empty, the text begins with the key id's parameter.
    pub(crate) auth_scheme: &'static str,
    /// The name of the key id's parameter.
    pub(crate) key_id: &'static str,
}

impl Form {
    /// Returns whether a text begins so. The case of the word does not matter.
    fn begins(self, text: &[u8]) -> bool {
        if self.auth_scheme.is_empty() {
            let rest = text.strip_prefix(self.key_id.as_bytes());
            return rest.is_some_and(|rest| rest.starts_with(b"="));
        }
        // The word ends at a space or a tab, because Kong's and APISIX's plugins accept any
        // whitespace there.
        let split = text.split_at_checked(self.auth_scheme.len());
        split.is_some_and(|(word, rest)| {
            word.eq_ignore_ascii_case(self.auth_scheme.as_bytes())
                && matches!(rest.first(), None | Some(b' ' | b'\t'))
        })
    }

    /// Returns whether some text has both forms.
    fn overlaps(self, other: Self) -> bool {
        self.auth_scheme.eq_ignore_ascii_case(other.auth_scheme)
            && self.key_id.eq_ignore_ascii_case(other.key_id)
    }
}

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
    /// Returns the forms that are accepted, the one that is sent first.
    fn forms(&self) -> impl Iterator<Item = Form> {
        let sent = Form {
            auth_scheme: self.auth_scheme,
            key_id: self.key_id,
        };
        iter::once(sent).chain(self.other_form)
    }

    /// Returns the form of this text, or `None` if it is of another scheme.
    pub(super) fn form(&self, text: &[u8]) -> Option<Form> {
        self.forms().find(|form| form.begins(text))
    }

    /// Returns the error for credentials of another scheme.
    pub(super) fn other_scheme(&self) -> CredentialsError {
        let expected = match (self.carrier, self.auth_scheme) {
            (Carrier::Json(_), _) => "{",
            (_, "") => self.key_id,
            (_, word) => word,
        };
        CredentialsError::OtherScheme { expected }
    }

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
