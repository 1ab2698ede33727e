//! From a request's head to the components that are signed, in one walk over the list.

use http::{HeaderName, HeaderValue, header};
use smallvec::SmallVec;

use super::{
    error::MAX_HEADERS,
    options::{Listed, Options, What},
};
use crate::{
    Excerpt, RequestHead, SignError,
    authorization::Times,
    component::{self, Component, DIGESTS, Repeated, Value},
    scheme::{Layout, Special},
    target::Target,
};

/// A request whose components are looked for.
pub(super) struct Walk<'a> {
    pub(super) options: &'a Options,
    pub(super) layout: &'static Layout,
    pub(super) head: RequestHead<'a>,
    pub(super) date: &'a [u8],
    pub(super) times: &'a Times<String>,
}

/// What has to be set on the request beside the date and `Authorization`.
#[derive(Default)]
pub(super) struct Changes {
    /// Whether any of it, or of what is signed, comes from the request.
    pub(super) depend_on_request: bool,
    /// Which of the supplied headers it lacks: a bit for each, the first one's the lowest.
    pub(super) lacking: u64,
    /// Signed headers with blanks around their value, which are sent as they are signed.
    pub(super) trimmed: SmallVec<[(HeaderName, HeaderValue); 1]>,
}

impl<'a> Walk<'a> {
    /// Hands every component on, in signing order.
    pub(super) fn each(&self, mut visit: impl FnMut(Component<'a>)) -> Result<Changes, SignError> {
        if self.head.headers().len() > MAX_HEADERS {
            return Err(SignError::TooManyHeaders);
        }
        let mut changes = Changes::default();
        for Listed { spelling, what } in self.options.list() {
            let value = match what {
                What::Date(_) => Some(Value::Text(self.date.into())),
                What::Header(name) => self.header(name, &mut changes)?,
                What::Special(special) => self.special(*special, spelling)?,
            };
            if let Some(value) = value {
                visit(Component {
                    name: spelling,
                    value,
                });
            }
        }
        if self.head.has_digest() {
            self.each_digest(&mut changes, &mut visit)?;
        }
        for (position, (name, _)) in self.options.supplied().iter().enumerate() {
            if self.options.lists(name) {
                continue;
            }
            if self.head.headers().contains_key(name) {
                changes.depend_on_request = true;
            } else {
                changes.lacking |= 1 << position;
            }
        }
        Ok(changes)
    }

    /// A digest that was computed for the body is signed whatever the list says.
    fn each_digest(
        &self,
        changes: &mut Changes,
        visit: &mut impl FnMut(Component<'a>),
    ) -> Result<(), SignError> {
        for name in &DIGESTS {
            if !self.options.lists(name)
                && let Some(value) = self.header(name, changes)?
            {
                let name = name.as_str();
                visit(Component { name, value });
            }
        }
        Ok(())
    }

    /// The value that will be sent: the request's own, or the one that is supplied.
    fn header(
        &self,
        name: &'a HeaderName,
        changes: &mut Changes,
    ) -> Result<Option<Value<'a>>, SignError> {
        match component::single_value(self.head, name) {
            Ok(Some(own)) => {
                changes.depend_on_request = true;
                if let Some(trimmed) = component::trimmed(own) {
                    changes.trimmed.push((name.clone(), trimmed));
                }
                return Ok(Some(Value::text(own.as_bytes())));
            }
            Ok(None) => {}
            // Of joined values each stays as it is: blanks around it do not get to the other side.
            Err(Repeated) => {
                changes.depend_on_request = true;
                return component::header_value(self.layout, self.head, name)
                    .map_err(|Repeated| SignError::RepeatedHeader { name: name.clone() });
            }
        }
        let mut supplied = self.options.supplied().iter().enumerate();
        if let Some((position, (_, value))) = supplied.find(|(_, (other, _))| other == name) {
            changes.lacking |= 1 << position;
            return Ok(Some(Value::text(value.as_bytes())));
        }
        if *name != header::HOST {
            return Ok(None);
        }
        if let Some(configured) = &self.options.authority {
            return Ok(Some(text(configured.as_str())));
        }
        match component::sent_authority(self.head.uri()) {
            // HTTP/1.1 clients send such a host without its port, or with another spelling of it.
            Some(host) if !component::has_sendable_port(host) => {
                let host = Excerpt::new(host);
                Err(SignError::InvalidPort { host })
            }
            host => Ok(host.map(text)),
        }
    }

    fn special(&self, special: Special, name: &str) -> Result<Option<Value<'a>>, SignError> {
        match special {
            Special::Created => Ok(self.times.created.as_deref().map(text)),
            Special::Expires => Ok(self.times.expires.as_deref().map(text)),
            // Only some of the scheme's own names can be a header's.
            _ if component::is_field_name(name) && self.head.headers().contains_key(name) => {
                let name = Excerpt::new(name);
                Err(SignError::NameTaken { name })
            }
            special => Ok(Some(Value::Target(Target::new(special, self.head)?))),
        }
    }
}

fn text(value: &str) -> Value<'_> {
    Value::text(value.as_bytes())
}
