//! What a request says of itself, read but not yet believed.

use std::{borrow::Cow, fmt};

use http::header::AsHeaderName;

use super::{
    freshness::SentXDate,
    list::{self, Kind, List, Listed},
    verified::CoveredComponents,
};
use crate::{
    Algorithm, Rejection, RequestHead,
    header::{DateHeader, Repeated, trim},
    rejection::{Excerpt, TargetError},
    scheme::Dialect,
    verify::VerifyingKey,
    wire::{
        authority::authority_as_host,
        component::{self, DerivedComponent},
        credentials::{Authorization, Signature},
        signing_string::SigningString,
        target,
    },
};

/// Finds what the listed names stand for. On HTTP/2 the host is in the target.
pub(super) struct Finder<'a, 'h> {
    pub(super) dialect: &'static Dialect,
    pub(super) head: &'a RequestHead<'h>,
    /// The request's `X-Date`, if it has been looked for.
    pub(super) x_date: &'a SentXDate<'h>,
    /// Whether a listed header may be absent, where the scheme has a way to sign that.
    pub(super) allows_absent: bool,
    /// Whether the handler gets the normalised target, so that one in another form may be believed.
    pub(super) is_normalising: bool,
}

/// What was found.
#[derive(Clone)]
pub(super) struct Found<'h> {
    pub(super) signing_string: SigningString,
    /// Which of the names are present: a bit for each, the first one's the lowest.
    pub(super) present: u64,
    dates: Dates<'h>,
}

/// The values of `Date` and `X-Date`, where they are listed as the scheme wants them.
#[derive(Clone, Copy, Default)]
struct Dates<'h> {
    date: Option<&'h [u8]>,
    x_date: Option<&'h [u8]>,
}

impl<'h> Finder<'_, 'h> {
    /// Finds what is listed, and builds the signing string of it; in place, as it is too large to be moved about.
    pub(super) fn find(
        &self,
        authorization: &Authorization<'h>,
        found: &mut Found<'h>,
    ) -> Result<(), Rejection> {
        let format = &self.dialect.format;
        let mut list = List::new();
        list::read(authorization, self.dialect, &mut list)?;
        let string = &mut found.signing_string;
        string.begin(format, authorization.key_id);
        let mut bit = 1;
        for Listed { name, kind } in &list {
            let value = match kind {
                Kind::Derived(derived) => {
                    self.write_derived(*derived, name, authorization, string)?;
                    found.present |= bit;
                    bit <<= 1;
                    continue;
                }
                Kind::Date(header) => self.date(*header, name)?,
                Kind::Header(Some(known)) => self.header(*known, name)?,
                Kind::Header(None) => self.header(*name, name)?,
            };
            match &value {
                Some(value) => {
                    string.push(format, name, value);
                    found.present |= bit;
                }
                None => string.push_absent(format, name),
            }
            bit <<= 1;
            if let (Kind::Date(header), Some(Cow::Borrowed(value))) = (kind, value) {
                match header {
                    DateHeader::Date => found.dates.date = Some(value),
                    DateHeader::XDate => found.dates.x_date = Some(value),
                }
            }
        }
        string.end(format);
        Ok(())
    }

    fn date(&self, header: DateHeader, name: &str) -> Result<Option<Cow<'h, [u8]>>, Rejection> {
        match self.x_date.value {
            Some(value) if header == DateHeader::XDate => Ok(Some(trim(value.as_bytes()).into())),
            _ => self.header(header.name(), name),
        }
    }

    /// The header's value; `None` if it may be absent and is.
    fn header(
        &self,
        header: impl AsHeaderName + AsRef<str> + Copy,
        name: &str,
    ) -> Result<Option<Cow<'h, [u8]>>, Rejection> {
        let value = component::header_value(self.dialect.format.join, self.head.headers(), header)
            .map_err(|Repeated| Rejection::repeated(name))?;
        if value.is_some() {
            return Ok(value);
        }
        if let Some(host) = authority_as_host(*self.head, name) {
            return Ok(Some(trim(host).into()));
        }
        if self.allows_absent && self.dialect.format.absent.is_some() {
            return Ok(None);
        }
        let name = Excerpt::new(name);
        Err(Rejection::HeaderMissing { name })
    }

    fn write_derived(
        &self,
        derived: DerivedComponent,
        name: &str,
        authorization: &Authorization<'h>,
        string: &mut SigningString,
    ) -> Result<(), Rejection> {
        let format = &self.dialect.format;
        let (time, parameter) = match derived {
            DerivedComponent::Created => (authorization.times.created, "created"),
            DerivedComponent::Expires => (authorization.times.expires, "expires"),
            // The gateway would take it for what was signed.
            _ if self.head.headers().contains_key(name) => return Err(Rejection::repeated(name)),
            derived => {
                if derived == DerivedComponent::DecodedTarget {
                    self.check_decoded()?;
                }
                string.push_target(format, name, derived, *self.head)?;
                return Ok(());
            }
        };
        let Some(time) = time else {
            return Err(Rejection::ParameterMissing { parameter });
        };
        string.push(format, name, time.as_bytes());
        Ok(())
    }

    /// The handler must see the one target that the signature is good for.
    fn check_decoded(&self) -> Result<(), TargetError> {
        let target = self.head.uri();
        if self.is_normalising {
            target::normalised(target).map(drop)
        } else {
            target::check_normal(target)
        }
    }
}

/// What a request says of itself, read but not yet believed: the way from [`Verifier::read`](crate::Verifier::read) to
/// [`Verifier::verify`](crate::Verifier::verify).
#[derive(Clone)]
pub struct Credentials<'h> {
    pub(super) authorization: Authorization<'h>,
    pub(super) algorithm: Algorithm,
    pub(super) signature: Signature,
    pub(super) found: Found<'h>,
}

impl<'h> Credentials<'h> {
    /// Nothing read yet: to be filled in place, as they are too large to be moved about.
    pub(crate) fn unread() -> Self {
        Self {
            authorization: Authorization::default(),
            algorithm: Algorithm::HmacSha1,
            signature: Signature::NONE,
            found: Found {
                signing_string: SigningString::new(),
                present: 0,
                dates: Dates::default(),
            },
        }
    }

    /// The key id to look up.
    #[must_use]
    pub fn key_id(&self) -> &'h str {
        self.authorization.key_id
    }

    /// The algorithm the request names, one of those the server allows.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What the signature should have been made over, to be compared with the client's.
    #[must_use]
    pub fn signing_string(&self) -> SigningString {
        self.found.signing_string.clone()
    }

    /// [`signing_string`](Self::signing_string), without a copy.
    pub(crate) fn hashed(&self) -> &SigningString {
        &self.found.signing_string
    }

    /// Whether this is listed and present, in any case.
    pub(super) fn covers(&self, name: &str) -> bool {
        let mut names = CoveredComponents::new(self.authorization.headers, self.found.present);
        names.any(|covered| covered.eq_ignore_ascii_case(name))
    }

    /// The date that is listed and present.
    pub(super) fn date(&self, header: DateHeader) -> Option<&'h [u8]> {
        match header {
            DateHeader::Date => self.found.dates.date,
            DateHeader::XDate => self.found.dates.x_date,
        }
    }

    pub(super) fn is_signed_with(&self, key: &VerifyingKey) -> bool {
        let message = self.found.signing_string.as_bytes();
        let mac = key.keyed(self.algorithm);
        mac.verify(message, self.signature.as_bytes())
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("key_id", &self.authorization.key_id)
            .field("algorithm", &self.algorithm)
            .field("headers", &self.authorization.headers)
            .finish_non_exhaustive()
    }
}
