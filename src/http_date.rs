//! The clock's time as HTTP writes it (RFC 9110, section 5.6.7), over the whole range of the clock.

mod minute;

use std::{
    io::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use httpdate::HttpDate;

use self::minute::Minute;

/// 9999-12-31T23:59:59Z, the last second an HTTP date can name.
const LAST: u64 = 253_402_300_799;

/// The longest of the three forms: `Wednesday, 09-Sep-15 00:00:00 GMT`, and some blanks.
const MAX_DATE_LEN: usize = 40;

/// `Fri, 09 Oct 2015 00:00:00 GMT`
pub(crate) const IMF_FIXDATE_LEN: usize = 29;

/// Whole seconds since 1970, no later than [`LAST`]: a time that HTTP can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timestamp(u64);

impl From<SystemTime> for Timestamp {
    /// Rounds down to the second; what lies outside 1970 to 9999 becomes the nearer end.
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

    /// Seconds since 1970, as `created` and `expires` count them.
    pub(crate) fn from_seconds(seconds: u64) -> Self {
        Self(seconds.min(LAST))
    }

    /// Seconds since 1970.
    pub(crate) fn seconds(self) -> u64 {
        self.0
    }

    /// The time `by` later, in whole seconds; the last one if there is none.
    pub(crate) fn later(self, by: Duration) -> Self {
        Self::from_seconds(self.0.saturating_add(by.as_secs()))
    }

    /// As an IMF-fixdate, the only form that may be sent.
    #[inline]
    pub(crate) fn imf_fixdate(self) -> [u8; IMF_FIXDATE_LEN] {
        let mut date = [0; IMF_FIXDATE_LEN];
        if Minute::write(self, &mut date).is_none() {
            // Writing 29 bytes into 29 bytes cannot fall short.
            let _written = write!(
                date.as_mut_slice(),
                "{}",
                HttpDate::from(self.system_time())
            );
            self.keep_minute(&date);
        }
        date
    }

    fn keep_minute(self, text: &[u8]) {
        if let Some(minute) = Minute::new(self, text) {
            minute.keep();
        }
    }

    /// Reads an IMF-fixdate, an RFC 850 date or an asctime date, from 1970 to 9999.
    ///
    /// The weekday may be a wrong one: the rest says it all, the gateways do not check it, and clients exist
    /// that take it from local time.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        if let Some(time) = Minute::read(value) {
            return Some(time);
        }
        let text = std::str::from_utf8(value).ok()?;
        // `httpdate` takes any byte for the blank between the date and the time of an RFC 850 date.
        let is_rfc_850 = text.len() != IMF_FIXDATE_LEN && text.contains('-');
        if text.len() > MAX_DATE_LEN || is_rfc_850 && text.split(' ').count() != 4 {
            return None;
        }
        let Ok(date) = text.parse::<HttpDate>() else {
            let date = parse_with_another_weekday(text)?;
            return Some(SystemTime::from(date).into());
        };
        let time = Self::from(SystemTime::from(date));
        // Of the three forms this one alone has its length.
        time.keep_minute(value);
        Some(time)
    }

    /// How far apart the two are, in seconds.
    pub(crate) fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }
}

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// `httpdate` wants the weekday that belongs to the day, so each of the seven is tried, in the form (three
/// letters or all) in which one stands there.
fn parse_with_another_weekday(text: &str) -> Option<HttpDate> {
    let end = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (given, rest) = text.split_at_checked(end)?;
    let names = || {
        WEEKDAYS.iter().filter_map(|name| match given.len() {
            3 => name.get(..3),
            _ => Some(*name),
        })
    };
    names().find(|name| *name == given)?;
    names().find_map(|name| format!("{name}{rest}").parse().ok())
}
