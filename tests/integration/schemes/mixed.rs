//! One verifier speaks one scheme, and answers in its gateway's words.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{Scheme, Signer, StaticKeys, VerifyLayer};

use super::{DATE, assert_accepted, assert_refused, authorization, now, request, requiring};
use crate::common::{KEY_ID, date_header, keys, schemes_with_lists, verifier_of};

#[test]
fn a_signature_of_one_scheme_is_refused_by_every_other() {
    for scheme in Scheme::ALL {
        let signer = Signer::builder(keys()).scheme(scheme);
        let signer = match scheme {
            Scheme::TencentMarket => signer,
            _ => signer.components([date_header(scheme).name()]),
        };
        let signer = signer.build().unwrap();
        let mut request = request("/a", "", &[]);
        signer.sign_request(&mut request, now()).unwrap();
        let key = assert_accepted(&verifier_of(scheme), &request);
        assert_eq!(key.scheme(), scheme);
        for other in Scheme::ALL.into_iter().filter(|other| *other != scheme) {
            // iFlytek's clients in Go send Kong's own words: see `gateway_differences`.
            if (scheme, other) == (Scheme::Kong, Scheme::Iflytek) {
                continue;
            }
            assert!(
                super::check(&verifier_of(other), &request).is_err(),
                "{scheme} {other}"
            );
        }
    }
}

/// Documented in `gateway_differences`: why a client needs a key of its own for each scheme.
#[test]
fn a_tencent_signature_in_kongs_words_passes_kongs_verifier_unless_the_target_is_required() {
    let signer = Signer::new(keys());
    let mut request = request("/a", "", &[]);
    signer.sign_request(&mut request, now()).unwrap();
    let tencent = request.headers()[header::AUTHORIZATION].to_str().unwrap();
    let kong = tencent.replacen("hmac id=", "hmac username=", 1);
    request
        .headers_mut()
        .insert(header::AUTHORIZATION, kong.parse().unwrap());
    assert_accepted(&verifier_of(Scheme::Kong), &request);
    let required = requiring(Scheme::Kong, "@request-target");
    assert_refused(&required, &request, "NotCovered");
}

#[test]
fn an_equal_signing_string_under_another_schemes_name_is_still_refused() {
    // Tencent, Kong, draft-cavage and Tyk build the same string for plain headers.
    let string = format!("date: {DATE}");
    let alike = [Scheme::Tencent, Scheme::Kong, Scheme::Cavage, Scheme::Tyk];
    for wrote in alike {
        let authorization = authorization(wrote, "date", &string);
        let request = request("/a", &authorization, &[("date", DATE)]);
        for reads in alike {
            if wrote == reads {
                assert_accepted(&verifier_of(reads), &request);
            } else {
                assert_refused(&verifier_of(reads), &request, "AuthorizationMalformed");
            }
        }
    }
    // APISIX and draft-cavage differ in the string alone.
    let cavage = authorization(Scheme::Cavage, "date", &string);
    let cavage = request("/a", &cavage, &[("date", DATE)]);
    assert_refused(&verifier_of(Scheme::Apisix), &cavage, "SignatureMismatch");
    let apisix = authorization(Scheme::Apisix, "date", &format!("{KEY_ID}\ndate: {DATE}\n"));
    let apisix = request("/a", &apisix, &[("date", DATE)]);
    assert_refused(&verifier_of(Scheme::Cavage), &apisix, "SignatureMismatch");
}

#[test]
fn names_that_mean_something_at_another_gateway_are_not_signable() {
    for (scheme, name) in [
        (Scheme::Tencent, "@request-target"),
        (Scheme::Tencent, "request-line"),
        (Scheme::Tencent, "(request-target)"),
        (Scheme::Kong, "(request-target)"),
        (Scheme::Apisix, "request-line"),
        (Scheme::Apisix, "(created)"),
        (Scheme::Cavage, "@request-target"),
        (Scheme::Cavage, "request-line"),
        (Scheme::Cavage, "(Request-Target)"),
        (Scheme::Tyk, "@request-target"),
        (Scheme::Tyk, "(created)"),
    ] {
        let list = format!("date {name}");
        let authorization = authorization(scheme, &list, "any");
        let headers = [("date", DATE), ("request-line", "GET /a HTTP/1.1")];
        let request = request("/a", &authorization, &headers);
        assert_refused(
            &verifier_of(scheme),
            &request,
            "AuthorizationMalformed(NotSignable",
        );
    }
}

async fn refused(scheme: Scheme, request: Request<()>) -> Response<String> {
    let handler = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let layer = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(verifier_of(scheme))
        .clock(now);
    let response = layer.layer(handler).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn refusals_are_in_the_words_of_the_schemes_gateway() {
    let unsigned = || Request::new(());
    let mismatched = |scheme| {
        let authorization = authorization(scheme, "date", "another string");
        request("/a", &authorization, &[("date", DATE)])
    };
    let stale = |scheme| {
        let authorization = authorization(scheme, "date", "any");
        request(
            "/a",
            &authorization,
            &[("date", "Thu, 08 Oct 2015 00:00:00 GMT")],
        )
    };
    let malformed = |_| request("/a", "Basic dTpw", &[]);
    for (scheme, challenge, texts) in [
        (
            Scheme::Kong,
            "hmac",
            [
                "Unauthorized",
                "HMAC signature does not match",
                "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication",
                "HMAC signature cannot be verified",
            ],
        ),
        (
            Scheme::Apisix,
            "hmac realm=\"hmac\"",
            [
                "client request can't be validated: missing Authorization header",
                "client request can't be validated",
                "client request can't be validated",
                "client request can't be validated: Authorization header does not start with 'Signature'",
            ],
        ),
    ] {
        let requests = [
            unsigned(),
            mismatched(scheme),
            stale(scheme),
            malformed(scheme),
        ];
        for (request, text) in requests.into_iter().zip(texts) {
            let answer = refused(scheme, request).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
            assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], challenge);
            assert_eq!(answer.body(), &format!("{{\"message\":\"{text}\"}}"));
        }
    }
    let mut call = request("/a.B/C", "", &[("content-type", "application/grpc")]);
    call.headers_mut().remove("authorization");
    *call.method_mut() = http::Method::POST;
    *call.version_mut() = http::Version::HTTP_2;
    let answer = refused(Scheme::Kong, call).await;
    assert_eq!(answer.headers()["grpc-status"], "16");
    assert_eq!(answer.headers()["grpc-message"], "Unauthorized");
}

#[test]
fn times_and_hs2019_mean_nothing_to_schemes_without_them() {
    let string = format!("{KEY_ID}\ndate: {DATE}\n");
    let right = authorization(Scheme::Apisix, "date", &string);
    for times in [
        "created=1,",
        "created=1444348800,",
        "created=\"1444348800\",",
        "expires=\"1444348800\",",
    ] {
        let with_times = right.replace("headers=", &format!("{times}headers="));
        let request = request("/a", &with_times, &[("date", DATE)]);
        // Parameters without a meaning, whatever they say.
        assert_accepted(&verifier_of(Scheme::Apisix), &request);
    }
    for scheme in schemes_with_lists().filter(|scheme| *scheme != Scheme::Cavage) {
        let right = authorization(scheme, "date", "any");
        let hs2019 = right.replace("hmac-sha256", "hs2019");
        let request = request("/a", &hs2019, &[("date", DATE)]);
        assert_refused(&verifier_of(scheme), &request, "AlgorithmNotSupported");
    }
}
