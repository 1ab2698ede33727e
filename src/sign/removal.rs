//! Removes an earlier signature from a request that must not carry one.

use http::{HeaderMap, Request};

use super::Signer;
use crate::header::{DateHeader, SOURCE};

impl Signer {
    /// Removes a signature of this scheme from a request that cannot be signed, with the date, the
    /// source, the request id and all else that the signer added to it. Another scheme's
    /// `Authorization` stays.
    pub(super) fn remove_signature(&self, headers: &mut HeaderMap) {
        let dialect = self.inner.scheme.dialect();
        let header = dialect.syntax.header;
        let (ours, others): (Vec<_>, Vec<_>) = headers
            .get_all(header)
            .iter()
            .cloned()
            .partition(|authorization| dialect.syntax.recognizes(authorization));
        if ours.is_empty() {
            return;
        }
        headers.remove(header);
        for authorization in others {
            headers.append(header.clone(), authorization);
        }
        for date_header in DateHeader::ALL {
            headers.remove(date_header.name());
        }
        headers.remove(&SOURCE);
        if let Some(name) = dialect.request_id {
            headers.remove(name);
        }
        for (name, value) in &self.inner.components.supplied {
            if headers.get(name) == Some(value) {
                headers.remove(name);
            }
        }
        if let Some(name) = &self.inner.components.nonce {
            headers.remove(name);
        }
    }

    /// Removes a signature of this scheme from the request's target.
    pub(super) fn remove_from_target<B>(&self, request: &mut Request<B>) {
        self.inner.scheme.dialect().remove_from_target(request);
    }
}
