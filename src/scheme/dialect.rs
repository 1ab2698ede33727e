//! What gateways differ in.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header};

use super::Scheme;
use crate::{
    Algorithm, DateHeader, PlainDate, Rejection,
    wire::{component::SOURCE, credentials::auth_scheme},
};

/// The facts of one gateway's dialect.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: &'static str,
    pub(crate) grammar: Grammar,
    pub(crate) layout: Layout,
    /// What a list may name beside headers.
    pub(crate) specials: &'static [(&'static str, Special)],
    /// What is signed, in order, unless the caller says otherwise. `date` stands for either date header; what a
    /// request lacks is left out.
    pub(crate) default_list: &'static [&'static str],
    /// What can be carried, the default first.
    pub(crate) algorithms: &'static [Algorithm],
    /// The headers a date is taken from, the default first.
    pub(crate) date_headers: &'static [DateHeader],
    /// Whether the list may name the date in upper case too.
    pub(crate) any_case_date: bool,
    /// Characters that key ids must not have.
    pub(crate) not_in_key_id: &'static [char],
    /// How far a date may be from the server's clock unless the server says otherwise, in seconds.
    pub(crate) max_skew: u64,
    pub(crate) plain_date: PlainDate,
    /// What a refused client is told.
    pub(crate) text: fn(&Rejection) -> Cow<'static, str>,
    /// The `WWW-Authenticate` of a refusal.
    pub(crate) challenge: &'static str,
}

/// How `Authorization` is written.
#[derive(Debug)]
pub(crate) struct Grammar {
    /// The word it begins with, as it is sent.
    pub(crate) auth_scheme: &'static str,
    /// The spellings of that word that are read; any case (RFC 9110, section 11.1) if there are none.
    pub(crate) auth_scheme_spellings: &'static [&'static str],
    /// The parameter that carries the key id.
    pub(crate) key_id: &'static str,
    /// What is sent between two parameters.
    pub(crate) separator: &'static str,
    /// Whether parameters are read in the order in which they are sent only.
    pub(crate) is_ordered: bool,
    /// Whether a parameter without a meaning is ignored (draft-cavage-http-signatures-12, section 2.2), not refused.
    pub(crate) ignores_unknown: bool,
    /// Whether there are parameters `created` and `expires`, and the algorithm `hs2019`, which leaves the hash to be
    /// known from the key.
    pub(crate) has_times: bool,
    /// What is signed where `headers` is left out: under `hs2019`, and under other algorithms.
    pub(crate) implied_list: Option<[&'static str; 2]>,
}

/// How the signing string is written.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Whether names are written in lower case whatever the list's spelling.
    pub(crate) lower_case_names: bool,
    /// Whether the key id is the first line.
    pub(crate) begins_with_key_id: bool,
    /// Whether a newline ends the last line too.
    pub(crate) ends_with_newline: bool,
    /// What stands for a listed header that the request lacks; an error if nothing can.
    pub(crate) absent: Option<Absent>,
    /// What joins the values of a repeated header other than a cookie; an error if nothing does.
    pub(crate) join: Option<&'static [u8]>,
}

/// What stands for a listed header that the request lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// `name:`, without the space.
    NameAlone,
    /// No line.
    NoLine,
}

/// What a list may name beside headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// `name: method /path?query`, the method in lower case, the target as sent.
    RequestTarget,
    /// `METHOD /path?query`, the path decoded and normalised.
    DecodedTarget,
    /// `METHOD /path?query HTTP/1.1`, as sent.
    RequestLine,
    /// The parameter `created`: when it was signed.
    Created,
    /// The parameter `expires`: until when it is good.
    Expires,
}

impl Special {
    /// Whether it is about the request's target.
    pub(crate) fn is_target(self) -> bool {
        matches!(
            self,
            Self::RequestTarget | Self::DecodedTarget | Self::RequestLine
        )
    }

    /// Whether its line has no name in front.
    pub(crate) fn is_bare(self) -> bool {
        matches!(self, Self::DecodedTarget | Self::RequestLine)
    }
}

impl Facts {
    /// What the list's `name` stands for, if not for a header.
    pub(crate) fn special(&self, name: &str) -> Option<Special> {
        let mut specials = self.specials.iter();
        specials
            .find(|(other, _)| *other == name)
            .map(|(_, special)| *special)
    }

    /// Whether another gateway reads this header's name as something else than a header, so that a list with it would
    /// mean two things.
    pub(crate) fn is_ambiguous(&self, name: &str) -> bool {
        let mut all = Scheme::ALL
            .into_iter()
            .flat_map(|other| other.facts().specials);
        all.any(|(other, _)| other.eq_ignore_ascii_case(name)) && self.special(name).is_none()
    }

    pub(crate) fn carries_key_id(&self, key_id: &str) -> bool {
        self.not_in_key_id.is_empty() || !key_id.contains(self.not_in_key_id)
    }

    /// Whether an `Authorization` is of this scheme.
    pub(crate) fn wrote(&self, authorization: &HeaderValue) -> bool {
        let word = auth_scheme(authorization.as_bytes());
        word.eq_ignore_ascii_case(self.grammar.auth_scheme.as_bytes())
    }

    /// Takes a signature of this scheme off a request that must not carry one, with the date and the source that came
    /// with it. Another scheme's `Authorization` stays. Returns whether there was one.
    pub(crate) fn remove_signature(&self, headers: &mut HeaderMap) -> bool {
        let (ours, others): (Vec<_>, Vec<_>) = headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .cloned()
            .partition(|authorization| self.wrote(authorization));
        if ours.is_empty() {
            return false;
        }
        headers.remove(header::AUTHORIZATION);
        for date_header in [DateHeader::Date, DateHeader::XDate] {
            headers.remove(date_header.name());
        }
        headers.remove(&SOURCE);
        for authorization in others {
            headers.append(header::AUTHORIZATION, authorization);
        }
        true
    }
}
