//! Which date counts, and how old it may be.

use super::*;

pub(crate) fn check_with(
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

pub(crate) fn check(
    signed: &Lines<'_>,
    unsigned: &Lines<'_>,
    now: SystemTime,
) -> Result<Accepted, Rejection> {
    check_with(Verifier::new(), signed, unsigned, now)
}

pub(crate) fn check_x_date(text: &str, now: SystemTime) -> Result<Accepted, Rejection> {
    check(&[("x-date", text.as_bytes())], &[], now)
}

pub(crate) fn check_date(
    date_policy: DatePolicy,
    text: &str,
    now: SystemTime,
) -> Result<Accepted, Rejection> {
    let verifier = Verifier::builder()
        .date_policy(date_policy)
        .build()
        .unwrap();
    check_with(verifier, &[("date", text.as_bytes())], &[], now)
}

pub(crate) fn out_of_range(header: DateHeader, skew: u64, max_skew: u64) -> Rejection {
    Rejection::DateOutOfRange {
        header,
        skew,
        max_skew,
    }
}

#[track_caller]
pub(crate) fn assert_accepted(checked: &Result<Accepted, Rejection>, covered: &[&str]) {
    match checked {
        Ok(accepted) => assert_eq!(accepted.key.covered().collect::<Vec<_>>(), covered),
        Err(rejection) => panic!("{rejection}"),
    }
}

#[track_caller]
pub(crate) fn assert_refused(checked: Result<Accepted, Rejection>, expected: &Rejection) {
    assert_eq!(&checked.unwrap_err(), expected);
}

pub(crate) const TODAY: &str = "Fri, 09 Oct 2015 00:00:00 GMT";
pub(crate) const YESTERDAY: &str = "Thu, 08 Oct 2015 00:00:00 GMT";

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
pub(crate) fn an_x_date_900_seconds_off_is_accepted_and_901_are_refused() {
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
pub(crate) fn parts_of_a_second_of_the_clock_do_not_count() {
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
pub(crate) fn max_skew_is_the_servers_choice_in_whole_seconds() {
    let check = |max_skew: Duration, off: i64| {
        let verifier = Verifier::builder().max_skew(max_skew).build().unwrap();
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
pub(crate) fn a_date_of_any_age_is_accepted_by_default() {
    assert_eq!(DatePolicy::default(), DatePolicy::AnyAge);
    let clocks = [0, FRIDAY - 901, FRIDAY, FRIDAY + 901, LAST].map(at);
    for now in clocks.into_iter().chain([earliest(), latest()]) {
        let checked = check(&[("date", TODAY.as_bytes())], &[], now);
        assert_accepted(&checked, &["date"]);
        assert_accepted(&check_date(DatePolicy::AnyAge, TODAY, now), &["date"]);
    }
}

#[test]
pub(crate) fn a_date_is_checked_for_age_if_the_server_wants_it() {
    for off in [-900, 0, 900] {
        let checked = check_date(DatePolicy::CheckAge, TODAY, at(FRIDAY + off));
        assert_accepted(&checked, &["date"]);
    }
    for off in [-901, 901] {
        let checked = check_date(DatePolicy::CheckAge, TODAY, at(FRIDAY + off));
        assert_refused(checked, &out_of_range(DateHeader::Date, 901, 900));
    }
    let verifier = Verifier::builder()
        .date_policy(DatePolicy::CheckAge)
        .max_skew(Duration::from_secs(60))
        .build()
        .unwrap();
    let signed = [("date", TODAY.as_bytes())];
    let checked = check_with(verifier, &signed, &[], at(FRIDAY + 61));
    assert_refused(checked, &out_of_range(DateHeader::Date, 61, 60));
}

#[test]
pub(crate) fn a_date_alone_is_refused_if_the_server_wants_it() {
    let refuse = || {
        Verifier::builder()
            .date_policy(DatePolicy::Refuse)
            .build()
            .unwrap()
    };
    let (date, x_date) = (("date", TODAY.as_bytes()), ("x-date", TODAY.as_bytes()));
    let now = at(FRIDAY);
    assert_refused(
        check_with(refuse(), &[date], &[], now),
        &Rejection::DateNotCovered {
            wanted: DateHeader::XDate,
        },
    );
    // X-Date is not concerned, whatever stands beside it.
    assert_accepted(&check_with(refuse(), &[x_date], &[], now), &["x-date"]);
    assert_accepted(&check_with(refuse(), &[x_date], &[date], now), &["x-date"]);
    let both = ["date", "x-date"];
    assert_accepted(&check_with(refuse(), &[date, x_date], &[], now), &both);
}

#[test]
pub(crate) fn an_x_date_that_is_not_covered_beside_a_date_that_is_is_refused() {
    // The replay: an old request with a signed Date, and a fresh X-Date that nobody signed.
    for date_policy in [DatePolicy::AnyAge, DatePolicy::CheckAge, DatePolicy::Refuse] {
        // One that is too old is refused for that, before anything else is read.
        let too_old = Rejection::DateOutOfRange {
            header: DateHeader::XDate,
            skew: 86_400,
            max_skew: 900,
        };
        for (unsigned, why) in [
            (TODAY, &Rejection::XDateNotCovered),
            (YESTERDAY, &too_old),
            ("junk", &Rejection::XDateNotCovered),
            ("", &Rejection::XDateNotCovered),
        ] {
            for signed in [TODAY, YESTERDAY] {
                let verifier = Verifier::builder()
                    .date_policy(date_policy)
                    .build()
                    .unwrap();
                let (signed, unsigned) = (signed.as_bytes(), unsigned.as_bytes());
                let checked = check_with(
                    verifier,
                    &[("date", signed), ("source", b"")],
                    &[("x-date", unsigned)],
                    at(FRIDAY),
                );
                assert_refused(checked, why);
            }
        }
    }
}

#[test]
pub(crate) fn a_date_that_is_not_covered_beside_an_x_date_that_is_does_not_count() {
    for date_policy in [DatePolicy::AnyAge, DatePolicy::CheckAge, DatePolicy::Refuse] {
        for unsigned in [TODAY, YESTERDAY, "junk", ""] {
            let verifier = || {
                Verifier::builder()
                    .date_policy(date_policy)
                    .build()
                    .unwrap()
            };
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
pub(crate) fn of_two_covered_dates_x_date_counts() {
    for date_policy in [DatePolicy::AnyAge, DatePolicy::CheckAge, DatePolicy::Refuse] {
        let check = |date: &str, x_date: &str| {
            let verifier = Verifier::builder()
                .date_policy(date_policy)
                .build()
                .unwrap();
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
pub(crate) fn a_signature_that_covers_no_date_is_refused() {
    let source: (&str, &[u8]) = ("source", b"billing");
    let today = TODAY.as_bytes();
    for unsigned in [&[][..], &[("date", today)], &[("x-date", today)]] {
        let checked = check(&[source], unsigned, at(FRIDAY));
        assert_refused(
            checked,
            &Rejection::DateNotCovered {
                wanted: DateHeader::XDate,
            },
        );
    }
    let checked = check(&[source], &[("date", today), ("x-date", today)], at(FRIDAY));
    assert_refused(
        checked,
        &Rejection::DateNotCovered {
            wanted: DateHeader::XDate,
        },
    );
    // A name that only looks like one of the two.
    let checked = check(&[("x-date-2", today), ("dates", today)], &[], at(FRIDAY));
    assert_refused(
        checked,
        &Rejection::DateNotCovered {
            wanted: DateHeader::XDate,
        },
    );
}

#[test]
pub(crate) fn a_date_header_is_found_in_any_case_of_its_name() {
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
pub(crate) fn two_lines_of_a_date_header_are_refused_covered_or_not() {
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
