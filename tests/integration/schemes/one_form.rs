//! Headers that the signing string joins or normalizes reach the handler in the form that was
//! signed.

use std::convert::Infallible;

use http::{HeaderMap, HeaderValue, Method, Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Scheme, Signer, StaticKeys, VerifyLayer,
    clock::ManualClock,
    error::{SignError, TargetError},
};

use super::{DATE, assert_accepted, assert_refused, now, request, signed};
use crate::common::{date_header, keys, schemes_with_lists, string_of, verifier_of, verify};

/// The schemes whose strings have the method in lower case, and how they name the target.
const FOLD_THE_METHOD: [(Scheme, &str); 2] = [
    (Scheme::Kong, "@request-target"),
    (Scheme::Cavage, "(request-target)"),
];

fn with_method(request: &Request<()>, method: &str) -> Request<()> {
    let mut request = request.clone();
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    request
}

#[test]
fn a_method_that_is_not_in_upper_case_is_refused_where_the_string_folds_it() {
    for (scheme, target) in FOLD_THE_METHOD {
        let string = format!("date: {DATE}\n{target}: delete /items/42");
        let list = format!("date {target}");
        let by_hand = signed(scheme, "/items/42", &[("date", DATE)], &list, &string);
        let verifier = verifier_of(scheme);
        assert_accepted(&verifier, &with_method(&by_hand, "DELETE"));
        for method in ["Delete", "delete", "DELETe", "dELETE"] {
            let refused = with_method(&by_hand, method);
            assert_refused(&verifier, &refused, "Target(LowerCaseMethod)");
        }
    }
}

#[test]
fn a_method_that_is_not_in_upper_case_is_not_signed_where_the_string_folds_it() {
    for (scheme, _) in FOLD_THE_METHOD {
        let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
        let mut request = request("https://h.example/a", "", &[]);
        for method in ["get", "Get", "patcH"] {
            request = with_method(&request, method);
            let error = signer.sign_request(&mut request, now()).unwrap_err();
            assert_eq!(error, SignError::Target(TargetError::LowerCaseMethod));
            assert!(!request.headers().contains_key("authorization"));
        }
        // Other characters than letters have no case.
        request = with_method(&request, "M-SEARCH");
        signer.sign_request(&mut request, now()).unwrap();
        let verifier = verifier_of(scheme);
        verify(&verifier, (&request).into(), now()).unwrap();
    }
}

#[test]
fn a_method_is_signed_in_its_own_case_where_the_string_does_not_fold_it() {
    let string = format!("{}\nDelete /a\ndate: {DATE}\n", crate::common::KEY_ID);
    let list = "@request-target date";
    let by_hand = signed(Scheme::Apisix, "/a", &[("date", DATE)], list, &string);
    let verifier = verifier_of(Scheme::Apisix);
    assert_accepted(&verifier, &with_method(&by_hand, "Delete"));
    assert_refused(
        &verifier,
        &with_method(&by_hand, "DELETE"),
        "SignatureMismatch",
    );
}

/// The headers that the handler sees, if the request passes.
async fn handed_on(scheme: Scheme, request: Request<()>) -> Option<HeaderMap> {
    let handler = service_fn(|request: Request<()>| async move {
        let mut response = Response::new(String::new());
        *response.headers_mut() = request.into_parts().0.headers;
        Ok::<_, Infallible>(response)
    });
    let layer = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(verifier_of(scheme))
        .clock(ManualClock::at(now()));
    let response = layer.layer(handler).oneshot(request).await.unwrap();
    let is_handlers = response.headers().contains_key("authorization");
    is_handlers.then(|| response.into_parts().0.headers)
}

fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h HeaderValue> {
    headers.get_all(name).iter().collect()
}

#[tokio::test]
async fn a_handler_sees_joined_headers_as_the_one_line_that_was_signed() {
    let string = format!("date: {DATE}\nx-role: reader, not-admin");
    let sent: [&[(&str, &str)]; 3] = [
        &[("x-role", "reader, not-admin")],
        &[("x-role", "reader"), ("x-role", "not-admin")],
        &[("x-role", " reader\t"), ("x-role", "not-admin ")],
    ];
    for lines in sent {
        let headers = [&[("date", DATE), ("x-other", "1"), ("x-other", "2")], lines].concat();
        let request = signed(Scheme::Cavage, "/a", &headers, "date x-role", &string);
        let seen = handed_on(Scheme::Cavage, request).await.unwrap();
        assert_eq!(values(&seen, "x-role"), ["reader, not-admin"], "{lines:?}");
        // What is not covered stays as it was sent.
        assert_eq!(values(&seen, "x-other"), ["1", "2"]);
    }
}

#[tokio::test]
async fn crumbs_of_a_cookie_are_one_header_in_every_scheme() {
    for scheme in schemes_with_lists() {
        let (date, line) = (date_header(scheme).name().as_str(), "a=1; b=2; c=3");
        let crumbs = [(date, DATE), ("cookie", "a=1"), ("cookie", "b=2; c=3")];
        let string = string_of(scheme, &format!("{date}: {DATE}\ncookie: {line}"));
        let request = signed(scheme, "/a", &crumbs, &format!("{date} cookie"), &string);
        let seen = handed_on(scheme, request).await;
        let seen = seen.unwrap_or_else(|| panic!("{scheme}"));
        assert_eq!(values(&seen, "cookie"), [line], "{scheme}");
    }
}

#[test]
fn crumbs_of_a_cookie_are_sent_as_the_one_line_that_is_signed() {
    for scheme in schemes_with_lists() {
        let signer = Signer::builder(keys())
            .scheme(scheme)
            .signed_headers(["cookie"])
            .build()
            .unwrap();
        let crumbs = [("cookie", "a=1"), ("cookie", " b=2 ")];
        let mut request = request("https://h.example/a", "", &crumbs);
        request.headers_mut().remove("authorization");
        for cookie in request.headers_mut().values_mut() {
            cookie.set_sensitive(true);
        }
        let string = signer.signing_string(&request, now()).unwrap();
        assert!(
            string.to_string().contains("cookie: a=1; b=2"),
            "{scheme}: {string}"
        );
        let mut applied = request.clone();
        let signed = signer.sign(&request, now()).unwrap();
        signed.apply(applied.headers_mut());
        signer.sign_request(&mut request, now()).unwrap();
        for signed in [&request, &applied] {
            assert_eq!(values(signed.headers(), "cookie"), ["a=1; b=2"], "{scheme}");
            assert!(signed.headers()["cookie"].is_sensitive());
            assert_eq!(
                signed.headers()["authorization"],
                applied.headers()["authorization"]
            );
        }
        let key = verify(&verifier_of(scheme), (&request).into(), now()).unwrap();
        assert!(key.covered().any(|name| name == "cookie"), "{scheme}");
    }
}

#[tokio::test]
async fn a_second_host_is_refused_in_every_scheme_where_it_is_signed() {
    for scheme in schemes_with_lists() {
        let headers = [("date", DATE), ("host", "a.example"), ("host", "b.example")];
        let string = format!("date: {DATE}\nhost: a.example, b.example");
        let request = signed(scheme, "/a", &headers, "date host", &string);
        // Tyk does not see `Host`, so it cannot be listed.
        let kind = match scheme {
            Scheme::Tyk => "AuthorizationMalformed(NotSignable",
            _ => "HeaderRepeated",
        };
        assert_refused(&verifier_of(scheme), &request, kind);
    }
}

#[test]
fn a_verified_key_joins_what_its_signature_covers_for_callers_without_the_layer() {
    let headers = [
        ("date", DATE),
        ("x-role", "reader"),
        ("x-role", "not-admin"),
    ];
    let string = format!("date: {DATE}\nx-role: reader, not-admin");
    let mut request = signed(Scheme::Cavage, "/a", &headers, "date X-Role", &string);
    let key = assert_accepted(&verifier_of(Scheme::Cavage), &request);
    key.join_repeated_headers(request.headers_mut());
    assert_eq!(values(request.headers(), "x-role"), ["reader, not-admin"]);
    // Again changes nothing.
    let joined = request.headers().clone();
    key.join_repeated_headers(request.headers_mut());
    assert_eq!(*request.headers(), joined);
}
