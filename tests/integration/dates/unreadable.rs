//! Dates that cannot be read.

use super::*;

/// Dates that no form has, or no calendar.
pub(crate) fn unreadable() -> Vec<String> {
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
        // Without a weekday, or without what ends it.
        "09 Oct 2015 00:00:00 GMT",
        "Fri 09 Oct 2015 00:00:00 GMT",
        "Fri; 09 Oct 2015 00:00:00 GMT",
        // Days that are none.
        "Sat, 31 Feb 2015 00:00:00 GMT",
        "Sun, 29 Feb 2015 00:00:00 GMT",
        "Mon, 29 Feb 2100 00:00:00 GMT",
        "Fri, 31 Apr 2015 00:00:00 GMT",
        "Fri, 00 Oct 2015 00:00:00 GMT",
        "Fri, 32 Oct 2015 00:00:00 GMT",
        "Fri, -9 Oct 2015 00:00:00 GMT",
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
        // What is no zone.
        "Fri, 09 Oct 2015 00:00:00 +",
        "Fri, 09 Oct 2015 00:00:00 +000",
        "Fri, 09 Oct 2015 00:00:00 +00000",
        "Fri, 09 Oct 2015 00:00:00 +00:0",
        "Fri, 09 Oct 2015 00:00:00 +0:00",
        "Fri, 09 Oct 2015 00:00:00 0000",
        "Fri, 09 Oct 2015 00:00:00 --0000",
        "Fri, 09 Oct 2015 00:00:00 +0000 UTC",
        "Fri, 09 Oct 2015 00:00:00 GMT GMT",
        "Fri, 09 Oct 2015 00:00:00 GMT+",
        "Fri, 09 Oct 2015 00:00:00 (UTC)",
        "Fri, 09 Oct 2015 00:00:00 UTC)",
        "Fri, 09 Oct 2015 00:00:00 +0000 (UTC) x",
        "Fri, 31 Feb 2015 00:00:00 +0800",
        "Fri, 09 Oct 2015 24:00:00 CST",
        // Blanks and other bytes in between.
        "Fri,\t09 Oct 2015 00:00:00 GMT",
        "Fri, 09  Oct 2015 00:00:00 GMT",
        "Fri, 09 Oct 2015  00:00:00 GMT",
        "Fri, 09 Oct 2015 00:00:00 GMT;",
        "Fri, 09 Oct 2015 00:00:00 GMT, Fri, 09 Oct 2015 00:00:00 GMT",
        "Fri, ０９ Oct 2015 00:00:00 GMT",
        // The other two forms.
        "Friday, 09-Oct-2015 00:00:00 GMT",
        "Friday, 31-Feb-15 00:00:00 GMT",
        "Friday, 09-oct-15 00:00:00 GMT",
        "Friday, 09-Oct-15 24:00:00 GMT",
        "Friday, 09-Oct-15 00:00:60 GMT",
        "Fri Feb 31 00:00:00 2015",
        "Fri oct  9 00:00:00 2015",
        "Fri Oct  9 24:00:00 2015",
        "Fri Oct  9 00:00:60 2015",
        "Wed Dec 31 23:59:59 1969",
        "Sat Jan  1 00:00:00 10000",
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
pub(crate) fn what_is_no_date_is_unreadable() {
    for text in unreadable() {
        let header = DateHeader::XDate;
        let checked = check_x_date(text.trim_matches(' '), at(FRIDAY));
        assert_eq!(checked, Err(Rejection::DateUnreadable { header }), "{text}");
        for date_policy in [DatePolicy::AnyAge, DatePolicy::CheckAge] {
            let header = DateHeader::Date;
            let checked = check_date(date_policy, text.trim_matches(' '), at(FRIDAY));
            assert_eq!(checked, Err(Rejection::DateUnreadable { header }), "{text}");
        }
    }
}

#[test]
pub(crate) fn every_cut_of_a_date_is_unreadable_but_in_its_weekday_and_zone() {
    let header = DateHeader::XDate;
    let unreadable = Rejection::DateUnreadable { header };
    for text in Moment::at(FRIDAY).all_forms() {
        let weekday = text.find([',', ' ']).unwrap();
        let end_of_time = text.strip_suffix(" GMT").map_or(text.len(), str::len);
        for end in 0..text.len() {
            let (head, tail) = text.split_at(end);
            let checked = check_x_date(head.trim_matches(' '), at(FRIDAY));
            match head.get(end_of_time..).map(str::trim) {
                None => assert_eq!(checked, Err(unreadable.clone()), "{head}"),
                Some("") => assert_accepted(&checked, &["x-date"]),
                Some(_) => assert_eq!(checked, Err(Rejection::DateNotUtc { header }), "{head}"),
            }
            let checked = check_x_date(tail.trim_matches(' '), at(FRIDAY));
            if end <= weekday && !tail.starts_with(' ') {
                assert_accepted(&checked, &["x-date"]);
            } else {
                assert_eq!(checked, Err(unreadable.clone()), "{tail}");
            }
        }
    }
}

#[test]
pub(crate) fn bytes_that_are_no_text_are_unreadable() {
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
pub(crate) fn an_rfc_850_date_has_a_blank_between_year_and_hour() {
    for byte in (b'!'..=b'~').map(char::from) {
        let text = format!("Friday, 09-Oct-15{byte}00:00:00 GMT");
        let header = DateHeader::XDate;
        let checked = check_x_date(&text, at(FRIDAY));
        assert_eq!(checked, Err(Rejection::DateUnreadable { header }), "{text}");
    }
}

/// What names the second: whether a comma ends the weekday, and what stands between that and a zone
/// of zero.
pub(crate) fn without_weekday_and_zone(text: &str) -> Option<(bool, String)> {
    let end = text.find([',', ' '])?;
    let (_weekday, rest) = text.split_at(end);
    let has_comma = rest.starts_with(',');
    let rest = rest
        .strip_prefix(',')
        .unwrap_or(rest)
        .trim_start_matches(' ');
    let upper = rest.to_ascii_uppercase();
    // No change that is made below makes a zero offset.
    let zones = ["GMT", "UTC", "UT", "Z"].into_iter();
    let zone = zones
        .filter(|zone| upper.ends_with(zone))
        .max_by_key(|zone| zone.len());
    let end = rest.len() - zone.map_or(0, str::len);
    Some((has_comma, rest.get(..end)?.trim_end_matches(' ').to_owned()))
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
            let mut forms = Moment::at(second).all_forms().to_vec();
            // A day below ten may have a zero, nothing or, in asctime's form, a space before it.
            let short = |text: &String| text.replacen(", 0", ", ", 1);
            forms.extend([short(&forms[0]), short(&forms[1])]);
            for padding in ["0", ""] {
                let mut asctime = forms[2].clone();
                if asctime.get(8..9) == Some(" ") {
                    asctime.replace_range(8..9, padding);
                }
                forms.push(asctime);
            }
            forms.into_iter().map(|text| without_weekday_and_zone(&text).unwrap())
        });
        let window: HashSet<_> = window.collect();
        let text = text.trim_matches(' ');
        let names_one = without_weekday_and_zone(text).is_some_and(|date| window.contains(&date));

        let max_skew = Duration::from_secs(max_skew.unsigned_abs());
        let verifier = Verifier::builder().max_skew(max_skew).build().unwrap();
        let checked = check_with(verifier, &[("x-date", text.as_bytes())], &[], at(seconds));
        prop_assert_eq!(checked.is_ok(), names_one, "{}", text);
    }
}
