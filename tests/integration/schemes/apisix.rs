use http::header;
use tower_hmac_auth::{KeyPair, Rejection, Scheme, Signer, Verifier, sign::RotatingKeyPair};

use super::{
    DATE, assert_accepted, assert_refused, authorization, check, normalizing, now, request,
    requiring, signed,
};
use crate::common::{KEY_ID, keys, verifier_of};

fn verifier() -> Verifier {
    verifier_of(Scheme::Apisix)
}

#[test]
fn the_string_begins_with_the_key_id_and_ends_with_a_newline() {
    let with = |string: &str| {
        signed(
            Scheme::Apisix,
            "/a",
            &[("date", DATE)],
            "@request-target date",
            string,
        )
    };
    assert_accepted(
        &verifier(),
        &with(&format!("{KEY_ID}\nGET /a\ndate: {DATE}\n")),
    );
    for wrong in [
        format!("{KEY_ID}\nGET /a\ndate: {DATE}"),
        format!("GET /a\ndate: {DATE}\n"),
        format!("{KEY_ID}\nget /a\ndate: {DATE}\n"),
        format!("{KEY_ID}\n@request-target: GET /a\ndate: {DATE}\n"),
    ] {
        assert_refused(&verifier(), &with(&wrong), "SignatureMismatch");
    }
}

#[test]
fn parameters_are_read_in_any_order_with_or_without_whitespace() {
    let string = format!("{KEY_ID}\ndate: {DATE}\n");
    let right = authorization(Scheme::Apisix, "date", &string);
    let parameters: Vec<_> = right
        .strip_prefix("Signature ")
        .unwrap()
        .split(',')
        .collect();
    for (first, separator) in [(0, ","), (1, ", "), (2, " , "), (3, ",\t")] {
        let mut turned = parameters.clone();
        turned.rotate_left(first);
        let authorization = format!("signature {}", turned.join(separator));
        let request = request("/a", &authorization, &[("date", DATE)]);
        assert_accepted(&verifier(), &request);
    }
}

#[test]
fn only_a_date_listed_in_lower_case_counts() {
    let with = |list: &str, string: &str| {
        let string = format!("{KEY_ID}\n{string}\n");
        signed(
            Scheme::Apisix,
            "/a",
            &[("date", DATE), ("x-date", DATE)],
            list,
            &string,
        )
    };
    let x_date_only = with("x-date", &format!("x-date: {DATE}"));
    assert_refused(&verifier(), &x_date_only, "DateNotCovered");
    let why = check(&verifier(), &x_date_only).unwrap_err();
    assert!(
        why.to_string().ends_with(": send date and list it as date"),
        "{why}"
    );
    let upper = with("Date", &format!("Date: {DATE}"));
    assert_refused(&verifier(), &upper, "DateNotCovered");
    // An X-Date is a header like any other here.
    assert_accepted(&verifier(), &with("date", &format!("date: {DATE}")));
    assert_accepted(
        &verifier(),
        &with("date x-date", &format!("date: {DATE}\nx-date: {DATE}")),
    );
}

#[test]
fn the_texts_of_refusals_are_the_plugins() {
    let scheme = Scheme::Apisix;
    let text = |request: &http::Request<()>| {
        let why = check(&verifier(), request).unwrap_err();
        scheme.text(&why).into_owned()
    };
    // apisix/plugins/hmac-auth.lua
    let other =
        "client request can't be validated: Authorization header does not start with 'Signature'";
    for authorization in ["Bearer x", "hmac username=\"a\"", "Basic dTpw", "x"] {
        assert_eq!(
            text(&request("/a", authorization, &[("date", DATE)])),
            other
        );
    }
    let unreadable = request("/a", "Signature x", &[("date", DATE)]);
    assert_eq!(text(&unreadable), "client request can't be validated");
    // apisix/core/request.lua
    let (size, limit) = (Some(70_000), 65_536);
    let why = Rejection::BodyTooLarge { size, limit };
    assert_eq!(
        scheme.text(&why),
        "request size 70000 is greater than the maximum size 65536 allowed"
    );
}

fn with_target(target: &str, decoded: &str) -> http::Request<()> {
    let string = format!("{KEY_ID}\nGET {decoded}\ndate: {DATE}\n");
    let list = "@request-target date";
    signed(Scheme::Apisix, target, &[("date", DATE)], list, &string)
}

#[test]
fn a_signature_for_one_target_is_good_for_no_other_that_decodes_to_it() {
    let string = |target: &str, more: &str| format!("{KEY_ID}\nGET {target}\ndate: {DATE}\n{more}");
    // The victim's requests are accepted...
    let list = "@request-target date";
    let victim = string("/a?x=1", "");
    assert_accepted(
        &verifier(),
        &signed(Scheme::Apisix, "/a?x=1", &[("date", DATE)], list, &victim),
    );
    // ...with any of these targets the plugin computes the same string.
    for target in [
        "/admin/../a?x=1",
        "/%61?x=1",
        "/./a?x=1",
        "/.//a?x=1",
        "//a?x=1",
        "/b/..//a?x=1",
        "/b/%2E./a?x=1",
        "/%2e/a?x=1",
        "/%2Fa?x=1",
        "/%2e%2fa?x=1",
    ] {
        let request = signed(Scheme::Apisix, target, &[("date", DATE)], list, &victim);
        assert_refused(&verifier(), &request, "Target(NotNormal)");
        assert_accepted(&normalizing(), &request);
    }
    for (target, decoded) in [
        ("/a/.", "/a/"),
        ("/a/b/..", "/a/"),
        ("/a/b/%2e%2E", "/a/"),
        ("/a//", "/a/"),
        ("//", "/"),
        ("/a%2Fb", "/a/b"),
        ("/%7Ea%2Db%5Fc", "/~a-b_c"),
        // Decoded once, these still hold what may be decoded or dropped.
        ("/a%23b", "/a#b"),
        ("/a%252e%252e", "/a%2e%2e"),
        ("/a%25", "/a%"),
    ] {
        let request = with_target(target, decoded);
        assert_refused(&verifier(), &request, "Target(NotNormal)");
        assert_accepted(&normalizing(), &request);
    }
    // No target of a handler's has this signature and no other.
    for (target, decoded) in [("/a%3Fx=1", "/a?x=1"), ("/a%3fx=1?y", "/a?x=1?y")] {
        let request = with_target(target, decoded);
        for verifier in [verifier(), normalizing()] {
            assert_refused(&verifier, &request, "Target(EscapedQuestionMark)");
        }
    }

    // A control character makes a line of its own.
    let headers = [("date", DATE), ("x-role", "user")];
    let injected = format!("{KEY_ID}\nGET /a\nx-role: user\ndate: {DATE}\n");
    let request = signed(
        Scheme::Apisix,
        "/a%0Ax-role:%20user",
        &headers,
        list,
        &injected,
    );
    for verifier in [verifier(), normalizing()] {
        assert_refused(&verifier, &request, "Target(ControlCharacter)");
    }
}

#[test]
fn an_escape_that_changes_no_segment_is_normal() {
    for (target, decoded) in [
        ("/a?", "/a"),
        ("/v1/items/42%3Acancel", "/v1/items/42:cancel"),
        ("/a%40b;x%3d1%2c2", "/a@b;x=1,2"),
        ("/caf\u{e9}", "/caf\u{e9}"),
        ("/{a}|\"b\\^[1]", "/{a}|\"b\\^[1]"),
        ("/caf%C3%A9%20b?x=%41", "/café b?x=%41"),
        ("/caf%c3%a9%5b%5D", "/café[]"),
        ("/a%22b", "/a\"b"),
        ("/a@b:c$d;e=1,2", "/a@b:c$d;e=1,2"),
        ("/.well-known/a..b/...", "/.well-known/a..b/..."),
        ("/a/", "/a/"),
        ("http://h.example/a?//", "/a?//"),
        ("http://h.example?x", "/?x"),
        ("http://h.example", "/"),
    ] {
        let request = with_target(target, decoded);
        assert_accepted(&requiring(Scheme::Apisix, "@request-target"), &request);
    }
}

#[test]
fn targets_that_cannot_be_decoded_are_neither_signed_nor_accepted() {
    let signer = Signer::builder(keys())
        .scheme(Scheme::Apisix)
        .build()
        .unwrap();
    for (target, kind) in [
        ("/a%0Ab", "ControlCharacter"),
        ("/a%00", "ControlCharacter"),
        ("/a%7f", "ControlCharacter"),
        ("/a%", "BadEscape"),
        ("/a%4", "BadEscape"),
        ("/a%zz", "BadEscape"),
        ("/a%+1", "BadEscape"),
        ("/..", "AboveRoot"),
        ("/a/../../b", "AboveRoot"),
        ("/%2e%2e/b", "AboveRoot"),
    ] {
        let mut unsigned = request(target, "Signature keyId=\"stale\"", &[]);
        let error = signer.sign_request(&mut unsigned, now()).unwrap_err();
        assert_eq!(format!("{error:?}"), format!("Target({kind})"), "{target}");
        assert!(!unsigned.headers().contains_key(header::AUTHORIZATION));

        let string = format!("{KEY_ID}\nGET /a\ndate: {DATE}\n");
        let request = signed(
            Scheme::Apisix,
            target,
            &[("date", DATE)],
            "@request-target date",
            &string,
        );
        assert_refused(&verifier(), &request, &format!("Target({kind})"));
    }
    // What only decodes to something else is signed as the plugin will decode it.
    let mut dotted = request("/b/../a%2Fb//c/.", "", &[]);
    let string = signer.signing_string(&dotted, now()).unwrap();
    let expected = format!("{KEY_ID}\nGET /a/b/c/\ndate: {DATE}\n");
    assert_eq!(string.as_bytes(), expected.as_bytes());
    signer.sign_request(&mut dotted, now()).unwrap();
    assert_accepted(&normalizing(), &dotted);
}

#[test]
fn a_key_id_with_a_comma_is_refused_when_the_signer_is_built_and_never_sent_after_a_rotation() {
    let comma = || KeyPair::new("AKID,1", "test-secret-key-0001").unwrap();
    let build = |pair| Signer::builder(pair).scheme(Scheme::Apisix).build();
    let error = build(comma()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the key id has one of `,`, which apisix cannot carry: use a pair with another id"
    );

    let keys = RotatingKeyPair::new(keys());
    let signer = Signer::builder(keys.clone())
        .scheme(Scheme::Apisix)
        .build()
        .unwrap();
    keys.rotate(comma());
    let mut request = request("/a", "Signature keyId=\"stale\"", &[]);
    let error = signer.sign_request(&mut request, now()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("rotate to a pair with another id"),
        "{error}"
    );
    assert!(!request.headers().contains_key(header::AUTHORIZATION));
}

#[test]
fn a_repeated_header_is_refused() {
    let headers = [("date", DATE), ("x-a", "1"), ("x-a", "2")];
    let string = format!("{KEY_ID}\ndate: {DATE}\nx-a: 1\n");
    let request = signed(Scheme::Apisix, "/a", &headers, "date x-a", &string);
    assert_refused(&verifier(), &request, "HeaderRepeated");
}
