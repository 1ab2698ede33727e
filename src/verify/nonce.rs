//! Where a verifier finds the nonce of a request.

use http::HeaderName;

use super::CoveredComponents;
use crate::{
    Rejection, RequestHead, Scheme,
    header::{Repeated, single_value, trim},
    limits::MAX_NONCE_LEN,
    rejection::Excerpt,
};

/// What tells a request from all others of the same key.
#[derive(Debug, Clone, Default)]
pub(super) enum NonceSource {
    /// Nothing: requests can be sent again.
    #[default]
    None,
    /// The value of a signed header.
    Header(HeaderName),
    /// The scheme's own parameter of this name, which is always signed.
    Parameter(&'static str),
    /// The decoded signature. Its text would not do, because one signature can have several.
    Signature,
}

impl NonceSource {
    /// Returns the source of this name: the scheme's parameter if it has one that is called so,
    /// otherwise a header.
    pub(super) fn named(name: HeaderName, scheme: Scheme) -> Self {
        match scheme.dialect().syntax.nonce {
            Some(parameter) if name.as_str().eq_ignore_ascii_case(parameter) => {
                Self::Parameter(parameter)
            }
            _ => Self::Header(name),
        }
    }

    /// Returns `true` if one request has the same nonce for both. A header and a parameter of one
    /// name are the same line of the signing string.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self.name(), other.name()) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (None, None) => self.is_some() == other.is_some(),
            _ => false,
        }
    }

    pub(super) fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Header(name) => Some(name.as_str()),
            Self::Parameter(name) => Some(name),
            Self::None | Self::Signature => None,
        }
    }

    /// Returns the nonce in the credentials' parameter, or `None` if that is not the source.
    pub(super) fn in_parameter<'p>(
        &self,
        parameter: Option<&'p str>,
    ) -> Result<Option<&'p [u8]>, Rejection> {
        let Self::Parameter(name) = self else {
            return Ok(None);
        };
        let nonce = parameter.unwrap_or_default().as_bytes();
        check(name, nonce)?;
        Ok(Some(nonce))
    }

    /// Returns the nonce in the header, which the signature has to cover, or `None` if that is not
    /// the source.
    pub(super) fn in_header<'h>(
        &self,
        head: &RequestHead<'h>,
        covered: &CoveredComponents<'_>,
    ) -> Result<Option<&'h [u8]>, Rejection> {
        let Self::Header(header) = self else {
            return Ok(None);
        };
        let name = || Excerpt::new(header.as_str());
        // In some schemes repeated headers are joined and signed. Two nonces are refused all the
        // same: another reader of the request could take either.
        let value = single_value(head.headers(), header)
            .map_err(|Repeated| Rejection::HeaderRepeated { name: name() })?;
        let not_covered = || Rejection::NotCovered { name: name() };
        let nonce = trim(value.ok_or_else(not_covered)?.as_bytes());
        // Before coverage, which a header without a value does not have in every scheme: the client
        // should learn that its nonce is empty, not that it should sign it.
        check(header.as_str(), nonce)?;
        match covered.clone().contain(header.as_str()) {
            true => Ok(Some(nonce)),
            false => Err(not_covered()),
        }
    }
}

/// Refuses a nonce of no bytes, or of too many.
fn check(name: &str, nonce: &[u8]) -> Result<(), Rejection> {
    if nonce.is_empty() || nonce.len() > MAX_NONCE_LEN {
        let name = Excerpt::new(name);
        return Err(Rejection::NonceInvalid { name });
    }
    Ok(())
}
