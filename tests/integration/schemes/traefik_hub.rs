use std::time::Duration;

use http::{Request, header};
use tower_hmac_auth::{Algorithm, Scheme, Signer, Verifier, error::BuildError};

use super::{DATE, assert_accepted, assert_refused, now, request, requiring, signature, verifying};
use crate::common::{FRIDAY, KEY_ID, keys, verifier_of, verify};

fn verifier() -> Verifier {
    verifier_of(Scheme::TraefikHub)
}

/// A request with these parameters after the key id and the algorithm, and the signature of
/// `string`.
fn with(parameters: &str, string: &str) -> Request<()> {
    let signature = signature(string);
    let authorization = format!(
        r#"Hmac keyId="{KEY_ID}",algorithm="hmac-sha256",{parameters}signature="{signature}""#
    );
    request("/a", &authorization, &[("date", DATE), ("x-a", "1")])
}

fn string(created: i64, expires: i64) -> String {
    format!("(request-target): get /a\n(created): {created}\n(expires): {expires}")
}

const LIST: &str = "headers=\"(request-target) (created) (expires)\",";

fn timed(created: i64, expires: i64) -> Request<()> {
    let times = format!("created=\"{created}\",expires=\"{expires}\",");
    with(&format!("{times}{LIST}"), &string(created, expires))
}

#[test]
fn a_signer_sends_quoted_times_that_end_after_a_minute_by_default() {
    for (lifetime, seconds) in [
        (None, 60),
        (Some(Duration::from_secs(10)), 10),
        (Some(Duration::from_millis(1999)), 1),
    ] {
        let mut builder = Signer::builder(keys()).scheme(Scheme::TraefikHub);
        if let Some(lifetime) = lifetime {
            builder = builder.expires_after(lifetime);
        }
        let mut request = request("/a", "", &[]);
        let signer = builder.build().unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        let expires = FRIDAY + seconds;
        assert_eq!(
            request.headers()[header::AUTHORIZATION],
            format!(
                "Hmac keyId=\"{KEY_ID}\",algorithm=\"hmac-sha256\",created=\"{FRIDAY}\",\
                 expires=\"{expires}\",headers=\"(request-target) (created) (expires)\",\
                 signature=\"{}\"",
                signature(&string(FRIDAY, expires))
            )
        );
        assert_eq!(request.headers().len(), 1, "no date is sent: {request:?}");
        for (later, is_good) in [(0, true), (seconds, true), (seconds + 1, false)] {
            let later = now() + Duration::from_secs(later.unsigned_abs());
            assert_eq!(
                verify(&verifier(), (&request).into(), later).is_ok(),
                is_good
            );
        }
    }
}

#[test]
fn there_is_no_leeway_at_either_end() {
    assert_accepted(&verifier(), &timed(FRIDAY, FRIDAY));
    assert_accepted(&verifier(), &timed(FRIDAY - 300, FRIDAY + 60));
    for (created, expires, kind) in [
        (
            FRIDAY + 1,
            FRIDAY + 60,
            "CreatedOutOfRange { skew: 1, max_skew: 0 }",
        ),
        (FRIDAY - 301, FRIDAY + 60, "CreatedOutOfRange { skew: 301"),
        (FRIDAY - 60, FRIDAY - 1, "Expired { since: 1 }"),
    ] {
        assert_refused(&verifier(), &timed(created, expires), kind);
    }
    // A server can allow some: as much to either side.
    let lenient = verifying(Scheme::TraefikHub).max_skew(Duration::from_secs(5));
    let lenient = lenient.build().unwrap();
    assert_accepted(&lenient, &timed(FRIDAY + 5, FRIDAY + 60));
    assert_accepted(&lenient, &timed(FRIDAY - 5, FRIDAY + 60));
    for created in [FRIDAY + 6, FRIDAY - 6] {
        let request = timed(created, FRIDAY + 60);
        assert_refused(&lenient, &request, "CreatedOutOfRange { skew: 6");
    }
}

#[test]
fn the_spellings_of_clients_are_read() {
    let string = string(FRIDAY, FRIDAY + 10);
    let quoted = format!("created=\"{FRIDAY}\",expires=\"{}\",", FRIDAY + 10);
    let bare = quoted.replace('"', "");
    // As the documentation's sample has it: the times come last.
    let right = with(LIST, &string).headers()[header::AUTHORIZATION].clone();
    let last = format!(
        "{},{}",
        right.to_str().unwrap(),
        quoted.trim_end_matches(',')
    );
    assert_accepted(&verifier(), &request("/a", &last, &[]));
    assert_accepted(&verifier(), &request("/a", &last.replace(',', ", "), &[]));
    let kongs_word = last.replacen("Hmac", "hmac", 1);
    assert_accepted(&verifier(), &request("/a", &kongs_word, &[]));
    // As the draft has it: without quotes.
    assert_accepted(&verifier(), &with(&format!("{bare}{LIST}"), &string));
    // Without a list, the default list is signed.
    let unlisted = with(&quoted, &string);
    let key = assert_accepted(&verifier(), &unlisted);
    let covered: Vec<_> = key.covered().collect();
    assert_eq!(covered, ["(request-target)", "(created)", "(expires)"]);
}

#[test]
fn a_time_is_a_number() {
    for wrong in ["-1", "1.5", "", "+1", " 1", "0x1"] {
        let times = format!("created=\"{wrong}\",");
        let request = with(&format!("{times}headers=\"(created)\","), "any");
        assert_refused(&verifier(), &request, "AuthorizationMalformed");
    }
    let twice = format!("created=\"{FRIDAY}\",created={FRIDAY},headers=\"(created)\",");
    let request = with(&twice, "any");
    assert_refused(&verifier(), &request, "AuthorizationMalformed(Repeated");
}

#[test]
fn a_time_that_is_not_covered_is_ignored() {
    let times = format!("created=\"{FRIDAY}\",expires=\"{}\",", FRIDAY + 60);
    let uncovered = with(&format!("{times}headers=\"x-a\","), "x-a: 1");
    assert_refused(&verifier(), &uncovered, "DateNotCovered");
    // It can be in the past, because anyone could have replaced it.
    let parameters = "created=\"1\",expires=\"1\",headers=\"date\",";
    assert_accepted(&verifier(), &with(parameters, &format!("date: {DATE}")));
    let only_expires = format!("expires=\"{}\",headers=\"(expires)\",", FRIDAY + 60);
    let only_expires = with(&only_expires, &format!("(expires): {}", FRIDAY + 60));
    assert_refused(&verifier(), &only_expires, "DateNotCovered");
    let required = requiring(Scheme::TraefikHub, "(expires)");
    assert_accepted(&required, &timed(FRIDAY, FRIDAY + 60));
}

#[test]
fn there_is_no_hs2019() {
    let error = Signer::builder(keys())
        .scheme(Scheme::TraefikHub)
        .hs2019(true);
    let error = error.build().unwrap_err();
    assert!(matches!(error, BuildError::Hs2019NotCarried { .. }));
    let error = verifying(Scheme::TraefikHub).hs2019(Algorithm::HmacSha256);
    assert!(error.build().is_err());
    let right = timed(FRIDAY, FRIDAY + 60);
    let right = right.headers()[header::AUTHORIZATION].to_str().unwrap();
    let hs2019 = right.replace("hmac-sha256", "hs2019");
    assert_refused(
        &verifier(),
        &request("/a", &hs2019, &[]),
        "AlgorithmNotSupported",
    );
    let none = right.replace("algorithm=\"hmac-sha256\",", "");
    assert_refused(&verifier(), &request("/a", &none, &[]), "ParameterMissing");
}

#[test]
fn all_four_algorithms_are_signed_and_accepted() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::builder(keys())
            .scheme(Scheme::TraefikHub)
            .algorithm(algorithm)
            .signed_headers(["host"])
            .build()
            .unwrap();
        let mut request = request("https://example.org/foo?q=1", "", &[]);
        signer.sign_request(&mut request, now()).unwrap();
        let key = assert_accepted(&requiring(Scheme::TraefikHub, "host"), &request);
        assert_eq!(key.algorithm(), algorithm);
    }
}
