//! What a signer signs of a request, and what it adds to one.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri, header, uri::Authority};

use super::error::MAX_HEADERS;
use crate::{
    DateHeader, Excerpt, RequestHead, SignError,
    authorization::Times,
    component::{self, Component, Components, Repeated, Value},
    hosts::{self, Hosts},
    http_date::Timestamp,
    scheme::{Layout, Special},
    target::{self, Target},
};

/// One entry of the list of what is signed.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// As it is sent.
    pub(crate) spelling: Box<str>,
    pub(crate) what: What,
}

/// What an entry of the list stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// The date header in use.
    Date(DateHeader),
    Header(HeaderName),
    Special(Special),
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// What is signed, in order; left out is what a request lacks.
    pub(crate) list: Vec<Listed>,
    /// For how long a signature is good, where `expires` is sent.
    pub(crate) lifetime: Option<Duration>,
    /// Headers that are added to requests that lack them.
    supplied: Vec<(HeaderName, HeaderValue)>,
    /// The host to sign where no request names one.
    pub(crate) authority: Option<Authority>,
    /// The hosts that are signed for; any, if there are none.
    pub(crate) hosts: Option<Hosts>,
    /// Whether requests over plain HTTP to other machines stay unsigned.
    pub(crate) https_only: bool,
}

impl Options {
    pub(crate) fn new(list: Vec<Listed>, lifetime: Option<Duration>) -> Self {
        Self {
            list,
            lifetime,
            supplied: Vec::new(),
            authority: None,
            hosts: None,
            https_only: false,
        }
    }

    /// Adds this header to requests that lack it.
    pub(crate) fn supply(&mut self, name: &HeaderName, value: HeaderValue) {
        let value = component::trimmed(&value).unwrap_or(value);
        self.supplied.retain(|(other, _)| other != name);
        self.supplied.push((name.clone(), value));
    }

    /// The target in the form that clients send, where what is signed depends on it; `None` if it has that form.
    pub(crate) fn sent_target(&self, target: &Uri) -> Option<Uri> {
        let signs_host = self.headers().any(|name| *name == header::HOST);
        let signs_target = self.list.iter().any(|listed| match listed.what {
            What::Special(special) => special.is_target(),
            _ => false,
        });
        let with_authority = || component::with_sent_authority(target);
        let changed = signs_host.then(with_authority).flatten();
        let with_path = || target::with_sent_path(changed.as_ref().unwrap_or(target));
        signs_target.then(with_path).flatten().or(changed)
    }

    /// The date header in use; a list may do without.
    pub(crate) fn date_header(&self) -> Option<DateHeader> {
        self.list.iter().find_map(|listed| match listed.what {
            What::Date(header) => Some(header),
            _ => None,
        })
    }

    /// What of the two times the list names.
    pub(crate) fn times(&self, now: Timestamp) -> Times<String> {
        let names = |special| {
            let mut list = self.list.iter();
            list.any(|listed| listed.what == What::Special(special))
        };
        let text = |time: Timestamp| time.seconds().to_string();
        let lifetime = self.lifetime.unwrap_or_default();
        Times {
            created: names(Special::Created).then(|| text(now)),
            expires: names(Special::Expires).then(|| text(now.later(lifetime))),
        }
    }

    /// Refuses requests that go to where no signature may go.
    fn check_destination(&self, head: RequestHead<'_>) -> Result<(), SignError> {
        if self.hosts.is_none() && !self.https_only {
            return Ok(());
        }
        let scheme = head.uri().scheme_str();
        let destination = self.destination(head);
        let host = destination.as_ref().map_or("", Authority::host);
        if let Some(hosts) = &self.hosts
            && !destination
                .as_ref()
                .is_some_and(|to| hosts.contain(to, scheme))
        {
            return Err(SignError::NotForThisHost {
                host: Excerpt::new(host),
            });
        }
        if self.https_only && scheme == Some("http") && !hosts::is_loopback(host) {
            return Err(SignError::PlainHttp {
                host: Excerpt::new(host),
            });
        }
        Ok(())
    }

    /// Where the client below will send the request: to the target's authority if it has one.
    fn destination(&self, head: RequestHead<'_>) -> Option<Authority> {
        if let Some(authority) = head.uri().authority() {
            return Some(authority.clone());
        }
        match component::single_value(head, header::HOST.as_str()) {
            Ok(Some(host)) => host.as_bytes().try_into().ok(),
            Ok(None) => self.authority.clone(),
            Err(Repeated) => None,
        }
    }

    /// What is signed of this request, in signing order.
    pub(crate) fn components<'a>(
        &'a self,
        layout: &Layout,
        head: RequestHead<'a>,
        date: &'a [u8],
        times: &'a Times<String>,
    ) -> Result<Components<'a>, SignError> {
        if head.headers().len() > MAX_HEADERS {
            return Err(SignError::TooManyHeaders);
        }
        self.check_destination(head)?;
        let mut components = Components::new();
        for Listed { spelling, what } in &self.list {
            let value = match what {
                What::Date(_) => Some(Value::Text(date.into())),
                What::Header(name) => self.value(layout, head, name)?,
                What::Special(Special::Created) => times.created.as_deref().map(text),
                What::Special(Special::Expires) => times.expires.as_deref().map(text),
                What::Special(_) if head.headers().contains_key(&**spelling) => {
                    let name = Excerpt::new(spelling);
                    return Err(SignError::NameTaken { name });
                }
                What::Special(special) => Some(Value::Target(Target::new(*special, head)?)),
            };
            if let Some(value) = value {
                components.push(Component {
                    name: spelling,
                    value,
                });
            }
        }
        Ok(components)
    }

    /// The headers to be set beside the date and `Authorization`: those the request lacks, and signed ones with
    /// blanks around their value, which are sent as they are signed.
    pub(crate) fn others<'a>(
        &'a self,
        head: RequestHead<'a>,
    ) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<'a> {
        let headers = head.headers();
        let supplied = self.supplied.iter();
        let supplied = supplied.filter(move |(name, _)| !headers.contains_key(name));
        let trimmed = self.headers().filter_map(move |name| {
            // Of joined values each stays as it is: blanks around it do not get to the other side.
            let own = component::single_value(head, name.as_str()).ok()??;
            Some((name.clone(), component::trimmed(own)?))
        });
        supplied.cloned().chain(trimmed)
    }

    fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.list.iter().filter_map(|listed| match &listed.what {
            What::Header(name) => Some(name),
            _ => None,
        })
    }

    /// The value that will be sent: the request's own, or the one that is supplied.
    fn value<'a>(
        &'a self,
        layout: &Layout,
        head: RequestHead<'a>,
        name: &HeaderName,
    ) -> Result<Option<Value<'a>>, SignError> {
        let own = component::header_value(layout, head, name.as_str())
            .map_err(|Repeated| SignError::RepeatedHeader { name: name.clone() })?;
        if own.is_some() {
            return Ok(own);
        }
        let mut supplied = self.supplied.iter();
        if let Some((_, value)) = supplied.find(|(other, _)| other == name) {
            return Ok(Some(Value::text(value.as_bytes())));
        }
        if *name != header::HOST {
            return Ok(None);
        }
        let configured = self.authority.as_ref().map(Authority::as_str);
        let host = configured.or_else(|| component::sent_authority(head.uri()));
        Ok(host.map(text))
    }
}

fn text(value: &str) -> Value<'_> {
    Value::text(value.as_bytes())
}
