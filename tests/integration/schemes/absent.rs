//! Names that are listed, but not in the request.

use tower_hmac_auth::{Scheme, scheme::MissingHeaderLine};

use super::{
    DATE, allowing_missing, assert_accepted, assert_refused, authorization, request, signed,
    verifying,
};
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

/// Tyk signs the same line for both, so anyone can add or remove an empty header.
#[test]
fn where_an_empty_header_is_signed_like_an_absent_one_it_is_not_covered() {
    let alike = Scheme::builder("alike", Scheme::Kong)
        .missing_headers(Some(MissingHeaderLine::EmptyValue))
        .build()
        .unwrap();
    let headers = [("date", DATE), ("x-role", "")];
    let string = format!("date: {DATE}\nx-role: ");
    for scheme in [Scheme::Tyk, alike] {
        let authorization = authorization(scheme.nearest(), "date x-role", &string);
        let with_empty = request("/a", &authorization, &headers);
        let without = request("/a", &authorization, &headers[..1]);
        for (verifier, request) in [
            (allowing_missing(scheme), &with_empty),
            (allowing_missing(scheme), &without),
            (verifier_of(scheme), &with_empty),
        ] {
            let key = assert_accepted(&verifier, request);
            assert_eq!(key.covered().collect::<Vec<_>>(), ["date"], "{scheme}");
        }
        for allow in [true, false] {
            let options = verifying(scheme).allow_missing_headers(allow);
            let requiring = options.require(["x-role"]).build().unwrap();
            assert_refused(&requiring, &with_empty, "NotCovered");
        }
    }
    // Kong has a line of its own for an absent header.
    let with_empty = signed(Scheme::Kong, "/a", &headers, "date x-role", &string);
    let key = assert_accepted(&allowing_missing(Scheme::Kong), &with_empty);
    assert_eq!(key.covered().collect::<Vec<_>>(), ["date", "x-role"]);
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
