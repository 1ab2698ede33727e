//! Descriptions and options whose signatures no verifier could read are refused when they are
//! built, or what is signed is as the verifier reads it.

use http::{HeaderName, HeaderValue, Request, header};
use tower_hmac_auth::{
    Scheme, Signer,
    error::{BuildError, SignError},
    scheme::DerivedComponent,
};

use super::{assert_accepted, assert_refused, now};
use crate::common::{keys, verifier_of};

/// Its value would be signed before it is known.
#[test]
fn a_header_that_the_gateway_reads_by_itself_carries_no_credentials() {
    for (nearest, name) in [
        (Scheme::TencentApp, header::ACCEPT),
        (Scheme::TencentApp, header::CONTENT_TYPE),
        (Scheme::TencentApp, HeaderName::from_static("content-md5")),
        (Scheme::Tyk, HeaderName::from_static("x-aux-date")),
        (Scheme::TencentMarket, HeaderName::from_static("request-id")),
    ] {
        let described = Scheme::builder("described", nearest).credentials_header(name.clone());
        let error = described.build().unwrap_err().to_string();
        let text = format!("{name} has another meaning and cannot carry the signature");
        assert!(error.starts_with(&text), "{nearest} {error}");
    }
    // Where the gateway does not read it, it can.
    for name in ["accept", "content-md5", "x-aux-date", "request-id"] {
        let name = HeaderName::from_static(name);
        let described = Scheme::builder("described", Scheme::Kong);
        let scheme = described.credentials_header(name.clone()).build().unwrap();
        let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
        let mut request = Request::get("/a").body(()).unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        assert!(request.headers().contains_key(&name));
        assert_accepted(&verifier_of(scheme), &request);
    }
}

/// A JSON object does not say how the date's name is spelled.
#[test]
fn the_case_of_names_cannot_be_kept_where_the_list_is_not_sent() {
    let described = || Scheme::builder("described", Scheme::TencentMarket);
    for described in [
        described().keep_name_case(true).default_list(["X-Date"]),
        described().keep_name_case(true),
    ] {
        assert_eq!(described.build(), Err(BuildError::NoParameters));
    }
    let scheme = described().keep_name_case(false).build().unwrap();
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    let mut request = Request::get("/a").body(()).unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    assert_accepted(&verifier_of(scheme), &request);
}

#[test]
fn a_query_that_gets_the_credentials_is_not_signed() {
    for (derived, has_query) in [
        (DerivedComponent::RequestTarget, true),
        (DerivedComponent::DecodedTarget, true),
        (DerivedComponent::RequestLine, true),
        (DerivedComponent::DecodedPath, false),
        (DerivedComponent::PathLine, false),
    ] {
        let scheme = Scheme::builder("described", Scheme::Iflytek)
            .derived_components([("(t)", derived)])
            .default_list(["date", "host", "(t)"])
            .build()
            .unwrap();
        for in_query in [false, true] {
            let signer = Signer::builder(keys()).scheme(scheme);
            let signer = signer.credentials_in_query(in_query).build();
            if in_query && has_query {
                let error = signer.unwrap_err().to_string();
                let text = "(t) contains the query, to which the credentials are added after it \
                            is signed: ";
                assert!(error.starts_with(text), "{error}");
                continue;
            }
            let mut request = Request::get("https://a.example/x?y=1").body(()).unwrap();
            signer.unwrap().sign_request(&mut request, now()).unwrap();
            assert_accepted(&verifier_of(scheme), &request);
        }
    }
}

/// The verifier refuses it, because the lines have no names and are not those of a list.
#[test]
fn a_repeated_header_that_is_signed_without_being_listed_is_not_joined() {
    let described = Scheme::builder("described", Scheme::TencentApp);
    let scheme = described.join_repeated_headers(true).build().unwrap();
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    for name in ["accept", "content-type", "content-md5"] {
        let mut request = Request::get("/a").header(name, "a/a").body(()).unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        assert_accepted(&verifier_of(scheme), &request);
        let value = HeaderValue::from_static("b/b");
        request.headers_mut().append(name, value);
        assert_refused(&verifier_of(scheme), &request, "HeaderRepeated");
        let error = signer.sign_request(&mut request, now()).unwrap_err();
        let name = HeaderName::from_static(name);
        assert_eq!(error, SignError::RepeatedHeader { name });
    }
    // A listed one is joined.
    let signer = Signer::builder(keys()).scheme(scheme);
    let signer = signer.signed_headers(["x-role"]).build().unwrap();
    let mut request = Request::get("/a").header("x-role", "a");
    request = request.header("x-role", "b");
    let mut request = request.body(()).unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    assert_accepted(&verifier_of(scheme), &request);
}
