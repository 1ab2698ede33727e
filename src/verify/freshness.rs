//! Whether a request is of the present time.

use http::HeaderValue;

use super::{Verifier, components::ReceivedComponents};
use crate::{
    Rejection, RequestHead,
    header::{DateHeader, Repeated, has_repeats, single_value, trim},
    scheme::{DatePolicy, Dialect},
    wire::{
        component::DerivedComponent,
        credentials::Times,
        date::{DateError, Timestamp},
    },
};

/// The request's one `X-Date`, where the scheme takes dates from it: read once, and believed only if it is covered.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentXDate<'h> {
    pub(super) value: Option<&'h HeaderValue>,
    time: Result<Timestamp, DateError>,
}

impl<'h> SentXDate<'h> {
    pub(super) fn find(dialect: &Dialect, head: &RequestHead<'h>) -> Result<Self, Rejection> {
        let header = DateHeader::XDate;
        let value = if dialect.date_headers.contains(&header) {
            single_date(head, header)?
        } else {
            None
        };
        Ok(Self {
            value,
            time: match value {
                Some(value) => Timestamp::parse(trim(value.as_bytes())),
                None => Err(DateError::Unreadable),
            },
        })
    }
}

fn single_date<'h>(
    head: &RequestHead<'h>,
    header: DateHeader,
) -> Result<Option<&'h HeaderValue>, Rejection> {
    single_value(head.headers(), header.name())
        .map_err(|Repeated| Rejection::repeated(header.name().as_str()))
}

fn invalid_date(header: DateHeader, error: DateError) -> Rejection {
    match error {
        DateError::Unreadable => Rejection::DateUnreadable { header },
        DateError::Zone => Rejection::DateNotUtc { header },
    }
}

impl Verifier {
    /// Refuses an `X-Date` out of range before anything else is read, as Kong does: covered or not, no such request is
    /// good. (But where another time can be covered in its place.)
    pub(super) fn check_early(
        &self,
        x_date: &SentXDate<'_>,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let decides = !self.scheme.dialect().syntax.has_times;
        match x_date.time {
            Ok(sent) if decides => self.check_age(DateHeader::XDate, sent, now),
            _ => Ok(()),
        }
    }

    /// Only a time that the signature covers counts.
    pub(super) fn check_times(
        &self,
        times: &Times<&str>,
        components: &ReceivedComponents<'_>,
        head: &RequestHead<'_>,
        x_date: &SentXDate<'_>,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let covers = |derived| {
            let mut derived_components = self.scheme.dialect().derived_components.iter();
            derived_components.any(|(name, other)| *other == derived && components.cover(name))
        };
        // What does not fit into the number is later than all that does.
        let time = |text: &str| Timestamp::from_seconds(text.parse().unwrap_or(u64::MAX));
        let created = times
            .created
            .filter(|_| covers(DerivedComponent::Created))
            .map(time);
        let expires = times
            .expires
            .filter(|_| covers(DerivedComponent::Expires))
            .map(time);
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
        let checked = self.check_date(components, head, x_date, now);
        if created.is_some() && matches!(checked, Err(Rejection::DateNotCovered { .. })) {
            return Ok(());
        }
        checked
    }

    /// Each of the headers that can carry the date may be there only once.
    fn check_date(
        &self,
        components: &ReceivedComponents<'_>,
        head: &RequestHead<'_>,
        x_date: &SentXDate<'_>,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let date_headers = self.scheme.dialect().date_headers;
        if has_repeats(head.headers()) {
            for header in date_headers {
                single_date(head, *header)?;
            }
        }
        let covered = |header: DateHeader| {
            let date = components.date(header)?;
            date_headers.contains(&header).then_some(date)
        };
        if covered(DateHeader::XDate).is_some() {
            let header = DateHeader::XDate;
            return match x_date.time {
                Ok(sent) => self.check_age(header, sent, now),
                Err(error) => Err(invalid_date(header, error)),
            };
        }
        let header = DateHeader::Date;
        let wanted = date_headers.iter().copied().find(|header| {
            // Where a `Date` is refused, only the other one helps.
            self.date_policy != DatePolicy::Refuse || *header == DateHeader::XDate
        });
        let not_covered = || Rejection::DateNotCovered {
            wanted: wanted.unwrap_or(header),
        };
        let Some(value) = covered(header) else {
            return Err(not_covered());
        };
        if x_date.value.is_some() {
            return Err(Rejection::XDateNotCovered);
        }
        let sent = Timestamp::parse(value).map_err(|error| invalid_date(header, error))?;
        match self.date_policy {
            DatePolicy::AnyAge => Ok(()),
            DatePolicy::CheckAge => self.check_age(header, sent, now),
            DatePolicy::Refuse => Err(not_covered()),
        }
    }

    fn check_age(
        &self,
        header: DateHeader,
        sent: Timestamp,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let skew = sent.distance(now);
        if skew > self.max_skew {
            let max_skew = self.max_skew;
            return Err(Rejection::DateOutOfRange {
                header,
                skew,
                max_skew,
            });
        }
        Ok(())
    }
}
