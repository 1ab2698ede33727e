//! Writes the components of a request into the signing string.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, header, uri::Authority};
use smallvec::SmallVec;

use super::{SignError, components::SignedComponents, nonce_parameter::Nonce};
use crate::{
    RequestHead,
    header::{DIGESTS, DateHeader, Repeated, is_field_name, single_value, trim, trimmed},
    limits::MAX_HEADERS,
    rejection::Excerpt,
    wire::{
        authority::{has_host, has_sendable_port, sent_authority},
        component::{self, Component, ComponentSet, DerivedComponent, ListedComponent},
        credentials::{Encoder, Times},
        date::IMF_FIXDATE_LEN,
        signing_string::{RequestLine, RequestLines, SigningString, SigningStringFormat},
    },
};

/// Writes the components of one request into a signing string.
pub(super) struct ComponentWriter<'a> {
    pub(super) components: &'a SignedComponents,
    /// The configured authority.
    pub(super) authority: Option<&'a Authority>,
    pub(super) format: &'static SigningStringFormat,
    pub(super) head: &'a RequestHead<'a>,
    pub(super) date: [u8; IMF_FIXDATE_LEN],
    pub(super) times: Times<String>,
    /// The nonce in a header, if the signer adds one.
    pub(super) nonce: Option<HeaderValue>,
    /// The nonce that is a parameter, if the scheme sends one.
    pub(super) nonce_parameter: Option<Nonce>,
}

/// Which components are signed, and what has to be set on the request beside the date and
/// `Authorization`.
#[derive(Default)]
pub(super) struct HeaderEdits {
    /// The entries of the signer's list that are signed.
    listed: ComponentSet,
    /// Those of [`DIGESTS`] that are signed without being in the signer's list.
    digests: ComponentSet,
    /// The position of the date in the signing string.
    pub(super) date_at: Option<usize>,
    /// The supplied headers that the request lacks.
    lacking: ComponentSet,
    /// Headers whose value on the request is replaced by the signed one: without surrounding
    /// whitespace, a cookie's fields joined. Otherwise the bytes sent would differ from those
    /// signed.
    pub(super) rewritten: SmallVec<[(HeaderName, HeaderValue); 1]>,
}

impl HeaderEdits {
    /// Writes the names of the signed components, in signing order.
    pub(super) fn write_names(
        &self,
        components: &SignedComponents,
        authorization: &mut Encoder<'_>,
    ) {
        for listed in chosen(&components.list, self.listed) {
            authorization.list(&listed.name);
        }
        for name in chosen(&DIGESTS, self.digests) {
            authorization.list(name.as_str());
        }
    }

    /// Returns the headers that have to be added.
    pub(super) fn supplied<'o>(
        &self,
        components: &'o SignedComponents,
    ) -> impl Iterator<Item = &'o (HeaderName, HeaderValue)> + Clone + use<'o> {
        chosen(&components.supplied, self.lacking)
    }
}

impl ComponentWriter<'_> {
    /// Writes every component into the signing string, in signing order.
    pub(super) fn write(
        &self,
        key_id: &str,
        string: &mut SigningString,
    ) -> Result<HeaderEdits, SignError> {
        if self.head.headers().len() > MAX_HEADERS {
            return Err(SignError::TooManyHeaders);
        }
        if self.components.date_header.is_none() {
            self.check_unsigned_dates()?;
        }
        let mut edits = HeaderEdits::default();
        string.begin(self.format, key_id);
        for (position, ListedComponent { name, component }) in
            self.components.list.iter().enumerate()
        {
            let is_signed = match component {
                Component::Date(_) => {
                    self.check_auxiliary_date()?;
                    string.push(self.format, name, &self.date);
                    edits.date_at = string.len().checked_sub(self.date.len());
                    true
                }
                Component::Header(header) => self.write_header(name, header, &mut edits, string)?,
                Component::Derived(derived) => self.write_derived(name, *derived, string)?,
            };
            if is_signed {
                edits.listed.insert(position);
            }
        }
        if self.head.has_digest() && self.components.placement.sends_list() {
            self.write_digests(&mut edits, string)?;
        }
        if let Some((name, nonce)) = self.nonce_parameter.as_ref().map(Nonce::as_parameter) {
            string.push(self.format, name, nonce.as_bytes());
        }
        self.write_request_lines(&mut edits, string)?;
        // Those in the list were looked for above.
        for (position, (name, _)) in self.components.supplied.iter().enumerate() {
            if !self.components.lists(name) && !self.head.headers().contains_key(name) {
                edits.lacking.insert(position);
            }
        }
        string.end(self.format);
        Ok(edits)
    }

    /// Checks that the request has each date header at most once.
    ///
    /// Verifiers refuse a repeated one even if it is not signed. A date header in the list replaces
    /// what the request has, but where the time is signed as `(created)`, the request's own date
    /// headers are sent as they are.
    fn check_unsigned_dates(&self) -> Result<(), SignError> {
        for header in DateHeader::ALL {
            let name = header.name();
            single_value(self.head.headers(), name).map_err(repeated(name))?;
        }
        Ok(())
    }

    /// Checks that the request has no header that the gateway would read instead of `Date`.
    fn check_auxiliary_date(&self) -> Result<(), SignError> {
        match self.format.auxiliary_date {
            Some(header) if self.head.headers().contains_key(header) => {
                let name = header.clone();
                Err(SignError::OtherDate { name })
            }
            _ => Ok(()),
        }
    }

    /// Signs a digest that was computed for the body and is not in the list. Unsigned, it could be
    /// replaced together with the body.
    fn write_digests(
        &self,
        edits: &mut HeaderEdits,
        string: &mut SigningString,
    ) -> Result<(), SignError> {
        for (position, name) in DIGESTS.iter().enumerate() {
            if !self.components.lists(name)
                && self.write_header(name.as_str(), name, edits, string)?
            {
                edits.digests.insert(position);
            }
        }
        Ok(())
    }

    /// Writes what is signed without being listed.
    fn write_request_lines(
        &self,
        edits: &mut HeaderEdits,
        string: &mut SigningString,
    ) -> Result<(), SignError> {
        let Some(RequestLines { lines, path_prefix }) = &self.format.request_lines else {
            return Ok(());
        };
        for line in *lines {
            match line {
                RequestLine::Method => {
                    string.push_request_line(self.head.method().as_str().as_bytes());
                }
                RequestLine::Header { name, .. } => {
                    // Verifiers do not join these, even where the scheme joins listed headers.
                    if self.format.joins_repeated {
                        single_value(self.head.headers(), *name).map_err(repeated(name))?;
                    }
                    let value = self.header(name, edits)?;
                    string.push_request_line(value.as_deref().unwrap_or_default());
                }
                RequestLine::Target(line) => {
                    string.push_request_line(&line(*self.head, *path_prefix)?);
                }
            }
        }
        Ok(())
    }

    /// Writes the header's line. Returns whether the request has such a header.
    fn write_header(
        &self,
        spelling: &str,
        name: &HeaderName,
        edits: &mut HeaderEdits,
        string: &mut SigningString,
    ) -> Result<bool, SignError> {
        let value = self.header(name, edits)?;
        if let Some(value) = &value {
            string.push(self.format, spelling, value);
        }
        Ok(value.is_some())
    }

    /// Returns the host that is signed, or `None` if none is.
    pub(super) fn host(&self) -> Result<Option<Cow<'_, [u8]>>, SignError> {
        match self.components.signs_host {
            true => self.header(&header::HOST, &mut HeaderEdits::default()),
            false => Ok(None),
        }
    }

    /// Returns the value that will be sent, without surrounding whitespace: the request's own, or
    /// the one that is supplied.
    fn header(
        &self,
        name: &HeaderName,
        edits: &mut HeaderEdits,
    ) -> Result<Option<Cow<'_, [u8]>>, SignError> {
        if let Some(nonce) = &self.nonce
            && self.components.nonce.as_ref() == Some(name)
        {
            edits.rewritten.push((name.clone(), nonce.clone()));
            return Ok(Some(nonce.as_bytes().into()));
        }
        let headers = self.head.headers();
        match single_value(headers, name) {
            Ok(Some(own)) => {
                if let Some(trimmed) = trimmed(own) {
                    edits.rewritten.push((name.clone(), trimmed));
                }
                return Ok(Some(trim(own.as_bytes()).into()));
            }
            Ok(None) => {}
            // Joined values are not rewritten: the receiver removes the whitespace around each. A
            // cookie is, because HTTP/1.1 allows one `Cookie` line only (RFC 6265, section 5.4); a
            // server that reads the first of several would see less than what was signed.
            Err(Repeated) => {
                let joined = component::header_value(self.format.joins_repeated, headers, name)
                    .map_err(repeated(name))?;
                if *name == header::COOKIE
                    && let Some(joined) = &joined
                    && let Some(line) = component::joined_line(headers, name, joined)
                {
                    edits.rewritten.push((name.clone(), line));
                }
                return Ok(joined);
            }
        }
        let mut supplied = self.components.supplied.iter().enumerate();
        if let Some((position, (_, value))) = supplied.find(|(_, (other, _))| other == name) {
            edits.lacking.insert(position);
            return Ok(Some(value.as_bytes().into()));
        }
        if *name != header::HOST {
            return Ok(None);
        }
        let configured = self.authority.map(Authority::as_str);
        match configured.or_else(|| sent_authority(self.head.uri())) {
            Some(host) if !has_host(host) => Err(SignError::InvalidHost),
            // HTTP/1.1 clients send such a host without its port, or with another spelling of the
            // port. The signature over this one would not match.
            Some(host) if configured.is_none() && !has_sendable_port(host) => {
                let host = Excerpt::new(host);
                Err(SignError::InvalidPort { host })
            }
            host => Ok(host.map(text)),
        }
    }

    /// Writes the line of a component that is not a header. Returns whether there is one.
    fn write_derived(
        &self,
        name: &str,
        derived: DerivedComponent,
        string: &mut SigningString,
    ) -> Result<bool, SignError> {
        let time = match derived {
            DerivedComponent::Created => &self.times.created,
            DerivedComponent::Expires => &self.times.expires,
            // Some derived names, such as `request-line`, are valid header names too. A gateway
            // that finds such a header would sign its value instead of the request line.
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

/// Returns the elements of `all` whose positions are in `set`.
fn chosen<T>(all: &[T], set: ComponentSet) -> impl Iterator<Item = &T> + Clone {
    let all = all.iter().enumerate();
    all.filter_map(move |(position, one)| set.contains(position).then_some(one))
}

fn repeated(name: &HeaderName) -> impl FnOnce(Repeated) -> SignError {
    let name = name.clone();
    |Repeated| SignError::RepeatedHeader { name }
}

fn text(value: &str) -> Cow<'_, [u8]> {
    value.as_bytes().into()
}
