//! Dates that are signed, over the whole range of the clock.

use super::*;

/// The date header that is sent, and the date line that is signed; the two must be the same.
pub(crate) fn signed_date(signer: &Signer, now: SystemTime) -> String {
    let request = Request::get("/a").body(()).unwrap();
    let signed = signer.sign(&request, now).unwrap();
    let (_, date) = signed.iter().next().unwrap();
    let date = date.to_str().unwrap().to_owned();
    let string = signer.signing_string(&request, now).unwrap();
    assert_eq!(string.as_bytes(), format!("x-date: {date}").as_bytes());
    date
}

#[track_caller]
pub(crate) fn assert_signed_as(now: SystemTime, seconds: i64) {
    let date = signed_date(&Signer::new(keys()), now);
    assert_eq!(date, Moment::at(seconds).imf(), "{now:?}");
}

/// The furthest time from 1970 that the steps reach.
pub(crate) fn furthest(step: impl Fn(SystemTime, Duration) -> Option<SystemTime>) -> SystemTime {
    let powers = (0..64).rev().map(|power| Duration::from_secs(1 << power));
    let parts = (0..30).rev().map(|power| Duration::from_nanos(1 << power));
    let further = |time, by| step(time, by).unwrap_or(time);
    powers.chain(parts).fold(UNIX_EPOCH, further)
}

pub(crate) fn earliest() -> SystemTime {
    furthest(|time, by| time.checked_sub(by))
}

pub(crate) fn latest() -> SystemTime {
    furthest(|time, by| time.checked_add(by))
}

/// Times that HTTP has no date for, with the second that is nearest.
pub(crate) fn clocks_out_of_range() -> Vec<(SystemTime, i64)> {
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
pub(crate) fn a_clock_before_1970_or_after_9999_signs_the_nearer_end() {
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
pub(crate) fn the_ends_themselves_and_their_neighbours_are_signed_as_they_are() {
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
pub(crate) fn parts_of_a_second_are_not_signed() {
    for seconds in [0, FRIDAY - 1, FRIDAY, LAST] {
        for nanos in [1, 500_000_000, 999_999_999] {
            assert_signed_as(at(seconds) + Duration::from_nanos(nanos), seconds);
        }
    }
}

#[test]
pub(crate) fn the_last_second_of_each_month_and_the_next_are_signed_right() {
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
pub(crate) fn the_end_of_february_is_signed_right_in_every_year() {
    let signer = Signer::new(keys());
    let request = Request::get("/a").body(()).unwrap();
    let mut march = seconds(1970, 3, 1);
    for year in 1970..=9999 {
        let day = if is_leap(year) { 29 } else { 28 };
        for (now, date) in [
            (march - 1, format!("{day} Feb")),
            (march, "01 Mar".to_owned()),
        ] {
            let string = signer.signing_string(&request, at(now)).unwrap();
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
