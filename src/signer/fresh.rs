//! Signing a request afresh: from its head to the values that are sent.

use super::{
    Inner, SignError, SignedHeaders, Signer,
    signed_headers::{Values, sensitive},
    walk::Walk,
};
use crate::{
    RequestHead, SigningString, authorization::Encoder, http_date::Timestamp, keys::Current,
};

/// What has been signed.
pub(super) struct Fresh {
    pub(super) signed: SignedHeaders,
    /// Whether another request might be signed otherwise.
    pub(super) depends_on_request: bool,
}

impl Signer {
    pub(super) fn sign_with(
        &self,
        keys: &Current,
        head: RequestHead<'_>,
        now: Timestamp,
    ) -> Result<Fresh, SignError> {
        let Inner {
            scheme,
            algorithm,
            ref template,
            ref options,
            ..
        } = *self.inner;
        let facts = scheme.facts();
        let layout = &facts.layout;
        if !facts.carries_key_id(keys.id.as_str()) {
            return Err(SignError::KeyIdNotCarried { scheme });
        }
        let (date, times) = (now.imf_fixdate(), options.times(now));
        let room = template.max_len(&keys.id, options.list_len());
        let mut buffer = Vec::with_capacity(room + options.values_len());
        let mut authorization = Encoder::new(&mut buffer, template, &keys.id, &times);
        let mut string = SigningString::begin(layout, keys.id.as_str());
        let walk = Walk {
            options,
            layout,
            head,
            date: &date,
            times: &times,
        };
        let changes = walk.each(|component| {
            string.push(layout, &component);
            authorization.list(component.name);
        })?;
        string.end(layout);
        authorization.finish(&keys.macs.keyed(algorithm).tag(string.as_bytes()));

        let authorization_len = buffer.len();
        buffer.extend_from_slice(&date);
        let lacking = |position: usize| changes.lacking >> position & 1 == 1;
        let supplied = options.supplied().iter().enumerate();
        let supplied = supplied.filter(|(position, _)| lacking(*position));
        for (_, (_, value)) in supplied.clone() {
            buffer.extend_from_slice(value.as_bytes());
        }
        let mut values = Values::new(buffer);
        let authorization = sensitive(values.next(authorization_len));
        let date = values.next(date.len());
        let mut others = changes.trimmed;
        others.extend(supplied.map(|(_, (name, value))| {
            let mut copy = values.next(value.len());
            copy.set_sensitive(value.is_sensitive());
            (name.clone(), copy)
        }));
        let signed = SignedHeaders {
            date: options.date_header().map(|header| (header, date)),
            others,
            authorization,
        };
        Ok(Fresh {
            signed,
            depends_on_request: changes.depend_on_request || !options.depends_on_time_alone(),
        })
    }
}
