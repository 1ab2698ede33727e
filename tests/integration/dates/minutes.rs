//! Dates read and written just before do not change what is read and written next.

use super::*;

/// Leaps by less and more than a minute, forth and back, over the ends of minutes, hours and days.
const LEAPS: [i64; 14] = [
    0, 1, 58, 1, -1, 60, -3600, 3600, 86_400, -86_400, 59, -59, 6000, -6061,
];

#[test]
pub(crate) fn whatever_was_signed_before_a_second_is_signed_as_itself() {
    for start in [0, FRIDAY, FRIDAY - 1, FRIDAY + 59, seconds(2024, 2, 29)] {
        let mut now = start + 2 * DAY;
        for leap in LEAPS {
            now += leap;
            assert_signed_as(at(now), now);
        }
    }
}

#[test]
pub(crate) fn whatever_was_read_before_a_date_is_the_second_it_names() {
    let mut sent = FRIDAY;
    for leap in LEAPS {
        sent += leap;
        let text = Moment::at(sent).imf();
        assert_accepted(&check_x_date(&text, at(sent + 900)), &["x-date"]);
        let expected = out_of_range(DateHeader::XDate, 901, 900);
        assert_refused(check_x_date(&text, at(sent + 901)), &expected);
        assert_refused(check_x_date(&text, at(sent - 901)), &expected);
    }
}

#[test]
pub(crate) fn what_is_no_date_is_unreadable_behind_a_date_of_the_same_minute() {
    for text in [
        "Fri, 09 Oct 2015 00:00:60 GMT",
        "Fri, 09 Oct 2015 00:00:99 GMT",
        "Fri, 09 Oct 2015 00:00:0a GMT",
        "Fri, 09 Oct 2015 00:00:/0 GMT",
        "Fri, 09 Oct 2015 00:00:0  GMT",
        "Fri, 09 Oct 2015 00:00:00-GMT",
        "Fri, 09 Oct 2015 00:00:",
    ] {
        assert_accepted(
            &check_x_date("Fri, 09 Oct 2015 00:00:01 GMT", at(FRIDAY)),
            &["x-date"],
        );
        let expected = Rejection::DateUnreadable {
            header: DateHeader::XDate,
        };
        assert_refused(check_x_date(text, at(FRIDAY)), &expected);
    }
}

#[test]
pub(crate) fn a_zone_is_read_behind_a_date_of_the_same_minute() {
    let read_before = || {
        let before = check_x_date("Fri, 09 Oct 2015 00:00:01 GMT", at(FRIDAY));
        assert_accepted(&before, &["x-date"]);
    };
    for zone in ["BMT", "GET", "GMX", "GMT+1", "+0001"] {
        read_before();
        let checked = check_x_date(&format!("Fri, 09 Oct 2015 00:00:00 {zone}"), at(FRIDAY));
        let header = DateHeader::XDate;
        assert_refused(checked, &Rejection::DateNotUtc { header });
    }
    for zone in [" UTC", " gmt", "GMT", "", " +0000"] {
        read_before();
        let text = format!("Fri, 09 Oct 2015 00:00:07{zone}");
        let expected = out_of_range(DateHeader::XDate, 907, 900);
        assert_accepted(&check_x_date(&text, at(FRIDAY + 907)), &["x-date"]);
        assert_refused(check_x_date(&text, at(FRIDAY - 900)), &expected);
        assert_signed_as(at(FRIDAY + 8), FRIDAY + 8);
    }
}

#[test]
pub(crate) fn a_wrong_weekday_is_not_written_into_what_is_signed() {
    let wrong = Moment::at(FRIDAY + 5).with_weekday("Monday").imf();
    assert_accepted(&check_x_date(&wrong, at(FRIDAY)), &["x-date"]);
    assert_signed_as(at(FRIDAY + 6), FRIDAY + 6);
    let no_weekday = "Xyz, 09 Oct 2015 00:00:05 UTC";
    assert_accepted(&check_x_date(no_weekday, at(FRIDAY)), &["x-date"]);
    assert_signed_as(at(FRIDAY + 6), FRIDAY + 6);
    // Nor do the other forms get into it.
    for text in Moment::at(FRIDAY + 7).all_forms() {
        assert_accepted(&check_x_date(&text, at(FRIDAY)), &["x-date"]);
        assert_signed_as(at(FRIDAY + 8), FRIDAY + 8);
    }
}
