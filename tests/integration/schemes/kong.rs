use tower_hmac_auth::{Scheme, Signer, Verifier};

use super::{
    DATE, assert_accepted, assert_refused, authorization, now, request, requiring, signed,
};
use crate::common::{keys, verifier_of};

fn verifier() -> Verifier {
    verifier_of(Scheme::Kong)
}

#[test]
fn parameters_are_read_in_their_order_only_with_a_comma_and_any_whitespace_after_it() {
    let right = authorization(Scheme::Kong, "date", &format!("date: {DATE}"));
    let with = |authorization: &str| request("/a", authorization, &[("date", DATE)]);
    assert_accepted(&verifier(), &with(&right));
    for separator in ["", " ", "  ", "\t", " \t ", "          "] {
        let spaced = right.replace("\", ", &format!("\",{separator}"));
        assert_accepted(&verifier(), &with(&spaced));
        if !separator.is_empty() {
            let spaced = right.replacen("hmac ", &format!("hmac{separator}"), 1);
            assert_accepted(&verifier(), &with(&spaced));
        }
    }
    assert_accepted(&verifier(), &with(&right.replacen("hmac", "Hmac", 1)));

    let signature = right.split("signature=").nth(1).unwrap();
    let swapped = format!(
        r#"hmac algorithm="hmac-sha256", username="AKIDtestkey0001", headers="date", signature={signature}"#
    );
    for wrong in [
        swapped.as_str(),
        &right.replace("\", ", "\" , "),
        &right.replace("\", ", "\"\t,"),
        &right.replace("\", ", "\", ,"),
        &right.replace("hmac ", "hmac, "),
        &format!("{right},  "),
        &format!("{right},\topaque=\"a\""),
        &right.replacen("hmac", "HMAC", 1),
        &format!("{right}, realm=\"a\""),
        &format!("{right} x"),
        &right.replacen("username", "keyId", 1),
        &right.replacen("username", "id", 1),
        &right.replacen("username", "Username", 1),
    ] {
        assert_refused(&verifier(), &with(wrong), "AuthorizationMalformed");
    }
}

#[test]
fn an_empty_header_is_signed_with_the_space_after_its_colon() {
    let headers = [("date", DATE), ("source", "")];
    let with = |string: &str| signed(Scheme::Kong, "/a", &headers, "date source", string);
    assert_accepted(&verifier(), &with(&format!("date: {DATE}\nsource: ")));
    for wrong in ["source:", "source: \n"] {
        let request = with(&format!("date: {DATE}\n{wrong}"));
        assert_refused(&verifier(), &request, "SignatureMismatch");
    }
}

#[test]
fn a_repeated_header_is_refused_although_kong_takes_the_first() {
    let headers = [("date", DATE), ("x-a", "1"), ("x-a", "2")];
    for value in ["1", "2", "1, 2"] {
        let string = format!("date: {DATE}\nx-a: {value}");
        let request = signed(Scheme::Kong, "/a", &headers, "date x-a", &string);
        assert_refused(&verifier(), &request, "HeaderRepeated");
    }
    let cookies = [("date", DATE), ("cookie", "a=1"), ("cookie", "b=2")];
    let string = format!("date: {DATE}\ncookie: a=1; b=2");
    let request = signed(Scheme::Kong, "/a", &cookies, "date cookie", &string);
    assert_accepted(&verifier(), &request);
}

#[test]
fn names_are_signed_and_listed_in_the_spelling_given() {
    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .signed_headers(["X-Tenant"])
        .build()
        .unwrap();
    let mut request = request("/a", "", &[("x-tenant", "7")]);
    let string = signer.signing_string(&request, now()).unwrap();
    let expected = format!("x-date: {DATE}\n@request-target: get /a\nX-Tenant: 7");
    assert_eq!(string.as_bytes(), expected.as_bytes());
    signer.sign_request(&mut request, now()).unwrap();
    assert_eq!(
        request.headers()["authorization"],
        authorization(Scheme::Kong, "x-date @request-target X-Tenant", &expected)
    );
    let key = assert_accepted(&requiring(Scheme::Kong, "x-tenant"), &request);
    assert!(key.covered().any(|name| name == "X-Tenant"));
}

#[test]
fn a_stale_request_does_not_become_fresh_with_an_unsigned_date() {
    let string = format!("date: {DATE}");
    let later = now() + std::time::Duration::from_secs(301);
    let fresh = "Fri, 09 Oct 2015 00:05:00 GMT";
    let stale = signed(Scheme::Kong, "/a", &[("date", DATE)], "date", &string);
    let why = crate::common::verify(&verifier(), (&stale).into(), later).unwrap_err();
    assert!(format!("{why:?}").starts_with("DateOutOfRange"), "{why:?}");

    let headers = [("date", DATE), ("x-date", fresh)];
    let refreshed = signed(Scheme::Kong, "/a", &headers, "date", &string);
    let why = crate::common::verify(&verifier(), (&refreshed).into(), later).unwrap_err();
    assert_eq!(format!("{why:?}"), "XDateNotCovered");

    let within = now() + std::time::Duration::from_secs(300);
    crate::common::verify(&verifier(), (&stale).into(), within).unwrap();
}

#[test]
fn a_header_named_as_the_request_line_is_not_taken_for_it() {
    let headers = [("date", DATE), ("request-line", "GET /b HTTP/1.1")];
    for string in [
        "GET /a HTTP/1.1",
        "request-line: GET /b HTTP/1.1",
        "GET /b HTTP/1.1",
    ] {
        let string = format!("date: {DATE}\n{string}");
        let request = signed(Scheme::Kong, "/a", &headers, "date request-line", &string);
        assert_refused(&verifier(), &request, "HeaderRepeated");
    }
    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .components(["date", "request-line"])
        .build()
        .unwrap();
    let mut request = request("/a", "", &headers);
    let error = signer.sign_request(&mut request, now()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the request has a header request-line")
    );
    assert!(!request.headers().contains_key("authorization"));
}

#[test]
fn the_target_is_signed_as_it_is_sent() {
    for target in [
        "/a",
        "/",
        "/a?",
        "/a?x=1&x=2",
        "/%61/../b//c",
        "/caf%C3%A9?y=%20",
    ] {
        let string = format!("date: {DATE}\n@request-target: get {target}");
        let request = signed(
            Scheme::Kong,
            target,
            &[("date", DATE)],
            "date @request-target",
            &string,
        );
        let required = requiring(Scheme::Kong, "@request-target");
        assert_accepted(&required, &request);

        let elsewhere = signed(
            Scheme::Kong,
            "/other",
            &[("date", DATE)],
            "date @request-target",
            &string,
        );
        assert_refused(&required, &elsewhere, "SignatureMismatch");
    }
    let string = format!("date: {DATE}");
    let request = signed(Scheme::Kong, "/a", &[("date", DATE)], "date", &string);
    assert_refused(
        &requiring(Scheme::Kong, "@request-target"),
        &request,
        "NotCovered",
    );
}
