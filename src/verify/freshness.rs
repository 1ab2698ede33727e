//! Checks of the times that a signature covers.

use http::HeaderValue;

use super::{Verifier, components::ReceivedComponents};
use crate::{
    Rejection, RequestHead,
    header::{DateHeader, Repeated, has_repeats, single_value, trim},
    scheme::{DatePolicy, Dialect},
    wire::{
        component::DerivedComponent,
        credentials::{CarriedValues, Times},
        date::{DateError, Timestamp},
    },
};

/// The request's `X-Date`, if the scheme reads dates from it. It is parsed once, and trusted only
/// if the signature covers it.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentXDate<'h> {
    /// The value without surrounding whitespace.
    pub(super) value: Option<&'h [u8]>,
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
        Ok(Self::new(value.map(|value| trim(value.as_bytes()))))
    }

    /// Takes the value that travels with the credentials. If they carry no `X-Date`, it is the
    /// header: a handler may read one beside the date that they carry.
    pub(super) fn carried(
        carried: &CarriedValues<'h>,
        dialect: &Dialect,
        head: &RequestHead<'h>,
    ) -> Result<Self, Rejection> {
        match carried.date(DateHeader::XDate) {
            Some(value) => Ok(Self::new(Some(value.as_bytes()))),
            None => Self::find(dialect, head),
        }
    }

    fn new(value: Option<&'h [u8]>) -> Self {
        Self {
            value,
            time: match value {
                Some(value) => Timestamp::parse(value),
                None => Err(DateError::Unreadable),
            },
        }
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
    /// Refuses an `X-Date` that is out of range before anything else is read, as Kong does: a
    /// request with such an `X-Date` is refused later in any case, covered or not. In a scheme
    /// where the signature can cover another time instead, that is not certain, so nothing is
    /// refused here.
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

    /// Checks the times that the signature covers, and returns the earliest of those whose age is
    /// checked. A time that it does not cover is ignored, because anyone could have replaced it.
    pub(super) fn check_times(
        &self,
        times: &Times<&str>,
        components: &ReceivedComponents<'_>,
        head: &RequestHead<'_>,
        x_date: &SentXDate<'_>,
        now: Timestamp,
    ) -> Result<Timestamp, Rejection> {
        let covers = |derived| {
            let mut derived_components = self.scheme.dialect().list.derived_components.iter();
            derived_components.any(|(name, other)| *other == derived && components.cover(name))
        };
        // A number that overflows is later than every `u64`. An error would be wrong: an `expires`
        // that far away is valid.
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
            && now > expires
        {
            let since = now.distance(expires);
            return Err(Rejection::Expired { since });
        }
        if let Some(created) = created {
            self.check_created(created, now)?;
        }
        match (created, self.check_date(components, head, x_date, now)) {
            (Some(created), Err(Rejection::DateNotCovered { .. })) => Ok(created),
            (Some(created), Ok(date)) => Ok(date.min(created)),
            (_, checked) => checked,
        }
    }

    fn check_created(&self, created: Timestamp, now: Timestamp) -> Result<(), Rejection> {
        let skew = created.distance(now);
        let max_skew = match created > now {
            true => self.max_created_ahead,
            false => self.max_skew,
        };
        if skew > max_skew {
            return Err(Rejection::CreatedOutOfRange { skew, max_skew });
        }
        Ok(())
    }

    /// Checks the date header that the signature covers, and returns its time. Each header that can
    /// carry the date must not be repeated, covered or not: a gateway and a handler could read
    /// different values.
    fn check_date(
        &self,
        components: &ReceivedComponents<'_>,
        head: &RequestHead<'_>,
        x_date: &SentXDate<'_>,
        now: Timestamp,
    ) -> Result<Timestamp, Rejection> {
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
                Ok(sent) => self.check_age(header, sent, now).map(|()| sent),
                Err(error) => Err(invalid_date(header, error)),
            };
        }
        let header = DateHeader::Date;
        let wanted = date_headers.iter().copied().find(|header| {
            // If `Date` is refused, only `X-Date` helps.
            self.date_policy != DatePolicy::Refuse || *header == DateHeader::XDate
        });
        let not_covered = || Rejection::DateNotCovered {
            wanted: wanted.unwrap_or(header),
        };
        let Some(value) = covered(header) else {
            return Err(not_covered());
        };
        // A server that reads `X-Date` first would use a date that anyone could have added to this
        // request.
        if x_date.value.is_some() {
            return Err(Rejection::XDateNotCovered);
        }
        let sent = Timestamp::parse(value).map_err(|error| invalid_date(header, error))?;
        match self.date_policy {
            DatePolicy::AnyAge => Ok(sent),
            DatePolicy::CheckAge => self.check_age(header, sent, now).map(|()| sent),
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
