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
        "Fri, 09 Oct 2015 00:00:00 UTC",
        "Fri, 09 Oct 2015 00:00:00-GMT",
        "Fri, 09 Oct 2015 00:00:00 BMT",
        "Fri, 09 Oct 2015 00:00:00 GET",
        "Fri, 09 Oct 2015 00:00:00 GMX",
        "Fri, 09 Oct 2015 00:00:00 gmt",
        "Fri, 09 Oct 2015 00:00:00GMT",
        "Fri, 09 Oct 2015 00:00:00",
        "Fri, 09 Oct 2015 00:00:00 GMT+1",
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
pub(crate) fn a_wrong_weekday_is_not_written_into_what_is_signed() {
    let wrong = Moment::at(FRIDAY + 5).with_weekday("Monday").imf();
    assert_accepted(&check_x_date(&wrong, at(FRIDAY)), &["x-date"]);
    assert_signed_as(at(FRIDAY + 6), FRIDAY + 6);
    // Nor do the other forms get into it.
    for text in Moment::at(FRIDAY + 7).all_forms() {
        assert_accepted(&check_x_date(&text, at(FRIDAY)), &["x-date"]);
        assert_signed_as(at(FRIDAY + 8), FRIDAY + 8);
    }
}
