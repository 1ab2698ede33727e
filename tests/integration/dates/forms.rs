//! The forms in which a date is accepted.

use super::*;

#[test]
pub(crate) fn all_three_forms_of_a_date_are_accepted() {
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
                let checked = check_date(DatePolicy::CheckAge, &text, at(seconds + off));
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
pub(crate) fn a_wrong_weekday_is_accepted_in_all_three_forms() {
    for seconds in [0, FRIDAY, seconds(2024, 2, 29), seconds(2069, 12, 31)] {
        for weekday in WEEKDAYS {
            for text in Moment::at(seconds).with_weekday(weekday).all_forms() {
                assert_accepted(&check_x_date(&text, at(seconds + 900)), &["x-date"]);
                let expected = out_of_range(DateHeader::XDate, 901, 900);
                assert_refused(check_x_date(&text, at(seconds + 901)), &expected);
                let checked = check_date(DatePolicy::AnyAge, &text, at(0));
                assert_accepted(&checked, &["date"]);
            }
        }
    }
}

#[test]
pub(crate) fn two_digit_years_are_those_from_1970_to_2069() {
    for year in 1970..=2069 {
        let new_year = seconds(year, 1, 1);
        let text = Moment::at(new_year).rfc850();
        assert_accepted(&check_x_date(&text, at(new_year)), &["x-date"]);
    }
}

#[test]
pub(crate) fn a_skew_is_never_more_than_the_range_of_dates() {
    for (now, nearest) in clocks_out_of_range() {
        let skew = nearest.abs_diff(FRIDAY);
        let expected = out_of_range(DateHeader::XDate, skew, 900);
        assert_refused(check_x_date(TODAY, now), &expected);
        let expected = out_of_range(DateHeader::Date, skew, 900);
        assert_refused(check_date(DatePolicy::CheckAge, TODAY, now), &expected);
        // What such a clock signs, the same clock takes.
        let text = Moment::at(nearest).imf();
        assert_accepted(&check_x_date(&text, now), &["x-date"]);
    }
}
