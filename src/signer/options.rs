//! What a signer signs of a request, and what it adds to one.

use http::{HeaderName, HeaderValue, header, uri::Authority};

use crate::{
    DateHeader, RequestHead, SignError,
    component::{self, Component, Components, Repeated, SOURCE},
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
}

impl Options {
    pub(crate) fn new(date_header: DateHeader) -> Self {
        Self {
            date_header,
            signed_headers: Vec::new(),
            supplied: Vec::new(),
            authority: None,
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

    /// What is signed of this request, in signing order.
    pub(crate) fn components<'a>(
        &'a self,
        head: RequestHead<'a>,
        date: &'a [u8],
    ) -> Result<Components<'a>, SignError> {
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
