//! The list of what is signed, as it is read.

use arrayvec::ArrayVec;
use http::{HeaderName, header};

use crate::{
    header::{DateHeader, SOURCE, is_field_name},
    limits::MAX_COMPONENTS,
    rejection::{CredentialsError, Excerpt},
    scheme::Dialect,
    wire::{
        component::DerivedComponent,
        credentials::{Authorization, Names},
    },
};

/// On the stack, and not moved about.
pub(crate) type List<'h> = ArrayVec<Listed<'h>, MAX_COMPONENTS>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed<'h> {
    /// As it is spelled.
    pub(crate) name: &'h str,
    pub(crate) kind: Kind,
}

/// What a listed name stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Derived(DerivedComponent),
    /// A date header, in a spelling that counts.
    Date(DateHeader),
    /// Another header; found faster by this than by its text, if that is one that most lists name.
    Header(Option<&'static HeaderName>),
}

impl Kind {
    /// `None` if it cannot be signed.
    fn of(name: &str, dialect: &Dialect, is_hs2019: bool) -> Option<Self> {
        // No scheme calls anything else so.
        match name {
            "x-date" => return Some(Self::Date(DateHeader::XDate)),
            "date" => return Some(Self::Date(DateHeader::Date)),
            "source" => return Some(Self::Header(Some(&SOURCE))),
            "host" => return Some(Self::Header(Some(&header::HOST))),
            _ => {}
        }
        match dialect.derived(name) {
            // draft-cavage-http-signatures-12, section 2.3.
            Some(DerivedComponent::Created | DerivedComponent::Expires) if !is_hs2019 => {
                return None;
            }
            Some(derived) => return Some(Self::Derived(derived)),
            None => {}
        }
        let is = |header: &HeaderName| name.eq_ignore_ascii_case(header.as_str());
        if is(&header::AUTHORIZATION) || dialect.is_ambiguous(name) || !is_field_name(name) {
            return None;
        }
        let mut dates = [DateHeader::XDate, DateHeader::Date].into_iter();
        match dates.find(|date| dialect.any_case_date && is(date.name())) {
            Some(date) => Some(Self::Date(date)),
            None => Some(Self::Header(None)),
        }
    }
}

/// Reads the names in the list: at most [`MAX_COMPONENTS`], one space between two, each a field name or one of the
/// scheme's own, none twice.
pub(super) fn read<'h>(
    authorization: &Authorization<'h>,
    dialect: &Dialect,
    list: &mut List<'h>,
) -> Result<(), CredentialsError> {
    for name in Names::new(authorization.headers) {
        if list.is_full() {
            return Err(CredentialsError::TooManyNames);
        }
        if name.is_empty() {
            return Err(CredentialsError::EmptyName);
        }
        let Some(kind) = Kind::of(name, dialect, authorization.is_hs2019()) else {
            if name.contains([',', ';', '\t']) {
                return Err(CredentialsError::ListSeparator);
            }
            return Err(CredentialsError::NotSignable {
                name: Excerpt::new(name),
            });
        };
        let is_same = |other: &Listed<'_>| name.eq_ignore_ascii_case(other.name);
        if list.iter().any(is_same) {
            return Err(CredentialsError::RepeatedName {
                name: Excerpt::new(name),
            });
        }
        // There is room, as has been seen.
        let _pushed = list.try_push(Listed { name, kind });
    }
    Ok(())
}
