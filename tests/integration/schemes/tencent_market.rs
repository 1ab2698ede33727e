//! Tencent Cloud Market's credentials: a JSON object with the date in it.

use http::{HeaderValue, Request, StatusCode, Version, header};
use tower::{Layer as _, ServiceExt as _};
use tower_hmac_auth::{
    Algorithm, Rejection, Scheme, Signer, Verifier,
    error::{BuildError, RejectionKind},
    scheme::{DateHeader, SchemeBuilder},
    verify::{DefaultResponseForRejection, Refusal, ResponseForRejection as _},
};

use super::{DATE, assert_accepted, assert_refused, check, now, request};
use crate::common::{FRIDAY, KEY_ID, SECRET, at, keys, sign_by_hand, verifier_of, verify};

fn verifier() -> Verifier {
    verifier_of(Scheme::TencentMarket)
}

fn signature(date: &str) -> String {
    let string = format!("x-date: {date}");
    let mac = sign_by_hand::mac(Algorithm::HmacSha1, SECRET.as_bytes(), string.as_bytes());
    sign_by_hand::base64(&mac)
}

fn with(authorization: &str) -> Request<()> {
    request("/a", authorization, &[])
}

#[test]
fn every_spelling_of_the_object_is_read() {
    let signature = signature(DATE);
    // As PHP's `json_encode` writes slashes.
    let slashes = signature.replace('/', "\\/");
    for authorization in [
        format!(r#"{{"id":"{KEY_ID}", "x-date":"{DATE}", "signature":"{signature}"}}"#),
        format!(r#"{{"id":"{KEY_ID}","x-date":"{DATE}","signature":"{signature}"}}"#),
        format!(r#"{{"id": "{KEY_ID}", "x-date": "{DATE}", "signature": "{signature}"}}"#),
        format!(r#"{{"id":"{KEY_ID}" , "x-date":"{DATE}" , "signature":"{signature}"}}"#),
        format!(r#"{{"id":"{KEY_ID}","signature":"{signature}","x-date":"{DATE}"}}"#),
        format!("\t{{ \"id\":\"{KEY_ID}\",\t\"x-date\":\"{DATE}\",\"signature\":\"{slashes}\" }} "),
        format!(r#"{{"\u0069d":"{KEY_ID}","x-date":"{DATE}","signature":"{signature}"}}"#),
    ] {
        let key = assert_accepted(&verifier(), &with(&authorization));
        assert_eq!(key.key_id(), KEY_ID);
        assert_eq!(key.covered().collect::<Vec<_>>(), ["x-date"]);
        assert_eq!(key.algorithm(), Algorithm::HmacSha1);
    }
}

#[test]
fn a_key_id_that_is_escaped_is_looked_up_unescaped() {
    let (date, signature) = (DATE, signature(DATE));
    let authorization =
        format!(r#"{{"id":"\u0041KIDtestkey0001","x-date":"{date}","signature":"{signature}"}}"#);
    let request = with(&authorization);
    let credentials = verifier().read(&request, now()).unwrap();
    assert_eq!(credentials.key_id(), KEY_ID);
}

#[test]
fn an_object_of_other_members_is_refused() {
    let (date, signature) = (DATE, signature(DATE));
    let whole = format!(r#""id":"{KEY_ID}","x-date":"{date}","signature":"{signature}""#);
    let long = "a".repeat(8 * 1024 + 1);
    let deep = "[".repeat(10_000);
    for (authorization, kind) in [
        ("{}".to_owned(), "KeyIdOrSignatureMissing"),
        ("{".to_owned(), "AuthorizationMalformed(NotJson)"),
        (format!("{{{whole}"), "AuthorizationMalformed(NotJson)"),
        (format!("{{{whole}}}x"), "AuthorizationMalformed(NotJson)"),
        (format!("{{{whole},}}"), "AuthorizationMalformed(NotJson)"),
        (
            format!("[{{{whole}}}]"),
            "AuthorizationMalformed(OtherScheme",
        ),
        (
            format!("hmac {{{whole}}}"),
            "AuthorizationMalformed(OtherScheme",
        ),
        (
            format!(r#"{{{whole},"id":"{KEY_ID}"}}"#),
            "AuthorizationMalformed(RepeatedParameter",
        ),
        (
            format!(r#"{{{whole},"source":"a"}}"#),
            "AuthorizationMalformed(UnknownParameter",
        ),
        (
            format!(r#"{{{whole},"ID":"a"}}"#),
            "AuthorizationMalformed(UnknownParameter",
        ),
        (
            format!(r#"{{{whole},"headers":"x-date"}}"#),
            "AuthorizationMalformed(UnknownParameter",
        ),
        (
            format!(r#"{{"id":"{long}"}}"#),
            "AuthorizationMalformed(ParameterTooLong",
        ),
        (
            format!(r#"{{"id":{deep}"#),
            "AuthorizationMalformed(NotJson)",
        ),
        (format!(r#"{{{deep}"#), "AuthorizationMalformed(NotJson)"),
        (r#"{"id":1}"#.to_owned(), "AuthorizationMalformed(NotJson)"),
        (
            r#"{"id":null}"#.to_owned(),
            "AuthorizationMalformed(NotJson)",
        ),
        (
            r#"{"id":["a"]}"#.to_owned(),
            "AuthorizationMalformed(NotJson)",
        ),
        (
            r#"{"id":"\ud800"}"#.to_owned(),
            "AuthorizationMalformed(NotJson)",
        ),
        (
            r#"{"id":"a\nb"}"#.to_owned(),
            "AuthorizationMalformed(NotAscii)",
        ),
        (
            r#"{"id":"\u4f60"}"#.to_owned(),
            "AuthorizationMalformed(NotAscii)",
        ),
        (
            format!(r#"{{"id":"{KEY_ID}","x-date":"{date}"}}"#),
            "KeyIdOrSignatureMissing",
        ),
        (
            format!(r#"{{"id":"","x-date":"{date}","signature":"a"}}"#),
            "KeyIdOrSignatureMissing",
        ),
        (
            format!(r#"{{"id":"{KEY_ID}","signature":"{signature}"}}"#),
            r#"ParameterMissing { parameter: "x-date" }"#,
        ),
        (
            format!(r#"{{"id":"{KEY_ID}","x-date":"","signature":"{signature}"}}"#),
            r#"ParameterMissing { parameter: "x-date" }"#,
        ),
        (
            format!(r#"{{"id":"{KEY_ID}","x-date":"{date}","signature":"AAAA"}}"#),
            "AuthorizationMalformed(SignatureLength)",
        ),
    ] {
        assert_refused(&verifier(), &with(&authorization), kind);
    }
    assert_refused(
        &verifier(),
        &request("/a", "", &[]),
        "AuthorizationMalformed(OtherScheme",
    );
}

#[test]
fn the_date_in_the_object_is_the_one_that_counts() {
    let signed = |date: &str| {
        let signature = signature(date);
        with(&format!(
            r#"{{"id":"{KEY_ID}","x-date":"{date}","signature":"{signature}"}}"#
        ))
    };
    for (off, is_good) in [(-901, false), (-900, true), (900, true), (901, false)] {
        let checked = verify(&verifier(), (&signed(DATE)).into(), at(FRIDAY + off));
        assert_eq!(checked.is_ok(), is_good, "{off}");
    }
    assert_accepted(&verifier(), &signed("Fri, 09 Oct 2015 00:00:00 UTC"));
    assert_refused(
        &verifier(),
        &signed("2015-10-09T00:00:00Z"),
        "DateUnreadable",
    );
    assert_refused(
        &verifier(),
        &signed("Fri, 09 Oct 2015 00:00:00 +0800"),
        "DateNotUtc",
    );
    // A newline would make another line of the signing string.
    assert_refused(
        &verifier(),
        &signed(&format!("{DATE}\\nx-role: a")),
        "AuthorizationMalformed",
    );

    // What a handler may read instead has to say the same.
    let mut request = signed(DATE);
    request
        .headers_mut()
        .insert("x-date", HeaderValue::from_static(DATE));
    assert_accepted(&verifier(), &request);
    request
        .headers_mut()
        .append("x-date", HeaderValue::from_static("later"));
    assert_refused(&verifier(), &request, "HeaderRepeated");
    request
        .headers_mut()
        .insert("x-date", HeaderValue::from_static("later"));
    assert_refused(&verifier(), &request, "HeaderRepeated");
}

#[test]
fn a_wrong_signature_and_an_unknown_key_are_refused() {
    let (date, other) = (DATE, signature("Fri, 09 Oct 2015 00:00:01 GMT"));
    let wrong = format!(r#"{{"id":"{KEY_ID}","x-date":"{date}","signature":"{other}"}}"#);
    assert_refused(&verifier(), &with(&wrong), "SignatureMismatch");
    let unknown = format!(r#"{{"id":"nobody","x-date":"{date}","signature":"{other}"}}"#);
    assert_refused(&verifier(), &with(&unknown), "KeyUnknown");
}

/// The docs say so: what is not covered can be changed.
#[test]
fn nothing_but_the_date_is_covered() {
    let signer = Signer::builder(keys()).scheme(Scheme::TencentMarket);
    let signer = signer.build().unwrap();
    let mut request = request("/a", "", &[("x-role", "reader")]);
    signer.sign_request(&mut request, now()).unwrap();
    *request.uri_mut() = "/b".parse().unwrap();
    *request.method_mut() = http::Method::DELETE;
    request
        .headers_mut()
        .insert("x-role", HeaderValue::from_static("admin"));
    assert_accepted(&verifier(), &request);
}

#[test]
fn a_list_cannot_be_chosen_because_it_is_not_sent() {
    let builder = || Signer::builder(keys()).scheme(Scheme::TencentMarket);
    let scheme = Scheme::TencentMarket;
    for builder in [
        builder().signed_headers(["host"]),
        builder().components(["x-date", "host"]),
        builder().components(["date"]),
    ] {
        assert_eq!(
            builder.build().unwrap_err(),
            BuildError::ListNotCarried { scheme }
        );
    }
    let carried = BuildError::DateHeaderNotCarried {
        scheme,
        header: DateHeader::Date,
    };
    assert_eq!(
        builder().date_header(DateHeader::Date).build().unwrap_err(),
        carried
    );
    builder().components(["X-Date"]).build().unwrap();
    let required = |name| Verifier::builder().scheme(scheme).require([name]).build();
    required("x-date").unwrap();
    assert_eq!(
        required("host").unwrap_err(),
        BuildError::ListNotCarried { scheme }
    );
}

#[test]
fn a_description_that_starts_from_it_can_name_the_members_and_the_algorithm() {
    let described = |name: &str| Scheme::builder(name, Scheme::TencentMarket);
    let scheme = described("described-market")
        .key_id_parameter("appKey")
        .date_headers([DateHeader::Date])
        .algorithms([Algorithm::HmacSha256])
        .build()
        .unwrap();
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    let mut signed = request("/a", "", &[]);
    signer.sign_request(&mut signed, now()).unwrap();
    let authorization = signed.headers()[header::AUTHORIZATION].to_str().unwrap();
    let begin = format!(r#"{{"appKey":"{KEY_ID}", "date":"{DATE}", "signature":""#);
    assert!(authorization.starts_with(&begin), "{authorization}");
    let key = assert_accepted(&verifier_of(scheme), &signed);
    assert_eq!(key.algorithm(), Algorithm::HmacSha256);
    assert!(check(&verifier(), &signed).is_err());

    let set: [fn(SchemeBuilder) -> SchemeBuilder; 5] = [
        |builder| builder.auth_scheme("hmac"),
        |builder| builder.separator(","),
        |builder| builder.any_parameter_order(true),
        |builder| builder.ignore_unknown_parameters(true),
        |builder| builder.algorithms([Algorithm::HmacSha1, Algorithm::HmacSha256]),
    ];
    for set in set {
        let error = set(described("other-market")).build().unwrap_err();
        assert_eq!(error, BuildError::NoParameters);
    }
    let taken = described("other-market").key_id_parameter("X-Date").build();
    assert!(matches!(taken, Err(BuildError::KeyIdParameter { .. })));
}

#[test]
fn where_the_object_has_a_date_an_x_date_that_is_not_signed_is_refused() {
    let dates = [DateHeader::Date, DateHeader::XDate];
    let scheme = Scheme::builder("market-dates", Scheme::TencentMarket).date_headers(dates);
    let scheme = scheme.build().unwrap();
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    let mut signed = request("/a", "", &[]);
    signer.sign_request(&mut signed, now()).unwrap();
    assert_accepted(&verifier_of(scheme), &signed);
    for (date, kind) in [
        (DATE, "XDateNotCovered"),
        ("Thu, 01 Oct 2015 00:00:00 GMT", "DateOutOfRange"),
    ] {
        let date = HeaderValue::from_static(date);
        signed.headers_mut().insert("x-date", date);
        assert_refused(&verifier_of(scheme), &signed, kind);
    }
}

#[tokio::test]
async fn a_refusal_has_the_status_and_text_that_clients_know() {
    for (why, status, kind) in [
        (Rejection::KeyNotBound, 421, RejectionKind::KeyNotBound),
        (Rejection::NoUsagePlan, 421, RejectionKind::KeyNotBound),
        (
            Rejection::DateOutOfRange {
                header: DateHeader::XDate,
                skew: 901,
                max_skew: 900,
            },
            403,
            RejectionKind::OutOfDate,
        ),
        (
            Rejection::SignatureMismatch,
            401,
            RejectionKind::SignatureMismatch,
        ),
    ] {
        let request = with("{}");
        let refusal = Refusal::new(&why, (&request).into(), Scheme::TencentMarket);
        let response = DefaultResponseForRejection::new().refuse(&refusal);
        assert_eq!(response.status(), StatusCode::from_u16(status).unwrap());
        let body = String::from_utf8(response.into_body().to_vec()).unwrap();
        assert_eq!(Rejection::from_response_text(&body), Some(kind), "{body}");
    }
    let text = r#"{"message":"xx,在配置中使用计划不存在","requestid":"1"}"#;
    assert_eq!(
        Rejection::from_response_text(text),
        Some(RejectionKind::KeyNotBound)
    );
}

/// A header with other characters cannot be read by many clients.
#[test]
fn a_grpc_client_gets_the_text_percent_encoded() {
    let mut call = Request::post("/a")
        .version(Version::HTTP_2)
        .body(())
        .unwrap();
    let grpc = HeaderValue::from_static("application/grpc");
    call.headers_mut().insert(header::CONTENT_TYPE, grpc);
    let why = Rejection::KeyNotBound;
    let refusal = Refusal::new(&why, (&call).into(), Scheme::TencentMarket);
    let answer = DefaultResponseForRejection::new().refuse(&refusal);
    assert_eq!(answer.headers()["grpc-status"], "16");
    let message = answer.headers()["grpc-message"].to_str().unwrap();
    let begin = "%E5%9C%A8%E9%85%8D%E7%BD%AE";
    assert!(message.starts_with(begin), "{message}");
    let kind = Rejection::from_response_text(message);
    assert_eq!(kind, Some(RejectionKind::KeyNotBound));
}

#[tokio::test]
async fn a_handler_gets_only_verified_requests_as_in_every_scheme() {
    let handler = tower::service_fn(|request: Request<()>| async move {
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
        Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    });
    let layer = crate::common::verifying(Scheme::TencentMarket).remove_authorization(true);
    let signer = Signer::builder(keys()).scheme(Scheme::TencentMarket);
    let client =
        tower_hmac_auth::SignLayer::new(signer.build().unwrap()).layer(layer.layer(handler));
    let response = client
        .oneshot(Request::get("/a").body(()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
