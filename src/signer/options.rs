//! What a signer signs of a request, and what it adds to one.

use http::{HeaderName, HeaderValue, header, uri::Authority};

use super::error::MAX_HEADERS;
use crate::{
    DateHeader, Excerpt, RequestHead, SignError,
    component::{self, Component, Components, Repeated, SOURCE},
    hosts::{self, Hosts},
};

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) date_header: DateHeader,
    /// Headers named by the caller, signed after the date and the source.
    pub(crate) signed_headers: Vec<HeaderName>,
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
    pub(crate) fn new(date_header: DateHeader) -> Self {
        Self {
            date_header,
            signed_headers: Vec::new(),
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

    pub(crate) fn signs_host(&self) -> bool {
        self.signed_headers.contains(&header::HOST)
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
        head: RequestHead<'a>,
        date: &'a [u8],
    ) -> Result<Components<'a>, SignError> {
        if head.headers().len() > MAX_HEADERS {
            return Err(SignError::TooManyHeaders);
        }
        self.check_destination(head)?;
        let mut components = Components::new();
        components.push(Component {
            name: self.date_header.name().as_str(),
            value: date,
        });
        for name in self.names_behind_the_date() {
            if let Some(value) = self.value(head, name)? {
                components.push(Component {
                    name: name.as_str(),
                    value: component::trim(value),
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
        let trimmed = self.names_behind_the_date().filter_map(move |name| {
            let value = component::trimmed(headers.get(name)?)?;
            Some((name.clone(), value))
        });
        supplied.cloned().chain(trimmed)
    }

    fn names_behind_the_date(&self) -> impl Iterator<Item = &HeaderName> {
        std::iter::once(&SOURCE).chain(&self.signed_headers)
    }

    /// The value that will be sent: the request's own, or the one that is supplied.
    fn value<'a>(
        &'a self,
        head: RequestHead<'a>,
        name: &HeaderName,
    ) -> Result<Option<&'a [u8]>, SignError> {
        let own = component::single_value(head, name.as_str())
            .map_err(|Repeated| SignError::RepeatedHeader { name: name.clone() })?;
        let supplied = || {
            let (_, value) = self.supplied.iter().find(|(other, _)| other == name)?;
            Some(value)
        };
        if let Some(value) = own.or_else(supplied) {
            return Ok(Some(value.as_bytes()));
        }
        if *name != header::HOST {
            return Ok(None);
        }
        let configured = self.authority.as_ref().map(Authority::as_str);
        let host = configured.or_else(|| component::sent_authority(head.uri()));
        Ok(host.map(str::as_bytes))
    }
}
