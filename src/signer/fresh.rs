//! Signing a request afresh: from its head to the values that are sent.

use std::ops::Range;

use http::{HeaderMap, header};

use super::{
    Inner, SignError, SignedHeaders, Signer,
    options::Options,
    signed_headers::{remove_date, set},
    values::Values,
    walk::{Changes, Walk},
};
use crate::{
    DateHeader, RequestHead, SigningString,
    authorization::Encoder,
    http_date::{IMF_FIXDATE_LEN, Timestamp},
    keys::Current,
};

/// Room for the values of nearly every request, in bytes.
const ROOM: usize = 256;

/// What has been signed, beside the signing string.
pub(super) struct Fresh<'o> {
    options: &'o Options,
    date_header: Option<DateHeader>,
    changes: Changes,
    /// The date, what is supplied, and `Authorization`.
    pub(super) text: Vec<u8>,
    /// Where in the text the signature is.
    pub(super) signature: Range<usize>,
}

impl Signer {
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
            ref template,
            ref options,
            ..
        } = *self.inner;
        let facts = scheme.facts();
        if !facts.carries_key_id(keys.id.as_str()) {
            return Err(SignError::KeyIdNotCarried { scheme });
        }
        string.begin(&facts.layout, keys.id.as_str());
        let times = options.times(now);
        let walk = Walk {
            options,
            layout: &facts.layout,
            head,
            date,
            times: &times,
        };
        let changes = walk.write(string)?;
        let mut text = Vec::with_capacity(ROOM);
        let date_header = options.date_header();
        if date_header.is_some() {
            text.extend_from_slice(date);
        }
        for (_, value) in changes.supplied(options) {
            text.extend_from_slice(value.as_bytes());
        }
        let mut authorization = Encoder::begin(&mut text, template, &keys.id, &times);
        changes.list(options, &mut authorization);
        let tag = keys.macs.keyed(algorithm).tag(string.as_bytes());
        let signature = authorization.finish(&tag);
        Ok(Fresh {
            options,
            date_header,
            changes,
            text,
            signature,
        })
    }
}

impl Fresh<'_> {
    /// Where in the signing string the date is.
    pub(super) fn date_at(&self) -> Option<usize> {
        self.changes.date_at
    }

    pub(super) fn into_headers(self) -> SignedHeaders {
        let mut values = Values::new(self.text);
        let date = self.date_header.map(|header| (header, values.date()));
        let supplied = self.changes.supplied(self.options);
        let mut others = self.changes.trimmed;
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
        if let Some(header) = self.date_header {
            remove_date(headers, header.other());
            set(headers, header.name(), values.date())?;
        }
        let supplied = self.changes.supplied(self.options);
        for (name, value) in self.changes.trimmed {
            set(headers, &name, value)?;
        }
        for (name, value) in supplied {
            set(headers, name, values.copy_of(value))?;
        }
        set(headers, &header::AUTHORIZATION, values.authorization())
    }
}
