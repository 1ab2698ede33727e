//! What a signer adds to a request.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;

use crate::{DateHeader, component};

/// The headers that sign a request: the date, `Source` and its like where the request lacks them, and
/// `Authorization`, which is marked sensitive.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use http::{HeaderValue, Request};
/// use tower_hmac_auth::{KeyPair, Signer};
///
/// let signer = Signer::new(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?)
///     .source(HeaderValue::from_static("billing"));
/// let request = Request::get("/a").body(())?;
/// let signed = signer.sign((&request).into(), UNIX_EPOCH + Duration::from_secs(1_444_348_800))?;
/// let names: Vec<_> = signed.iter().map(|(name, _)| name.as_str()).collect();
/// assert_eq!(names, ["x-date", "source", "authorization"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SignedHeaders {
    /// None where the time is in `Authorization` itself.
    pub(super) date: Option<(DateHeader, HeaderValue)>,
    /// Source and the like: seldom more than one.
    pub(super) others: SmallVec<[(HeaderName, HeaderValue); 1]>,
    pub(super) authorization: HeaderValue,
}

impl SignedHeaders {
    /// The headers to be set, `Authorization` last. Each replaces all of its name that a request has.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let date = self.date.iter().map(|(header, date)| (header.name(), date));
        date.chain(self.others.iter().map(|(name, value)| (name, value)))
            .chain([(&header::AUTHORIZATION, &self.authorization)])
    }

    /// Sets copies of them on another request, which has none of [`others`](Self::others) itself; `None` if it has.
    pub(super) fn copy_to(&self, headers: &mut HeaderMap) -> Option<()> {
        let is_own = |(name, _): &(HeaderName, HeaderValue)| headers.contains_key(name);
        // Of a header's values setting it gives one back, and of several headers the first is set before the next is
        // looked for; else it is enough to look while setting it.
        let has_repeats = component::has_repeats(headers);
        if (has_repeats || self.others.len() > 1) && self.others.iter().any(is_own) {
            return None;
        }
        for (name, value) in &self.others {
            if let Some(own) = headers.try_insert(name, value.clone()).ok()? {
                headers.try_insert(name, own).ok()?;
                return None;
            }
        }
        if let Some((header, date)) = &self.date {
            headers.remove(header.other().name());
            headers.try_insert(header.name(), date.clone()).ok()?;
        }
        let authorization = self.authorization.clone();
        headers
            .try_insert(header::AUTHORIZATION, authorization)
            .ok()?;
        Some(())
    }

    /// Sets them on the request they were made for, and removes the date header that is not the signed one.
    ///
    /// A map that is too full to take them is left without an `Authorization`; that of the request they were made
    /// for is not.
    pub fn apply(self, headers: &mut HeaderMap) {
        if self.insert_into(headers).is_none() {
            headers.remove(header::AUTHORIZATION);
        }
    }

    /// `None` if the map is too full.
    fn insert_into(self, headers: &mut HeaderMap) -> Option<()> {
        if let Some((header, date)) = self.date {
            headers.remove(header.other().name());
            headers.try_insert(header.name(), date).ok()?;
        }
        for (name, value) in self.others {
            headers.try_insert(name, value).ok()?;
        }
        headers
            .try_insert(header::AUTHORIZATION, self.authorization)
            .ok()?;
        Some(())
    }
}

/// The values that are sent, all slices of one allocation.
pub(super) struct Values {
    bytes: Bytes,
}

impl Values {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let bytes = Bytes::from_owner(bytes);
        Self { bytes }
    }

    /// The value that begins where the one before ended. Dates, key ids, names and base64 are visible ASCII and spaces,
    /// and what is supplied was a value before, so this never falls back; if it did, the gateway would refuse the
    /// empty value.
    pub(super) fn next(&mut self, len: usize) -> HeaderValue {
        if len > self.bytes.len() {
            return HeaderValue::from_static("");
        }
        HeaderValue::from_maybe_shared(self.bytes.split_to(len))
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

pub(super) fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
