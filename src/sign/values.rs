//! The values that are sent, all slices of one allocation.

use bytes::Bytes;
use http::HeaderValue;

use crate::wire::date::IMF_FIXDATE_LEN;

/// The date, what is supplied, and `Authorization`, in this order.
pub(super) struct Values {
    rest: Bytes,
}

impl Values {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let rest = Bytes::from_owner(bytes);
        Self { rest }
    }

    pub(super) fn date(&mut self) -> HeaderValue {
        value(self.split(IMF_FIXDATE_LEN))
    }

    /// The copy of a supplied value.
    pub(super) fn copy_of(&mut self, supplied: &HeaderValue) -> HeaderValue {
        let mut copy = value(self.split(supplied.len()));
        copy.set_sensitive(supplied.is_sensitive());
        copy
    }

    /// The last of them.
    pub(super) fn authorization(self) -> HeaderValue {
        let mut authorization = value(self.rest);
        authorization.set_sensitive(true);
        authorization
    }

    fn split(&mut self, len: usize) -> Bytes {
        self.rest.split_to(len.min(self.rest.len()))
    }
}

/// Dates, key ids, names and base64 are visible ASCII and spaces, and what is supplied was a value before, so this never
/// falls back; if it did, the gateway would refuse the empty value.
fn value(bytes: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes).unwrap_or_else(|_| HeaderValue::from_static(""))
}
