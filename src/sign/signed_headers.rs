//! The headers that a signer adds to a request.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use smallvec::SmallVec;

use super::components::{HeaderEdits, Placement, SignedComponents};
use crate::{
    header::{DateHeader, has_repeats},
    mac::Tag,
    wire::{credentials::Template, date::IMF_FIXDATE_LEN},
};

/// The capacity for the values of a request, in bytes. Nearly all values fit.
const ROOM: usize = 256;

/// Holds the headers that sign a request: the date, headers such as `Source` that the request
/// lacks, and `Authorization`, which is marked sensitive.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use http::{HeaderValue, Request};
/// use tower_hmac_auth::{KeyPair, Signer};
///
/// let signer = Signer::builder(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?)
///     .source(HeaderValue::from_static("billing"))
///     .build()?;
/// let request = Request::get("/a").body(())?;
/// let signed = signer.sign(&request, UNIX_EPOCH + Duration::from_secs(1_444_348_800))?;
/// let names: Vec<_> = signed.iter().map(|(name, _)| name.as_str()).collect();
/// assert_eq!(names, ["x-date", "source", "authorization"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SignedHeaders {
    /// The date header, or `None` if the time is a parameter of `Authorization`. It has no value if
    /// the date is a member of `Authorization`, and is then removed from the request.
    pub(super) date: Option<(DateHeader, Option<HeaderValue>)>,
    /// The other headers, such as `Source` and an unsigned `request-id`. Usually there is at most
    /// one.
    pub(super) others: SmallVec<[(HeaderName, HeaderValue); 1]>,
    /// `Authorization`, or the header that a scheme has instead.
    pub(super) authorization_header: &'static HeaderName,
    /// Its value, or `None` if the credentials are in the target.
    pub(super) authorization: Option<HeaderValue>,
    /// The target with the credentials, if they are in its query.
    pub(super) target: Option<Box<Uri>>,
}

impl SignedHeaders {
    /// Creates the headers from `text`: what [`text_before_credentials`] returns, then
    /// `Authorization` unless the credentials are in the target.
    pub(super) fn new(
        components: &SignedComponents,
        edits: HeaderEdits,
        request_id: Option<(HeaderName, HeaderValue)>,
        authorization_header: &'static HeaderName,
        text: Vec<u8>,
    ) -> Self {
        let placement = components.placement;
        let mut values = Values::new(text);
        let mut date_value = || (!placement.carries_date()).then(|| values.date());
        let date = components.date_header.map(|header| (header, date_value()));
        let supplied = edits.supplied(components);
        let mut others = edits.rewritten;
        others.extend(supplied.map(|(name, value)| (name.clone(), values.copy_of(value))));
        if let Some(request_id) = request_id {
            others.push(request_id);
        }
        Self {
            date,
            others,
            authorization_header,
            authorization: (placement != Placement::Query).then(|| values.authorization()),
            target: None,
        }
    }

    /// Returns the signed target, if the credentials are in its query
    /// ([`SignerBuilder::credentials_in_query`](crate::sign::SignerBuilder::credentials_in_query)).
    /// It replaces the request's; without it, the request is not signed.
    /// [`Signer::sign_request`](crate::Signer::sign_request) does that itself.
    #[must_use]
    pub fn target(&self) -> Option<&Uri> {
        self.target.as_deref()
    }

    /// Iterates over the headers to be set, `Authorization` last. Each replaces all headers of its
    /// name on a request.
    pub fn iter(&self) -> SignedHeadersIter<'_> {
        SignedHeadersIter {
            headers: self,
            position: 0,
        }
    }

    /// Sets copies of the headers on another request that has none of [`others`](Self::others)
    /// itself. Returns `None` if it has one, or if the map is too full.
    pub(super) fn copy_to(&self, headers: &mut HeaderMap) -> Option<()> {
        // Setting a header returns the value that it had, so a single supplied header need not be
        // looked for first.
        let is_single = self.others.len() == 1 && !has_repeats(headers);
        let mut names = self.others.iter().map(|(name, _)| name);
        if !is_single && names.any(|name| headers.contains_key(name)) {
            return None;
        }
        // What travels with the credentials is not cached, so there are both values.
        if let Some((header, date)) = &self.date {
            headers.remove(header.other().name());
            set(headers, header.name(), date.as_ref()?.clone())?;
        }
        for (name, value) in &self.others {
            supply(headers, name, value)?;
        }
        let authorization = self.authorization.as_ref()?;
        set(headers, self.authorization_header, authorization.clone())
    }

    /// Replaces the date and the signature. The rest of `Authorization` does not depend on the
    /// time.
    pub(super) fn renew(
        &mut self,
        template: &Template,
        date: &[u8; IMF_FIXDATE_LEN],
        tag: &Tag,
    ) -> Option<()> {
        let authorization = self.authorization.as_mut()?;
        let mut text = Vec::with_capacity(date.len() + authorization.len());
        text.extend_from_slice(date);
        text.extend_from_slice(authorization.as_bytes());
        template.replace_signature(&mut text, tag);
        let mut values = Values::new(text);
        let (_, date) = self.date.as_mut()?;
        *date.as_mut()? = values.date();
        *authorization = values.authorization();
        Some(())
    }

    /// Sets the headers on the request that they were created for, and removes the date header that
    /// is not signed.
    ///
    /// If the map is too full for them, `Authorization` is removed. This cannot happen with the
    /// request that they were created for.
    pub fn apply(self, headers: &mut HeaderMap) {
        let authorization_header = self.authorization_header;
        if self.insert_into(headers).is_none() {
            headers.remove(authorization_header);
        }
    }

    /// Returns `None` if the map is too full.
    fn insert_into(self, headers: &mut HeaderMap) -> Option<()> {
        if let Some((header, date)) = self.date {
            set_date(headers, header, date)?;
        }
        for (name, value) in self.others {
            set(headers, &name, value)?;
        }
        set_authorization(headers, self.authorization_header, self.authorization)
    }
}

impl<'a> IntoIterator for &'a SignedHeaders {
    type Item = (&'a HeaderName, &'a HeaderValue);
    type IntoIter = SignedHeadersIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterates over the headers of [`SignedHeaders`].
#[derive(Debug, Clone)]
pub struct SignedHeadersIter<'a> {
    headers: &'a SignedHeaders,
    /// The position of the next header: the date's is 0, `Authorization`'s comes after the others.
    position: usize,
}

impl<'a> Iterator for SignedHeadersIter<'a> {
    type Item = (&'a HeaderName, &'a HeaderValue);

    fn next(&mut self) -> Option<Self::Item> {
        let SignedHeaders {
            date,
            others,
            authorization_header,
            authorization,
            target: _,
        } = self.headers;
        loop {
            let position = self.position;
            self.position += 1;
            match position.checked_sub(1) {
                None => {
                    if let Some((header, Some(date))) = date {
                        return Some((header.name(), date));
                    }
                }
                Some(other) if other == others.len() => {
                    return Some((authorization_header, authorization.as_ref()?));
                }
                Some(other) => {
                    let (name, value) = others.get(other)?;
                    return Some((name, value));
                }
            }
        }
    }
}

/// Sets a header. Returns `None` if the map is too full.
pub(super) fn set(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) -> Option<()> {
    headers.try_insert(name, value).ok().map(drop)
}

/// Sets the date header, or removes it if it has no value, and removes the other one. Returns
/// `None` if the map is too full.
fn set_date(headers: &mut HeaderMap, header: DateHeader, date: Option<HeaderValue>) -> Option<()> {
    headers.remove(header.other().name());
    match date {
        Some(date) => set(headers, header.name(), date),
        None => {
            headers.remove(header.name());
            Some(())
        }
    }
}

/// Sets `Authorization` or the header that a scheme has instead, or removes it if there is none.
/// Returns `None` if the map is too full.
fn set_authorization(
    headers: &mut HeaderMap,
    name: &HeaderName,
    authorization: Option<HeaderValue>,
) -> Option<()> {
    match authorization {
        Some(authorization) => set(headers, name, authorization),
        None => {
            headers.remove(name);
            Some(())
        }
    }
}

/// Sets a header that the request does not have. Returns `None` if it has it, or if the map is too
/// full.
fn supply(headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) -> Option<()> {
    if let Some(own) = headers.try_insert(name, value.clone()).ok()? {
        set(headers, name, own)?;
        return None;
    }
    Some(())
}

/// Returns the values of a signature that come before its credentials, one after the other: the
/// date if it has a header of its own, and the supplied values. There is room for the credentials.
pub(super) fn text_before_credentials(
    components: &SignedComponents,
    edits: &HeaderEdits,
    date: &[u8; IMF_FIXDATE_LEN],
) -> Vec<u8> {
    let mut text = Vec::with_capacity(ROOM);
    if components.date_header.is_some() && !components.placement.carries_date() {
        text.extend_from_slice(date);
    }
    for (_, value) in edits.supplied(components) {
        text.extend_from_slice(value.as_bytes());
    }
    text
}

/// The values of one signature, split in order from one allocation that all of them share. Separate
/// allocations would be four for an uncached signature.
struct Values {
    rest: Bytes,
}

impl Values {
    fn new(bytes: Vec<u8>) -> Self {
        // `from_owner` allocates even for an empty vector. With credentials in the target, there
        // may be no values.
        let rest = match bytes.is_empty() {
            true => Bytes::new(),
            false => Bytes::from_owner(bytes),
        };
        Self { rest }
    }

    fn date(&mut self) -> HeaderValue {
        value(self.split(IMF_FIXDATE_LEN))
    }

    /// Returns the copy of a supplied value.
    fn copy_of(&mut self, supplied: &HeaderValue) -> HeaderValue {
        let mut copy = value(self.split(supplied.len()));
        copy.set_sensitive(supplied.is_sensitive());
        copy
    }

    /// Returns the last value.
    fn authorization(self) -> HeaderValue {
        let mut authorization = value(self.rest);
        authorization.set_sensitive(true);
        authorization
    }

    fn split(&mut self, len: usize) -> Bytes {
        self.rest.split_to(len.min(self.rest.len()))
    }
}

/// Returns the header value of these bytes. Dates, key ids, names and base64 are visible ASCII and
/// spaces, and supplied values were header values before, so the fallback is never used. The
/// gateway would refuse the empty value.
fn value(bytes: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes).unwrap_or_else(|_| HeaderValue::from_static(""))
}
