//! Builds the server's signing string from the list of signed components.

use std::borrow::Cow;

use http::header::AsHeaderName;
use smallvec::SmallVec;

use super::{
    freshness::SentXDate,
    verified::{CoveredComponents, UnlistedComponents},
};
use crate::{
    Rejection, RequestHead,
    header::{DateHeader, Repeated, often_signed, single_value, trim},
    limits::MAX_COMPONENTS,
    rejection::{CredentialsError, Excerpt, TargetError},
    scheme::{Dialect, PLAIN_TARGET},
    wire::{
        authority::authority_as_host,
        component::{Component, ComponentNames, ComponentSet, DerivedComponent, ListedComponent},
        credentials::{Authorization, CarriedValues},
        repeated_headers,
        signing_string::{MissingHeaderLine, RequestLine, RequestLines, SigningString},
        target,
    },
};

/// A component as a request lists it. A header is looked up by the name in the list.
type ReceivedComponent<'h> = ListedComponent<&'h str, ()>;

/// What is signed of a header, or `None` if it is missing and that is allowed.
type SignedValue<'h> = Option<Cow<'h, [u8]>>;

/// On the stack, however long the list is.
type List<'h> = SmallVec<[ReceivedComponent<'h>; MAX_COMPONENTS]>;

/// Reads the names in the list: at most [`MAX_COMPONENTS`], one space between two, each a field
/// name or one of the scheme's derived components, none twice.
///
/// It fills the caller's list, because returning one would copy its 1.5 KiB.
fn read_list<'h>(
    authorization: &Authorization<'h>,
    dialect: &Dialect,
    list: &mut List<'h>,
) -> Result<(), CredentialsError> {
    let is_hs2019 = authorization.is_hs2019();
    for name in ComponentNames::new(authorization.headers) {
        if list.len() == MAX_COMPONENTS {
            return Err(CredentialsError::TooManyNames);
        }
        if name.is_empty() {
            return Err(CredentialsError::EmptyName);
        }
        let Ok(component) = dialect.component(name, is_hs2019) else {
            if name.contains([',', ';', '\t']) {
                return Err(CredentialsError::ListSeparator);
            }
            return Err(CredentialsError::NotSignable {
                name: Excerpt::new(name),
            });
        };
        // Repeats are refused in any case. In some schemes `Date` is no date and `date` is one, so
        // a list with both could be read in two ways.
        let is_same = |other: &ReceivedComponent<'_>| name.eq_ignore_ascii_case(other.name);
        if list.iter().any(is_same) {
            return Err(CredentialsError::RepeatedName {
                name: Excerpt::new(name),
            });
        }
        let component = component.map_header(|_same_name| ());
        list.push(ListedComponent { name, component });
    }
    Ok(())
}

/// Reads the listed components of one request. On HTTP/2 `host` comes from the target's authority.
pub(super) struct ComponentReader<'a, 'h> {
    pub(super) dialect: &'static Dialect,
    pub(super) head: &'a RequestHead<'h>,
    /// What travels with the credentials instead of in a header.
    pub(super) carried: Option<&'a CarriedValues<'h>>,
    /// The request's `X-Date`.
    pub(super) x_date: &'a SentXDate<'h>,
    /// Whether a listed header may be missing, if the scheme can sign that.
    pub(super) allow_missing_headers: bool,
    /// Whether the handler gets the normalized target, so that other forms of it can be accepted.
    pub(super) normalize_target: bool,
}

/// What a request's signature covers.
#[derive(Clone, Default)]
pub(super) struct ReceivedComponents<'c> {
    /// The list as the request spells it.
    pub(super) names: &'c str,
    /// The listed components that the request has and whose line no other request has.
    pub(super) present: ComponentSet,
    /// What is signed without being listed.
    pub(super) unlisted: UnlistedComponents,
    /// The value of `Date`, where it is listed in a spelling that the scheme recognizes.
    date: Option<&'c [u8]>,
    /// The value of `X-Date`, likewise.
    x_date: Option<&'c [u8]>,
}

impl<'c> ReceivedComponents<'c> {
    /// Returns whether this name, in any case, is listed or signed anyway, and its component in the
    /// request.
    pub(super) fn cover(&self, name: &str) -> bool {
        CoveredComponents::new(self.names, self.present, self.unlisted).contain(name)
    }

    /// Returns the value of a date header that is listed and in the request.
    pub(super) fn date(&self, header: DateHeader) -> Option<&'c [u8]> {
        match header {
            DateHeader::Date => self.date,
            DateHeader::XDate => self.x_date,
        }
    }

    fn keep_date(&mut self, header: DateHeader, value: &'c [u8]) {
        match header {
            DateHeader::Date => self.date = Some(value),
            DateHeader::XDate => self.x_date = Some(value),
        }
    }
}

impl<'h> ComponentReader<'_, 'h> {
    /// Reads the listed components, and writes them into the signing string.
    pub(super) fn read(
        &self,
        authorization: &Authorization<'h>,
        received: &mut ReceivedComponents<'h>,
        string: &mut SigningString,
    ) -> Result<(), Rejection> {
        let format = &self.dialect.format;
        let mut list = List::new();
        read_list(authorization, self.dialect, &mut list)?;
        received.names = authorization.headers;
        string.begin(format, authorization.key_id);
        for (position, ListedComponent { name, component }) in list.iter().enumerate() {
            let (sent_name, value) = match component {
                Component::Derived(derived) => {
                    self.write_derived(*derived, name, authorization, string)?;
                    received.present.insert(position);
                    continue;
                }
                Component::Date(header) => self.date(*header, name)?,
                Component::Header(()) => match often_signed(name) {
                    Some(header) => (*name, self.header(header, name)?),
                    None => {
                        self.check_plain_target(name)?;
                        (*name, self.header(*name, name)?)
                    }
                },
            };
            let Some(value) = value else {
                string.push_absent(format, sent_name);
                continue;
            };
            string.push(format, sent_name, &value);
            // In such a scheme a header without a value has the same signature as none, so it can
            // be added or removed. It does not count as covered.
            if !value.is_empty() || format.missing_header != Some(MissingHeaderLine::EmptyValue) {
                received.present.insert(position);
            }
            // Only a value that is in the signing string is kept. So the age check can never use a
            // date that the signature does not cover.
            if let Some(header) = self.date_header(component, name)
                && let Cow::Borrowed(value) = value
            {
                received.keep_date(header, value);
            }
        }
        if let (Some(name), Some(nonce)) = (self.dialect.syntax.nonce, authorization.nonce) {
            string.push(format, name, nonce.as_bytes());
        }
        if let Some(lines) = &format.request_lines {
            received.unlisted = self.write_request_lines(lines, string)?;
        }
        string.end(format);
        Ok(())
    }

    /// Returns the date header that a component stands for. The scheme's auxiliary one stands for
    /// `Date`, if it is listed by its own name.
    fn date_header(&self, component: &Component<()>, name: &str) -> Option<DateHeader> {
        match component {
            Component::Date(header) => Some(*header),
            Component::Header(()) => {
                let auxiliary = self.dialect.format.auxiliary_date;
                auxiliary
                    .is_some_and(|header| header == name)
                    .then_some(DateHeader::Date)
            }
            Component::Derived(_) => None,
        }
    }

    /// Returns the name and value of the header that replaces `Date`, if the scheme and the request
    /// have it.
    ///
    /// A `Date` beside it is refused. The list names `date`, but the signature does not cover that
    /// header.
    fn auxiliary_date(&self) -> Result<Option<(&'static str, &'h [u8])>, Rejection> {
        let Some(header) = self.dialect.format.auxiliary_date else {
            return Ok(None);
        };
        let headers = self.head.headers();
        let value = single_value(headers, header)
            .map_err(|Repeated| Rejection::repeated(header.as_str()))?;
        if value.is_some() && headers.contains_key(DateHeader::Date.name()) {
            return Err(Rejection::repeated(DateHeader::Date.name().as_str()));
        }
        Ok(value.map(|value| (header.as_str(), trim(value.as_bytes()))))
    }

    /// Writes what is signed without being listed. Returns which of it the request has.
    fn write_request_lines(
        &self,
        RequestLines { lines, path_prefix }: &'static RequestLines,
        string: &mut SigningString,
    ) -> Result<UnlistedComponents, Rejection> {
        let mut present = ComponentSet::default();
        for (position, line) in lines.iter().enumerate() {
            let is_present = match line {
                RequestLine::Method => {
                    string.push_request_line(self.head.method().as_str().as_bytes());
                    true
                }
                RequestLine::Header { name, .. } => {
                    let value = single_value(self.head.headers(), *name)
                        .map_err(|Repeated| Rejection::repeated(name.as_str()))?;
                    let value = value
                        .map(|value| trim(value.as_bytes()))
                        .unwrap_or_default();
                    string.push_request_line(value);
                    // A header without a value has the same signature as none, so it can be added
                    // or removed. It does not count as covered.
                    !value.is_empty()
                }
                RequestLine::Target(line) => {
                    string.push_request_line(&line(*self.head, *path_prefix)?);
                    true
                }
            };
            if is_present {
                present.insert(position);
            }
        }
        Ok(UnlistedComponents { lines, present })
    }

    /// Returns the name that is signed for a listed date header, and its value.
    fn date<'n>(
        &self,
        header: DateHeader,
        name: &'n str,
    ) -> Result<(&'n str, SignedValue<'h>), Rejection> {
        if header == DateHeader::Date
            && let Some((name, value)) = self.auxiliary_date()?
        {
            return Ok((name, Some(value.into())));
        }
        let value = match self.x_date.value {
            Some(value) if header == DateHeader::XDate => Some(value.into()),
            _ => match self.carried.and_then(|carried| carried.date(header)) {
                Some(value) => Some(value.as_bytes().into()),
                None => self.header(header.name(), name)?,
            },
        };
        Ok((name, value))
    }

    /// Returns the header's value, or `None` if it is missing and that is allowed.
    fn header(
        &self,
        header: impl AsHeaderName + AsRef<str> + Copy,
        name: &str,
    ) -> Result<SignedValue<'h>, Rejection> {
        if let Some(value) = self.carried.and_then(|carried| carried.header(name)) {
            return Ok(Some(value.as_bytes().into()));
        }
        let value = repeated_headers::header_value(
            self.dialect.format.joins_repeated,
            self.head.headers(),
            header,
        )
        .map_err(|Repeated| Rejection::repeated(name))?;
        if value.is_some() {
            return Ok(value);
        }
        if let Some(host) = authority_as_host(*self.head, name) {
            return Ok(Some(trim(host).into()));
        }
        if self.allow_missing_headers && self.dialect.format.missing_header.is_some() {
            return Ok(None);
        }
        let name = Excerpt::new(name);
        Err(Rejection::HeaderMissing { name })
    }

    /// Refuses a header that has the name of the target at other gateways. Its value could be a
    /// target that was signed for them, while this request has another one.
    fn check_plain_target(&self, name: &str) -> Result<(), Rejection> {
        let is_target = name.eq_ignore_ascii_case(PLAIN_TARGET);
        match is_target && self.head.headers().contains_key(PLAIN_TARGET) {
            true => Err(Rejection::repeated(name)),
            false => Ok(()),
        }
    }

    fn write_derived(
        &self,
        derived: DerivedComponent,
        name: &str,
        authorization: &Authorization<'h>,
        string: &mut SigningString,
    ) -> Result<(), Rejection> {
        let format = &self.dialect.format;
        let (time, parameter) = match derived {
            DerivedComponent::Created => (authorization.times.created, "created"),
            DerivedComponent::Expires => (authorization.times.expires, "expires"),
            // A header can have the same name as this derived component. The gateway would read the
            // header and sign that, so the list would mean two things.
            _ if self.head.headers().contains_key(name) => return Err(Rejection::repeated(name)),
            derived => {
                if derived.is_decoded() {
                    self.check_decoded(derived)?;
                }
                string.push_target(format, name, derived, *self.head)?;
                return Ok(());
            }
        };
        let Some(time) = time else {
            return Err(Rejection::ParameterMissing { parameter });
        };
        string.push(format, name, time.as_bytes());
        Ok(())
    }

    /// Refuses a target that the handler could read differently from what was signed. Many targets
    /// decode to the same signing string, so one signature is valid for all of them.
    fn check_decoded(&self, derived: DerivedComponent) -> Result<(), TargetError> {
        let target = self.head.uri();
        if self.normalize_target {
            target::normalized(derived, target).map(drop)
        } else {
            target::check_normal(derived, target)
        }
    }
}
