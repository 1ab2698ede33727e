//! The list of what is signed, as it is read.

use arrayvec::ArrayVec;
use http::{HeaderName, header};

use super::MAX_COMPONENTS;
use crate::{
    DateHeader,
    scheme::{Facts, Special},
    wire::component::{self, SOURCE},
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
    Special(Special),
    /// A date header, in a spelling that counts.
    Date(DateHeader),
    /// Another header; found faster by this than by its text, if that is one that most lists name.
    Header(Option<&'static HeaderName>),
}

impl Kind {
    /// `None` if it cannot be signed.
    pub(super) fn of(name: &str, facts: &Facts, is_hs2019: bool) -> Option<Self> {
        // No scheme calls anything else so.
        match name {
            "x-date" => return Some(Self::Date(DateHeader::XDate)),
            "date" => return Some(Self::Date(DateHeader::Date)),
            "source" => return Some(Self::Header(Some(&SOURCE))),
            "host" => return Some(Self::Header(Some(&header::HOST))),
            _ => {}
        }
        match facts.special(name) {
            // draft-cavage-http-signatures-12, section 2.3.
            Some(Special::Created | Special::Expires) if !is_hs2019 => return None,
            Some(special) => return Some(Self::Special(special)),
            None => {}
        }
        let is = |header: &HeaderName| name.eq_ignore_ascii_case(header.as_str());
        if is(&header::AUTHORIZATION) || facts.is_ambiguous(name) || !component::is_field_name(name)
        {
            return None;
        }
        let mut dates = [DateHeader::XDate, DateHeader::Date].into_iter();
        match dates.find(|date| facts.any_case_date && is(date.name())) {
            Some(date) => Some(Self::Date(date)),
            None => Some(Self::Header(None)),
        }
    }
}
