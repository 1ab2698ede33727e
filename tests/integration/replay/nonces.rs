//! What a verifier takes as a nonce, and what it claims.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, header};
use tower_hmac_auth::{
    Algorithm, Rejection, RequestHead, Scheme, VerifiedKey, Verifier,
    error::{BuildError, RejectionKind},
    scheme::{DatePolicy, X_NONCE},
};

use super::{builder, signed, verifier};
use crate::common::{
    FRIDAY, KEY_ID, SECRET, at, schemes_with_lists,
    sign_by_hand::{base64, mac},
    verify,
};

fn checked(verifier: &Verifier, request: &Request<()>) -> Result<VerifiedKey, Rejection> {
    verify(verifier, RequestHead::from(request), at(FRIDAY))
}

#[test]
fn a_covered_nonce_is_claimed_with_its_key_id_and_times_in_every_scheme() {
    for scheme in schemes_with_lists() {
        let request = signed(scheme, &X_NONCE, &["d3b07384"]);
        let verifier = builder(scheme)
            .nonce(X_NONCE)
            .max_skew(Duration::from_secs(60));
        let verifier = verifier.build().unwrap();
        let now = at(FRIDAY + 7);
        let key = verify(&verifier, RequestHead::from(&request), now).unwrap();
        let claim = key.claim().unwrap();
        assert_eq!((claim.key_id(), claim.nonce()), (KEY_ID, &b"d3b07384"[..]));
        assert_eq!(claim.signed_at(), at(FRIDAY));
        assert_eq!(claim.max_skew(), Duration::from_secs(60));
        assert_eq!(claim.now(), now);
        assert_eq!(claim.until(), at(FRIDAY + 61));
        // The nonce is kept beside the list of names, and is no part of it.
        assert!(key.covered().any(|name| name == "x-nonce"));
        assert!(!key.covered().any(|name| name.contains("d3b0")));
    }
}

#[test]
fn a_verifier_without_nonces_claims_nothing() {
    let request = signed(Scheme::Kong, &X_NONCE, &["d3b07384"]);
    let key = checked(&builder(Scheme::Kong).build().unwrap(), &request).unwrap();
    assert_eq!(key.claim(), None);
}

#[test]
fn a_request_without_a_signed_nonce_is_refused_in_every_scheme() {
    for scheme in schemes_with_lists() {
        let verifier = verifier(scheme);
        let missing = checked(&verifier, &signed(scheme, &X_NONCE, &[]));
        let name = "x-nonce";
        assert!(
            matches!(&missing, Err(Rejection::NotCovered { name: n }) if n.as_str() == name),
            "{scheme}: {missing:?}"
        );
        // Anyone could have added this one.
        let mut request = signed(scheme, &X_NONCE, &[]);
        request
            .headers_mut()
            .insert(X_NONCE, HeaderValue::from_static("d3b07384"));
        let added = checked(&verifier, &request);
        assert_eq!(added, missing, "{scheme}");
    }
}

#[test]
fn a_nonce_is_1_to_128_bytes_and_is_sent_once() {
    for scheme in schemes_with_lists() {
        let verifier = verifier(scheme);
        let with = |nonce: &str| checked(&verifier, &signed(scheme, &X_NONCE, &[nonce]));
        for nonce in ["x", &"x".repeat(128)] {
            let key = with(nonce).unwrap();
            assert_eq!(key.claim().unwrap().nonce(), nonce.as_bytes());
        }
        for nonce in ["", &"x".repeat(129)] {
            let refused = with(nonce).unwrap_err();
            assert!(
                matches!(refused, Rejection::NonceInvalid { .. }),
                "{scheme}: {refused:?}"
            );
            assert_eq!(refused.kind(), RejectionKind::Nonce);
        }
        let mut twice = signed(scheme, &X_NONCE, &["one"]);
        twice
            .headers_mut()
            .append(X_NONCE, HeaderValue::from_static("two"));
        let refused = checked(&verifier, &twice).unwrap_err();
        assert!(
            matches!(refused, Rejection::HeaderRepeated { .. }),
            "{scheme}: {refused:?}"
        );
    }
    // draft-cavage joins repeated headers and signs the result.
    let joined = checked(
        &verifier(Scheme::Cavage),
        &signed(Scheme::Cavage, &X_NONCE, &["one", "two"]),
    );
    assert!(
        matches!(joined, Err(Rejection::HeaderRepeated { .. })),
        "{joined:?}"
    );
}

#[test]
fn whitespace_around_a_nonce_makes_no_other_nonce() {
    let mut request = signed(Scheme::Tencent, &X_NONCE, &["d3b07384"]);
    request
        .headers_mut()
        .insert(X_NONCE, HeaderValue::from_static(" \td3b07384 "));
    let key = checked(&verifier(Scheme::Tencent), &request).unwrap();
    assert_eq!(key.claim().unwrap().nonce(), b"d3b07384");
}

#[test]
fn the_earlier_of_two_signed_times_ends_a_claim() {
    let (date, created) = ("Fri, 09 Oct 2015 00:00:50 GMT", FRIDAY + 20);
    let string = format!("(created): {created}\ndate: {date}\nx-nonce: d3b07384");
    let signature = mac(Algorithm::HmacSha256, SECRET.as_bytes(), string.as_bytes());
    let authorization = format!(
        "Signature keyId=\"{KEY_ID}\",algorithm=\"hs2019\",created={created},\
         headers=\"(created) date x-nonce\",signature=\"{}\"",
        base64(&signature)
    );
    let request = Request::get("/a")
        .header("date", date)
        .header(X_NONCE, "d3b07384")
        .header("authorization", authorization)
        .body(())
        .unwrap();
    let verifier = builder(Scheme::Cavage)
        .hs2019(Algorithm::HmacSha256)
        .nonce(X_NONCE);
    let key = checked(&verifier.build().unwrap(), &request).unwrap();
    let claim = key.claim().unwrap();
    assert_eq!(claim.signed_at(), at(created));
    assert_eq!(claim.until(), at(created + 301));
}

#[test]
fn nonces_need_dates_of_a_known_age_and_a_header_of_their_own() {
    let of = |header: HeaderName| builder(Scheme::Cavage).nonce(header).build();
    let tencent = Verifier::builder().nonce(X_NONCE);
    assert_eq!(
        tencent.clone().build().unwrap_err(),
        BuildError::NonceWithoutAge
    );
    assert!(tencent.date_policy(DatePolicy::Refuse).build().is_ok());
    for header in [
        header::DATE,
        header::HOST,
        header::COOKIE,
        HeaderName::from_static("digest"),
    ] {
        let error = of(header.clone()).unwrap_err();
        assert!(
            matches!(error, BuildError::NonceHeader { .. }),
            "{header}: {error}"
        );
    }
    assert!(matches!(
        of(header::AUTHORIZATION).unwrap_err(),
        BuildError::SignsAuthorization { .. }
    ));
    // Its credentials have no list, so a nonce could not be signed.
    let market = Verifier::builder()
        .scheme(Scheme::TencentMarket)
        .nonce(X_NONCE);
    let error = market.build().unwrap_err();
    assert!(
        matches!(error, BuildError::ListNotCarried { .. }),
        "{error}"
    );
    let a_day = builder(Scheme::Kong)
        .nonce(X_NONCE)
        .max_skew(Duration::from_secs(86_400));
    assert!(a_day.clone().build().is_ok());
    let longer = a_day.max_skew(Duration::from_secs(86_401));
    assert_eq!(longer.build().unwrap_err(), BuildError::NonceSkew);
    let both = builder(Scheme::Kong)
        .nonce(X_NONCE)
        .signature_as_nonce(true);
    assert_eq!(both.build().unwrap_err(), BuildError::TwoNonces);
}

#[test]
fn a_signature_is_a_nonce_only_where_it_covers_the_target_and_the_body() {
    let of = |required: &[&str]| {
        let builder = builder(Scheme::Kong).signature_as_nonce(true);
        builder.require(required).build()
    };
    for required in [
        &[][..],
        &["@request-target"],
        &["digest"],
        &["host", "content-digest"],
    ] {
        assert_eq!(
            of(required).unwrap_err(),
            BuildError::SignatureNotUnique,
            "{required:?}"
        );
    }
    for required in [
        ["@request-target", "digest"],
        ["content-digest", "request-line"],
    ] {
        assert!(of(&required).is_ok(), "{required:?}");
    }
    let tencent = builder(Scheme::Tencent)
        .signature_as_nonce(true)
        .require(["digest"]);
    assert_eq!(tencent.build().unwrap_err(), BuildError::SignatureNotUnique);
}

/// Two requests that differ in the query alone would have one signature.
#[test]
fn a_signature_over_the_path_alone_is_no_nonce() {
    for (scheme, target) in [
        (Scheme::Tyk, "(request-target)"),
        (Scheme::Iflytek, "request-line"),
    ] {
        let builder = builder(scheme).require([target, "digest"]);
        assert!(builder.clone().build().is_ok(), "{scheme}");
        let error = builder.signature_as_nonce(true).build().unwrap_err();
        assert_eq!(error, BuildError::SignatureNotUnique, "{scheme}");
    }
}

/// Tyk reads the date from it, so it cannot carry something else.
#[test]
fn a_header_that_replaces_the_date_is_no_nonce() {
    let name = HeaderName::from_static("x-aux-date");
    let error = builder(Scheme::Tyk)
        .nonce(name.clone())
        .build()
        .unwrap_err();
    assert!(matches!(error, BuildError::NonceHeader { .. }), "{error}");
    assert!(builder(Scheme::Kong).nonce(name).build().is_ok());
}

/// base64 has several texts for the same bytes, and a client can spell the list in another case.
#[test]
fn the_decoded_signature_is_claimed_however_the_request_spells_it() {
    let digest = "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let date = "Fri, 09 Oct 2015 00:00:00 GMT";
    let string = format!("(request-target): get /a\ndate: {date}\ndigest: {digest}");
    let signature = mac(Algorithm::HmacSha256, SECRET.as_bytes(), string.as_bytes());
    let verifier = builder(Scheme::Cavage)
        .signature_as_nonce(true)
        .require(["(request-target)", "digest"])
        .build()
        .unwrap();
    for list in [
        "(request-target) date digest",
        "(request-target) Date DIGEST",
    ] {
        let authorization = format!(
            "Signature keyId=\"{KEY_ID}\",algorithm=\"hmac-sha256\",headers=\"{list}\",signature=\"{}\"",
            base64(&signature)
        );
        let request = Request::get("/a")
            .header("date", date)
            .header("digest", digest)
            .header("authorization", authorization);
        let key = checked(&verifier, &request.body(()).unwrap()).unwrap();
        assert_eq!(key.claim().unwrap().nonce(), signature);
    }
}

#[test]
fn key_id_and_nonce_cannot_be_shifted_into_each_other() {
    let claim = |key_id, nonce| {
        let (now, skew) = (at(FRIDAY), Duration::from_secs(300));
        tower_hmac_auth::verify::Claim::new(key_id, nonce, now, skew, now).to_bytes()
    };
    assert_ne!(claim("ab", b"c"), claim("a", b"bc"));
    assert_eq!(claim("ab", b"c"), b"\0\0\0\x02abc");
}
