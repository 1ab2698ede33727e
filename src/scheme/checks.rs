//! The checks that the builders of signers, verifiers and schemes share.

use http::{HeaderName, header};

use super::{
    BuildError, DatePolicy, Dialect,
    dialect::{PLAIN_TARGET, known_derived},
};
use crate::{
    Algorithm, Scheme,
    header::{DIGESTS, DateHeader, HOP_BY_HOP, MICRO_SERVICE_NAME, NAME_SPACE_CODE, SOURCE},
    limits::{MAX_COMPONENTS, MAX_PARAMETER_LEN},
    rejection::Excerpt,
    wire::{
        component::{Component, NotSignable},
        credentials::Carrier,
        signing_string::RequestLine,
    },
};

/// Refuses lists that verifiers refuse: too many names, or too many bytes with a space between
/// every two.
pub(crate) fn check_list<'n>(
    names: impl Iterator<Item = &'n str> + Clone,
) -> Result<(), BuildError> {
    if names.clone().count() > MAX_COMPONENTS {
        return Err(BuildError::TooManyHeaders);
    }
    let len_and_spaces: usize = names.map(|name| name.len() + 1).sum();
    if len_and_spaces.saturating_sub(1) > MAX_PARAMETER_LEN {
        return Err(BuildError::ListTooLong);
    }
    Ok(())
}

/// Refuses lists as [`check_list`] does, for the list of a signer. It needs room for both digests,
/// which are signed where they are not listed too.
pub(crate) fn check_signed_list<'n>(
    names: impl Iterator<Item = &'n str> + Clone,
) -> Result<(), BuildError> {
    let is_listed = |name: &str| {
        names
            .clone()
            .any(|listed| listed.eq_ignore_ascii_case(name))
    };
    let digests = DIGESTS.iter().map(HeaderName::as_str);
    let unlisted_digests: Vec<_> = digests.filter(|name| !is_listed(name)).collect();
    check_list(names.chain(unlisted_digests))
}

/// Refuses a name that is in the list twice, in any case.
pub(crate) fn check_none_repeated<'n>(
    names: impl Iterator<Item = &'n str>,
) -> Result<(), BuildError> {
    let mut before: Vec<&str> = Vec::new();
    for name in names {
        if before.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            let name = Excerpt::new(name);
            return Err(BuildError::NamedTwice { name });
        }
        before.push(name);
    }
    Ok(())
}

/// Returns `true` if the header has a meaning of its own at servers of this dialect, so that it can
/// carry neither a signature nor a nonce.
pub(super) fn has_meaning(dialect: &Dialect, header: &HeaderName) -> bool {
    let others = [
        &header::COOKIE,
        &header::CONTENT_LENGTH,
        &header::CONTENT_TYPE,
        &header::HOST,
        &SOURCE,
        &NAME_SPACE_CODE,
        &MICRO_SERVICE_NAME,
    ];
    let is_date = header.as_str().parse::<DateHeader>().is_ok();
    // Gateways would read it instead of the component.
    let is_derived = known_derived().any(|(name, _)| *header == name);
    let format = &dialect.format;
    // What is signed without being listed would be signed before it has its value, and a random id
    // would replace that value.
    let is_the_dialects = format.auxiliary_date == Some(header)
        || format.signs_unlisted(header.as_str())
        || dialect.request_id == Some(header);
    is_date || is_derived || is_the_dialects || DIGESTS.contains(header) || others.contains(&header)
}

/// Returns `true` if the name of a header differs from that of a derived component only in its
/// case, or lacks its `@` or its parentheses.
fn lacks_marks(header: &str, derived: &str) -> bool {
    let without_marks = derived.trim_matches(['@', '(', ')']);
    header.eq_ignore_ascii_case(without_marks)
}

/// Returns the names that a setter was given, as a builder keeps them.
pub(crate) fn owned_names(names: impl IntoIterator<Item: AsRef<str>>) -> Vec<String> {
    let names = names.into_iter();
    names.map(|name| name.as_ref().to_owned()).collect()
}

impl Scheme {
    /// Returns the component of this name, or an error if requests cannot sign it.
    pub(crate) fn signable(self, name: &str, is_hs2019: bool) -> Result<Component, BuildError> {
        self.check_marks(name)?;
        let excerpt = || Excerpt::new(name);
        let not_a_name = || BuildError::NotAName {
            scheme: self,
            name: excerpt(),
        };
        let component = self.dialect().component(name, is_hs2019);
        let component = component.map_err(|error| match error {
            NotSignable::Authorization => BuildError::SignsAuthorization {
                name: Excerpt::new(&name.to_ascii_lowercase()),
            },
            NotSignable::Ambiguous => BuildError::Ambiguous { name: excerpt() },
            NotSignable::NotAName => not_a_name(),
            NotSignable::NeedsHs2019 => BuildError::NeedsHs2019 { name: excerpt() },
            NotSignable::Unseen => BuildError::NotSeen {
                scheme: self,
                name: excerpt(),
            },
        })?;
        if let Carrier::Json(implied) = self.dialect().syntax.carrier
            && !name.eq_ignore_ascii_case(implied.list)
        {
            return Err(BuildError::ListNotCarried { scheme: self });
        }
        match component {
            Component::Date(header) => Ok(Component::Date(header)),
            Component::Derived(derived) => Ok(Component::Derived(derived)),
            // `ListSyntax::component` does not say so: what the clients of a verifier list is
            // theirs to choose.
            Component::Header(name) if name.eq_ignore_ascii_case(PLAIN_TARGET) => {
                Err(BuildError::Ambiguous { name: excerpt() })
            }
            Component::Header(name) => {
                let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| not_a_name())?;
                if HOP_BY_HOP.contains(&header) {
                    return Err(BuildError::HopByHop { name: excerpt() });
                }
                Ok(Component::Header(header))
            }
        }
    }

    /// Refuses a name that would be a header's, although a derived component of the scheme is
    /// meant. As no request has such a header, signers would leave it out of every list.
    fn check_marks(self, name: &str) -> Result<(), BuildError> {
        let list = &self.dialect().list;
        // Requests can have these.
        let is_usual = header::EXPIRES == *name || name.parse::<DateHeader>().is_ok();
        if list.derived(name).is_some() || is_usual {
            return Ok(());
        }
        let mut derived = list.derived_components.iter().map(|(derived, _)| *derived);
        match derived.find(|derived| lacks_marks(name, derived)) {
            Some(derived) => Err(BuildError::MarksMissing {
                name: Excerpt::new(name),
                derived,
            }),
            None => Ok(()),
        }
    }

    /// Refuses a name that no signature of this scheme can cover.
    pub(crate) fn check_coverable(self, name: &str, is_hs2019: bool) -> Result<(), BuildError> {
        let format = &self.dialect().format;
        if format.signs_unlisted(name) {
            return Ok(());
        }
        let derived = RequestLine::TARGET;
        if format.signs_unlisted(derived) && lacks_marks(name, derived) {
            let name = Excerpt::new(name);
            return Err(BuildError::MarksMissing { name, derived });
        }
        self.signable(name, is_hs2019).map(drop)
    }

    /// Refuses a header that cannot carry a nonce.
    pub(crate) fn check_nonce(self, name: &HeaderName) -> Result<(), BuildError> {
        let component = self.signable(name.as_str(), false)?;
        if has_meaning(self.dialect(), name) || !matches!(component, Component::Header(_)) {
            let name = Excerpt::new(name.as_str());
            return Err(BuildError::NonceHeader { name });
        }
        Ok(())
    }

    /// Refuses an algorithm that the scheme does not have.
    pub(crate) fn check_algorithm(self, algorithm: Algorithm) -> Result<(), BuildError> {
        if self.dialect().algorithms.contains(&algorithm) {
            return Ok(());
        }
        Err(BuildError::AlgorithmNotCarried {
            scheme: self,
            algorithm,
        })
    }

    /// Refuses a policy with which no request could ever be accepted.
    pub(crate) fn check_date_policy(self, date_policy: DatePolicy) -> Result<(), BuildError> {
        let has_x_date = self.dialect().date_headers.contains(&DateHeader::XDate);
        if date_policy == DatePolicy::Refuse && !has_x_date {
            return Err(BuildError::NoDateAccepted { scheme: self });
        }
        Ok(())
    }

    /// Refuses `hs2019` where the scheme does not have it.
    pub(crate) fn check_hs2019(self) -> Result<(), BuildError> {
        if self.dialect().syntax.has_hs2019 {
            return Ok(());
        }
        Err(BuildError::Hs2019NotCarried { scheme: self })
    }
}
