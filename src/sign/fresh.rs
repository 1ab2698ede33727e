//! Signing a request afresh: from its head to the values that are sent.

use http::{HeaderMap, Request, header};

use super::{
    components::{ComponentWriter, HeaderEdits, SignedComponents},
    draft::Draft,
    error::SignError,
    rotation::Current,
    signed_headers::{SignedHeaders, remove_date, set},
    signer::{Inner, Signer},
    values::Values,
};
use crate::{
    RequestHead,
    wire::{
        date::{IMF_FIXDATE_LEN, Timestamp},
        signing_string::SigningString,
    },
};

/// What has been signed, beside the signing string.
pub(super) struct Fresh<'o> {
    components: &'o SignedComponents,
    pub(super) edits: HeaderEdits,
    /// The date, what is supplied, and `Authorization`.
    text: Vec<u8>,
}

impl Signer {
    #[inline(never)]
    pub(super) fn sign_afresh<B>(
        &self,
        request: &mut Request<B>,
        now: Timestamp,
    ) -> Result<(), SignError> {
        if self.inner.components.changes_target(request.uri())
            && let Some(uri) = self.inner.components.sent_target(request.uri())
        {
            *request.uri_mut() = uri;
        }
        #[cfg(feature = "digest")]
        crate::wire::digest_header::renew(request);
        // Before the pair is taken, as what has just been written is slow to be read.
        let date = now.imf_fixdate();
        let keys = self.inner.keys.load();
        let mut string = SigningString::new();
        let head = RequestHead::from(&*request);
        let signed = self.sign_with(&keys, &head, (now, &date), &mut string);
        let headers = request.headers_mut();
        match signed {
            Ok(fresh) => {
                if fresh.set_on(headers).is_none() {
                    headers.remove(header::AUTHORIZATION);
                }
                Ok(())
            }
            Err(error) => {
                headers.remove(header::AUTHORIZATION);
                Err(error)
            }
        }
    }

    /// Signs the date, which is that of the time.
    pub(super) fn sign_with(
        &self,
        keys: &Current,
        head: &RequestHead<'_>,
        (now, date): (Timestamp, &[u8; IMF_FIXDATE_LEN]),
        string: &mut SigningString,
    ) -> Result<Fresh<'_>, SignError> {
        let Inner {
            scheme,
            algorithm,
            ref components,
            ref destinations,
            ..
        } = *self.inner;
        let dialect = scheme.dialect();
        if !dialect.carries_key_id(keys.id.as_str()) {
            return Err(SignError::KeyIdNotCarried { scheme });
        }
        string.begin(&dialect.format, keys.id.as_str());
        let times = components.times(now);
        let writer = ComponentWriter {
            components,
            authority: destinations.authority.as_ref(),
            format: &dialect.format,
            head,
            date,
            times: &times,
        };
        let edits = writer.write(string)?;
        let mut draft = Draft::new();
        if components.date_header().is_some() {
            draft.text.extend_from_slice(date);
        }
        for (_, value) in edits.supplied(components) {
            draft.text.extend_from_slice(value.as_bytes());
        }
        self.draft(keys, edits.names, &times, &mut draft);
        draft.sign(&keys.macs.keyed(algorithm).tag(string.as_bytes()));
        Ok(Fresh {
            components,
            edits,
            text: draft.text,
        })
    }
}

impl Fresh<'_> {
    pub(super) fn into_headers(self) -> SignedHeaders {
        let mut values = Values::new(self.text);
        let date_header = self.components.date_header();
        let date = date_header.map(|header| (header, values.date()));
        let supplied = self.edits.supplied(self.components);
        let mut others = self.edits.rewritten;
        others.extend(supplied.map(|(name, value)| (name.clone(), values.copy_of(value))));
        SignedHeaders {
            date,
            others,
            authorization: values.authorization(),
        }
    }

    /// Sets them on the request they were made for, and removes the date header that is not the signed one; `None` if
    /// the map is too full.
    pub(super) fn set_on(self, headers: &mut HeaderMap) -> Option<()> {
        let mut values = Values::new(self.text);
        if let Some(header) = self.components.date_header() {
            remove_date(headers, header.other());
            set(headers, header.name(), values.date())?;
        }
        let supplied = self.edits.supplied(self.components);
        for (name, value) in self.edits.rewritten {
            set(headers, &name, value)?;
        }
        for (name, value) in supplied {
            set(headers, name, values.copy_of(value))?;
        }
        set(headers, &header::AUTHORIZATION, values.authorization())
    }
}
