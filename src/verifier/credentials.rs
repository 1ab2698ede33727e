//! What a request says of itself, read but not yet believed.

use std::fmt;

use crate::{
    Algorithm, DateHeader, Excerpt, Rejection, RequestHead, SigningString, VerifyingKey,
    authorization::{Authorization, Signature},
    component::{self, Component, Components, Repeated, Value},
    scheme::{Facts, Special},
    signing_string,
    target::{self, Target},
};

/// Finds what the listed names stand for. On HTTP/2 the host is in the target.
pub(super) struct Finder<'h> {
    pub(super) facts: &'static Facts,
    pub(super) head: RequestHead<'h>,
    /// Whether a listed header may be absent, where the scheme has a way to sign that.
    pub(super) allows_absent: bool,
    /// Whether the handler gets the normalised target, so that any target may be believed.
    pub(super) is_normalising: bool,
}

impl<'h> Finder<'h> {
    pub(super) fn find(
        &self,
        authorization: &Authorization<'h>,
    ) -> Result<Components<'h>, Rejection> {
        let names = authorization.names(self.facts)?;
        let component = |name: &'h str| {
            let value = match self.facts.special(name) {
                Some(special) => self.special(special, name, authorization)?,
                None => self.header(name)?,
            };
            Ok(Component { name, value })
        };
        names.map(component).collect()
    }

    fn header(&self, name: &'h str) -> Result<Value<'h>, Rejection> {
        let value = component::header_value(&self.facts.layout, self.head, name)
            .map_err(|Repeated| Rejection::repeated(name))?;
        if let Some(value) = value {
            return Ok(value);
        }
        if let Some(host) = component::authority_as_host(self.head, name) {
            return Ok(Value::text(host));
        }
        if self.allows_absent && self.facts.layout.absent.is_some() {
            return Ok(Value::Absent);
        }
        let name = Excerpt::new(name);
        Err(Rejection::HeaderMissing { name })
    }

    fn special(
        &self,
        special: Special,
        name: &'h str,
        authorization: &Authorization<'h>,
    ) -> Result<Value<'h>, Rejection> {
        let parameter = |value: Option<&'h str>, parameter| match value {
            Some(value) => Ok(Value::text(value.as_bytes())),
            None => Err(Rejection::ParameterMissing { parameter }),
        };
        match special {
            Special::Created => parameter(authorization.times.created, "created"),
            Special::Expires => parameter(authorization.times.expires, "expires"),
            // The gateway would take it for what was signed.
            _ if self.head.headers().contains_key(name) => Err(Rejection::repeated(name)),
            special => {
                if special == Special::DecodedTarget && !self.is_normalising {
                    target::check_normal(self.head.uri())?;
                }
                Ok(Value::Target(Target::new(special, self.head)?))
            }
        }
    }
}

/// What a request says of itself, read but not yet believed: the way from [`Verifier::read`](crate::Verifier::read) to
/// [`Verifier::verify`](crate::Verifier::verify).
#[derive(Clone)]
pub struct Credentials<'h> {
    pub(super) facts: &'static Facts,
    pub(super) authorization: Authorization<'h>,
    pub(super) algorithm: Algorithm,
    pub(super) signature: Signature,
    pub(super) components: Components<'h>,
}

impl<'h> Credentials<'h> {
    /// The key id to look up.
    #[must_use]
    pub fn key_id(&self) -> &'h str {
        self.authorization.key_id
    }

    /// The algorithm the request names, one of those the server allows.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What the signature should have been made over, to be compared with the client's.
    #[must_use]
    pub fn signing_string(&self) -> SigningString {
        let layout = &self.facts.layout;
        SigningString::new(layout, self.authorization.key_id, &self.components)
    }

    /// What is listed and present under this name, in any case.
    pub(super) fn covered(&self, name: &str) -> Option<&Value<'h>> {
        let mut components = self.components.iter();
        let component = components.find(|component| component.name.eq_ignore_ascii_case(name))?;
        Some(&component.value).filter(|value| !matches!(value, Value::Absent))
    }

    /// The date that is listed and present.
    pub(super) fn date(&self, header: DateHeader) -> Option<&[u8]> {
        let name = header.name().as_str();
        let is_listed_right = |component: &&Component<'_>| {
            component.name == name
                || self.facts.any_case_date && component.name.eq_ignore_ascii_case(name)
        };
        match &self.components.iter().find(is_listed_right)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Which of the names are present: a bit for each, the first one's the lowest.
    pub(super) fn present(&self) -> u64 {
        let components = self.components.iter().rev();
        components.fold(0, |bits, component| {
            bits << 1 | u64::from(!matches!(component.value, Value::Absent))
        })
    }

    pub(super) fn is_signed_with(&self, key: &VerifyingKey) -> bool {
        let mut mac = key.start(self.algorithm);
        let layout = &self.facts.layout;
        signing_string::write(
            layout,
            self.authorization.key_id,
            &self.components,
            &mut mac,
        );
        mac.verify(self.signature.as_bytes())
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("key_id", &self.authorization.key_id)
            .field("algorithm", &self.algorithm)
            .field("headers", &self.authorization.headers)
            .finish_non_exhaustive()
    }
}
