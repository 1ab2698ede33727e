//! What a signer signs of a request, and what it adds to one.

use std::{borrow::Cow, time::Duration};

use http::{HeaderName, HeaderValue, Uri, header, uri::Authority};

use super::hosts::{self, Hosts};
use crate::{
    RequestHead,
    header::{DateHeader, Repeated, single_value, trimmed},
    rejection::Excerpt,
    sign::SignError,
    wire::{
        authority::{
            InvalidPort, default_port, is_authority_changed, is_tls, named_port,
            with_sent_authority, without_user,
        },
        component::DerivedComponent,
        credentials::Times,
        date::Timestamp,
        target,
    },
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
    Derived(DerivedComponent),
}

impl Listed {
    fn header(&self) -> Option<&HeaderName> {
        match &self.what {
            What::Header(name) => Some(name),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// What is signed, in order; left out is what a request lacks.
    list: Vec<Listed>,
    /// What follows from the list, so that no request has to find it out.
    signs_host: bool,
    signs_target: bool,
    signs_times: bool,
    depends_on_time_alone: bool,
    date_header: Option<DateHeader>,
    /// For how long a signature is good, where `expires` is sent.
    pub(crate) lifetime: Option<Duration>,
    /// Headers that are added to requests that lack them.
    supplied: Vec<(HeaderName, HeaderValue)>,
    /// Listed headers that are not supplied.
    own: Vec<HeaderName>,
    /// The host to sign where no request names one.
    pub(crate) authority: Option<Authority>,
    /// The hosts that are signed for; any, if there are none.
    pub(crate) hosts: Option<Hosts>,
    /// Whether requests to other machines stay unsigned unless they go over `https`.
    pub(crate) https_only: bool,
}

impl Options {
    pub(crate) fn new(list: Vec<Listed>, lifetime: Option<Duration>) -> Self {
        let names = |wanted: &dyn Fn(&What) -> bool| list.iter().any(|listed| wanted(&listed.what));
        let date_header = list.iter().find_map(|listed| match listed.what {
            What::Date(header) => Some(header),
            _ => None,
        });
        let own = list.iter().filter_map(Listed::header).cloned().collect();
        Self {
            signs_host: names(&|what| *what == What::Header(header::HOST)),
            signs_target: names(
                &|what| matches!(what, What::Derived(derived) if derived.is_target()),
            ),
            signs_times: names(&|what| {
                matches!(
                    what,
                    What::Derived(DerivedComponent::Created | DerivedComponent::Expires)
                )
            }),
            depends_on_time_alone: !names(&|what| {
                matches!(what, What::Derived(_)) || *what == What::Header(header::HOST)
            }),
            date_header,
            list,
            lifetime,
            supplied: Vec::new(),
            own,
            authority: None,
            hosts: None,
            https_only: false,
        }
    }

    /// Adds this header to requests that lack it.
    pub(crate) fn supply(&mut self, name: &HeaderName, value: HeaderValue) {
        let value = trimmed(&value).unwrap_or(value);
        self.supplied.retain(|(other, _)| other != name);
        self.supplied.push((name.clone(), value));
        self.own.retain(|other| other != name);
    }

    /// Whether what is signed depends on the target's form, and it is not the one that clients send.
    pub(crate) fn changes_target(&self, target: &Uri) -> bool {
        self.signs_host && is_authority_changed(target)
            || self.signs_target && target::lacks_path(target)
    }

    /// The target in the form that clients send, as far as what is signed depends on it; `None` if it has that form.
    pub(crate) fn sent_target(&self, target: &Uri) -> Option<Uri> {
        let with_authority = || with_sent_authority(target);
        let changed = self.signs_host.then(with_authority).flatten();
        let with_path = || target::with_sent_path(changed.as_ref().unwrap_or(target));
        self.signs_target.then(with_path).flatten().or(changed)
    }

    /// Whether `host` is listed.
    pub(crate) fn signs_host(&self) -> bool {
        self.signs_host
    }

    /// The date header in use; a list may do without.
    pub(crate) fn date_header(&self) -> Option<DateHeader> {
        self.date_header
    }

    /// Whether what is signed depends on the time alone, for requests that have none of the listed headers themselves.
    pub(crate) fn depends_on_time_alone(&self) -> bool {
        self.depends_on_time_alone
    }

    pub(crate) fn lists(&self, name: &HeaderName) -> bool {
        self.headers().any(|listed| listed == name)
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.list.iter().filter_map(Listed::header)
    }

    /// The listed headers that a request can only have of its own.
    pub(crate) fn own(&self) -> &[HeaderName] {
        &self.own
    }

    pub(crate) fn list(&self) -> &[Listed] {
        &self.list
    }

    pub(crate) fn supplied(&self) -> &[(HeaderName, HeaderValue)] {
        &self.supplied
    }

    /// What of the two times the list names.
    pub(crate) fn times(&self, now: Timestamp) -> Times<String> {
        if !self.signs_times {
            return Times::default();
        }
        let names = |derived| {
            let mut list = self.list.iter();
            list.any(|listed| listed.what == What::Derived(derived))
        };
        let text = |time: Timestamp| time.seconds().to_string();
        let lifetime = self.lifetime.unwrap_or_default();
        Times {
            created: names(DerivedComponent::Created).then(|| text(now)),
            expires: names(DerivedComponent::Expires).then(|| text(now.later(lifetime))),
        }
    }

    /// Whether there are requests that no signature may go with.
    pub(crate) fn limits_destinations(&self) -> bool {
        self.hosts.is_some() || self.https_only
    }

    /// Refuses requests that go to where no signature may go.
    pub(crate) fn check_destination(&self, head: RequestHead<'_>) -> Result<(), SignError> {
        if !self.limits_destinations() {
            return Ok(());
        }
        let scheme = head.uri().scheme_str();
        let destination = self.destination(head);
        if let Some(hosts) = &self.hosts {
            let destination = destination.as_ref().map_err(SignError::clone)?;
            if !hosts.contain(destination, scheme) {
                return Err(Self::excluded(hosts, destination, head));
            }
        }
        let host = destination.as_ref().map_or("", |to| to.host());
        if self.https_only && !scheme.is_some_and(is_tls) && !hosts::is_loopback(host) {
            let host = Excerpt::new(host);
            return Err(match scheme {
                None => SignError::SchemeUnknown { host },
                Some(_) => SignError::NotHttps { host },
            });
        }
        Ok(())
    }

    /// Why `hosts` do not contain this destination of a request.
    fn excluded(hosts: &Hosts, destination: &Authority, head: RequestHead<'_>) -> SignError {
        let host = destination.host();
        let host = match named_port(destination) {
            _ if !hosts.contain_host(destination) => Excerpt::new(host),
            // It is the port that excludes it.
            Ok(port) => match port.or_else(|| default_port(head.uri().scheme_str())) {
                Some(port) => Excerpt::new(&format!("{host}:{port}")),
                None => Excerpt::new(host),
            },
            Err(InvalidPort) => {
                let host = Excerpt::new(without_user(destination));
                return SignError::InvalidPort { host };
            }
        };
        match names_host(head) {
            true => SignError::NotForThisHost { host },
            false => SignError::AuthorityExcluded { host },
        }
    }

    /// Where the client below will send the request: to the target's authority if it has one.
    fn destination<'a>(&'a self, head: RequestHead<'a>) -> Result<Cow<'a, Authority>, SignError> {
        let destination = match head.uri().authority() {
            Some(authority) => Some(Cow::Borrowed(authority)),
            None => match single_value(head.headers(), header::HOST) {
                Ok(Some(host)) => host.as_bytes().try_into().ok().map(Cow::Owned),
                Ok(None) => self.authority.as_ref().map(Cow::Borrowed),
                Err(Repeated) => return Err(SignError::RepeatedHeader { name: header::HOST }),
            },
        };
        let has_host = |authority: &Cow<'_, Authority>| !authority.host().is_empty();
        destination.filter(has_host).ok_or(match names_host(head) {
            true => SignError::InvalidHost,
            false => SignError::DestinationUnknown,
        })
    }
}

/// Whether the request itself says where it goes.
fn names_host(head: RequestHead<'_>) -> bool {
    head.uri().authority().is_some() || head.headers().contains_key(header::HOST)
}
