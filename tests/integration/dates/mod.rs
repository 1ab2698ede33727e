//! Dates: what is signed at any time a clock can show, and which dates a verifier accepts.

mod age;
mod forms;
mod minutes;
mod signing;
mod unreadable;

use age::*;
use signing::{assert_signed_as, clocks_out_of_range, earliest, latest};

use std::{
    collections::HashSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::Request;
use proptest::{prelude::*, sample::Index};
use tower_hmac_auth::{
    Rejection, Signer, Verifier,
    scheme::{DateHeader, DatePolicy},
};

use crate::common::sign_by_hand::{Accepted, Lines, Server, signed_request};
use crate::common::{FRIDAY, KEY_ID, SECRET, at, keys};

/// A calendar that counts days, one year after the other from 1970 on.
mod calendar {
    pub(crate) const DAY: i64 = 86_400;

    /// 9999-12-31T23:59:59Z
    pub(crate) const LAST: i64 = 253_402_300_799;

    pub(crate) const WEEKDAYS: [&str; 7] = [
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
    ];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];

    pub(crate) fn is_leap(year: i64) -> bool {
        year % 400 == 0 || year % 4 == 0 && year % 100 != 0
    }

    pub(crate) fn month_lengths(year: i64) -> [i64; 12] {
        let february = if is_leap(year) { 29 } else { 28 };
        [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    }

    /// The first second of a day; `month` counts from 1.
    pub(crate) fn seconds(year: i64, month: usize, day: i64) -> i64 {
        let years = (1970..year).map(|year| month_lengths(year).iter().sum::<i64>());
        let months = &month_lengths(year)[..month - 1];
        (years.sum::<i64>() + months.iter().sum::<i64>() + day - 1) * DAY
    }

    /// A second and its name in parts.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Moment {
        pub(crate) year: i64,
        month: &'static str,
        day: i64,
        weekday: &'static str,
        hour: i64,
        minute: i64,
        second: i64,
    }

    impl Moment {
        /// Clamped to 1970 to 9999.
        pub(crate) fn at(seconds: i64) -> Self {
            let seconds = seconds.clamp(0, LAST);
            let mut days = seconds / DAY;
            let weekday = WEEKDAYS[usize::try_from(days % 7).unwrap()];
            let mut year = 1970;
            while days >= month_lengths(year).iter().sum() {
                days -= month_lengths(year).iter().sum::<i64>();
                year += 1;
            }
            let mut month = 0;
            while days >= month_lengths(year)[month] {
                days -= month_lengths(year)[month];
                month += 1;
            }
            Self {
                year,
                month: MONTHS[month],
                day: days + 1,
                weekday,
                hour: seconds / 3600 % 24,
                minute: seconds / 60 % 60,
                second: seconds % 60,
            }
        }

        pub(crate) fn with_weekday(self, weekday: &'static str) -> Self {
            Self { weekday, ..self }
        }

        fn short_weekday(&self) -> &'static str {
            self.weekday.get(..3).unwrap()
        }

        fn time(&self) -> String {
            let Self {
                hour,
                minute,
                second,
                ..
            } = self;
            format!("{hour:02}:{minute:02}:{second:02}")
        }

        /// `Fri, 09 Oct 2015 00:00:00 GMT`
        pub(crate) fn imf(&self) -> String {
            let Self {
                year, month, day, ..
            } = self;
            let (weekday, time) = (self.short_weekday(), self.time());
            format!("{weekday}, {day:02} {month} {year:04} {time} GMT")
        }

        /// `Friday, 09-Oct-15 00:00:00 GMT`
        pub(crate) fn rfc850(&self) -> String {
            let Self { month, day, .. } = self;
            let (weekday, time, year) = (self.weekday, self.time(), self.year % 100);
            format!("{weekday}, {day:02}-{month}-{year:02} {time} GMT")
        }

        /// `Fri Oct  9 00:00:00 2015`
        pub(crate) fn asctime(&self) -> String {
            let Self {
                year, month, day, ..
            } = self;
            let (weekday, time) = (self.short_weekday(), self.time());
            format!("{weekday} {month} {day:2} {time} {year:04}")
        }

        pub(crate) fn all_forms(&self) -> [String; 3] {
            [self.imf(), self.rfc850(), self.asctime()]
        }
    }
}

use calendar::{DAY, LAST, Moment, WEEKDAYS, is_leap, month_lengths, seconds};

#[test]
fn the_calendar_of_this_test_knows_some_well_known_seconds() {
    for (seconds, text) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (FRIDAY, "Fri, 09 Oct 2015 00:00:00 GMT"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (LAST, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(Moment::at(seconds).imf(), text);
    }
    assert_eq!(seconds(2015, 10, 9), FRIDAY);
    assert_eq!(seconds(9999, 12, 31), LAST + 1 - DAY);
    let moment = Moment::at(784_111_777);
    assert_eq!(moment.rfc850(), "Sunday, 06-Nov-94 08:49:37 GMT");
    assert_eq!(moment.asctime(), "Sun Nov  6 08:49:37 1994");
}
