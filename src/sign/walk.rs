//! From a request's head to the components that are signed, in one walk over the list.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, header, uri::Authority};
use smallvec::SmallVec;

use super::options::{Listed, Options, What};
use crate::{
    RequestHead,
    header::{DIGESTS, DateHeader, Repeated, is_field_name, single_value, trim, trimmed},
    limits::MAX_HEADERS,
    rejection::Excerpt,
    sign::SignError,
    wire::{
        authority::{has_host, has_sendable_port, sent_authority},
        component::{self, DerivedComponent},
        credentials::{Encoder, Times},
        signing_string::{SigningString, SigningStringFormat},
    },
};

/// A request whose components are looked for.
pub(super) struct Walk<'a> {
    pub(super) options: &'a Options,
    pub(super) format: &'static SigningStringFormat,
    pub(super) head: &'a RequestHead<'a>,
    pub(super) date: &'a [u8],
    pub(super) times: &'a Times<String>,
}

/// Which names are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Names {
    /// Entries of the signer's list: a bit for each, the first one's the lowest.
    listed: u64,
    /// Those of [`DIGESTS`] that are signed whatever the list says, in the same way.
    digests: u64,
}

/// What is signed, and what has to be set on the request beside the date and `Authorization`.
#[derive(Default)]
pub(super) struct Changes {
    names: Names,
    /// Where in the signing string the date is.
    pub(super) date_at: Option<usize>,
    /// Which of the supplied headers it lacks: a bit for each, the first one's the lowest.
    lacking: u64,
    /// Signed headers that are sent as they are signed: without whitespace around the value, a cookie's crumbs joined.
    pub(super) rewritten: SmallVec<[(HeaderName, HeaderValue); 1]>,
}

impl Changes {
    /// Writes the names of what is signed, in signing order.
    pub(super) fn list(&self, options: &Options, authorization: &mut Encoder<'_>) {
        let Names { listed, digests } = self.names;
        for listed in chosen(options.list(), listed) {
            authorization.list(&listed.spelling);
        }
        for name in chosen(&DIGESTS, digests) {
            authorization.list(name.as_str());
        }
    }

    /// What has to be supplied.
    pub(super) fn supplied<'o>(
        &self,
        options: &'o Options,
    ) -> impl Iterator<Item = &'o (HeaderName, HeaderValue)> + Clone + use<'o> {
        chosen(options.supplied(), self.lacking)
    }
}

impl<'a> Walk<'a> {
    /// Writes every component into the signing string, in signing order.
    pub(super) fn write(&self, string: &mut SigningString) -> Result<Changes, SignError> {
        if self.head.headers().len() > MAX_HEADERS {
            return Err(SignError::TooManyHeaders);
        }
        if self.options.date_header().is_none() {
            self.check_unsigned_dates()?;
        }
        let mut changes = Changes::default();
        let mut bit = 1;
        for Listed { spelling, what } in self.options.list() {
            let is_signed = match what {
                What::Date(_) => {
                    string.push(self.format, spelling, self.date);
                    changes.date_at = string.len().checked_sub(self.date.len());
                    true
                }
                What::Header(name) => self.write_header(spelling, name, &mut changes, string)?,
                What::Derived(derived) => self.write_derived(spelling, *derived, string)?,
            };
            if is_signed {
                changes.names.listed |= bit;
            }
            bit <<= 1;
        }
        if self.head.has_digest() {
            self.write_digests(&mut changes, string)?;
        }
        for (position, (name, _)) in self.options.supplied().iter().enumerate() {
            if self.options.lists(name) {
                continue;
            }
            if !self.head.headers().contains_key(name) {
                changes.lacking |= 1 << position;
            }
        }
        string.end(self.format);
        Ok(changes)
    }

    /// Verifiers accept each date header once only, whether it is signed or not. Where the time is signed as `(created)`, the
    /// signer sets none and leaves the request's own.
    fn check_unsigned_dates(&self) -> Result<(), SignError> {
        for header in [DateHeader::Date, DateHeader::XDate] {
            let name = header.name();
            single_value(self.head.headers(), name).map_err(repeated(name))?;
        }
        Ok(())
    }

    /// A digest that was computed for the body is signed whatever the list says.
    fn write_digests(
        &self,
        changes: &mut Changes,
        string: &mut SigningString,
    ) -> Result<(), SignError> {
        for (position, name) in DIGESTS.iter().enumerate() {
            if !self.options.lists(name)
                && self.write_header(name.as_str(), name, changes, string)?
            {
                changes.names.digests |= 1 << position;
            }
        }
        Ok(())
    }

    /// Returns whether there is such a header.
    fn write_header(
        &self,
        spelling: &str,
        name: &'a HeaderName,
        changes: &mut Changes,
        string: &mut SigningString,
    ) -> Result<bool, SignError> {
        let value = self.header(name, changes)?;
        if let Some(value) = &value {
            string.push(self.format, spelling, value);
        }
        Ok(value.is_some())
    }

    /// The value that will be sent, without blanks around it: the request's own, or the one that is supplied.
    fn header(
        &self,
        name: &'a HeaderName,
        changes: &mut Changes,
    ) -> Result<Option<Cow<'a, [u8]>>, SignError> {
        let headers = self.head.headers();
        match single_value(headers, name) {
            Ok(Some(own)) => {
                if let Some(trimmed) = trimmed(own) {
                    changes.rewritten.push((name.clone(), trimmed));
                }
                return Ok(Some(trim(own.as_bytes()).into()));
            }
            Ok(None) => {}
            // Of joined values each stays as it is: blanks around it do not get to the other side. HTTP/1.1 has no crumbs of
            // a cookie, only one line (RFC 6265, section 5.4).
            Err(Repeated) => {
                let joined = component::header_value(self.format.join, headers, name)
                    .map_err(repeated(name))?;
                if *name == header::COOKIE
                    && let Some(joined) = &joined
                    && let Some(line) = component::joined_line(headers, name, joined)
                {
                    changes.rewritten.push((name.clone(), line));
                }
                return Ok(joined);
            }
        }
        let mut supplied = self.options.supplied().iter().enumerate();
        if let Some((position, (_, value))) = supplied.find(|(_, (other, _))| other == name) {
            changes.lacking |= 1 << position;
            return Ok(Some(value.as_bytes().into()));
        }
        if *name != header::HOST {
            return Ok(None);
        }
        let configured = self.options.authority.as_ref().map(Authority::as_str);
        match configured.or_else(|| sent_authority(self.head.uri())) {
            Some(host) if !has_host(host) => Err(SignError::InvalidHost),
            // HTTP/1.1 clients send such a host without its port, or with another spelling of it.
            Some(host) if configured.is_none() && !has_sendable_port(host) => {
                let host = Excerpt::new(host);
                Err(SignError::InvalidPort { host })
            }
            host => Ok(host.map(text)),
        }
    }

    /// Returns whether there is such a thing.
    fn write_derived(
        &self,
        name: &str,
        derived: DerivedComponent,
        string: &mut SigningString,
    ) -> Result<bool, SignError> {
        let time = match derived {
            DerivedComponent::Created => &self.times.created,
            DerivedComponent::Expires => &self.times.expires,
            // Only some of the scheme's own names can be a header's.
            _ if is_field_name(name) && self.head.headers().contains_key(name) => {
                let name = Excerpt::new(name);
                return Err(SignError::NameTaken { name });
            }
            derived => {
                string.push_target(self.format, name, derived, *self.head)?;
                return Ok(true);
            }
        };
        if let Some(time) = time {
            string.push(self.format, name, time.as_bytes());
        }
        Ok(time.is_some())
    }
}

/// Those whose bit is set, the first one's being the lowest.
fn chosen<T>(all: &[T], bits: u64) -> impl Iterator<Item = &T> + Clone {
    let is_chosen = move |position: usize| bits >> position & 1 == 1;
    let all = all.iter().enumerate();
    all.filter_map(move |(position, one)| is_chosen(position).then_some(one))
}

fn repeated(name: &HeaderName) -> impl FnOnce(Repeated) -> SignError {
    let name = name.clone();
    |Repeated| SignError::RepeatedHeader { name }
}

fn text(value: &str) -> Cow<'_, [u8]> {
    value.as_bytes().into()
}
