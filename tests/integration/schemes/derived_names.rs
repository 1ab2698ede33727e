//! Names of derived components: those that lack their `@` or parentheses, those that are plain
//! words, and those that have another meaning elsewhere.

use http::{HeaderName, HeaderValue, Request};
use tower_hmac_auth::{
    Scheme, Signer, Verifier,
    error::{BuildError, SignError},
    scheme::{DerivedComponent, SchemeBuilder},
    verify::VerifierSet,
};

use super::{
    DATE, allowing_missing, assert_accepted, assert_refused, authorization, now, request,
    requiring, signed, verifying,
};
use crate::common::{keys, verifier_of};

/// A gateway that names its target with a plain word.
fn plain() -> Scheme {
    Scheme::builder("plain", Scheme::Apisix)
        .derived_components([("request-target", DerivedComponent::RequestTarget)])
        .key_id_line(false)
        .final_newline(false)
        .default_list(["date", "request-target"])
        .build()
        .unwrap()
}

#[test]
fn a_name_without_its_mark_is_refused_with_the_name_that_was_meant() {
    for (scheme, name, meant) in [
        (Scheme::Kong, "request-target", "@request-target"),
        (Scheme::Kong, "Request-Target", "@request-target"),
        (Scheme::Kong, "Request-Line", "request-line"),
        (Scheme::Apisix, "request-target", "@request-target"),
        (Scheme::Cavage, "request-target", "(request-target)"),
        (Scheme::Cavage, "created", "(created)"),
        (Scheme::Tyk, "request-target", "(request-target)"),
        (Scheme::TraefikHub, "Created", "(created)"),
    ] {
        let signing = || Signer::builder(keys()).scheme(scheme);
        let described = Scheme::builder("described", scheme).default_list(["date", name]);
        let errors = [
            signing().components(["date", name]).build().map(drop),
            signing().signed_headers([name]).build().map(drop),
            verifying(scheme).require([name]).build().map(drop),
            described.build().map(drop),
        ];
        for error in errors {
            let text = format!(
                "{name} is the name of a header that requests do not have: did you mean \
                 \"{meant}\"?"
            );
            assert_eq!(error.unwrap_err().to_string(), text, "{scheme}");
        }
    }
    let error = Signer::builder(keys()).scheme(plain());
    let error = error.components(["date", "Request-Target"]).build();
    let error = error.unwrap_err().to_string();
    assert!(
        error.ends_with("did you mean \"request-target\"?"),
        "{error}"
    );
    // It signs the target without listing it.
    let error = verifying(Scheme::TencentApp).require(["request-target"]);
    let error = error.build().unwrap_err().to_string();
    assert!(
        error.ends_with("did you mean \"@request-target\"?"),
        "{error}"
    );
}

#[test]
fn a_header_of_such_a_name_is_signed_where_the_gateway_has_no_such_component() {
    for (scheme, name) in [
        (Scheme::Kong, "created"),
        (Scheme::Tencent, "path"),
        (Scheme::Cavage, "method"),
        // An HTTP header beside `(expires)`.
        (Scheme::Cavage, "expires"),
        (Scheme::TraefikHub, "Expires"),
    ] {
        let request = Request::get("https://h.example/a").header(name, "1");
        let mut request = request.body(()).unwrap();
        let signer = Signer::builder(keys())
            .scheme(scheme)
            .signed_headers([name]);
        let signer = signer.build().unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        assert_accepted(&requiring(scheme, name), &request);
    }
}

/// Clients forget the `@`, and what they list is theirs to choose.
#[test]
fn a_verifier_treats_such_a_name_in_a_list_as_a_missing_header() {
    let string = format!("date: {DATE}\nrequest-target:");
    let list = "date request-target";
    let request = signed(Scheme::Kong, "/a", &[("date", DATE)], list, &string);
    assert_refused(&verifier_of(Scheme::Kong), &request, "HeaderMissing");
    let key = assert_accepted(&allowing_missing(Scheme::Kong), &request);
    assert_eq!(key.covered().collect::<Vec<_>>(), ["date"]);
}

#[test]
fn a_described_gateway_can_name_its_target_with_a_plain_word() {
    let signer = Signer::builder(keys()).scheme(plain()).build().unwrap();
    let verifier = requiring(plain(), "request-target");
    let mut request = Request::get("/a?x=1").body(()).unwrap();
    let string = signer.signing_string(&request, now()).unwrap();
    let expected = format!("date: {DATE}\nrequest-target: get /a?x=1");
    assert_eq!(string.as_bytes(), expected.as_bytes());
    signer.sign_request(&mut request, now()).unwrap();
    let value = authorization(Scheme::Apisix, "date request-target", &expected);
    assert_eq!(request.headers()["authorization"], value);
    let key = assert_accepted(&verifier, &request);
    assert_eq!(
        key.covered().collect::<Vec<_>>(),
        ["date", "request-target"]
    );
    *request.uri_mut() = "/b".parse().unwrap();
    assert_refused(&verifier, &request, "SignatureMismatch");
}

/// The gateway could read it instead of the target.
#[test]
fn beside_a_header_of_that_name_the_target_is_neither_signed_nor_accepted() {
    let signer = Signer::builder(keys()).scheme(plain()).build().unwrap();
    let mut request = Request::get("/a").body(()).unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    for value in ["get /a", "get /b", ""] {
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert("request-target", value);
        assert_refused(&verifier_of(plain()), &request, "HeaderRepeated");
        let error = signer
            .sign_request(&mut request.clone(), now())
            .unwrap_err();
        assert!(matches!(error, SignError::NameTaken { .. }), "{error}");
    }
}

/// Whoever has recorded a request could otherwise send it to another path.
#[test]
fn a_signature_of_that_target_is_not_valid_for_a_header_in_another_scheme() {
    let signer = Signer::builder(keys()).scheme(plain()).build().unwrap();
    let mut recorded = Request::get("/a").body(()).unwrap();
    let string = signer.signing_string(&recorded, now()).unwrap();
    signer.sign_request(&mut recorded, now()).unwrap();
    let string = str::from_utf8(string.as_bytes()).unwrap();
    let headers = [("date", DATE), ("request-target", "get /a")];
    for scheme in [Scheme::Kong, Scheme::Cavage, Scheme::Tencent] {
        for list in ["date request-target", "date Request-Target"] {
            let rewritten = signed(scheme, "/admin", &headers, list, string);
            assert_refused(&verifier_of(scheme), &rewritten, "HeaderRepeated");
        }
    }
    // So no signer signs such a header.
    let signer = Signer::builder(keys()).signed_headers(["Request-Target"]);
    let error = signer.build().unwrap_err().to_string();
    assert!(
        error.starts_with("Request-Target stands for something else than a header"),
        "{error}"
    );
    let [kong, plain] = [Scheme::Kong, plain()].map(verifier_of);
    VerifierSet::new([kong, plain]).unwrap();
}

#[track_caller]
fn assert_error(builder: SchemeBuilder, text: &str) {
    let error = builder.build().unwrap_err().to_string();
    assert!(error.starts_with(text), "{error}");
}

/// Otherwise a verifier that requires `(request-target)` would accept signatures that do not cover
/// the target.
#[test]
fn a_name_that_another_gateway_has_for_another_kind_of_component_is_refused() {
    let times = [DerivedComponent::Created, DerivedComponent::Expires];
    let targets = [
        DerivedComponent::RequestTarget,
        DerivedComponent::DecodedPath,
        DerivedComponent::PathLine,
    ];
    let names = [
        ("(request-target)", &times[..]),
        ("(Request-Target)", &times),
        ("@request-target", &times),
        ("request-line", &times),
        ("request-target", &times),
        ("(created)", &targets),
        ("(created)", &times[1..]),
        ("(expires)", &targets),
        ("(Expires)", &times[..1]),
    ];
    for (name, derived) in names {
        for derived in derived {
            let described = Scheme::builder("described", Scheme::TraefikHub)
                .derived_components([(name, *derived)])
                .default_list(["date"]);
            let text = format!("{name} names another component at other gateways");
            assert_error(described, &text);
        }
    }
    for (name, derived) in [
        ("(request-target)", DerivedComponent::DecodedPath),
        ("request-line", DerivedComponent::PathLine),
        ("(created)", DerivedComponent::Created),
        ("(at)", DerivedComponent::Created),
    ] {
        Scheme::builder("described", Scheme::TraefikHub)
            .derived_components([(name, derived)])
            .default_list(["date"])
            .build()
            .unwrap();
    }
}

#[test]
fn the_header_of_the_credentials_has_no_name_of_a_derived_component() {
    for name in ["request-line", "request-target"] {
        let described = Scheme::builder("described", Scheme::Kong);
        let described = described.credentials_header(HeaderName::from_static(name));
        let text = format!("{name} has another meaning and cannot carry the signature");
        assert_error(described, &text);
    }
}

#[test]
fn a_plain_name_in_another_case_or_for_a_header_is_refused() {
    for name in ["Request-Target", "target", "request_target"] {
        let described = Scheme::builder("described", Scheme::Kong);
        let described = described.derived_components([(name, DerivedComponent::RequestTarget)]);
        let error = described.build().unwrap_err();
        assert!(matches!(error, BuildError::DerivedName { .. }), "{error}");
    }
    let none = Verifier::builder()
        .scheme(plain())
        .require(["(request-target)"]);
    assert!(matches!(none.build(), Err(BuildError::NotAName { .. })));
    assert_accepted(
        &verifier_of(plain()),
        &request(
            "/a",
            &authorization(Scheme::Apisix, "date", &format!("date: {DATE}")),
            &[("date", DATE)],
        ),
    );
}
