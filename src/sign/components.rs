//! The components that a signer signs of a request, and the headers that it adds.

use std::{borrow::Cow, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::Authority};
use smallvec::SmallVec;

use crate::{
    RequestHead,
    header::{DIGESTS, DateHeader, Repeated, is_field_name, single_value, trim, trimmed},
    limits::MAX_HEADERS,
    rejection::Excerpt,
    sign::{
        SignError,
        nonce_parameter::{Nonce, NonceParameter},
        request_id,
    },
    wire::{
        authority::{
            has_host, has_sendable_port, is_authority_changed, sent_authority, with_sent_authority,
        },
        component::{self, Component, ComponentSet, DerivedComponent, ListedComponent},
        credentials::{Encoder, Times},
        date::Timestamp,
        signing_string::{RequestLine, RequestLines, SigningString, SigningStringFormat},
        target,
    },
};

/// The components that a signer signs, and the headers that it adds for them.
#[derive(Debug, Clone)]
pub(crate) struct SignedComponents {
    /// The listed components in signing order. What a request lacks is left out.
    list: Vec<SignedComponent>,
    /// Whether `host` is listed. This and the next four are computed from the list once, so that no
    /// request has to search it.
    signs_host: bool,
    signs_target: bool,
    signs_times: bool,
    depends_on_time_alone: bool,
    date_header: Option<DateHeader>,
    /// Whether the date travels with the credentials instead of in its header.
    carries_date: bool,
    /// Whether the credentials travel in the target's query.
    in_query: bool,
    /// Whether the list is sent. If it is not, nothing can be signed that it does not name.
    sends_list: bool,
    /// How long a signature is valid, where `expires` is sent.
    lifetime: Option<Duration>,
    /// What gives each signature's nonce, in a scheme that sends one as a parameter.
    nonce_parameter: Option<NonceParameter>,
    /// Headers that are added to requests that lack them.
    supplied: Vec<(HeaderName, HeaderValue)>,
    /// The headers that change what is signed if the request has them, and are not supplied.
    own: Vec<HeaderName>,
    /// The listed header that gets a new nonce in every signature.
    nonce: Option<HeaderName>,
    /// Whether the target's query may carry older credentials.
    removes_from_query: bool,
    /// The unsigned header that gets a random id on requests that lack it.
    request_id: Option<&'static HeaderName>,
}

/// A component with the spelling that is sent.
pub(crate) type SignedComponent = ListedComponent<Box<str>>;

impl SignedComponents {
    pub(crate) fn new(
        format: &SigningStringFormat,
        list: Vec<SignedComponent>,
        lifetime: Option<Duration>,
    ) -> Self {
        let components = || list.iter().map(|listed| &listed.component);
        let derived = || components().filter_map(derived);
        let signs_host =
            components().any(|component| *component == Component::Header(header::HOST));
        Self {
            signs_host,
            signs_target: derived().any(DerivedComponent::is_target),
            signs_times: derived().any(DerivedComponent::is_time),
            depends_on_time_alone: !signs_host && derived().next().is_none(),
            date_header: components().find_map(|component| match component {
                Component::Date(header) => Some(*header),
                _ => None,
            }),
            carries_date: false,
            in_query: false,
            sends_list: true,
            lifetime,
            nonce_parameter: None,
            supplied: Vec::new(),
            own: components()
                .filter_map(header_name)
                .chain(format.auxiliary_date)
                .cloned()
                .collect(),
            nonce: None,
            request_id: None,
            removes_from_query: false,
            list,
        }
    }

    /// Adds this header to requests that lack it.
    pub(crate) fn supply(&mut self, name: &HeaderName, value: HeaderValue) {
        // The receiver removes whitespace around a value before it verifies. Signed with it, every
        // request would be refused.
        let value = trimmed(&value).unwrap_or(value);
        self.supplied.push((name.clone(), value));
        self.own.retain(|other| other != name);
    }

    /// Sends a new nonce in this header, which is in the list, with every signature.
    pub(crate) fn add_nonce(&mut self, name: HeaderName) {
        self.depends_on_time_alone = false;
        self.own.retain(|other| *other != name);
        self.nonce = Some(name);
    }

    pub(crate) fn nonce(&self) -> Option<&HeaderName> {
        self.nonce.as_ref()
    }

    /// Sends and signs a nonce as a parameter of every signature.
    pub(crate) fn add_nonce_parameter(&mut self, nonce: NonceParameter) {
        self.depends_on_time_alone = false;
        self.nonce_parameter = Some(nonce);
    }

    /// Returns the nonce that one signature has as a parameter, if the scheme sends one.
    pub(crate) fn new_nonce_parameter(&self) -> Result<Option<Nonce>, SignError> {
        let nonces = self.nonce_parameter.as_ref();
        nonces.map(NonceParameter::next).transpose()
    }

    /// Sends a random id in this header, which is not signed, with requests that lack it.
    pub(crate) fn add_request_id(&mut self, name: &'static HeaderName) {
        // The cache would send one request's id with the others.
        self.depends_on_time_alone = false;
        self.request_id = Some(name);
    }

    /// Returns the id that a request with these headers gets, and its header, if it gets one.
    pub(crate) fn new_request_id(&self, headers: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
        let name = self
            .request_id
            .filter(|name| !headers.contains_key(*name))?;
        Some((name.clone(), request_id::random()?))
    }

    /// Signs the method and the target of every request, and these headers, without listing them.
    pub(crate) fn sign_request_lines(&mut self, lines: &[RequestLine]) {
        self.signs_target = true;
        self.depends_on_time_alone = false;
        for line in lines {
            if let RequestLine::Header { name, supplied } = line
                && let Some(value) = supplied
            {
                self.supply(name, HeaderValue::from_static(value));
            }
        }
    }

    /// Sends the date with the credentials, and no list.
    ///
    /// The cache only knows headers that end in the signature, so it cannot be used.
    pub(crate) fn send_date_alone(&mut self) {
        self.carries_date = true;
        self.sends_list = false;
        self.depends_on_time_alone = false;
    }

    /// Sends the date, and `host` if it is listed, with the credentials in the target's query.
    pub(crate) fn send_in_query(&mut self) {
        self.carries_date = true;
        self.in_query = true;
        self.depends_on_time_alone = false;
    }

    /// Removes credentials from the target's query, because they are sent in a header.
    pub(crate) fn remove_from_query(&mut self) {
        self.removes_from_query = true;
        self.depends_on_time_alone = false;
    }

    /// Returns whether credentials in the target's query are removed.
    pub(crate) fn removes_from_query(&self) -> bool {
        self.removes_from_query
    }

    /// Returns whether the credentials travel in the target's query.
    pub(crate) fn in_query(&self) -> bool {
        self.in_query
    }

    /// Returns whether what is signed depends on the target's form, and clients would send another
    /// form.
    pub(crate) fn changes_target(&self, target: &Uri) -> bool {
        self.signs_host && is_authority_changed(target)
            || self.signs_target && target::lacks_path(target)
    }

    /// Returns the target in the form that clients send, as far as the signature depends on it, or
    /// `None` if it has that form already.
    pub(crate) fn sent_target(&self, target: &Uri) -> Option<Uri> {
        let with_authority = || with_sent_authority(target);
        let changed = self.signs_host.then(with_authority).flatten();
        let with_path = || target::with_sent_path(changed.as_ref().unwrap_or(target));
        self.signs_target.then(with_path).flatten().or(changed)
    }

    /// Returns whether `host` is listed.
    pub(crate) fn signs_host(&self) -> bool {
        self.signs_host
    }

    /// Returns the date header in use, or `None` if the list has `(created)` instead.
    pub(crate) fn date_header(&self) -> Option<DateHeader> {
        self.date_header
    }

    /// Returns whether the date travels with the credentials instead of in its header.
    pub(crate) fn carries_date(&self) -> bool {
        self.carries_date
    }

    /// Returns whether the time is all that varies in what is signed, for requests that have none
    /// of the headers of [`own`](Self::own). The cache relies on it: if this were wrong, one
    /// request would get another's signature.
    pub(crate) fn depends_on_time_alone(&self) -> bool {
        self.depends_on_time_alone
    }

    pub(crate) fn lists(&self, name: &HeaderName) -> bool {
        self.headers().any(|listed| listed == name)
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.list
            .iter()
            .filter_map(|listed| header_name(&listed.component))
    }

    /// Returns the headers that change what is signed, and that only the request itself can have.
    pub(crate) fn own(&self) -> &[HeaderName] {
        &self.own
    }

    pub(crate) fn list(&self) -> &[SignedComponent] {
        &self.list
    }

    pub(crate) fn supplied(&self) -> &[(HeaderName, HeaderValue)] {
        &self.supplied
    }

    /// Returns the texts of those of the two times that the list names.
    pub(crate) fn times(&self, now: Timestamp) -> Times<String> {
        if !self.signs_times {
            return Times::default();
        }
        let names = |derived| {
            let mut list = self.list.iter();
            list.any(|listed| listed.component == Component::Derived(derived))
        };
        let text = |time: Timestamp| time.seconds().to_string();
        let lifetime = self.lifetime.unwrap_or_default();
        Times {
            created: names(DerivedComponent::Created).then(|| text(now)),
            expires: names(DerivedComponent::Expires).then(|| text(now.later(lifetime))),
        }
    }
}

fn derived(component: &Component) -> Option<DerivedComponent> {
    match component {
        Component::Derived(derived) => Some(*derived),
        _ => None,
    }
}

fn header_name(component: &Component) -> Option<&HeaderName> {
    match component {
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
    pub(super) date: &'a [u8],
    pub(super) times: &'a Times<String>,
    /// The nonce in a header, if the signer adds one.
    pub(super) nonce: Option<&'a HeaderValue>,
    /// The nonce that is a parameter, if the scheme sends one.
    pub(super) nonce_parameter: Option<&'a Nonce>,
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
        for listed in chosen(components.list(), self.listed) {
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
        chosen(components.supplied(), self.lacking)
    }
}

impl<'a> ComponentWriter<'a> {
    /// Writes every component into the signing string, in signing order.
    pub(super) fn write(&self, string: &mut SigningString) -> Result<HeaderEdits, SignError> {
        if self.head.headers().len() > MAX_HEADERS {
            return Err(SignError::TooManyHeaders);
        }
        if self.components.date_header().is_none() {
            self.check_unsigned_dates()?;
        }
        let mut edits = HeaderEdits::default();
        for (position, ListedComponent { name, component }) in
            self.components.list().iter().enumerate()
        {
            let is_signed = match component {
                Component::Date(_) => {
                    self.check_auxiliary_date()?;
                    string.push(self.format, name, self.date);
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
        if self.head.has_digest() && self.components.sends_list {
            self.write_digests(&mut edits, string)?;
        }
        if let Some((name, nonce)) = self.nonce_parameter.map(Nonce::as_parameter) {
            string.push(self.format, name, nonce.as_bytes());
        }
        self.write_request_lines(&mut edits, string)?;
        for (position, (name, _)) in self.components.supplied().iter().enumerate() {
            if self.components.lists(name) {
                continue;
            }
            if !self.head.headers().contains_key(name) {
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
        name: &'a HeaderName,
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
    pub(super) fn host(&self) -> Result<Option<Cow<'a, [u8]>>, SignError> {
        match self.components.signs_host() {
            true => self.header(&header::HOST, &mut HeaderEdits::default()),
            false => Ok(None),
        }
    }

    /// Returns the value that will be sent, without surrounding whitespace: the request's own, or
    /// the one that is supplied.
    fn header(
        &self,
        name: &'a HeaderName,
        edits: &mut HeaderEdits,
    ) -> Result<Option<Cow<'a, [u8]>>, SignError> {
        if let Some(nonce) = self.nonce
            && self.components.nonce() == Some(name)
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
        let mut supplied = self.components.supplied().iter().enumerate();
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
