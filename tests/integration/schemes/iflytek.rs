//! iFlytek's credentials, in `Authorization` and in the target's query.

use std::{convert::Infallible, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Request, Response, StatusCode};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    KeyPair, Rejection, Scheme, Signer, StaticKeys, Verifier,
    clock::ManualClock,
    error::{BuildError, RejectionKind, SignError, TargetError},
    scheme::{DateHeader, DerivedComponent},
    sign::{RotatingKeyPair, SignerBuilder},
    verify::{DefaultResponseForRejection, Refusal, ResponseForRejection as _, VerifierSet},
};

use super::{DATE, assert_accepted, assert_refused, now, request, signature};
use crate::common::{FRIDAY, KEY_ID, SECRET, at, keys, verifier_of, verify};

const HOST: &str = "iat-api.xfyun.cn";
const LIST: &str = "host date request-line";

fn verifier() -> Verifier {
    verifier_of(Scheme::Iflytek)
}

fn in_query() -> SignerBuilder {
    let builder = Signer::builder(keys()).scheme(Scheme::Iflytek);
    builder.credentials_in_query(true)
}

fn string(date: &str) -> String {
    format!("host: {HOST}\ndate: {date}\nGET /v2/iat HTTP/1.1")
}

/// The text that is in `Authorization`, or as base64 in the query.
fn inner(begin: &str, separator: &str, date: &str) -> String {
    let signature = signature(&string(date));
    let parameters = [
        format!(r#"{begin}="{KEY_ID}""#),
        r#"algorithm="hmac-sha256""#.to_owned(),
        format!(r#"headers="{LIST}""#),
        format!(r#"signature="{signature}""#),
    ];
    parameters.join(separator)
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// A handshake as a server gets it.
fn handshake(query: &str) -> Request<()> {
    request_of(&format!("/v2/iat?{query}"), HOST)
}

fn request_of(target: &str, host: &str) -> Request<()> {
    let request = Request::get(target).header("host", host);
    request.body(()).unwrap()
}

fn query(inner: &str, date: &str, host: &str) -> String {
    let authorization = escaped(&STANDARD.encode(inner));
    format!(
        "authorization={authorization}&date={}&host={host}",
        escaped(date)
    )
}

fn signed_query() -> String {
    query(&inner("api_key", ", ", DATE), DATE, HOST)
}

#[test]
fn both_texts_are_read_in_both_places_with_either_separator_and_zone() {
    let utc = DATE.replace("GMT", "UTC");
    for date in [DATE, &utc] {
        for begin in ["api_key", "hmac username"] {
            for separator in [", ", ","] {
                let inner = inner(begin, separator, date);
                let in_query = handshake(&query(&inner, date, HOST));
                let mut in_header = request_of("/v2/iat?x=1", HOST);
                for (name, value) in [("date", date), ("authorization", &inner)] {
                    let value = HeaderValue::from_str(value).unwrap();
                    in_header.headers_mut().insert(name, value);
                }
                for request in [in_query, in_header] {
                    let key = assert_accepted(&verifier(), &request);
                    assert_eq!(key.key_id(), KEY_ID);
                    assert_eq!(
                        key.covered().collect::<Vec<_>>(),
                        ["host", "date", "request-line"]
                    );
                }
            }
        }
    }
}

#[test]
fn a_query_is_read_in_any_order_and_with_either_spelling_of_a_space() {
    let signed = signed_query();
    let mut pairs: Vec<_> = signed.split('&').collect();
    pairs.reverse();
    let plus = signed.replace("%20", "+");
    let lower = signed.replace("%3D", "%3d");
    let unescaped = format!("%61uthorization={}", signed.split_once('=').unwrap().1);
    for query in [
        pairs.join("&"),
        plus,
        lower,
        unescaped,
        format!("lang=zh&{signed}&&q=%zz"),
    ] {
        assert_accepted(&verifier(), &handshake(&query));
    }
}

#[test]
fn a_changed_handshake_is_refused() {
    let signed = signed_query();
    assert_accepted(&verifier(), &handshake(&signed));
    let later = escaped("Fri, 09 Oct 2015 00:00:01 GMT");
    for (query, kind) in [
        (signed.replace(&escaped(DATE), &later), "SignatureMismatch"),
        (signed.replace(HOST, "other.example"), "HostMismatch"),
        (format!("{signed}&host={HOST}"), "HeaderRepeated"),
        (format!("{signed}&date=x"), "HeaderRepeated"),
        (format!("{signed}&{signed}"), "HeaderRepeated"),
        (
            signed.replace("authorization=", "authorization=%2B"),
            "AuthorizationMalformed(QueryNotBase64",
        ),
        (
            query("Bearer a", DATE, HOST),
            "AuthorizationMalformed(OtherScheme",
        ),
        (
            query("api_key", DATE, HOST),
            "AuthorizationMalformed(OtherScheme",
        ),
        (
            query("api_key=\"a\n\"", DATE, HOST),
            "AuthorizationMalformed(QueryNotBase64)",
        ),
        (
            query(
                &inner("api_key", ", ", DATE),
                &format!("{DATE}\nx: y"),
                HOST,
            ),
            "AuthorizationMalformed(NotAscii)",
        ),
        (
            query(&inner("api_key", " ", DATE), DATE, HOST),
            "AuthorizationMalformed(NotAParameter",
        ),
        (
            query(&inner("keyId", ", ", DATE), DATE, HOST),
            "AuthorizationMalformed(OtherScheme",
        ),
        (signed.replacen("date", "dat", 1), "HeaderMissing"),
    ] {
        assert_refused(&verifier(), &handshake(&query), kind);
    }
    let target = format!("/v2/ist?{signed}");
    assert_refused(&verifier(), &request_of(&target, HOST), "SignatureMismatch");
    let target = format!("/v2/iat?{signed}");
    assert_refused(
        &verifier(),
        &request_of(&target, "other.example"),
        "HostMismatch",
    );
    let elsewhere = format!("https://other.example/v2/iat?{signed}");
    assert_refused(&verifier(), &request(&elsewhere, "", &[]), "HeaderRepeated");
    let mut elsewhere = request_of(&elsewhere, HOST);
    assert_refused(&verifier(), &elsewhere, "HostMismatch");
    elsewhere = handshake(&signed);
    *elsewhere.method_mut() = http::Method::POST;
    assert_refused(&verifier(), &elsewhere, "SignatureMismatch");
}

#[test]
fn two_sets_of_credentials_or_dates_are_refused() {
    let mut request = handshake(&signed_query());
    request
        .headers_mut()
        .insert("date", HeaderValue::from_static(DATE));
    assert_accepted(&verifier(), &request);
    request
        .headers_mut()
        .insert("date", HeaderValue::from_static("other"));
    assert_refused(&verifier(), &request, "HeaderRepeated");
    request = handshake(&signed_query());
    request
        .headers_mut()
        .insert("authorization", HeaderValue::from_static("Bearer a"));
    assert_refused(&verifier(), &request, "HeaderRepeated");
}

#[test]
fn a_date_in_the_query_ages_as_one_in_a_header() {
    for (off, is_good) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let checked = verify(
            &verifier(),
            (&handshake(&signed_query())).into(),
            at(FRIDAY + off),
        );
        assert_eq!(checked.is_ok(), is_good, "{off}: {checked:?}");
    }
}

#[test]
fn an_x_date_that_is_not_signed_is_refused_wherever_the_credentials_are() {
    let dates = [DateHeader::Date, DateHeader::XDate];
    let scheme = Scheme::builder("xf-dates", Scheme::Iflytek).date_headers(dates);
    let scheme = scheme.build().unwrap();
    let signer = |in_query| {
        let builder = Signer::builder(keys()).scheme(scheme);
        builder.credentials_in_query(in_query).build().unwrap()
    };
    for in_query in [true, false] {
        let mut request = request_of("/v2/iat", HOST);
        signer(in_query).sign_request(&mut request, now()).unwrap();
        assert_accepted(&verifier_of(scheme), &request);
        for (date, kind) in [
            (DATE, "XDateNotCovered"),
            ("none", "XDateNotCovered"),
            ("Thu, 01 Oct 2015 00:00:00 GMT", "DateOutOfRange"),
        ] {
            let mut request = request.clone();
            let date = HeaderValue::from_static(date);
            request.headers_mut().insert("x-date", date.clone());
            assert_refused(&verifier_of(scheme), &request, kind);
            request.headers_mut().append("x-date", date);
            assert_refused(&verifier_of(scheme), &request, "HeaderRepeated");
        }
    }
}

/// The docs say so.
#[test]
fn other_parameters_of_the_query_are_not_covered() {
    let query = format!("{}&role=admin", signed_query());
    assert_accepted(&verifier(), &handshake(&query));
}

#[test]
fn a_query_form_is_for_schemes_that_have_one() {
    for scheme in Scheme::ALL {
        let builder = Signer::builder(keys())
            .scheme(scheme)
            .credentials_in_query(true);
        match builder.build() {
            Ok(_) => assert_eq!(scheme, Scheme::Iflytek),
            Err(error) => assert_eq!(error, BuildError::QueryNotCarried { scheme }),
        }
    }
    let (scheme, header) = (Scheme::Iflytek, DateHeader::XDate);
    let error = in_query().date_header(header).build().unwrap_err();
    assert_eq!(error, BuildError::DateHeaderNotCarried { scheme, header });
    let described = Scheme::builder("described-iflytek", Scheme::Iflytek)
        .date_headers([DateHeader::XDate, DateHeader::Date]);
    let scheme = described.build().unwrap();
    let error = in_query().scheme(scheme).build().unwrap_err();
    assert_eq!(error, BuildError::DateHeaderNotCarried { scheme, header });
    let two_bare = Scheme::builder("two-bare", Scheme::Kong).derived_components([
        ("(path)", DerivedComponent::PathLine),
        ("(line)", DerivedComponent::RequestLine),
    ]);
    assert_eq!(
        two_bare.build().unwrap_err(),
        BuildError::NamelessComponents
    );
}

#[test]
fn a_description_that_starts_from_it_keeps_the_query_form() {
    let scheme = Scheme::builder("xf-alike", Scheme::Iflytek)
        .auth_scheme("xf")
        .key_id_parameter("app")
        .build()
        .unwrap();
    let signer = in_query().scheme(scheme).build().unwrap();
    let mut signed = Request::get("wss://h.example/a").body(()).unwrap();
    signer.sign_request(&mut signed, now()).unwrap();
    assert_accepted(&verifier_of(scheme), &signed);
    assert_refused(&verifier(), &signed, "AuthorizationMalformed(OtherScheme");
    // The preset's second form is not that of this gateway.
    let other = handshake(&query(&inner("hmac username", ", ", DATE), DATE, HOST));
    assert_refused(
        &verifier_of(scheme),
        &other,
        "AuthorizationMalformed(OtherScheme",
    );
}

#[test]
fn signing_again_replaces_what_is_there() {
    let signer = in_query().build().unwrap();
    let mut once = Request::get(format!("wss://{HOST}/v2/iat?lang=zh%2dCN&date=2015"));
    once = once
        .header("authorization", "Bearer a")
        .header("x-date", "a")
        .header("date", "b");
    let mut once = once.body(()).unwrap();
    signer.sign_request(&mut once, now()).unwrap();
    assert!(once.headers().is_empty(), "{once:?}");
    // Hyphens and dots need no escape.
    let expected = signed_query();
    assert_eq!(
        once.uri().query(),
        Some(&*format!("lang=zh%2dCN&{expected}"))
    );
    let mut twice = once.clone();
    signer.sign_request(&mut twice, now()).unwrap();
    assert_eq!(twice.uri(), once.uri());
    signer
        .sign_request(&mut twice, now() + Duration::from_secs(1))
        .unwrap();
    assert_ne!(twice.uri(), once.uri());
    assert_accepted(&verifier(), &twice);
}

/// With both, a verifier could not tell which ones count.
#[test]
fn a_signature_in_headers_replaces_one_in_the_query() {
    let target = format!("https://{HOST}/v2/iat?lang=en");
    for list in [&["host", "date", "request-line"][..], &["date"]] {
        let mut request = Request::get(&target).body(()).unwrap();
        let signer = in_query().build().unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        let builder = Signer::builder(keys()).scheme(Scheme::Iflytek);
        let signer = builder.components(list).build().unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        assert_eq!(request.uri(), target.as_str(), "{list:?}");
        assert_accepted(&verifier(), &request);
    }
}

/// It is not signed, like the rest of the query.
#[test]
fn an_applications_own_parameter_named_authorization_is_no_credentials() {
    let signer = Signer::builder(keys()).scheme(Scheme::Iflytek);
    let signer = signer.build().unwrap();
    let other_scheme = escaped(&STANDARD.encode("Bearer abc"));
    for query in [
        "authorization=token",
        "authorization=",
        "authorization",
        "a=b&authorization=token&date=1&host=2",
        "authorization=one&authorization=%FF",
        &format!("authorization={other_scheme}"),
    ] {
        let target = format!("https://{HOST}/v2/iat?{query}");
        let mut request = Request::get(target).body(()).unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        assert_eq!(request.uri().query(), Some(query));
        assert_accepted(&verifier(), &request);
        // A signature has to be in the header, and there it counts.
        let mut changed = request.clone();
        changed.headers_mut().remove("authorization");
        assert!(verify(&verifier(), (&changed).into(), now()).is_err());
        changed
            .headers_mut()
            .insert("authorization", HeaderValue::from_static("Bearer a"));
        assert!(verify(&verifier(), (&changed).into(), now()).is_err());
    }
    // Two sets of credentials are refused, however the second one is sent.
    let request = Request::get(format!("https://{HOST}/v2/iat"));
    let mut request = request.body(()).unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    let ours = signed_query();
    for query in [
        ours.clone(),
        format!("authorization=token&{ours}"),
        format!("{ours}&authorization=token"),
        ours.replace("authorization", "%61uthorization"),
    ] {
        let target = format!("https://{HOST}/v2/iat?{query}");
        *request.uri_mut() = target.parse().unwrap();
        assert_refused(&verifier(), &request, "HeaderRepeated");
    }
}

/// The set chooses by the form of the credentials, also where they cannot be read.
#[test]
fn a_set_of_verifiers_does_not_take_such_a_parameter_for_a_choice() {
    let [kong, ours] = [Scheme::Tencent, Scheme::Iflytek].map(verifier_of);
    let set = VerifierSet::new([kong, ours]).unwrap();
    let scheme = |query: &str| {
        let request = Request::get(format!("https://{HOST}/v2/iat?{query}"));
        let request = request.body(()).unwrap();
        set.choose(&request).scheme()
    };
    assert_eq!(scheme("authorization=token"), Scheme::Tencent);
    let ours = signed_query();
    assert_eq!(scheme(&ours), Scheme::Iflytek);
    assert_eq!(scheme(&format!("{ours}&date=2")), Scheme::Iflytek);
    assert_eq!(scheme(&format!("authorization=a&{ours}")), Scheme::Iflytek);
}

/// A target without a path has no query either, so no target is too long here.
#[test]
fn a_target_without_a_path_carries_no_credentials() {
    let signer = in_query().components(["host", "date"]).build().unwrap();
    for target in ["*", "iat-api.xfyun.cn:443"] {
        let mut request = Request::options(target).body(()).unwrap();
        let host = HeaderValue::from_static(HOST);
        request.headers_mut().insert("host", host);
        let error = signer.sign_request(&mut request, now()).unwrap_err();
        assert!(
            matches!(error, SignError::Target(TargetError::NoPath)),
            "{target}: {error}"
        );
        assert_eq!(request.uri(), target);
    }
}

#[test]
fn credentials_in_any_spelling_are_replaced() {
    let signer = in_query().build().unwrap();
    for (target, kept) in [
        ("?%61uthorization=a&d%61te=b&%68%6Fst=c", ""),
        ("?authorization=a&x=1&authorization&date&host=", "x=1&"),
        (
            "?%41uthorization=a&%zz=1&a%=2",
            "%41uthorization=a&%zz=1&a%=2&",
        ),
        (
            "?dates=1&+host=2&=authorization",
            "dates=1&+host=2&=authorization&",
        ),
        ("?", ""),
    ] {
        let request = Request::get(format!("wss://{HOST}/v2/iat{target}"));
        let mut request = request.body(()).unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        let expected = format!("{kept}{}", signed_query());
        assert_eq!(request.uri().query(), Some(&*expected), "{target}");
    }
}

/// In these key ids, some characters of base64 are `+` and `/`.
#[test]
fn credentials_of_any_length_are_written_whole() {
    for len in (1..12).chain([50, 190, 191, 192, 193, 400]) {
        let id: String = "~?>".chars().cycle().take(len).collect();
        let keys = KeyPair::new(&id, SECRET).unwrap();
        let signer = Signer::builder(keys).scheme(Scheme::Iflytek);
        let signer = signer.credentials_in_query(true).build().unwrap();
        let request = Request::get(format!("wss://{HOST}/v2/iat"));
        let mut request = request.body(()).unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        let inner = inner("api_key", ", ", DATE).replace(KEY_ID, &id);
        let expected = query(&inner, DATE, HOST);
        assert_eq!(request.uri().query(), Some(&*expected), "{len}");
        let credentials = verifier().read(&request, now()).unwrap();
        assert_eq!(credentials.key_id(), id);
    }
}

#[test]
fn a_request_that_is_not_signed_has_no_credentials_in_its_target() {
    let allowed = in_query().allowed_hosts([HOST]).build().unwrap();
    let signed = signed_query();
    for (target, kept) in [
        (format!("wss://other.example/a?x=1&{signed}"), "x=1"),
        // What is not ours stays.
        (
            "wss://other.example/a?date=1&host=2".to_owned(),
            "date=1&host=2",
        ),
        (
            "wss://other.example/a?authorization=abc".to_owned(),
            "authorization=abc",
        ),
    ] {
        let mut request = Request::get(target).body(()).unwrap();
        let error = allowed.sign_request(&mut request, now()).unwrap_err();
        assert!(matches!(error, SignError::NotForThisHost { .. }), "{error}");
        assert_eq!(request.uri().query(), Some(kept));
    }
    // The parameter `authorization` alone decides, whatever the others are.
    let escaped = escaped(&STANDARD.encode(inner("api_key", ", ", DATE)));
    for others in [
        "date=%0A",
        "host=%FF",
        "date=1&date=2",
        "host=a&host=b",
        "authorization=token",
    ] {
        for query in [
            format!("x=1&authorization={escaped}&{others}"),
            format!("{others}&authorization={escaped}&x=1"),
        ] {
            let mut request = Request::get(format!("wss://other.example/a?{query}"))
                .body(())
                .unwrap();
            allowed.sign_request(&mut request, now()).unwrap_err();
            assert_eq!(request.uri().query(), Some("x=1"), "{others}");
        }
    }
    // Too long for a target.
    let long = "a".repeat(65_300);
    let mut request = Request::get(format!("wss://{HOST}/?{long}"))
        .body(())
        .unwrap();
    let error = allowed.sign_request(&mut request, now()).unwrap_err();
    assert_eq!(error, SignError::TargetTooLong);
    assert_eq!(request.uri().query(), Some(&*long));
}

#[test]
fn a_host_without_a_name_is_left_out() {
    let signer = in_query().build().unwrap();
    let mut request = Request::get("/a").body(()).unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    assert!(!request.uri().query().unwrap().contains("host="));
    assert_accepted(&verifier(), &request);
}

#[test]
fn a_rotated_pair_signs_the_query_too() {
    let pair = RotatingKeyPair::new(keys());
    let signer = Signer::builder(pair.clone()).scheme(Scheme::Iflytek);
    let signer = signer.credentials_in_query(true).build().unwrap();
    pair.rotate(KeyPair::new("another", SECRET).unwrap());
    let mut request = Request::get(format!("wss://{HOST}/a")).body(()).unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    let credentials = verifier().read(&request, now()).unwrap();
    assert_eq!(credentials.key_id(), "another");
}

#[tokio::test]
async fn a_handler_sees_no_credentials_if_they_are_to_be_removed() {
    let handler = service_fn(|request: Request<()>| async move {
        Ok::<_, Infallible>(Response::new(request.uri().to_string()))
    });
    let layer = tower_hmac_auth::VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(verifier())
        .clock(ManualClock::at(now()))
        .remove_authorization(true);
    let mut signed = Request::get(format!("http://{HOST}/v2/iat?x=1"))
        .body(())
        .unwrap();
    in_query()
        .build()
        .unwrap()
        .sign_request(&mut signed, now())
        .unwrap();
    let response = layer.layer(handler).oneshot(signed).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
    assert_eq!(body.to_bytes(), format!("http://{HOST}/v2/iat?x=1"));
}

#[test]
fn a_refusal_has_kongs_text_and_403_for_a_wrong_clock() {
    let request = handshake("");
    let answer = |why: &Rejection| {
        let refusal = Refusal::new(why, (&request).into(), Scheme::Iflytek);
        let response = DefaultResponseForRejection::new().refuse(&refusal);
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        (
            response.status().as_u16(),
            Rejection::from_response_text(&body),
        )
    };
    let header = DateHeader::Date;
    let old = Rejection::DateOutOfRange {
        header,
        skew: 301,
        max_skew: 300,
    };
    assert_eq!(answer(&old), (403, Some(RejectionKind::DateMissing)));
    let mismatch = Some(RejectionKind::SignatureMismatch);
    assert_eq!(answer(&Rejection::SignatureMismatch), (401, mismatch));
    assert_eq!(
        answer(&Rejection::KeyUnknown),
        (401, Some(RejectionKind::KeyUnknown))
    );
    for (text, kind) in [
        (
            "HMAC signature cannot be verified: apikey not found",
            RejectionKind::KeyUnknown,
        ),
        (
            "HMAC signature cannot be verified: fail to retrieve credential",
            RejectionKind::KeyUnknown,
        ),
        (
            "HMAC signature cannot be verified:enforced header 'host' not used for signature creation",
            RejectionKind::HeaderMissing,
        ),
    ] {
        let body = format!(r#"{{"message":"{text}"}}"#);
        assert_eq!(Rejection::from_response_text(&body), Some(kind), "{text}");
    }
}

#[tokio::test]
async fn a_redirect_is_signed_again_or_loses_the_credentials() {
    use tower_http::follow_redirect::{FollowRedirectLayer, policy::Limited};

    for (host, is_signed) in [(HOST, true), ("other.example", false)] {
        let signer = in_query().allowed_hosts([HOST]).build().unwrap();
        // The gateway repeats the query that it was sent, as many do.
        let gateway = service_fn(move |request: Request<String>| async move {
            let mut response = Response::new(request.uri().to_string());
            if request.uri().path() == "/v2/iat" {
                let query = request.uri().query().unwrap();
                let location = format!("https://{host}/b?{query}").parse().unwrap();
                response.headers_mut().insert("location", location);
                *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            }
            Ok::<_, Infallible>(response)
        });
        let service = tower::ServiceBuilder::new()
            .layer(FollowRedirectLayer::with_policy(Limited::new(3)))
            .layer(tower_hmac_auth::SignLayer::new(signer).clock(ManualClock::at(now())))
            .service(gateway);
        let request = Request::get(format!("https://{HOST}/v2/iat?x=1"));
        let request = request.body(String::new()).unwrap();
        let target = service.oneshot(request).await.unwrap().into_body();
        match is_signed {
            true => {
                assert_eq!(target.matches("authorization=").count(), 1, "{target}");
                let redirected = Request::get(&target).body(()).unwrap();
                assert_accepted(&verifier(), &redirected);
            }
            false => assert_eq!(target, "https://other.example/b?x=1"),
        }
    }
}

#[test]
fn a_status_of_ones_own_replaces_the_usual_one_and_not_that_of_a_date() {
    let answers = DefaultResponseForRejection::new().unauthorized_status(StatusCode::IM_A_TEAPOT);
    let request = Request::new(());
    let missing = Rejection::AuthorizationMissing;
    let old = Rejection::DateUnreadable {
        header: DateHeader::Date,
    };
    for (rejection, status) in [
        (&missing, StatusCode::IM_A_TEAPOT),
        (&old, StatusCode::FORBIDDEN),
    ] {
        let refusal = Refusal::new(rejection, (&request).into(), Scheme::Iflytek);
        assert_eq!(answers.refuse(&refusal).status(), status);
    }
}
