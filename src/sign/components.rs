//! What a signer signs of every request, and what it adds to each.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::{
    SignError,
    nonce_parameter::{Nonce, NonceParameter},
    request_id,
};
use crate::{
    header::{DateHeader, trimmed},
    wire::{
        authority::{is_authority_changed, with_sent_authority},
        component::{Component, DerivedComponent, ListedComponent},
        credentials::{Carrier, ImpliedParameters, Times},
        date::Timestamp,
        signing_string::{RequestLine, SigningStringFormat},
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
