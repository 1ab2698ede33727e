//! What can be signed of a request: headers, and components that are not headers.

use http::{HeaderName, header};

use crate::{
    header::{DateHeader, is_field_name, often_signed},
    limits::MAX_COMPONENTS,
    wire::split::split_at_byte,
};

/// What an entry of the signed list stands for. `H` names a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Component<H = HeaderName> {
    /// The header that the date is taken from.
    Date(DateHeader),
    /// Another header.
    Header(H),
    /// Something other than a header.
    Derived(DerivedComponent),
}

impl<H> Component<H> {
    /// Names a header in another way.
    pub(crate) fn map_header<T>(self, map: impl FnOnce(H) -> T) -> Component<T> {
        match self {
            Self::Date(header) => Component::Date(header),
            Self::Header(name) => Component::Header(map(name)),
            Self::Derived(derived) => Component::Derived(derived),
        }
    }
}

/// An entry of the signed list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListedComponent<N, H = HeaderName> {
    /// The name as the list spells it.
    pub(crate) name: N,
    /// What is signed for it.
    pub(crate) component: Component<H>,
}

/// Iterates over the names in a list, which single spaces separate.
#[derive(Debug, Clone)]
pub(crate) struct ComponentNames<'h> {
    rest: Option<&'h str>,
}

impl<'h> ComponentNames<'h> {
    pub(crate) fn new(list: &'h str) -> Self {
        Self { rest: Some(list) }
    }
}

impl<'h> Iterator for ComponentNames<'h> {
    type Item = &'h str;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.take()?;
        let Some((name, after)) = split_at_byte(rest, b' ') else {
            return Some(rest);
        };
        self.rest = Some(after);
        Some(name)
    }
}

/// A set of positions in a list of at most [`MAX_COMPONENTS`] components.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ComponentSet(u64);

// A position without a bit is never contained: its component would be in the signing string, but
// not in the list that is sent, and no verifier could build the same string.
const _: () = assert!(MAX_COMPONENTS <= u64::BITS as usize);

impl ComponentSet {
    pub(crate) fn insert(&mut self, position: usize) {
        self.0 |= Self::bit(position);
    }

    pub(crate) fn contains(self, position: usize) -> bool {
        self.0 & Self::bit(position) != 0
    }

    /// Returns the position's bit, or no bit for a position that no list has. A shift by 64 or more
    /// would wrap or panic.
    fn bit(position: usize) -> u64 {
        let position = u32::try_from(position).ok();
        position
            .and_then(|position| 1_u64.checked_shl(position))
            .unwrap_or_default()
    }
}

/// Why a name cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSignable {
    /// It is a header with credentials: `authorization`, or the one that holds the signature.
    Authorization,
    /// Another gateway reads it as something other than a header.
    Ambiguous,
    /// It is neither a field name nor one of the scheme's derived components.
    NotAName,
    /// It is a time, which the algorithm's name does not allow (draft-cavage-http-signatures-12,
    /// section 2.3).
    NeedsHs2019,
    /// It is a header that the gateway does not see.
    Unseen,
}

/// What the lists of a scheme can name.
#[derive(Debug, Clone)]
pub(crate) struct ListSyntax {
    /// What a list can name besides headers.
    pub(crate) derived_components: &'static [(&'static str, DerivedComponent)],
    /// Whether a list can name the date header in any case.
    pub(crate) any_case_date: bool,
    /// Whether signers list the date header as the caller spells it instead of in lower case.
    pub(crate) sends_date_as_spelled: bool,
    /// Headers that the gateway does not see, so that it signs an empty value for them.
    pub(crate) unseen: &'static [&'static str],
    /// Whether signers sort the default list and what is added to it by name.
    pub(crate) is_sorted: bool,
    /// Whether a gateway's lists name a derived component so, in any case.
    pub(crate) is_derived_elsewhere: fn(&str) -> bool,
}

impl ListSyntax {
    /// Resolves a name in the list of signed components. `allows_times` says whether times can be
    /// signed with the algorithm's name.
    pub(crate) fn component<'n>(
        &self,
        name: &'n str,
        allows_times: bool,
    ) -> Result<Component<&'n str>, NotSignable> {
        // Most lists consist of these names, and they mean the same in every scheme. They are
        // resolved first because the rest compares a name with the derived components of all
        // schemes.
        match name {
            "x-date" => return Ok(Component::Date(DateHeader::XDate)),
            "date" => return Ok(Component::Date(DateHeader::Date)),
            _ if self
                .unseen
                .iter()
                .any(|unseen| name.eq_ignore_ascii_case(unseen)) =>
            {
                return Err(NotSignable::Unseen);
            }
            _ if often_signed(name).is_some() => return Ok(Component::Header(name)),
            _ => {}
        }
        if let Some(derived) = self.derived(name) {
            if derived.is_time() && !allows_times {
                return Err(NotSignable::NeedsHs2019);
            }
            return Ok(Component::Derived(derived));
        }
        // Another spelling than above.
        if self.any_case_date
            && let Ok(header) = name.parse()
        {
            return Ok(Component::Date(header));
        }
        if !is_field_name(name) {
            return Err(NotSignable::NotAName);
        }
        // Also where another header holds the signature: layers and proxies on the way set and
        // remove it.
        if name.eq_ignore_ascii_case(header::AUTHORIZATION.as_str()) {
            return Err(NotSignable::Authorization);
        }
        // A signature that covers a header of that name here would be valid for something else at
        // another gateway. The scheme's own names were found above.
        if (self.is_derived_elsewhere)(name) {
            return Err(NotSignable::Ambiguous);
        }
        Ok(Component::Header(name))
    }

    /// Returns the derived component that has the path decoded, if the scheme has one.
    pub(crate) fn decoded(&self) -> Option<DerivedComponent> {
        let derived_components = self.derived_components.iter();
        let mut derived_components = derived_components.map(|(_, derived)| *derived);
        derived_components.find(|derived| derived.is_decoded())
    }

    /// Returns the derived component of this name.
    pub(crate) fn derived(&self, name: &str) -> Option<DerivedComponent> {
        let mut derived_components = self.derived_components.iter();
        derived_components
            .find(|(other, _)| *other == name)
            .map(|(_, derived)| *derived)
    }
}

/// Names a component that is not a header (RFC 9421, section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DerivedComponent {
    /// `name: method /path?query`, the method in lower case, the target as sent.
    RequestTarget,
    /// `METHOD /path?query`, the path decoded and normalized.
    DecodedTarget,
    /// `name: method /path`, the method in lower case, the path decoded, without the query. **The
    /// query is not signed.**
    DecodedPath,
    /// `METHOD /path?query HTTP/1.1`, as sent.
    RequestLine,
    /// `METHOD /path HTTP/1.1`, the path as sent, without the query. The version is the same
    /// whatever the request's is.
    PathLine,
    /// The parameter `created`: the time of signing.
    Created,
    /// The parameter `expires`: the time at which the signature ceases to be valid.
    Expires,
}

impl DerivedComponent {
    /// Returns whether it covers the request's target, in whole or in part.
    pub(crate) fn is_target(self) -> bool {
        matches!(
            self,
            Self::RequestTarget
                | Self::DecodedTarget
                | Self::DecodedPath
                | Self::RequestLine
                | Self::PathLine
        )
    }

    /// Returns whether its line has the path decoded, so that several targets have the same line.
    pub(crate) fn is_decoded(self) -> bool {
        matches!(self, Self::DecodedTarget | Self::DecodedPath)
    }

    /// Returns whether its line has the method in lower case.
    pub(crate) fn has_lower_case_method(self) -> bool {
        matches!(self, Self::RequestTarget | Self::DecodedPath)
    }

    /// Returns whether it covers the request's whole target.
    pub(crate) fn is_whole_target(self) -> bool {
        self.is_target() && !matches!(self, Self::DecodedPath | Self::PathLine)
    }

    /// Returns whether it is a time, sent as a parameter of its own.
    pub(crate) fn is_time(self) -> bool {
        matches!(self, Self::Created | Self::Expires)
    }

    /// Returns whether its line has no name in front.
    pub(crate) fn is_bare(self) -> bool {
        matches!(
            self,
            Self::DecodedTarget | Self::RequestLine | Self::PathLine
        )
    }
}
