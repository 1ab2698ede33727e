//! What the options of signers and verifiers may name: one rule for both.

use http::{HeaderName, header};

use super::{Scheme, Special};
use crate::{
    Algorithm, BuildError, Excerpt,
    wire::{
        component,
        credentials::{MAX_COMPONENTS, MAX_PARAMETER_LEN},
    },
};

/// Headers that end at the next peer (RFC 9110, sections 7.6.1 and 11.7; RFC 7540, section 3.2.1), so that connections write
/// or remove them below all layers and proxies on the way. `Expect` among them: whoever answers it with 100 does not send it
/// on (RFC 9110, section 10.1.1).
static HOP_BY_HOP: [HeaderName; 11] = [
    header::CONNECTION,
    header::EXPECT,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What a name stands for that can be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signable {
    Header(HeaderName),
    Special(Special),
}

/// Refuses lists of so many names, or in so many bytes with a space between two, that no verifier looks at them.
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

impl Scheme {
    /// What can be signed under this name.
    pub(crate) fn signable(self, name: &str) -> Result<Signable, BuildError> {
        let facts = self.facts();
        if let Some(special) = facts.special(name) {
            return Ok(Signable::Special(special));
        }
        let excerpt = || Excerpt::new(name);
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(BuildError::NotAName {
                scheme: self,
                name: excerpt(),
            });
        };
        if header == header::AUTHORIZATION {
            return Err(BuildError::SignsAuthorization);
        }
        if HOP_BY_HOP.contains(&header) {
            return Err(BuildError::HopByHop { name: excerpt() });
        }
        if facts.is_ambiguous(name) || !component::is_field_name(name) {
            return Err(BuildError::Ambiguous { name: excerpt() });
        }
        Ok(Signable::Header(header))
    }

    /// Refuses an algorithm that the scheme does not have.
    pub(crate) fn check_algorithm(self, algorithm: Algorithm) -> Result<(), BuildError> {
        if self.facts().algorithms.contains(&algorithm) {
            return Ok(());
        }
        Err(BuildError::AlgorithmNotCarried {
            scheme: self,
            algorithm,
        })
    }

    /// Refuses `hs2019` where the scheme does not have it.
    pub(crate) fn check_hs2019(self) -> Result<(), BuildError> {
        if self.facts().grammar.has_times {
            return Ok(());
        }
        Err(BuildError::Hs2019NotCarried { scheme: self })
    }
}

impl Signable {
    /// Refuses what can be signed under `hs2019` only where that is not used.
    pub(crate) fn check_times(&self, name: &str, is_hs2019: bool) -> Result<(), BuildError> {
        match self {
            Self::Special(Special::Created | Special::Expires) if !is_hs2019 => {
                let name = Excerpt::new(name);
                Err(BuildError::NeedsHs2019 { name })
            }
            _ => Ok(()),
        }
    }
}
