//! Gateways that have no preset: services that run Kong's scheme with other words.

use std::{convert::Infallible, future::ready, time::SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Algorithm, KeyPair, Rejection, Scheme, SignLayer, Signer, StaticKeys, VerifiedKey, Verifier,
    VerifyLayer,
    error::BuildError,
    scheme::{DateHeader, DerivedComponent, SchemeBuilder},
};

use crate::common::{at, mekari, messagemedia, sensecore, verifier_of};

const DATE: &str = "Wed, 25 Nov 2026 04:05:06 GMT";

fn now() -> SystemTime {
    at(1_795_579_506)
}

fn keys() -> KeyPair {
    KeyPair::new("AKIDfamily0000000001", "family-secret-0123456789abcdef").unwrap()
}

/// The request as `SignLayer` sends it.
async fn sent(scheme: Scheme, request: Request<()>) -> Request<()> {
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    let echo = service_fn(|request: Request<()>| ready(Ok::<_, Infallible>(request)));
    let service = SignLayer::new(signer).clock(now).layer(echo);
    service.oneshot(request).await.unwrap()
}

/// Returns the key that the handler inside this scheme's `VerifyLayer` sees, or the rejection.
async fn admitted(scheme: Scheme, request: Request<()>) -> Result<VerifiedKey, Rejection> {
    let handler = service_fn(|request: Request<()>| {
        let mut response = Response::new(Full::<Bytes>::default());
        let key = request.extensions().get::<VerifiedKey>().unwrap().clone();
        response.extensions_mut().insert(key);
        ready(Ok::<_, Infallible>(response))
    });
    let layer = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(verifier_of(scheme))
        .clock(now);
    let mut response = layer.layer(handler).oneshot(request).await.unwrap();
    match response.extensions_mut().remove::<Rejection>() {
        Some(rejection) => {
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            Err(rejection)
        }
        None => Ok(response.extensions_mut().remove::<VerifiedKey>().unwrap()),
    }
}

fn text<'r>(headers: &'r HeaderMap, name: &str) -> &'r str {
    headers[name].to_str().unwrap()
}

fn post(target: &str) -> Request<()> {
    Request::post(target).body(()).unwrap()
}

fn get_resources() -> Request<()> {
    let target = "https://management.example.cn/rmh/v1/resources?page_size=10";
    Request::get(target).body(()).unwrap()
}

fn post_message() -> Request<()> {
    let mut request = post("/v1/messages");
    let md5 = HeaderValue::from_static("394daf1a187e2f2a82ac593c04a0f637");
    request.headers_mut().insert("x-content-md5", md5);
    request
}

#[tokio::test]
async fn what_their_clients_sign_is_signed_and_verified() {
    let cases = [
        (
            sensecore(&["x-date"]),
            get_resources(),
            "x-date",
            r#"hmac accesskey="AKIDfamily0000000001", algorithm="hmac-sha256", headers="x-date", signature="hePLyXjuM3jnT1P5eFKxL83mCCugXUX7rAux8BlHEcc=""#,
        ),
        (
            sensecore(&["date", "host", "@request-target"]),
            get_resources(),
            "date",
            r#"hmac accesskey="AKIDfamily0000000001", algorithm="hmac-sha256", headers="date host @request-target", signature="0x5wvoKoZ1bLijW3iHHd2YcNlvBAZzIvIOVAUaYdKJw=""#,
        ),
        (
            mekari(),
            post("/qontak/chat/v1/broadcasts/whatsapp/direct"),
            "date",
            r#"hmac username="AKIDfamily0000000001", algorithm="hmac-sha256", headers="date request-line", signature="mJ/O4TUc/qJ5Mfr02Em/ktdz3bZCIPgcRA0uE4Femuw=""#,
        ),
        (
            messagemedia(),
            post_message(),
            "date",
            r#"hmac username="AKIDfamily0000000001", algorithm="hmac-sha1", headers="Date x-Content-MD5 request-line", signature="fh8EJzC8FFI6nZQ5ofRGgyEmf7w=""#,
        ),
    ];
    for (scheme, request, date, authorization) in cases {
        let request = sent(scheme, request).await;
        let headers = request.headers();
        assert_eq!(text(headers, "authorization"), authorization, "{scheme}");
        assert_eq!(text(headers, date), DATE, "{scheme}");
        let key = admitted(scheme, request.clone()).await.unwrap();
        assert_eq!(key.key_id(), "AKIDfamily0000000001");
        assert_eq!(key.scheme(), scheme);
        assert!(authorization.contains(key.algorithm().name()));

        let mut changed = request;
        let other = HeaderValue::from_static("Wed, 25 Nov 2026 04:05:07 GMT");
        changed.headers_mut().insert(date, other).unwrap();
        let refused = admitted(scheme, changed).await;
        assert_eq!(refused, Err(Rejection::SignatureMismatch), "{scheme}");
    }
}

#[tokio::test]
async fn a_target_that_the_list_covers_cannot_be_exchanged() {
    for (scheme, request) in [
        (
            sensecore(&["date", "host", "@request-target"]),
            get_resources(),
        ),
        (mekari(), post("/v1/whatsapp")),
        (messagemedia(), post_message()),
    ] {
        let mut request = sent(scheme, request).await;
        *request.uri_mut() = "https://management.example.cn/other".parse().unwrap();
        let refused = admitted(scheme, request).await;
        assert_eq!(refused, Err(Rejection::SignatureMismatch), "{scheme}");
    }
}

#[tokio::test]
async fn where_the_words_differ_neither_side_takes_what_the_other_signed() {
    let described = || Scheme::builder("described", Scheme::Kong).default_list(["date"]);
    let key_id = described().key_id_parameter("accesskey").build().unwrap();
    let word = described().auth_scheme("signature").build().unwrap();
    let both = described()
        .auth_scheme("signature")
        .key_id_parameter("accesskey");
    let both = both.build().unwrap();
    let all = [Scheme::Kong, key_id, word, both];
    for wrote in all {
        let request = sent(wrote, get_resources()).await;
        for reads in all {
            let admitted = admitted(reads, request.clone()).await;
            if wrote == reads {
                admitted.unwrap();
            } else {
                let malformed = matches!(admitted, Err(Rejection::AuthorizationMalformed(_)));
                assert!(malformed, "{wrote:?} {reads:?}: {admitted:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_algorithm_that_the_service_does_not_have_is_neither_signed_nor_accepted() {
    let builder = Signer::builder(keys()).scheme(messagemedia());
    let error = builder.algorithm(Algorithm::HmacSha256).build();
    let text = "messagemedia has no hmac-sha256: choose one of hmac-sha1";
    assert_eq!(error.unwrap_err().to_string(), text);

    let request = sent(mekari(), post("/v1/messages")).await;
    let refused = admitted(messagemedia(), request).await.unwrap_err();
    let is_algorithm = matches!(refused, Rejection::AlgorithmNotSupported { .. });
    assert!(is_algorithm, "{refused:?}");
}

#[tokio::test]
async fn a_refused_client_is_challenged_with_the_services_word() {
    let scheme = Scheme::builder("described", Scheme::Kong).auth_scheme("service-hmac");
    let scheme = scheme.build().unwrap();
    let handler = service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let layer = VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier_of(scheme));
    let response = layer.layer(handler).oneshot(get_resources()).await.unwrap();
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "service-hmac");
}

#[test]
fn equal_descriptions_give_equal_schemes_in_whatever_order_they_were_made() {
    use std::hash::{BuildHasher, RandomState};

    let described = || Scheme::builder("twice", Scheme::Kong);
    let one = described()
        .key_id_parameter("accesskey")
        .separator(",")
        .build()
        .unwrap();
    let other = described()
        .separator(",")
        .key_id_parameter("accesskey")
        .build()
        .unwrap();
    assert_eq!(one, other);
    let state = RandomState::new();
    assert_eq!(state.hash_one(one), state.hash_one(other));
    assert_eq!((one.name(), &*one.to_string()), ("twice", "twice"));

    let accesskey = described().key_id_parameter("accesskey");
    let renamed = Scheme::builder("thrice", Scheme::Kong)
        .key_id_parameter("accesskey")
        .separator(",");
    for different in [described(), accesskey, renamed] {
        assert_ne!(different.build().unwrap(), one);
    }
    assert_ne!(one, Scheme::Kong);
    assert_eq!(sensecore(&["x-date"]), sensecore(&["x-date"]));
    assert_ne!(sensecore(&["x-date"]), sensecore(&["date"]));
}

/// Two libraries in one program may describe a gateway of the same name.
#[tokio::test]
async fn two_descriptions_with_one_name_are_two_schemes() {
    let [one, other] = ["accesskey", "ak"].map(|name| {
        let described = described().key_id_parameter(name);
        described.build().unwrap()
    });
    assert_eq!(one.name(), other.name());
    assert_ne!(one, other);
    let request = sent(one, get_resources()).await;
    assert!(admitted(one, request.clone()).await.is_ok());
    assert!(admitted(other, request).await.is_err());
}

#[track_caller]
fn assert_error(builder: SchemeBuilder, is_expected: fn(&BuildError) -> bool, text: &str) {
    let described = format!("{builder:?}");
    let error = builder.build().expect_err(text);
    assert!(is_expected(&error), "{described}: {error:?}");
    let error = error.to_string();
    assert!(error.starts_with(text), "{error}");
    assert!(!error.contains('\n'));
}

fn described() -> SchemeBuilder {
    Scheme::builder("described", Scheme::Kong)
}

#[test]
fn a_name_that_is_a_presets_or_has_other_characters_is_refused() {
    let presets = Scheme::ALL.map(Scheme::name);
    for name in presets.into_iter().chain(["", "Kong", "a b", "a_b", "a.b"]) {
        let is_expected = |error: &_| matches!(error, BuildError::SchemeName { .. });
        let text = format!("\"{name}\" is not a name for a scheme of one's own");
        assert_error(Scheme::builder(name, Scheme::Kong), is_expected, &text);
    }
    for name in ["k", "kong-3", "0"] {
        Scheme::builder(name, Scheme::Kong).build().unwrap();
    }
}

#[test]
fn words_that_a_verifier_could_not_read_back_are_refused() {
    for word in ["", "two words", "a,b", "a=b", "hm\u{e4}c"] {
        let is_expected = |error: &_| matches!(error, BuildError::AuthScheme { .. });
        let text = format!(
            "credentials cannot begin with \"{}\"",
            word.escape_default()
        );
        assert_error(described().auth_scheme(word), is_expected, &text);
    }
    let taken = [
        "algorithm",
        "headers",
        "signature",
        "created",
        "expires",
        "Signature",
    ];
    let invalid = ["", "key id", "key=", "key\"", "key,id"];
    for name in taken.into_iter().chain(invalid) {
        let is_expected = |error: &_| matches!(error, BuildError::KeyIdParameter { .. });
        let text = format!(
            "\"{}\" cannot name the key id's parameter",
            name.escape_default()
        );
        assert_error(described().key_id_parameter(name), is_expected, &text);
    }
    for separator in ["", " ", ";", " ,", ",,", ", x", ",\n"] {
        let is_expected = |error: &_| matches!(error, BuildError::Separator);
        let text = "parameters cannot be told apart with this separator";
        assert_error(described().separator(separator), is_expected, text);
    }
    for separator in [",", ", ", ",\t "] {
        described().separator(separator).build().unwrap();
    }
}

#[test]
fn a_scheme_without_an_algorithm_or_a_date_is_refused() {
    assert_error(
        described().algorithms([]),
        |error| matches!(error, BuildError::NoAlgorithm),
        "the scheme has no algorithm: name at least one",
    );
    assert_error(
        described().date_headers([]),
        |error| matches!(error, BuildError::NoDateHeader),
        "the scheme takes a date from no header",
    );
}

#[test]
fn an_algorithm_or_date_header_that_is_named_twice_is_refused() {
    let is_expected = |error: &_| matches!(error, BuildError::NamedTwice { .. });
    let algorithms = [Algorithm::HmacSha256, Algorithm::HmacSha1];
    let twice = algorithms.into_iter().chain([Algorithm::HmacSha256]);
    let text = "hmac-sha256 is named twice: name it once";
    assert_error(described().algorithms(twice), is_expected, text);
    let twice = described().date_headers([DateHeader::Date; 2]);
    assert_error(twice, is_expected, "date is named twice: name it once");
}

#[test]
fn derived_components_that_are_ambiguous_in_a_list_are_refused() {
    let derived = |names: &[&str]| {
        let names = names.iter().copied();
        described().derived_components(names.map(|name| (name, DerivedComponent::RequestTarget)))
    };
    for name in [
        "",
        "a b",
        "a,b",
        "a\"",
        "a;b",
        "h\u{f6}st",
        "host",
        "X-Date",
        "Authorization",
        "digest",
        "x-tenant",
        "cookie",
        "$target",
    ] {
        assert_error(
            derived(&["@target", name]),
            |error| matches!(error, BuildError::DerivedName { .. }),
            &format!(
                "\"{}\" cannot name a derived component",
                name.escape_default()
            ),
        );
    }
    for names in [["@target", "@target"], ["@target", "@Target"]] {
        assert_error(
            derived(&names),
            |error| matches!(error, BuildError::NamedTwice { .. }),
            &format!("{} is named twice: name it once", names[1]),
        );
    }
    // A preset has a derived component of the last name, which is otherwise a header's.
    let list = ["date", "@target", "(target)", "request-line"];
    let scheme = derived(&list[1..]).default_list(list).build().unwrap();
    Signer::builder(keys()).scheme(scheme).build().unwrap();
}

#[test]
fn a_default_list_that_no_verifier_would_accept_is_refused() {
    let list = |names: &[&str]| described().default_list(names);
    assert_error(
        list(&["date", "x-a", "X-A"]),
        |error| matches!(error, BuildError::NamedTwice { .. }),
        "X-A is named twice",
    );
    for names in [["date", "x-date"], ["X-Date", "Date"]] {
        assert_error(
            list(&names),
            |error| matches!(error, BuildError::TwoDates),
            "date and x-date are both to be signed",
        );
    }
    for names in [&[][..], &["host"], &["host", "@request-target"]] {
        assert_error(
            list(names),
            |error| matches!(error, BuildError::NoDate { .. }),
            "no date is to be signed: name one of x-date, date",
        );
    }
    for name in ["two words", "", "(request-target)", "a,b"] {
        assert_error(
            list(&["date", name]),
            |error| matches!(error, BuildError::NotAName { .. }),
            &format!("{name} is neither a header nor one of described's own names"),
        );
    }
    assert_error(
        list(&["date", "Authorization"]),
        |error| matches!(error, BuildError::SignsAuthorization { .. }),
        "authorization cannot be signed, because it contains credentials: remove it",
    );
    assert_error(
        list(&["date", "te"]),
        |error| matches!(error, BuildError::HopByHop { .. }),
        "te is for the next peer only",
    );
    assert_error(
        list(&["x-date"]).date_headers([DateHeader::Date]),
        |error| matches!(error, BuildError::DateHeaderNotCarried { .. }),
        "described takes no date from x-date",
    );
}

#[test]
fn a_header_or_name_that_cannot_be_used_is_named() {
    let header = HeaderName::from_static("x-orchard-auth");
    for (listed, named) in [
        ("X-Orchard-Auth", "x-orchard-auth"),
        ("Authorization", "authorization"),
    ] {
        assert_error(
            described()
                .credentials_header(header.clone())
                .default_list(["date", listed]),
            |error| matches!(error, BuildError::SignsAuthorization { .. }),
            &format!("{named} cannot be signed, because it contains credentials: remove it"),
        );
    }
    for name in ["target", "(request target)"] {
        assert_error(
            described().derived_components([(name, DerivedComponent::RequestTarget)]),
            |error| matches!(error, BuildError::DerivedName { .. }),
            &format!(
                "\"{name}\" cannot name a derived component: use visible ASCII without spaces, \
                 quotes, commas and semicolons, and with a character that no header's name has"
            ),
        );
    }
}

#[test]
fn a_missing_date_is_reported_with_the_names_that_the_description_has() {
    let list = |preset, name, derived| {
        let described = Scheme::builder("described", preset);
        let described = described.derived_components([(name, derived)]);
        described.default_list(["host"]).build().unwrap_err()
    };
    // Cavage's own components have the time of signing, and these replace them.
    let error = list(Scheme::Cavage, "(target)", DerivedComponent::RequestTarget);
    let text = "no date is to be signed: name one of date, x-date";
    assert_eq!(error.to_string(), text);

    let error = list(Scheme::TraefikHub, "(at)", DerivedComponent::Created);
    let text = "no date is to be signed: name one of date, x-date, (at)";
    assert_eq!(error.to_string(), text);
}

#[test]
fn settings_that_a_json_object_cannot_have_are_reported_before_their_values() {
    for described in [
        Scheme::builder("described", Scheme::TencentMarket).separator(";"),
        Scheme::builder("described", Scheme::TencentMarket).auth_scheme(""),
    ] {
        let is_expected = |error: &_| matches!(error, BuildError::NoParameters);
        let text = "the preset's credentials are a JSON object";
        assert_error(described, is_expected, text);
    }
}

/// A rejection does not know its scheme's header. It names the scheme's words.
#[test]
fn a_refusals_text_names_no_header_or_word_that_the_scheme_does_not_have() {
    let header = HeaderName::from_static("x-orchard-auth");
    let orchard = Scheme::builder("orchard", Scheme::Cavage)
        .credentials_header(header.clone())
        .auth_scheme("Orchard")
        .key_id_parameter("appid")
        .build()
        .unwrap();
    let verifier = Verifier::builder().scheme(orchard).build().unwrap();
    let text = |name: &HeaderName, credentials: &str| {
        let request = Request::get("/a").header(name, credentials);
        let request = request.body(()).unwrap();
        verifier.read(&request, now()).unwrap_err().to_string()
    };
    let authorization = text(&header::AUTHORIZATION, r#"Orchard appid="a""#);
    let expected = "no credentials in Authorization, or in the header that the scheme has instead: \
                    sign the request, after every layer that removes headers";
    assert_eq!(authorization, expected);
    let other_word = text(&header, r#"Signature appid="a""#);
    let expected = "the credentials do not begin with `Orchard`: sign for the scheme that this \
                    server checks";
    assert_eq!(other_word, expected);
    let hs2019 = "the algorithm hs2019 is unknown or not allowed here, as is none at all: sign \
                  with an allowed one, and name it";
    for (parameters, expected) in [
        (
            r#"keyId="a""#,
            "the credentials name the key id keyId, as another scheme does: sign for the scheme \
             that this server checks, which names it appid",
        ),
        (
            r#"appid="a",headers="date",signature="""#,
            "the credentials have no appid or no signature, or an empty one: send both",
        ),
        (
            r#"appid="a",headers="""#,
            "the credentials have no headers parameter, or an empty one: send it with a value",
        ),
        (r#"appid="a",headers="date",signature="AAAA""#, hs2019),
        (
            r#"appid="a",algorithm="hs2019",headers="date",signature="AAAA""#,
            hs2019,
        ),
        (
            r#"appid="a",algorithm="hmac-md5",headers="date",signature="AAAA""#,
            "the algorithm hmac-md5 is unknown or not allowed here: sign with an allowed one",
        ),
    ] {
        let credentials = format!("Orchard {parameters}");
        assert_eq!(text(&header, &credentials), expected, "{credentials}");
    }
    for list in ["date  host", "date,host", "date (target)", "date date"] {
        let text = text(
            &header,
            &format!(r#"Orchard appid="a",algorithm="hmac-sha256",headers="{list}",signature="A""#),
        );
        assert!(!text.contains("Authorization"), "{text}");
    }
}

#[test]
fn a_description_can_start_from_another() {
    let first = described().key_id_parameter("appid").build().unwrap();
    let second = Scheme::builder("second", first).auth_scheme("Orchard");
    let second = second.build().unwrap();
    assert_eq!(second.nearest(), Scheme::Kong);
    let keys = keys();
    let signer = Signer::builder(keys).scheme(second).build().unwrap();
    let mut request = Request::get("/a").body(()).unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap();
    assert!(
        authorization.starts_with("Orchard appid="),
        "{authorization}"
    );
}

#[test]
fn two_components_without_a_name_in_the_signing_string_are_refused() {
    // `GET /a HTTP/1.1` would be the line of both `/a%20HTTP/1.1` decoded and of the request line.
    let both = [
        ("@target", DerivedComponent::DecodedTarget),
        ("request-line", DerivedComponent::RequestLine),
    ];
    assert_error(
        described()
            .derived_components(both)
            .default_list(["date", "@target"]),
        |error| matches!(error, BuildError::NamelessComponents),
        "two derived components have no name",
    );
}

#[test]
fn two_components_that_decode_the_path_are_refused() {
    let both = [
        ("@target", DerivedComponent::DecodedTarget),
        ("@path", DerivedComponent::DecodedPath),
    ];
    assert_error(
        described()
            .derived_components(both)
            .default_list(["date", "@target"]),
        |error| matches!(error, BuildError::TwoDecodedComponents),
        "two derived components have the path decoded",
    );
}

#[test]
fn a_time_is_refused_where_the_preset_has_no_parameter_for_it() {
    let times = [("(created)", DerivedComponent::Created)];
    assert_error(
        described().derived_components(times).default_list(["date"]),
        |error| matches!(error, BuildError::TimeNotCarried { .. }),
        "(created) is a time",
    );
}

#[test]
fn the_presets_default_list_is_checked_against_the_derived_components() {
    let components = [("request-line", DerivedComponent::RequestLine)];
    assert_error(
        described().derived_components(components),
        |error| matches!(error, BuildError::NotAName { .. }),
        "@request-target is neither a header",
    );
}

#[test]
fn times_are_read_in_a_scheme_with_one_order_of_parameters() {
    let scheme = Scheme::builder("ordered", Scheme::Cavage).any_parameter_order(false);
    let scheme = scheme.build().unwrap();
    let signer = Signer::builder(keys()).scheme(scheme).hs2019(true);
    let signer = signer
        .components(["(request-target)", "(created)"])
        .build()
        .unwrap();
    let mut request = Request::get("/a").body(()).unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    let verifier = Verifier::builder()
        .scheme(scheme)
        .hs2019(Algorithm::HmacSha256);
    let verifier = verifier.build().unwrap();
    verifier.read(&request, now()).unwrap();
}

/// Source: the text of Apache APISIX's plugin, which names its own word.
#[test]
fn apisixs_text_names_the_word_of_the_described_scheme() {
    let orchard = Scheme::builder("orchard", Scheme::Apisix).auth_scheme("Orchard");
    for (scheme, word) in [
        (Scheme::Apisix, "Signature"),
        (orchard.build().unwrap(), "Orchard"),
    ] {
        let request = Request::get("/a").header(header::AUTHORIZATION, "Bearer x");
        let request = request.body(()).unwrap();
        let rejection = verifier_of(scheme).read(&request, now()).unwrap_err();
        let text = format!(
            "client request can't be validated: Authorization header does not start with '{word}'"
        );
        assert_eq!(scheme.text(&rejection), text);
    }
}
