//! Names that are listed, but not in the request.

use tower_hmac_auth::Scheme;

use super::{DATE, allowing_missing, assert_accepted, assert_refused, signed, verifying};
use crate::common::{KEY_ID, verifier_of};

#[test]
fn an_absent_header_is_refused_unless_allowed_and_then_signed_as_the_gateway_does() {
    let cases = [
        (Scheme::Kong, format!("date: {DATE}\nx-none:"), true),
        (Scheme::Kong, format!("date: {DATE}\nx-none: "), false),
        (Scheme::Kong, format!("date: {DATE}"), false),
        (Scheme::Apisix, format!("{KEY_ID}\ndate: {DATE}\n"), true),
        (
            Scheme::Apisix,
            format!("{KEY_ID}\ndate: {DATE}\nx-none: \n"),
            false,
        ),
        (Scheme::Tyk, format!("date: {DATE}\nx-none: "), true),
        (Scheme::Tyk, format!("date: {DATE}\nx-none:"), false),
        (Scheme::Tyk, format!("date: {DATE}"), false),
    ];
    for (scheme, string, is_right) in cases {
        let request = signed(scheme, "/a", &[("date", DATE)], "date x-none", &string);
        assert_refused(&verifier_of(scheme), &request, "HeaderMissing");
        let allowing = allowing_missing(scheme);
        if is_right {
            let key = assert_accepted(&allowing, &request);
            assert_eq!(key.covered().collect::<Vec<_>>(), ["date"]);
        } else {
            assert_refused(&allowing, &request, "SignatureMismatch");
        }
    }
}

#[test]
fn where_there_is_no_way_to_sign_it_an_absent_header_stays_refused() {
    for scheme in [Scheme::Tencent, Scheme::Cavage] {
        for string in [format!("date: {DATE}\nx-none:"), format!("date: {DATE}")] {
            let request = signed(scheme, "/a", &[("date", DATE)], "date x-none", &string);
            assert_refused(&allowing_missing(scheme), &request, "HeaderMissing");
        }
    }
}

#[test]
fn padding_the_list_with_absent_names_satisfies_no_requirement() {
    for (scheme, string) in [
        (Scheme::Kong, format!("x-none:\ndate: {DATE}\nx-tenant:")),
        (Scheme::Apisix, format!("{KEY_ID}\ndate: {DATE}\n")),
        (Scheme::Tyk, format!("x-none: \ndate: {DATE}\nx-tenant: ")),
    ] {
        let list = "x-none date x-tenant";
        let request = signed(scheme, "/a", &[("date", DATE)], list, &string);
        let key = assert_accepted(&allowing_missing(scheme), &request);
        assert_eq!(key.covered().collect::<Vec<_>>(), ["date"]);
        let requiring = |name| {
            let options = verifying(scheme).allow_missing_headers(true);
            options.require([name]).build().unwrap()
        };
        for name in ["x-tenant", "X-Tenant", "x-none"] {
            assert_refused(&requiring(name), &request, "NotCovered");
        }
        assert_accepted(&requiring("Date"), &request);
    }
}

#[test]
fn an_absent_date_is_no_date() {
    for (scheme, string) in [
        (Scheme::Kong, "x-date:".to_owned()),
        (Scheme::Apisix, format!("{KEY_ID}\n\n")),
        (Scheme::Tyk, "date: ".to_owned()),
    ] {
        let name = if scheme == Scheme::Kong {
            "x-date"
        } else {
            "date"
        };
        let request = signed(scheme, "/a", &[], name, &string);
        assert_refused(&allowing_missing(scheme), &request, "DateNotCovered");
    }
}
