//! Dates as HTTP writes and reads them (RFC 9110, section 5.6.7).

mod minute;
mod other_forms;

use std::{
    io::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use httpdate::HttpDate;

use self::{minute::Minute, other_forms::OtherForm};

/// 9999-12-31T23:59:59Z, the last second that an HTTP date can express.
const LAST: u64 = 253_402_300_799;

/// The length of `Fri, 09 Oct 2015 00:00:00 GMT`.
pub(crate) const IMF_FIXDATE_LEN: usize = 29;

/// A time that an HTTP date can express: whole seconds since 1970, not after [`LAST`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(u64);

impl From<SystemTime> for Timestamp {
    /// Rounds down to the second. A time outside 1970 to 9999 becomes the nearer end of that range.
    fn from(time: SystemTime) -> Self {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self(seconds.min(LAST))
    }
}

impl Timestamp {
    pub(crate) fn system_time(self) -> SystemTime {
        UNIX_EPOCH
            .checked_add(Duration::from_secs(self.0))
            .unwrap_or(UNIX_EPOCH)
    }

    /// Returns the time that is this number of seconds after 1970. `created` and `expires` count
    /// so.
    pub(crate) fn from_seconds(seconds: u64) -> Self {
        Self(seconds.min(LAST))
    }

    /// Returns the seconds since 1970.
    pub(crate) fn seconds(self) -> u64 {
        self.0
    }

    /// Returns the time that is the whole seconds of `by` later, or the last one if that is out of
    /// range.
    pub(crate) fn later(self, by: Duration) -> Self {
        Self::from_seconds(self.0.saturating_add(by.as_secs()))
    }

    /// Returns the IMF-fixdate, the only form that may be sent.
    pub(crate) fn imf_fixdate(self) -> [u8; IMF_FIXDATE_LEN] {
        let mut date = [0; IMF_FIXDATE_LEN];
        if Minute::write(self, &mut date).is_none() {
            // An IMF-fixdate has exactly 29 bytes, so the write cannot fail.
            let _written = write!(
                date.as_mut_slice(),
                "{}",
                HttpDate::from(self.system_time())
            );
            Minute::keep(self, &date);
        }
        date
    }

    /// Reads an IMF-fixdate, an RFC 850 date or an asctime date, from 1970 to 9999. The zone must
    /// be UTC, in any spelling.
    ///
    /// The weekday may be wrong. The other parts determine the time, the gateways do not check the
    /// weekday, and some clients take it from local time.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, DateError> {
        if let Some(time) = Minute::read(value) {
            return Ok(time);
        }
        if let Some(time) = Self::parse_imf_fixdate(value) {
            return Ok(time);
        }
        let OtherForm {
            mut imf_fixdate,
            is_utc,
        } = OtherForm::read(value)?;
        let time = Minute::read(&imf_fixdate)
            .or_else(|| Self::parse_imf_fixdate(&imf_fixdate))
            .or_else(|| {
                // `httpdate` only accepts the weekday that belongs to the day, so each of the seven
                // is tried.
                WEEKDAYS.iter().find_map(|weekday| {
                    *imf_fixdate.first_chunk_mut()? = *weekday;
                    Self::parse_imf_fixdate(&imf_fixdate)
                })
            })
            .ok_or(DateError::Unreadable)?;
        if is_utc {
            Ok(time)
        } else {
            Err(DateError::Zone)
        }
    }

    /// Reads an IMF-fixdate with the correct weekday.
    fn parse_imf_fixdate(value: &[u8]) -> Option<Self> {
        // No other form that `httpdate` reads has this length.
        let date: &[u8; IMF_FIXDATE_LEN] = value.try_into().ok()?;
        let parsed: HttpDate = str::from_utf8(date).ok()?.parse().ok()?;
        let time = Self::from(SystemTime::from(parsed));
        Minute::keep(time, date);
        Some(time)
    }

    /// Returns the distance between the two times in seconds.
    pub(crate) fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }
}

const WEEKDAYS: [[u8; 3]; 7] = [
    *b"Mon", *b"Tue", *b"Wed", *b"Thu", *b"Fri", *b"Sat", *b"Sun",
];

/// Says why a date is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateError {
    /// The date cannot be read.
    Unreadable,
    /// The date has a time zone that is not UTC.
    Zone,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instant of RFC 9110's examples.
    const RFC_9110: Result<Timestamp, DateError> = Ok(Timestamp(784_111_777));

    /// Source: RFC 9110, section 5.6.7.
    #[test]
    fn the_three_forms_of_rfc_9110_are_one_instant() {
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(Timestamp::parse(date.as_bytes()), RFC_9110, "{date}");
        }
        let written = Timestamp(784_111_777).imf_fixdate();
        assert_eq!(written, *b"Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn utc_has_many_spellings_and_any_weekday() {
        for zone in [
            "GMT",
            "UTC",
            "+0000",
            "-0000",
            "GMT+00:00",
            "Z",
            "+0000 (UTC)",
            "",
        ] {
            let date = format!("Sun, 06 Nov 1994 08:49:37 {zone}");
            assert_eq!(Timestamp::parse(date.as_bytes()), RFC_9110, "{date}");
        }
        let date = b"Wed, 6 Nov 1994 08:49:37 GMT";
        assert_eq!(Timestamp::parse(date), RFC_9110);
    }

    #[test]
    fn a_date_in_another_zone_is_told_from_one_that_cannot_be_read() {
        for zone in ["+0800", "GMT+08:00", "EST", "Asia/Shanghai"] {
            let date = format!("Sun, 06 Nov 1994 08:49:37 {zone}");
            assert_eq!(
                Timestamp::parse(date.as_bytes()),
                Err(DateError::Zone),
                "{date}"
            );
        }
        for date in [
            "",
            "1994-11-06T08:49:37Z",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT+",
        ] {
            let error = Err(DateError::Unreadable);
            assert_eq!(Timestamp::parse(date.as_bytes()), error, "{date}");
        }
    }

    /// Source: RFC 9110, section 5.6.7: a year of two digits that seems to be more than 50 years
    /// ahead is past. Years from 70 on are taken as the last century's, as nginx does.
    #[test]
    fn a_year_of_two_digits_is_after_1969() {
        let date = |date: &str| Timestamp::parse(date.as_bytes()).map(Timestamp::imf_fixdate);
        let first = date("Thursday, 01-Jan-70 00:00:00 GMT");
        assert_eq!(first, Ok(*b"Thu, 01 Jan 1970 00:00:00 GMT"));
        let last = date("Tuesday, 31-Dec-69 23:59:59 GMT");
        assert_eq!(last, Ok(*b"Tue, 31 Dec 2069 23:59:59 GMT"));
    }
}
