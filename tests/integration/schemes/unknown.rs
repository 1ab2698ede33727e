//! Parameters without a meaning (draft-cavage-http-signatures-12, section 2.2: they "MUST be
//! ignored").

use http::Request;
use tower_hmac_auth::Scheme;

use super::{DATE, assert_accepted, assert_refused, authorization, request};
use crate::common::{KEY_ID, verifier_of};

/// The schemes that ignore them.
const IGNORING: [Scheme; 2] = [Scheme::Apisix, Scheme::Cavage];

/// A request with a valid signature, whose `Authorization` is changed.
fn with(scheme: Scheme, change: impl Fn(&str) -> String) -> Request<()> {
    let string = match scheme {
        Scheme::Apisix => format!("{KEY_ID}\ndate: {DATE}\n"),
        _ => format!("date: {DATE}"),
    };
    let right = authorization(scheme, "date", &string);
    request("/a", &change(&right), &[("date", DATE)])
}

/// Requests with `extra` before, between and after the scheme's own parameters.
fn with_extra(scheme: Scheme, extra: &str) -> [Request<()>; 3] {
    [
        with(scheme, |right| {
            let (word, parameters) = right.split_once(' ').unwrap();
            format!("{word} {extra},{parameters}")
        }),
        with(scheme, |right| {
            right.replacen("headers=", &format!("{extra}, headers="), 1)
        }),
        with(scheme, |right| format!("{right} , {extra}")),
    ]
}

#[test]
fn parameters_without_a_meaning_are_ignored_in_apisix_and_draft_cavage() {
    for extra in [
        // npm's `http-signature` sends it.
        r#"opaque="""#,
        r#"opaque="a, b=\c""#,
        r#"realm="x",nonce="1""#,
        "version=1",
        "number=1402170695.5",
        "token=a-b_c.d",
        r#"ext="keyId=""#,
        // Another form of the scheme has it.
        r#"x-headers="(request-target)""#,
    ] {
        for scheme in IGNORING {
            for request in with_extra(scheme, extra) {
                assert_accepted(&verifier_of(scheme), &request);
            }
        }
        for scheme in [Scheme::Tencent, Scheme::Kong] {
            for request in with_extra(scheme, extra) {
                assert_refused(&verifier_of(scheme), &request, "AuthorizationMalformed");
            }
        }
    }
    // APISIX has no times, and no rule for what would be one.
    for extra in ["created=1", "expires=x", r#"created="1""#] {
        for request in with_extra(Scheme::Apisix, extra) {
            assert_accepted(&verifier_of(Scheme::Apisix), &request);
        }
    }
}

#[test]
fn a_repeated_parameter_is_refused_whether_it_has_a_meaning_or_not() {
    for scheme in IGNORING {
        for extra in [
            r#"opaque="a",opaque="a""#,
            r#"opaque="a",OPAQUE=b"#,
            r#"algorithm="hmac-sha256""#,
            r#"headers="date""#,
            r#"signature="AAAA""#,
            &format!(r#"keyId="{KEY_ID}""#),
        ] {
            for request in with_extra(scheme, extra) {
                let kind = "AuthorizationMalformed(RepeatedParameter";
                assert_refused(&verifier_of(scheme), &request, kind);
            }
        }
    }
}

#[test]
fn a_parameter_that_another_reader_would_give_a_meaning_is_refused() {
    for scheme in IGNORING {
        for extra in [
            r#"id="other""#,
            r#"username="other""#,
            r#"keyid="other""#,
            r#"KEYID="other""#,
            r#"Algorithm="hmac-sha1""#,
            r#"Headers="date""#,
            r#"SIGNATURE="AAAA""#,
        ] {
            for request in with_extra(scheme, extra) {
                let kind = "AuthorizationMalformed(UnknownParameter";
                assert_refused(&verifier_of(scheme), &request, kind);
            }
        }
    }
    for request in with_extra(Scheme::Cavage, r#"Created="1""#) {
        let kind = "AuthorizationMalformed(UnknownParameter";
        assert_refused(&verifier_of(Scheme::Cavage), &request, kind);
    }
}

#[test]
fn what_is_no_parameter_is_refused_in_every_scheme() {
    for extra in [
        "opaque",
        "opaque=",
        r#"opaque="a"#,
        r#"opaque="a"b"#,
        r#"opaque="a\"b""#,
        "opaque=a b",
        "opaque=a=b",
        r#"opaque ="a""#,
        r#"opaque= "a""#,
        r#"="a""#,
        "",
    ] {
        for scheme in Scheme::ALL {
            for request in with_extra(scheme, extra) {
                assert_refused(&verifier_of(scheme), &request, "AuthorizationMalformed");
            }
        }
    }
}

#[test]
fn at_most_16_parameters_without_a_meaning_are_looked_at() {
    let many = |count: usize| {
        let names = (0..count).map(|number| format!("p{number}=x"));
        names.collect::<Vec<_>>().join(",")
    };
    let long = |len: usize| format!("opaque=\"{}\"", "a".repeat(len));
    for scheme in IGNORING {
        let verifier = verifier_of(scheme);
        for request in with_extra(scheme, &many(16)) {
            assert_accepted(&verifier, &request);
        }
        for request in with_extra(scheme, &many(17)) {
            assert_refused(
                &verifier,
                &request,
                "AuthorizationMalformed(TooManyParameters",
            );
        }
        for request in with_extra(scheme, &long(8 * 1024)) {
            assert_accepted(&verifier, &request);
        }
        for request in with_extra(scheme, &long(8 * 1024 + 1)) {
            let kind = "AuthorizationMalformed(ParameterTooLong";
            assert_refused(&verifier, &request, kind);
        }
    }
}
