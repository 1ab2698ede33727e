use std::time::Duration;

use http::{HeaderName, HeaderValue, Request};
use tower_hmac_auth::{Algorithm, Scheme, Signer, Verifier, error::SignError};

use super::{
    DATE, assert_accepted, assert_refused, now, request, requiring, signature, signed, verifying,
};
use crate::common::{FRIDAY, KEY_ID, keys, verifier_of, verify};

fn verifier() -> Verifier {
    verifier_of(Scheme::Cavage)
}

fn hs2019() -> Verifier {
    let options = verifying(Scheme::Cavage).hs2019(Algorithm::HmacSha256);
    options.build().unwrap()
}

/// A request with these parameters after the key id, and the signature of `string`.
fn with(parameters: &str, string: &str) -> Request<()> {
    let signature = signature(string);
    let authorization =
        format!(r#"Signature keyId="{KEY_ID}",{parameters}signature="{signature}""#);
    request("/a", &authorization, &[("date", DATE), ("x-a", "1")])
}

#[test]
fn repeated_headers_are_joined_on_both_sides() {
    let headers = [
        ("date", DATE),
        ("x-multi", "a"),
        ("x-multi", "b"),
        ("x-empty", ""),
    ];
    let string = format!("date: {DATE}\nx-multi: a, b\nx-empty: ");
    let request = signed(
        Scheme::Cavage,
        "/a",
        &headers,
        "date x-multi x-empty",
        &string,
    );
    assert_accepted(&verifier(), &request);

    let signer = Signer::builder(keys())
        .scheme(Scheme::Cavage)
        .components(["date", "x-multi"])
        .build()
        .unwrap();
    let mut unsigned = super::request("/a", "", &headers[1..]);
    signer.sign_request(&mut unsigned, now()).unwrap();
    assert_accepted(&requiring(Scheme::Cavage, "x-multi"), &unsigned);
    assert_eq!(unsigned.headers().get_all("x-multi").iter().count(), 2);
}

#[test]
fn names_are_in_lower_case_in_the_string_whatever_the_list_says() {
    let string = format!("date: {DATE}\nx-a: 1");
    assert_accepted(
        &verifier(),
        &with("algorithm=\"hmac-sha256\",headers=\"Date X-A\",", &string),
    );
}

#[test]
fn without_a_list_the_date_is_signed_or_under_hs2019_the_creation() {
    let date = format!("date: {DATE}");
    assert_accepted(&verifier(), &with("algorithm=\"hmac-sha256\",", &date));
    let created = format!("(created): {FRIDAY}");
    let times = format!("created={FRIDAY},");
    let accepted = with(&format!("algorithm=\"hs2019\",{times}"), &created);
    let key = assert_accepted(&hs2019(), &accepted);
    assert_eq!(key.covered().collect::<Vec<_>>(), ["(created)"]);
    // No algorithm is the same as hs2019.
    assert_accepted(&hs2019(), &with(&times, &created));
    assert_refused(
        &hs2019(),
        &with("algorithm=\"hs2019\",", &created),
        "ParameterMissing",
    );
}

#[test]
fn an_old_date_that_is_not_covered_is_nothing_to_a_covered_creation() {
    let created = format!("(created): {FRIDAY}");
    let mut request = with(&format!("algorithm=\"hs2019\",created={FRIDAY},"), &created);
    for name in ["date", "x-date"] {
        let old = HeaderValue::from_static("Thu, 08 Oct 2015 00:00:00 GMT");
        request.headers_mut().insert(name, old);
    }
    assert_accepted(&hs2019(), &request);
}

#[test]
fn hs2019_means_nothing_unless_the_server_says_what() {
    let created = format!("(created): {FRIDAY}");
    let request = with(&format!("algorithm=\"hs2019\",created={FRIDAY},"), &created);
    assert_refused(&verifier(), &request, "AlgorithmNotSupported");
    let not_allowed = verifying(Scheme::Cavage)
        .hs2019(Algorithm::HmacSha256)
        .algorithms([Algorithm::HmacSha512])
        .build()
        .unwrap();
    assert_refused(&not_allowed, &request, "AlgorithmNotSupported");
    // Nor can it be made to mean another: the signature would be of another length.
    let other = verifying(Scheme::Cavage).hs2019(Algorithm::HmacSha512);
    assert_refused(&other.build().unwrap(), &request, "AuthorizationMalformed");
}

#[test]
fn times_in_parameters_are_for_hs2019_only() {
    for name in ["(created)", "(expires)"] {
        let parameters = format!(
            "algorithm=\"hmac-sha256\",created={FRIDAY},expires={FRIDAY},headers=\"date {name}\","
        );
        let request = with(&parameters, &format!("date: {DATE}\n{name}: {FRIDAY}"));
        assert_refused(&hs2019(), &request, "AuthorizationMalformed(NotSignable");
    }
    // Unsigned they mean nothing.
    let parameters = "algorithm=\"hmac-sha256\",created=1,expires=1,headers=\"date\",";
    assert_accepted(&verifier(), &with(parameters, &format!("date: {DATE}")));
}

#[test]
fn a_signature_is_good_from_its_creation_until_it_expires() {
    let request = |created: i64, expires: &str| {
        let list = "headers=\"(created) (expires)\"";
        let parameters =
            format!("algorithm=\"hs2019\",created={created},expires={expires},{list},");
        with(
            &parameters,
            &format!("(created): {created}\n(expires): {expires}"),
        )
    };
    let at = |seconds: i64| (FRIDAY + seconds).to_string();
    assert_accepted(&hs2019(), &request(FRIDAY, &at(0)));
    assert_accepted(&hs2019(), &request(FRIDAY - 300, &at(60)));
    assert_refused(&hs2019(), &request(FRIDAY, &at(-1)), "Expired { since: 1 }");
    assert_refused(
        &hs2019(),
        &request(FRIDAY - 301, &at(60)),
        "CreatedOutOfRange { skew: 301",
    );
    assert_refused(
        &hs2019(),
        &request(FRIDAY + 301, &at(600)),
        "CreatedOutOfRange { skew: 301",
    );
    // More digits than there are seconds.
    assert_accepted(&hs2019(), &request(FRIDAY, "99999999999999999999999999"));
    for wrong in ["-1", "1.5", "\"1\"", ""] {
        assert_refused(&hs2019(), &request(FRIDAY, wrong), "AuthorizationMalformed");
    }
}

#[test]
fn a_signature_of_the_newer_form_is_accepted_until_it_expires() {
    let signer = Signer::builder(keys())
        .scheme(Scheme::Cavage)
        .hs2019(true)
        .components(["(request-target)", "(created)", "(expires)"])
        .expires_after(Duration::from_secs(60))
        .build()
        .unwrap();
    let mut request = request("/a?x=1", "", &[]);
    signer.sign_request(&mut request, now()).unwrap();
    let expires = FRIDAY + 60;
    let string = format!("(request-target): get /a?x=1\n(created): {FRIDAY}\n(expires): {expires}");
    assert_eq!(
        request.headers()["authorization"],
        format!(
            "Signature keyId=\"{KEY_ID}\",algorithm=\"hs2019\",created={FRIDAY},expires={expires},\
             headers=\"(request-target) (created) (expires)\",signature=\"{}\"",
            signature(&string)
        )
    );
    assert_eq!(request.headers().len(), 1, "no date is sent: {request:?}");
    for (later, is_good) in [(0, true), (60, true), (61, false)] {
        let later = now() + Duration::from_secs(later);
        assert_eq!(verify(&hs2019(), (&request).into(), later).is_ok(), is_good);
    }
}

#[test]
fn an_unsigned_date_that_is_repeated_beside_a_signed_creation_is_not_signed() {
    let signer = Signer::builder(keys())
        .scheme(Scheme::Cavage)
        .hs2019(true)
        .components(["(created)"])
        .build()
        .unwrap();
    for name in ["date", "x-date"] {
        let mut once = request("/a", "", &[(name, DATE)]);
        signer.sign_request(&mut once, now()).unwrap();
        assert_accepted(&hs2019(), &once);

        let mut twice = request("/a", "", &[(name, DATE), (name, DATE)]);
        let error = signer.sign_request(&mut twice, now()).unwrap_err();
        let name = HeaderName::from_static(name);
        assert_eq!(error, SignError::RepeatedHeader { name });
        assert!(!twice.headers().contains_key("authorization"));
    }
}

#[test]
fn no_time_at_all_is_refused() {
    let request = with("algorithm=\"hmac-sha256\",headers=\"x-a\",", "x-a: 1");
    assert_refused(&verifier(), &request, "DateNotCovered");
    let parameters = format!("algorithm=\"hs2019\",expires={FRIDAY},headers=\"(expires)\",");
    let only_expires = with(&parameters, &format!("(expires): {FRIDAY}"));
    assert_refused(&hs2019(), &only_expires, "DateNotCovered");
}
