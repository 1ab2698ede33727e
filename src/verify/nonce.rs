//! Where a verifier finds the nonce of a request.

use http::HeaderName;

use super::CoveredComponents;
use crate::{
    Rejection, RequestHead,
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
    /// The decoded signature. Its text would not do, because one signature can have several.
    Signature,
}

impl NonceSource {
    /// Reads the header's value, which the signature has to cover. Returns `None` if no header
    /// carries a nonce.
    pub(super) fn read<'h>(
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
        let value = value.filter(|_| covered.clone().contain(header.as_str()));
        let value = value.ok_or_else(|| Rejection::NotCovered { name: name() })?;
        let nonce = trim(value.as_bytes());
        if nonce.is_empty() || nonce.len() > MAX_NONCE_LEN {
            return Err(Rejection::NonceInvalid { name: name() });
        }
        Ok(Some(nonce))
    }
}
