//! Dates as clients' standard libraries print them: what is signed is the text as it is sent.

use std::time::Duration;

use http::Request;
use tower_hmac_auth::{
    Rejection, Scheme, Verifier,
    scheme::{DateHeader, DatePolicy},
};

use super::{signed, verifying};
use crate::common::{at, date_header, schemes_with_lists, string_of, verify};

/// 2026-11-05T04:16:33Z, a Thursday.
const SENT: i64 = 1_793_852_193;

/// What prints the dates that are accepted, and what it prints of [`SENT`].
const FORMATTERS: &[(&str, &str)] = &[
    ("RFC 9110, IMF-fixdate", "Thu, 05 Nov 2026 04:16:33 GMT"),
    ("Go, http.TimeFormat", "Thu, 05 Nov 2026 04:16:33 GMT"),
    ("Go, time.RFC1123", "Thu, 05 Nov 2026 04:16:33 UTC"),
    ("Go, time.RFC1123Z", "Thu, 05 Nov 2026 04:16:33 +0000"),
    ("Go, time.RFC850", "Thursday, 05-Nov-26 04:16:33 UTC"),
    ("Go, time.ANSIC", "Thu Nov  5 04:16:33 2026"),
    (
        "Python, email.utils.formatdate()",
        "Thu, 05 Nov 2026 04:16:33 -0000",
    ),
    (
        "Python, email.utils.formatdate(usegmt=True)",
        "Thu, 05 Nov 2026 04:16:33 GMT",
    ),
    (
        "Python, email.utils.format_datetime",
        "Thu, 05 Nov 2026 04:16:33 +0000",
    ),
    (
        "Python, strftime without a zone",
        "Thu, 05 Nov 2026 04:16:33",
    ),
    ("Python, time.asctime", "Thu Nov  5 04:16:33 2026"),
    ("TZ=UTC date -R", "Thu, 05 Nov 2026 04:16:33 +0000"),
    ("PHP, DATE_RFC2822", "Thu, 05 Nov 2026 04:16:33 +0000"),
    ("PHP, DATE_RFC7231", "Thu, 05 Nov 2026 04:16:33 GMT"),
    ("PHP, DATE_RFC850", "Thursday, 05-Nov-26 04:16:33 UTC"),
    ("JavaScript, toUTCString", "Thu, 05 Nov 2026 04:16:33 GMT"),
    ("Ruby, Time#httpdate", "Thu, 05 Nov 2026 04:16:33 GMT"),
    ("Ruby, Time#rfc2822", "Thu, 05 Nov 2026 04:16:33 -0000"),
    (
        "Java, DateTimeFormatter.RFC_1123_DATE_TIME",
        "Thu, 5 Nov 2026 04:16:33 GMT",
    ),
    (
        "Java, SimpleDateFormat with OOOO",
        "Thu, 05 Nov 2026 04:16:33 GMT+00:00",
    ),
    (
        "Jakarta Mail, MailDateFormat",
        "Thu, 5 Nov 2026 04:16:33 +0000 (UTC)",
    ),
    ("C#, ToString(\"R\")", "Thu, 05 Nov 2026 04:16:33 GMT"),
];

/// A request whose signature covers this date alone.
fn dated(scheme: Scheme, header: DateHeader, date: &str) -> Request<()> {
    let name = header.name().as_str();
    let string = string_of(scheme, &format!("{name}: {date}"));
    signed(scheme, "/a", &[(name, date)], name, &string)
}

/// Every scheme with every header that its dates come in. All check the age of both.
fn verifiers() -> impl Iterator<Item = (Scheme, DateHeader, Verifier)> {
    schemes_with_lists().flat_map(|scheme| {
        let headers = [DateHeader::Date, DateHeader::XDate];
        let date_only = [Scheme::Apisix, Scheme::Iflytek, Scheme::Tyk];
        let counts = move |header: &DateHeader| match scheme {
            Scheme::TencentApp => *header == date_header(scheme),
            _ => !date_only.contains(&scheme) || *header == DateHeader::Date,
        };
        headers.into_iter().filter(counts).map(move |header| {
            let verifier = verifying(scheme)
                .date_policy(DatePolicy::CheckAge)
                .max_skew(Duration::from_secs(300))
                .build()
                .unwrap();
            (scheme, header, verifier)
        })
    })
}

#[track_caller]
fn assert_names_the_second(printed_by: &str, date: &str) {
    for (scheme, header, verifier) in verifiers() {
        let request = dated(scheme, header, date);
        for (off, is_good) in [(-301, false), (-300, true), (300, true), (301, false)] {
            let checked = verify(&verifier, (&request).into(), at(SENT + off));
            assert_eq!(
                checked.is_ok(),
                is_good,
                "{printed_by}, {scheme}, {date}: {checked:?}"
            );
            if let Err(why) = checked {
                let expected = Rejection::DateOutOfRange {
                    header,
                    skew: 301,
                    max_skew: 300,
                };
                assert_eq!(why, expected, "{scheme} {date}");
            }
        }
    }
}

#[test]
fn what_standard_formatters_print_is_accepted_in_every_scheme_and_header() {
    for (formatter, date) in FORMATTERS {
        assert_names_the_second(formatter, date);
    }
}

#[test]
fn a_zero_zone_is_accepted_in_every_spelling() {
    let zones = [
        "",
        " GMT",
        " UTC",
        " UT",
        " Z",
        " gmt",
        " Utc",
        " +0000",
        " -0000",
        " +00:00",
        " -00:00",
        " +00",
        " +0",
        " GMT+00:00",
        " GMT-0000",
        " GMT+0",
        " UTC+00:00",
        " +0000 (UTC)",
        " GMT (Coordinated Universal Time)",
        "  UTC",
        "GMT",
        "Z",
    ];
    for date in [
        "Thu, 05 Nov 2026 04:16:33",
        "Thursday, 05-Nov-26 04:16:33",
        "Thu Nov  5 04:16:33 2026",
    ] {
        for zone in zones {
            assert_names_the_second("by hand", &format!("{date}{zone}"));
        }
    }
}

#[test]
fn any_weekday_is_accepted() {
    for date in [
        "Mon, 05 Nov 2026 04:16:33 UTC",
        "thu, 05 Nov 2026 04:16:33 UTC",
        "Thursday, 05 Nov 2026 04:16:33 GMT",
        "Do, 05 Nov 2026 04:16:33 GMT",
        ", 05 Nov 2026 04:16:33 GMT",
        "Thu,05 Nov 2026 04:16:33 GMT",
        "Thu, 05-Nov-26 04:16:33 GMT",
        "Monday Nov  5 04:16:33 2026",
        "Thu Nov 5 04:16:33 2026",
        "Thu Nov 05 04:16:33 2026",
    ] {
        assert_names_the_second("by hand", date);
    }
}

#[test]
fn a_zone_that_is_not_zero_is_refused_with_a_text_that_says_so() {
    for zone in [
        "+0800",
        "-0800",
        "+08:00",
        "+8",
        "+08",
        "+0001",
        "-0030",
        "CST",
        "EST",
        "PST",
        "MST",
        "BST",
        "A",
        "GMT+08:00",
        "GMT+8",
        "UTC-01:30",
        "GMTX",
        "Asia/Shanghai",
        "+0800 (CST)",
    ] {
        for date in [
            "Thu, 05 Nov 2026 04:16:33",
            "Thursday, 05-Nov-26 04:16:33",
            "Thu Nov  5 04:16:33 2026",
        ] {
            let date = format!("{date} {zone}");
            for (scheme, header, verifier) in verifiers() {
                let request = dated(scheme, header, &date);
                let why = verify(&verifier, (&request).into(), at(SENT)).unwrap_err();
                assert_eq!(why, Rejection::DateNotUtc { header }, "{scheme} {date}");
            }
        }
    }
    for header in [DateHeader::Date, DateHeader::XDate] {
        let (why, unreadable) = (
            Rejection::DateNotUtc { header },
            Rejection::DateUnreadable { header },
        );
        let text = why.to_string();
        assert!(
            text.contains("a time zone that is not zero: send the date in GMT"),
            "{text}"
        );
        assert!(why.hint().contains("time zone that is not zero"));
        assert_eq!(why.kind(), unreadable.kind());
        // The gateways have one text for both; the draft has none, so there it says what is wrong.
        for scheme in [Scheme::Tencent, Scheme::Kong, Scheme::Apisix] {
            assert_eq!(scheme.text(&why), scheme.text(&unreadable));
        }
        assert!(Scheme::Cavage.text(&why).contains("time zone"));
    }
}

#[test]
fn what_is_signed_is_the_date_as_it_is_sent() {
    for (scheme, header, verifier) in verifiers() {
        let name = header.name();
        let mut request = dated(scheme, header, "Thu, 05 Nov 2026 04:16:33 UTC");
        // The same second in another spelling is another text.
        let other = "Thu, 05 Nov 2026 04:16:33 GMT".parse().unwrap();
        request.headers_mut().insert(name, other);
        let why = verify(&verifier, (&request).into(), at(SENT)).unwrap_err();
        assert_eq!(why, Rejection::SignatureMismatch, "{scheme}");
    }
}
