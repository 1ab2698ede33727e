//! Whether a request is of the present time.

use super::{Credentials, Verifier};
use crate::{
    DateHeader, Rejection, RequestHead,
    component::{self, Repeated},
    http_date::Timestamp,
    scheme::Special,
};

/// What the server makes of a request whose signature covers `Date` but not `X-Date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PlainDate {
    /// It is accepted however old it is, as Tencent Cloud API Gateway does. **Such a request can be sent again for
    /// ever by whoever saw it once.** The default, because half of the documentation's samples sign `Date`.
    #[default]
    AnyAge,
    /// It is accepted while it is no further from the clock than an `X-Date` may be.
    CheckAge,
    /// It is refused.
    Refuse,
}

impl Verifier {
    /// Only a time that the signature covers counts.
    pub(super) fn check_times(
        &self,
        credentials: &Credentials<'_>,
        head: RequestHead<'_>,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let times = &credentials.authorization.times;
        let covers = |special| {
            let mut specials = self.scheme.facts().specials.iter();
            specials.any(|(name, other)| *other == special && credentials.covers(name))
        };
        // What does not fit into the number is later than all that does.
        let time = |text: &str| Timestamp::from_seconds(text.parse().unwrap_or(u64::MAX));
        let created = times.created.filter(|_| covers(Special::Created)).map(time);
        let expires = times.expires.filter(|_| covers(Special::Expires)).map(time);
        if let Some(expires) = expires
            && now.seconds() > expires.seconds()
        {
            let since = now.distance(expires);
            return Err(Rejection::Expired { since });
        }
        if let Some(skew) = created.map(|created| created.distance(now))
            && skew > self.max_skew
        {
            let max_skew = self.max_skew;
            return Err(Rejection::CreatedOutOfRange { skew, max_skew });
        }
        match self.check_date(credentials, head, now) {
            Err(Rejection::DateNotCovered) if created.is_some() => Ok(()),
            checked => checked,
        }
    }

    /// Each of the headers that can carry the date may be there only once.
    fn check_date(
        &self,
        credentials: &Credentials<'_>,
        head: RequestHead<'_>,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let date_headers = self.scheme.facts().date_headers;
        let mut sends_x_date = false;
        for header in date_headers {
            let value = component::single_value(head, header.name())
                .map_err(|Repeated| Rejection::repeated(header.name().as_str()))?;
            sends_x_date |= *header == DateHeader::XDate && value.is_some();
        }
        let covered = |header: DateHeader| {
            let date = credentials.date(header)?;
            date_headers.contains(&header).then_some(date)
        };
        let (header, value) = match (covered(DateHeader::Date), covered(DateHeader::XDate)) {
            (_, Some(value)) => (DateHeader::XDate, value),
            (Some(_), None) if sends_x_date => return Err(Rejection::XDateNotCovered),
            (Some(value), None) => (DateHeader::Date, value),
            (None, None) => return Err(Rejection::DateNotCovered),
        };
        let sent = Timestamp::parse(value).ok_or(Rejection::DateUnreadable { header })?;
        let max_skew = match (header, self.plain_date) {
            (DateHeader::XDate, _) | (DateHeader::Date, PlainDate::CheckAge) => self.max_skew,
            (DateHeader::Date, PlainDate::AnyAge) => return Ok(()),
            (DateHeader::Date, PlainDate::Refuse) => return Err(Rejection::DateNotCovered),
        };
        let skew = sent.distance(now);
        if skew > max_skew {
            return Err(Rejection::DateOutOfRange {
                header,
                skew,
                max_skew,
            });
        }
        Ok(())
    }
}
