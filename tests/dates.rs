//! Dates: what is signed at any time a clock can show, and which dates a verifier believes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;
#[path = "common/sign_by_hand.rs"]
mod sign_by_hand;

use std::{
    collections::HashSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::Request;
use proptest::{prelude::*, sample::Index};
use tower_hmac_auth::{DateHeader, PlainDate, Rejection, Signer, Verifier};

use common::{FRIDAY, KEY_ID, SECRET, at, keys};
use sign_by_hand::{Accepted, Lines, Server, signed_request};

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

// Signing

/// The date header that is sent, and the date line that is signed; the two must be the same.
fn signed_date(signer: &Signer, now: SystemTime) -> String {
    let request = Request::get("/a").body(()).unwrap();
    let signed = signer.sign((&request).into(), now).unwrap();
    let (_, date) = signed.iter().next().unwrap();
    let date = date.to_str().unwrap().to_owned();
    let string = signer.signing_string((&request).into(), now).unwrap();
    assert_eq!(string.as_bytes(), format!("x-date: {date}").as_bytes());
    date
}

#[track_caller]
fn assert_signed_as(now: SystemTime, seconds: i64) {
    let date = signed_date(&Signer::new(keys()), now);
    assert_eq!(date, Moment::at(seconds).imf(), "{now:?}");
}

/// The furthest time from 1970 that the steps reach.
fn furthest(step: impl Fn(SystemTime, Duration) -> Option<SystemTime>) -> SystemTime {
    let powers = (0..64).rev().map(|power| Duration::from_secs(1 << power));
    let parts = (0..30).rev().map(|power| Duration::from_nanos(1 << power));
    let further = |time, by| step(time, by).unwrap_or(time);
    powers.chain(parts).fold(UNIX_EPOCH, further)
}

fn earliest() -> SystemTime {
    furthest(|time, by| time.checked_sub(by))
}

fn latest() -> SystemTime {
    furthest(|time, by| time.checked_add(by))
}

/// Times that HTTP has no date for, with the second that is nearest.
fn clocks_out_of_range() -> Vec<(SystemTime, i64)> {
    let before = [
        Some(earliest()),
        UNIX_EPOCH.checked_sub(Duration::from_secs(1 << 62)),
        UNIX_EPOCH.checked_sub(Duration::from_secs(1 << 32)),
        Some(at(-DAY)),
        Some(at(-1)),
        Some(at(0) - Duration::from_nanos(1)),
    ];
    let after = [
        Some(at(LAST) + Duration::from_millis(999)),
        Some(at(LAST + 1)),
        Some(at(LAST + DAY)),
        UNIX_EPOCH.checked_add(Duration::from_secs(1 << 40)),
        UNIX_EPOCH.checked_add(Duration::from_secs(1 << 62)),
        Some(latest()),
    ];
    let before = before.into_iter().flatten().map(|time| (time, 0));
    let after = after.into_iter().flatten().map(|time| (time, LAST));
    before.chain(after).collect()
}

#[test]
fn a_clock_before_1970_or_after_9999_signs_the_nearer_end() {
    assert!(earliest() < at(-DAY));
    assert!(latest() > at(LAST + DAY));
    for (now, nearest) in clocks_out_of_range() {
        assert_signed_as(now, nearest);
    }
    assert_signed_as(earliest(), 0);
    assert_eq!(
        signed_date(&Signer::new(keys()), earliest()),
        "Thu, 01 Jan 1970 00:00:00 GMT"
    );
    assert_eq!(
        signed_date(&Signer::new(keys()), latest()),
        "Fri, 31 Dec 9999 23:59:59 GMT"
    );
}

#[test]
fn the_ends_themselves_and_their_neighbours_are_signed_as_they_are() {
    for seconds in [
        0,
        1,
        59,
        60,
        3599,
        3600,
        DAY - 1,
        DAY,
        LAST - DAY,
        LAST - 1,
        LAST,
    ] {
        assert_signed_as(at(seconds), seconds);
    }
}

#[test]
fn parts_of_a_second_are_not_signed() {
    for seconds in [0, FRIDAY - 1, FRIDAY, LAST] {
        for nanos in [1, 500_000_000, 999_999_999] {
            assert_signed_as(at(seconds) + Duration::from_nanos(nanos), seconds);
        }
    }
}

#[test]
fn the_last_second_of_each_month_and_the_next_are_signed_right() {
    for year in [
        1970, 1972, 1999, 2000, 2015, 2016, 2038, 2099, 2100, 2400, 9998, 9999,
    ] {
        for (month, length) in (1..).zip(month_lengths(year)) {
            let last = seconds(year, month, length) + DAY - 1;
            assert_signed_as(at(last), last);
            assert_signed_as(at(last + 1), last + 1);
        }
    }
}

#[test]
fn the_end_of_february_is_signed_right_in_every_year() {
    let signer = Signer::new(keys());
    let request = Request::get("/a").body(()).unwrap();
    let mut march = seconds(1970, 3, 1);
    for year in 1970..=9999 {
        let day = if is_leap(year) { 29 } else { 28 };
        for (now, date) in [
            (march - 1, format!("{day} Feb")),
            (march, "01 Mar".to_owned()),
        ] {
            let string = signer.signing_string((&request).into(), at(now)).unwrap();
            let text = string.to_string();
            let time = if now == march { "00:00:00" } else { "23:59:59" };
            let expected = format!(", {date} {year} {time} GMT");
            assert!(text.ends_with(&expected), "{text} is not {expected}");
            let weekday = WEEKDAYS[usize::try_from(now / DAY % 7).unwrap()];
            let expected = format!("x-date: {}, ", weekday.get(..3).unwrap());
            assert!(text.starts_with(&expected), "{text} is not {expected}");
        }
        march += if is_leap(year + 1) { 366 } else { 365 } * DAY;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_time_in_range_is_signed_as_its_second(seconds in 0..=LAST, nanos in 0..1_000_000_000_u64) {
        assert_signed_as(at(seconds) + Duration::from_nanos(nanos), seconds);
    }

    #[test]
    fn any_time_at_all_is_signed_as_the_nearest_second(seconds in any::<i64>(), shift in 0..63) {
        let seconds: i64 = seconds >> shift;
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let now = if seconds < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        if let Some(now) = now {
            assert_signed_as(now, seconds);
        }
    }
}

// Verifying

fn check_with(
    verifier: Verifier,
    signed: &Lines<'_>,
    unsigned: &Lines<'_>,
    now: SystemTime,
) -> Result<Accepted, Rejection> {
    let mut server = Server::new(KEY_ID, SECRET.as_bytes());
    server.verifier = verifier;
    let request = signed_request(KEY_ID, SECRET.as_bytes(), signed, unsigned);
    server.check(&request, now)
}

fn check(signed: &Lines<'_>, unsigned: &Lines<'_>, now: SystemTime) -> Result<Accepted, Rejection> {
    check_with(Verifier::new(), signed, unsigned, now)
}

fn check_x_date(text: &str, now: SystemTime) -> Result<Accepted, Rejection> {
    check(&[("x-date", text.as_bytes())], &[], now)
}

fn check_date(plain_date: PlainDate, text: &str, now: SystemTime) -> Result<Accepted, Rejection> {
    let verifier = Verifier::new().plain_date(plain_date);
    check_with(verifier, &[("date", text.as_bytes())], &[], now)
}

fn out_of_range(header: DateHeader, skew: u64, max_skew: u64) -> Rejection {
    Rejection::DateOutOfRange {
        header,
        skew,
        max_skew,
    }
}

#[track_caller]
fn assert_accepted(checked: &Result<Accepted, Rejection>, covered: &[&str]) {
    match checked {
        Ok(accepted) => assert_eq!(accepted.key.covered().collect::<Vec<_>>(), covered),
        Err(rejection) => panic!("{rejection}"),
    }
}

#[track_caller]
fn assert_refused(checked: Result<Accepted, Rejection>, expected: &Rejection) {
    assert_eq!(&checked.unwrap_err(), expected);
}

const TODAY: &str = "Fri, 09 Oct 2015 00:00:00 GMT";
const YESTERDAY: &str = "Thu, 08 Oct 2015 00:00:00 GMT";

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn an_x_date_900_seconds_off_is_accepted_and_901_are_refused() {
    assert_eq!(Verifier::DEFAULT_MAX_SKEW, Duration::from_secs(900));
    for off in [-900, -899, -1, 0, 1, 899, 900] {
        let checked = check_x_date(TODAY, at(FRIDAY + off));
        assert_accepted(&checked, &["x-date"]);
    }
    for (off, skew) in [(-901, 901), (901, 901), (-DAY, 86_400), (DAY, 86_400)] {
        let expected = out_of_range(DateHeader::XDate, skew, 900);
        assert_refused(check_x_date(TODAY, at(FRIDAY + off)), &expected);
    }
}

#[test]
fn parts_of_a_second_of_the_clock_do_not_count() {
    let expected = out_of_range(DateHeader::XDate, 901, 900);
    // Late by 900.999 s.
    let late = at(FRIDAY + 901) - MILLISECOND;
    assert_accepted(&check_x_date(TODAY, late), &["x-date"]);
    assert_refused(check_x_date(TODAY, late + MILLISECOND), &expected);
    // Early by 899.999 s and by 900.001 s: rounded down, not towards the date.
    let early = at(FRIDAY - 900);
    assert_accepted(&check_x_date(TODAY, early + MILLISECOND), &["x-date"]);
    assert_accepted(&check_x_date(TODAY, early), &["x-date"]);
    assert_refused(check_x_date(TODAY, early - MILLISECOND), &expected);
}

#[test]
fn max_skew_is_the_servers_choice_in_whole_seconds() {
    let check = |max_skew: Duration, off: i64| {
        let verifier = Verifier::new().max_skew(max_skew);
        let signed = [("x-date", TODAY.as_bytes())];
        check_with(verifier, &signed, &[], at(FRIDAY + off))
    };
    for (max_skew, seconds) in [
        (Duration::ZERO, 0),
        (Duration::from_millis(999), 0),
        (Duration::from_secs(1), 1),
        (Duration::from_millis(1999), 1),
        (Duration::from_secs(300), 300),
        (Duration::from_secs(86_400), 86_400),
    ] {
        for sign in [-1, 1] {
            assert_accepted(&check(max_skew, sign * seconds), &["x-date"]);
            let skew = seconds.unsigned_abs() + 1;
            let expected = out_of_range(DateHeader::XDate, skew, skew - 1);
            assert_refused(check(max_skew, sign * (seconds + 1)), &expected);
        }
    }
    assert_accepted(&check(Duration::MAX, -FRIDAY), &["x-date"]);
    assert_accepted(&check(Duration::MAX, LAST - FRIDAY), &["x-date"]);
}

#[test]
fn a_date_of_any_age_is_accepted_by_default() {
    assert_eq!(PlainDate::default(), PlainDate::AnyAge);
    let clocks = [0, FRIDAY - 901, FRIDAY, FRIDAY + 901, LAST].map(at);
    for now in clocks.into_iter().chain([earliest(), latest()]) {
        let checked = check(&[("date", TODAY.as_bytes())], &[], now);
        assert_accepted(&checked, &["date"]);
        assert_accepted(&check_date(PlainDate::AnyAge, TODAY, now), &["date"]);
    }
}

#[test]
fn a_date_is_checked_for_age_if_the_server_wants_it() {
    for off in [-900, 0, 900] {
        let checked = check_date(PlainDate::CheckAge, TODAY, at(FRIDAY + off));
        assert_accepted(&checked, &["date"]);
    }
    for off in [-901, 901] {
        let checked = check_date(PlainDate::CheckAge, TODAY, at(FRIDAY + off));
        assert_refused(checked, &out_of_range(DateHeader::Date, 901, 900));
    }
    let verifier = Verifier::new()
        .plain_date(PlainDate::CheckAge)
        .max_skew(Duration::from_secs(60));
    let signed = [("date", TODAY.as_bytes())];
    let checked = check_with(verifier, &signed, &[], at(FRIDAY + 61));
    assert_refused(checked, &out_of_range(DateHeader::Date, 61, 60));
}

#[test]
fn a_date_alone_is_refused_if_the_server_wants_it() {
    let refuse = || Verifier::new().plain_date(PlainDate::Refuse);
    let (date, x_date) = (("date", TODAY.as_bytes()), ("x-date", TODAY.as_bytes()));
    let now = at(FRIDAY);
    assert_refused(
        check_with(refuse(), &[date], &[], now),
        &Rejection::DateNotCovered,
    );
    // X-Date is not concerned, whatever stands beside it.
    assert_accepted(&check_with(refuse(), &[x_date], &[], now), &["x-date"]);
    assert_accepted(&check_with(refuse(), &[x_date], &[date], now), &["x-date"]);
    let both = ["date", "x-date"];
    assert_accepted(&check_with(refuse(), &[date, x_date], &[], now), &both);
}

#[test]
fn an_x_date_that_is_not_covered_beside_a_date_that_is_is_refused() {
    // The replay: an old request with a signed Date, and a fresh X-Date that nobody signed.
    for plain_date in [PlainDate::AnyAge, PlainDate::CheckAge, PlainDate::Refuse] {
        for unsigned in [TODAY, YESTERDAY, "junk", ""] {
            for signed in [TODAY, YESTERDAY] {
                let verifier = Verifier::new().plain_date(plain_date);
                let (signed, unsigned) = (signed.as_bytes(), unsigned.as_bytes());
                let checked = check_with(
                    verifier,
                    &[("date", signed), ("source", b"")],
                    &[("x-date", unsigned)],
                    at(FRIDAY),
                );
                assert_refused(checked, &Rejection::XDateNotCovered);
            }
        }
    }
}

#[test]
fn a_date_that_is_not_covered_beside_an_x_date_that_is_does_not_count() {
    for plain_date in [PlainDate::AnyAge, PlainDate::CheckAge, PlainDate::Refuse] {
        for unsigned in [TODAY, YESTERDAY, "junk", ""] {
            let verifier = || Verifier::new().plain_date(plain_date);
            let unsigned = [("date", unsigned.as_bytes())];
            let signed = [("x-date", TODAY.as_bytes())];
            let checked = check_with(verifier(), &signed, &unsigned, at(FRIDAY));
            assert_accepted(&checked, &["x-date"]);
            // Nor does a fresh one help an old X-Date.
            let signed = [("x-date", YESTERDAY.as_bytes())];
            let checked = check_with(verifier(), &signed, &unsigned, at(FRIDAY));
            assert_refused(checked, &out_of_range(DateHeader::XDate, 86_400, 900));
        }
    }
}

#[test]
fn of_two_covered_dates_x_date_counts() {
    for plain_date in [PlainDate::AnyAge, PlainDate::CheckAge, PlainDate::Refuse] {
        let check = |date: &str, x_date: &str| {
            let verifier = Verifier::new().plain_date(plain_date);
            let signed = [("date", date.as_bytes()), ("x-date", x_date.as_bytes())];
            check_with(verifier, &signed, &[], at(FRIDAY))
        };
        assert_accepted(&check(YESTERDAY, TODAY), &["date", "x-date"]);
        assert_refused(
            check(TODAY, YESTERDAY),
            &out_of_range(DateHeader::XDate, 86_400, 900),
        );
        let header = DateHeader::XDate;
        assert_refused(check(TODAY, "junk"), &Rejection::DateUnreadable { header });
    }
}

#[test]
fn a_signature_that_covers_no_date_is_refused() {
    let source: (&str, &[u8]) = ("source", b"billing");
    let today = TODAY.as_bytes();
    for unsigned in [&[][..], &[("date", today)], &[("x-date", today)]] {
        let checked = check(&[source], unsigned, at(FRIDAY));
        assert_refused(checked, &Rejection::DateNotCovered);
    }
    let checked = check(&[source], &[("date", today), ("x-date", today)], at(FRIDAY));
    assert_refused(checked, &Rejection::DateNotCovered);
    // A name that only looks like one of the two.
    let checked = check(&[("x-date-2", today), ("dates", today)], &[], at(FRIDAY));
    assert_refused(checked, &Rejection::DateNotCovered);
}

#[test]
fn a_date_header_is_found_in_any_case_of_its_name() {
    for name in ["X-Date", "X-DATE", "x-dATE"] {
        let signed = [(name, TODAY.as_bytes())];
        assert_accepted(&check(&signed, &[], at(FRIDAY)), &[name]);
        let expected = out_of_range(DateHeader::XDate, 901, 900);
        assert_refused(check(&signed, &[], at(FRIDAY + 901)), &expected);
    }
    let signed = [("Date", TODAY.as_bytes())];
    assert_accepted(&check(&signed, &[], at(FRIDAY)), &["Date"]);
}

#[test]
fn two_lines_of_a_date_header_are_refused_covered_or_not() {
    let (today, yesterday) = (TODAY.as_bytes(), YESTERDAY.as_bytes());
    for second in [today, yesterday, b""] {
        for (signed, unsigned, repeated) in [
            (&["date"][..], &["date"][..], "date"),
            (&["x-date"], &["x-date"], "x-date"),
            (&["x-date"], &["date", "date"], "date"),
            (&["date"], &["x-date", "x-date"], "x-date"),
            (&["date", "x-date"], &["date"], "date"),
            (&["date", "x-date"], &["x-date"], "x-date"),
            (&["source"], &["date", "date"], "date"),
            (&["source"], &["x-date", "x-date"], "x-date"),
        ] {
            let signed: Vec<_> = signed.iter().map(|name| (*name, today)).collect();
            let mut unsigned: Vec<_> = unsigned.iter().map(|name| (*name, today)).collect();
            unsigned.last_mut().unwrap().1 = second;
            match check(&signed, &unsigned, at(FRIDAY)).unwrap_err() {
                Rejection::HeaderRepeated { name } => assert_eq!(name.as_str(), repeated),
                other => panic!("{signed:?} {unsigned:?}: {other}"),
            }
        }
    }
}

#[test]
fn all_three_forms_of_a_date_are_accepted() {
    for seconds in [
        0,
        784_111_777,
        FRIDAY,
        seconds(2016, 2, 29),
        seconds(2069, 12, 31),
    ] {
        for text in Moment::at(seconds).all_forms() {
            for off in [-900, 0, 900] {
                let checked = check_x_date(&text, at(seconds + off));
                assert_accepted(&checked, &["x-date"]);
                let checked = check_date(PlainDate::CheckAge, &text, at(seconds + off));
                assert_accepted(&checked, &["date"]);
            }
            // It is that second and no other.
            let expected = out_of_range(DateHeader::XDate, 901, 900);
            assert_refused(check_x_date(&text, at(seconds + 901)), &expected);
        }
    }
    // The two forms whose year has four digits, to the end of the calendar.
    let last = Moment::at(LAST);
    for text in [last.imf(), last.asctime()] {
        assert_accepted(&check_x_date(&text, at(LAST)), &["x-date"]);
    }
}

#[test]
fn a_wrong_weekday_is_accepted_in_all_three_forms() {
    for seconds in [0, FRIDAY, seconds(2024, 2, 29), seconds(2069, 12, 31)] {
        for weekday in WEEKDAYS {
            for text in Moment::at(seconds).with_weekday(weekday).all_forms() {
                assert_accepted(&check_x_date(&text, at(seconds + 900)), &["x-date"]);
                let expected = out_of_range(DateHeader::XDate, 901, 900);
                assert_refused(check_x_date(&text, at(seconds + 901)), &expected);
                let checked = check_date(PlainDate::AnyAge, &text, at(0));
                assert_accepted(&checked, &["date"]);
            }
        }
    }
}

#[test]
fn two_digit_years_are_those_from_1970_to_2069() {
    for year in 1970..=2069 {
        let new_year = seconds(year, 1, 1);
        let text = Moment::at(new_year).rfc850();
        assert_accepted(&check_x_date(&text, at(new_year)), &["x-date"]);
    }
}

#[test]
fn a_skew_is_never_more_than_the_range_of_dates() {
    for (now, nearest) in clocks_out_of_range() {
        let skew = nearest.abs_diff(FRIDAY);
        let expected = out_of_range(DateHeader::XDate, skew, 900);
        assert_refused(check_x_date(TODAY, now), &expected);
        let expected = out_of_range(DateHeader::Date, skew, 900);
        assert_refused(check_date(PlainDate::CheckAge, TODAY, now), &expected);
        // What such a clock signs, the same clock takes.
        let text = Moment::at(nearest).imf();
        assert_accepted(&check_x_date(&text, now), &["x-date"]);
    }
}

/// Dates that no form has, or no calendar.
fn unreadable() -> Vec<String> {
    let texts = [
        "",
        "junk",
        "0",
        "1444348800",
        "2015-10-09T00:00:00Z",
        "Fri, 09 Oct 2015",
        "00:00:00 GMT",
        "GMT",
        ",",
        "Fri",
        "Fri,",
        "Friday",
        // Without a weekday, or with something else in its place.
        "09 Oct 2015 00:00:00 GMT",
        ", 09 Oct 2015 00:00:00 GMT",
        "Xyz, 09 Oct 2015 00:00:00 GMT",
        "fri, 09 Oct 2015 00:00:00 GMT",
        "FRI, 09 Oct 2015 00:00:00 GMT",
        "Friday, 09 Oct 2015 00:00:00 GMT",
        "Fri 09 Oct 2015 00:00:00 GMT",
        "Fri; 09 Oct 2015 00:00:00 GMT",
        // Days that are none.
        "Sat, 31 Feb 2015 00:00:00 GMT",
        "Sun, 29 Feb 2015 00:00:00 GMT",
        "Mon, 29 Feb 2100 00:00:00 GMT",
        "Fri, 31 Apr 2015 00:00:00 GMT",
        "Fri, 00 Oct 2015 00:00:00 GMT",
        "Fri, 32 Oct 2015 00:00:00 GMT",
        "Fri, 9 Oct 2015 00:00:00 GMT",
        "Fri, -9 Oct 2015 00:00:00 GMT",
        "Fri,  9 Oct 2015 00:00:00 GMT",
        // Times that are none, or only in some forms of time.
        "Fri, 09 Oct 2015 24:00:00 GMT",
        "Fri, 09 Oct 2015 00:60:00 GMT",
        "Fri, 09 Oct 2015 00:00:60 GMT",
        "Tue, 30 Jun 2015 23:59:60 GMT",
        "Sat, 31 Dec 2016 23:59:60 GMT",
        "Fri, 09 Oct 2015 00:00 GMT",
        "Fri, 09 Oct 2015 0:00:00 GMT",
        "Fri, 09 Oct 2015 00.00.00 GMT",
        "Fri, 09 Oct 2015 00:00:00.0 GMT",
        // Years out of the range.
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Thu, 01 Jan 1969 00:00:00 GMT",
        "Mon, 01 Jan 1900 00:00:00 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Sat, 01 Jan 10000 00:00:00 GMT",
        "Fri, 09 Oct 15 00:00:00 GMT",
        "Fri, 09 Oct +015 00:00:00 GMT",
        // Months.
        "Fri, 09 oct 2015 00:00:00 GMT",
        "Fri, 09 OCT 2015 00:00:00 GMT",
        "Fri, 09 October 2015 00:00:00 GMT",
        "Fri, 09 10 2015 00:00:00 GMT",
        "Fri, 09 Okt 2015 00:00:00 GMT",
        // Zones.
        "Fri, 09 Oct 2015 08:00:00 +0800",
        "Fri, 09 Oct 2015 00:00:00 +0000",
        "Fri, 09 Oct 2015 00:00:00 UTC",
        "Fri, 09 Oct 2015 00:00:00 gmt",
        "Fri, 09 Oct 2015 00:00:00 Z",
        "Fri, 09 Oct 2015 00:00:00",
        "Fri, 09 Oct 2015 00:00:00 GMT+8",
        "Fri, 09 Oct 2015 00:00:00GMT",
        // Blanks and other bytes in between.
        "Fri,\t09 Oct 2015 00:00:00 GMT",
        "Fri, 09  Oct 2015 00:00:00 GMT",
        "Fri, 09 Oct 2015  00:00:00 GMT",
        "Fri, 09 Oct 2015 00:00:00 GMT;",
        "Fri, 09 Oct 2015 00:00:00 GMT, Fri, 09 Oct 2015 00:00:00 GMT",
        "\u{a0}Fri, 09 Oct 2015 00:00:00 GMT",
        "Fri, ０９ Oct 2015 00:00:00 GMT",
        "周五, 09 Oct 2015 00:00:00 GMT",
        "Frié, 09 Oct 2015 00:00:00 GMT",
        // The other two forms.
        "Fri, 09-Oct-15 00:00:00 GMT",
        "Friday, 09-Oct-2015 00:00:00 GMT",
        "Friday, 31-Feb-15 00:00:00 GMT",
        "Friday, 09-oct-15 00:00:00 GMT",
        "Friday, 09-Oct-15 24:00:00 GMT",
        "Friday, 09-Oct-15 00:00:60 GMT",
        "Friday, 09-Oct-15 00:00:00 +0800",
        "Fry-day, 09-Oct-15 00:00:00 GMT",
        "Friday Oct  9 00:00:00 2015",
        "Fri Oct 9 00:00:00 2015",
        "Fri Feb 31 00:00:00 2015",
        "Fri oct  9 00:00:00 2015",
        "Fri Oct  9 24:00:00 2015",
        "Fri Oct  9 00:00:60 2015",
        "Wed Dec 31 23:59:59 1969",
        "Sat Jan  1 00:00:00 10000",
        "Fri Oct  9 00:00:00 2015 GMT",
    ];
    let long = [
        "x".repeat(10_240),
        " x".repeat(5_120),
        "F".repeat(41),
        format!("Fri, {}", "0".repeat(10_240)),
        format!("{}, 09 Oct 2015 00:00:00 GMT", "Fri".repeat(4_096)),
        format!("{TODAY}{}{TODAY}", " ".repeat(10_240)),
        "é".repeat(5_120),
    ];
    texts.map(str::to_owned).into_iter().chain(long).collect()
}

#[test]
fn what_is_no_date_is_unreadable() {
    for text in unreadable() {
        let header = DateHeader::XDate;
        let checked = check_x_date(text.trim_matches(' '), at(FRIDAY));
        assert_eq!(checked, Err(Rejection::DateUnreadable { header }), "{text}");
        for plain_date in [PlainDate::AnyAge, PlainDate::CheckAge] {
            let header = DateHeader::Date;
            let checked = check_date(plain_date, text.trim_matches(' '), at(FRIDAY));
            assert_eq!(checked, Err(Rejection::DateUnreadable { header }), "{text}");
        }
    }
}

#[test]
fn every_cut_of_a_date_is_unreadable() {
    for text in Moment::at(FRIDAY).all_forms() {
        for end in 0..text.len() {
            let header = DateHeader::XDate;
            let unreadable = Err(Rejection::DateUnreadable { header });
            let (head, tail) = text.split_at(end);
            assert_eq!(
                check_x_date(head.trim_matches(' '), at(FRIDAY)),
                unreadable,
                "{head}"
            );
            if end > 0 {
                assert_eq!(
                    check_x_date(tail.trim_matches(' '), at(FRIDAY)),
                    unreadable,
                    "{tail}"
                );
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_unreadable() {
    for bytes in [
        &b"\xff"[..],
        b"Fri, 09 Oct 2015 00:00:00 GM\xd4",
        b"\x80\x80\x80",
    ] {
        let checked = check(&[("x-date", bytes)], &[], at(FRIDAY));
        let header = DateHeader::XDate;
        assert_refused(checked, &Rejection::DateUnreadable { header });
    }
}

#[test]
fn an_rfc_850_date_has_a_blank_between_year_and_hour() {
    for byte in (b'!'..=b'~').map(char::from) {
        let text = format!("Friday, 09-Oct-15{byte}00:00:00 GMT");
        let header = DateHeader::XDate;
        let checked = check_x_date(&text, at(FRIDAY));
        assert_eq!(checked, Err(Rejection::DateUnreadable { header }), "{text}");
    }
}

/// Whether the text begins with a weekday in full or its three letters, and what stands behind.
fn split_weekday(text: &str) -> Option<(bool, String)> {
    let full = WEEKDAYS.map(|weekday| (true, weekday));
    let short = WEEKDAYS.map(|weekday| (false, weekday.get(..3).unwrap()));
    full.into_iter()
        .chain(short)
        .find_map(|(is_full, weekday)| {
            let rest = text.strip_prefix(weekday)?;
            Some((is_full, rest.to_owned()))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// What may pass is made, not parsed: every second of the window in every form.
    #[test]
    fn a_changed_date_is_accepted_only_if_it_names_a_second_in_the_window(
        seconds in 2000..seconds(2069, 1, 1),
        form in 0..3_usize,
        changes in proptest::collection::vec((any::<Index>(), "[0-9A-Za-z ,:-]"), 0..3),
    ) {
        let max_skew: i64 = 30;
        let mut text = Moment::at(seconds).all_forms()[form].clone();
        for (position, character) in changes {
            let position = position.index(text.len());
            text.replace_range(position..=position, &character);
        }
        let window = (seconds - max_skew..=seconds + max_skew).flat_map(|second| {
            let moment = Moment::at(second);
            // asctime's day may have a zero before it instead of a blank.
            let [imf, rfc850, asctime] = moment.all_forms();
            let mut zero = asctime.clone();
            if zero.get(8..9) == Some(" ") {
                zero.replace_range(8..9, "0");
            }
            [imf, rfc850, asctime, zero].map(|text| split_weekday(&text).unwrap())
        });
        let window: HashSet<_> = window.collect();
        let text = text.trim_matches(' ');
        let names_one = split_weekday(text).is_some_and(|date| window.contains(&date));

        let verifier = Verifier::new().max_skew(Duration::from_secs(max_skew.unsigned_abs()));
        let checked = check_with(verifier, &[("x-date", text.as_bytes())], &[], at(seconds));
        prop_assert_eq!(checked.is_ok(), names_one, "{}", text);
    }
}
