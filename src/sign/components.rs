//! What a signer signs of every request and adds to each, and how it is written.

use std::{borrow::Cow, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::Authority};
use smallvec::SmallVec;

use super::{
    SignError,
    nonce::{Nonce, NonceParameter},
    request_id,
};
use crate::{
    RequestHead,
    header::{DIGESTS, DateHeader, Repeated, is_field_name, single_value, trim, trimmed},
    limits::MAX_HEADERS,
    rejection::Excerpt,
    wire::{
        authority::{
            has_host, has_sendable_port, is_authority_changed, sent_authority, with_sent_authority,
        },
        component::{Component, ComponentSet, DerivedComponent, ListedComponent},
        credentials::{Carrier, Encoder, ImpliedParameters, Times},
        date::{IMF_FIXDATE_LEN, Timestamp},
        repeated_headers,
        signing_string::{RequestLine, RequestLines, SigningString, SigningStringFormat},
        target,
    },
};

/// A component with the spelling that is sent.
pub(super) type SignedComponent = ListedComponent<Box<str>>;

/// Where a signer puts its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    /// In a header, as parameters with the list. The date has a header of its own.
    Header,
    /// As [`Header`](Self::Header), in a scheme whose credentials can be in the target's query too.
    /// Those of an earlier signature are removed from there.
    HeaderInsteadOfQuery,
    /// In a header, as a JSON object with the date, and without the list.
    Json(ImpliedParameters),
    /// In the target's query, with the date, and with `host` if it is listed.
    Query,
}

impl Placement {
    pub(super) fn new(carrier: Carrier, in_query: bool) -> Self {
        match carrier {
            Carrier::Parameters => Self::Header,
            Carrier::Json(implied) => Self::Json(implied),
            Carrier::ParametersOrQuery if in_query => Self::Query,
            Carrier::ParametersOrQuery => Self::HeaderInsteadOfQuery,
        }
    }

    /// Returns whether the date travels with the credentials instead of in its header.
    pub(super) fn carries_date(self) -> bool {
        matches!(self, Self::Json(_) | Self::Query)
    }

    /// Returns whether the list is sent. If it is not, nothing can be signed that it does not name.
    pub(super) fn sends_list(self) -> bool {
        !matches!(self, Self::Json(_))
    }
}

/// What a signer adds to requests.
pub(super) struct Additions {
    pub(super) placement: Placement,
    /// How long a signature is valid, if the list has `expires`.
    pub(super) lifetime: Option<Duration>,
    /// Headers for requests that lack them, beside those of the scheme's request lines.
    pub(super) supplied: Vec<(HeaderName, HeaderValue)>,
    /// The listed header that gets a new nonce in every signature.
    pub(super) nonce: Option<HeaderName>,
    /// What gives each signature's nonce, in a scheme that sends one as a parameter.
    pub(super) nonce_parameter: Option<NonceParameter>,
    /// The unsigned header that gets a random id on requests that lack it.
    pub(super) request_id: Option<&'static HeaderName>,
}

/// The components that a signer signs, and what it adds for them. It is computed once, so that no
/// request has to search the list.
#[derive(Debug, Clone)]
pub(super) struct SignedComponents {
    /// The listed components in signing order. What a request lacks is left out.
    pub(super) list: Vec<SignedComponent>,
    /// Whether `host` is listed.
    pub(super) signs_host: bool,
    /// Whether the target is signed, listed or not.
    signs_target: bool,
    /// Whether the time of signing is listed as `created`.
    signs_created: bool,
    /// How long a signature is valid, if that is listed as `expires`.
    lifetime: Option<Duration>,
    /// The date header in use, or `None` if the list has `created` instead.
    pub(super) date_header: Option<DateHeader>,
    pub(super) placement: Placement,
    /// Headers that are added to requests that lack them.
    pub(super) supplied: Vec<(HeaderName, HeaderValue)>,
    /// The headers that change what is signed, and that only the request itself can have.
    pub(super) own: Vec<HeaderName>,
    /// The listed header that gets a new nonce in every signature.
    pub(super) nonce: Option<HeaderName>,
    nonce_parameter: Option<NonceParameter>,
    request_id: Option<&'static HeaderName>,
    /// Whether the time is all that varies in a signature, for requests that have none of the
    /// headers in `own`. The cache relies on it: if this were wrong, one request would get
    /// another's signature.
    pub(super) depends_on_time_alone: bool,
}

impl SignedComponents {
    pub(super) fn new(
        format: &SigningStringFormat,
        list: Vec<SignedComponent>,
        additions: Additions,
    ) -> Self {
        let Additions {
            placement,
            lifetime,
            supplied,
            nonce,
            nonce_parameter,
            request_id,
        } = additions;
        let lists = |component| list.iter().any(|listed| listed.component == component);
        let signs_host = lists(Component::Header(header::HOST));
        let derived = || list.iter().filter_map(derived);
        let has_request_lines = !format.request_lines().is_empty();
        let supplied: Vec<_> = supplied_in_lines(format.request_lines())
            .chain(supplied)
            .map(|(name, value)| {
                // The receiver removes whitespace around a value before it verifies. Signed with
                // it, every request would be refused.
                let value = trimmed(&value).unwrap_or(value);
                (name, value)
            })
            .collect();
        let is_own = |name: &&HeaderName| {
            nonce.as_ref() != Some(*name) && supplied.iter().all(|(other, _)| other != *name)
        };
        let headers = list.iter().filter_map(header_name);
        let own = headers.chain(format.auxiliary_date).filter(is_own);
        let own: Vec<_> = own.cloned().collect();
        // The cache copies headers that end in the signature, so it has no credentials that are
        // written or removed elsewhere. It would send one request's id or nonce with the others.
        let depends_on_time_alone = placement == Placement::Header
            && !signs_host
            && !has_request_lines
            && derived().next().is_none()
            && nonce.is_none()
            && nonce_parameter.is_none()
            && request_id.is_none();
        Self {
            signs_host,
            signs_target: has_request_lines || derived().any(DerivedComponent::is_target),
            signs_created: lists(Component::Derived(DerivedComponent::Created)),
            lifetime: lifetime.filter(|_| lists(Component::Derived(DerivedComponent::Expires))),
            date_header: list.iter().find_map(|listed| match listed.component {
                Component::Date(header) => Some(header),
                _ => None,
            }),
            placement,
            supplied,
            own,
            nonce,
            nonce_parameter,
            request_id,
            depends_on_time_alone,
            list,
        }
    }

    /// Returns the nonce that one signature has as a parameter, if the scheme sends one.
    pub(super) fn new_nonce_parameter(&self) -> Result<Option<Nonce>, SignError> {
        let nonces = self.nonce_parameter.as_ref();
        nonces.map(NonceParameter::next).transpose()
    }

    /// Returns the id that a request with these headers gets, and its header, if it gets one.
    pub(super) fn new_request_id(&self, headers: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
        let name = self
            .request_id
            .filter(|name| !headers.contains_key(*name))?;
        Some((name.clone(), request_id::random()?))
    }

    /// Returns whether what is signed depends on the target's form, and clients would send another
    /// form.
    pub(super) fn changes_target(&self, target: &Uri) -> bool {
        self.signs_host && is_authority_changed(target)
            || self.signs_target && target::lacks_path(target)
    }

    /// Returns the target in the form that clients send, as far as the signature depends on it, or
    /// `None` if it has that form already.
    pub(super) fn sent_target(&self, target: &Uri) -> Option<Uri> {
        let with_authority = || with_sent_authority(target);
        let changed = self.signs_host.then(with_authority).flatten();
        let with_path = || target::with_sent_path(changed.as_ref().unwrap_or(target));
        self.signs_target.then(with_path).flatten().or(changed)
    }

    pub(super) fn lists(&self, name: &HeaderName) -> bool {
        let mut headers = self.list.iter().filter_map(header_name);
        headers.any(|listed| listed == name)
    }

    /// Returns the texts of those of the two times that the list names.
    pub(super) fn times(&self, now: Timestamp) -> Times<String> {
        let text = |time: Timestamp| time.seconds().to_string();
        Times {
            created: self.signs_created.then(|| text(now)),
            expires: self.lifetime.map(|lifetime| text(now.later(lifetime))),
        }
    }
}

/// Returns the headers that the scheme's request lines supply.
fn supplied_in_lines(lines: &[RequestLine]) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    lines.iter().filter_map(|line| match line {
        RequestLine::Header { name, supplied } => {
            let value = HeaderValue::from_static((*supplied)?);
            Some(((*name).clone(), value))
        }
        _ => None,
    })
}

fn derived(listed: &SignedComponent) -> Option<DerivedComponent> {
    match listed.component {
        Component::Derived(derived) => Some(derived),
        _ => None,
    }
}

fn header_name(listed: &SignedComponent) -> Option<&HeaderName> {
    match &listed.component {
        Component::Header(name) => Some(name),
        _ => None,
    }
}

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
                let joined =
                    repeated_headers::header_value(self.format.joins_repeated, headers, name)
                        .map_err(repeated(name))?;
                if *name == header::COOKIE
                    && let Some(joined) = &joined
                    && let Some(line) = repeated_headers::joined_line(headers, name, joined)
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
