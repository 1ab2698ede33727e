//! Options that a scheme cannot carry are errors when the signer is built, each with what to do.

use std::time::Duration;

use http::HeaderName;
use tower_hmac_auth::{Algorithm, DateHeader, Scheme, Signer, SignerBuilder};

use crate::common::keys;

fn builder(scheme: Scheme) -> SignerBuilder {
    Signer::builder(keys()).scheme(scheme)
}

#[track_caller]
fn assert_error(builder: SignerBuilder, text: &str) {
    let error = builder.build().unwrap_err().to_string();
    assert!(error.starts_with(text), "{error}");
    assert!(!error.contains('\n'));
}

#[test]
fn algorithms_that_a_scheme_does_not_have_are_refused() {
    for (scheme, has) in [
        (Scheme::Tencent, [true, true, true, true]),
        (Scheme::Kong, [true, true, true, true]),
        (Scheme::Apisix, [true, true, false, true]),
        (Scheme::Cavage, [false, true, false, true]),
    ] {
        for (algorithm, has) in Algorithm::ALL.into_iter().zip(has) {
            let builder = builder(scheme).algorithm(algorithm);
            if has {
                assert_eq!(builder.build().unwrap().algorithm(), algorithm);
            } else {
                assert_error(
                    builder,
                    &format!("{scheme} has no {algorithm}: choose another"),
                );
            }
        }
    }
}

#[test]
fn the_defaults_are_those_of_each_gateway() {
    for (scheme, algorithm, list) in [
        (Scheme::Tencent, Algorithm::HmacSha1, "x-date"),
        (
            Scheme::Kong,
            Algorithm::HmacSha256,
            "x-date @request-target",
        ),
        (
            Scheme::Apisix,
            Algorithm::HmacSha256,
            "@request-target date",
        ),
        (
            Scheme::Cavage,
            Algorithm::HmacSha256,
            "(request-target) host date",
        ),
    ] {
        let signer = builder(scheme).build().unwrap();
        assert_eq!((signer.scheme(), signer.algorithm()), (scheme, algorithm));
        let mut request = super::request("http://h.example/a", "", &[]);
        signer.sign_request(&mut request, super::now()).unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap();
        assert!(
            authorization.contains(&format!("headers=\"{list}\"")),
            "{authorization}"
        );
    }
}

#[test]
fn apisix_takes_no_x_date() {
    let text = "apisix takes no date from x-date: choose the other date header";
    assert_error(builder(Scheme::Apisix).date_header(DateHeader::XDate), text);
    assert_error(
        builder(Scheme::Apisix).components(["@request-target", "x-date"]),
        text,
    );
    builder(Scheme::Cavage)
        .date_header(DateHeader::XDate)
        .build()
        .unwrap();
}

#[test]
fn lists_that_no_verifier_accepts_are_refused() {
    let list = |scheme, names: &[&str]| builder(scheme).components(names);
    for (builder, text) in [
        (
            list(Scheme::Kong, &["@request-target"]),
            "no date is to be signed",
        ),
        (
            list(Scheme::Kong, &["date", "x-date"]),
            "date and x-date are both to be signed",
        ),
        (
            list(Scheme::Kong, &["date", "X-A", "x-a"]),
            "x-a is named twice",
        ),
        (
            list(Scheme::Kong, &["date", "(request-target)"]),
            "(request-target) is neither a header nor one of kong's",
        ),
        (
            list(Scheme::Kong, &["date", "two words"]),
            "two words is neither",
        ),
        (list(Scheme::Kong, &["date", ""]), " is neither"),
        (
            list(Scheme::Kong, &["date", "Authorization"]),
            "authorization cannot be signed",
        ),
        (
            list(Scheme::Cavage, &["date", "request-line"]),
            "request-line stands for something else",
        ),
        (
            list(Scheme::Cavage, &["(created)"]),
            "(created) can be signed under hs2019 only",
        ),
        (
            list(Scheme::Cavage, &["(created)", "(expires)"]).hs2019(true),
            "(expires) is to be signed: say with",
        ),
        (
            list(Scheme::Tencent, &["date", "@request-target"]),
            "@request-target is neither",
        ),
        (builder(Scheme::Kong).hs2019(true), "kong has no hs2019"),
        (
            builder(Scheme::Kong).signed_headers(["@request-target"]),
            "@request-target has its fixed place",
        ),
        (
            builder(Scheme::Cavage).signed_headers(["Host"]),
            "Host has its fixed place",
        ),
        (
            builder(Scheme::Kong).signed_headers(["X-Date"]),
            "X-Date has its fixed place",
        ),
    ] {
        assert_error(builder, text);
    }
    list(Scheme::Cavage, &["(created)", "(expires)"])
        .hs2019(true)
        .expires_after(Duration::from_secs(60))
        .build()
        .unwrap();
    let names = (0..65).map(|number| HeaderName::try_from(format!("x-{number}")).unwrap());
    assert_error(
        builder(Scheme::Kong).signed_headers(names),
        "more than 64 headers",
    );
}

#[test]
fn a_scheme_is_named_as_it_is_read() {
    for scheme in Scheme::ALL {
        assert_eq!(scheme.to_string().parse(), Ok(scheme));
    }
    let error = "Kong".parse::<Scheme>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown scheme: use one of tencent, kong, apisix, cavage"
    );
}
