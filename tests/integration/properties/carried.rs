//! Credentials that are a JSON object, or in the target's query.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Uri;
use tower_hmac_auth::{Scheme, VerifiedKey};

use super::*;
use crate::common::{keys, verifier_of, verify};

const TARGET: &str = "https://iat-api.xfyun.cn/v2/iat";

fn market() -> Request<()> {
    let signer = Signer::builder(keys()).scheme(Scheme::TencentMarket);
    signed(&signer.build().unwrap(), TARGET)
}

fn iflytek(target: &str) -> Request<()> {
    let signer = Signer::builder(keys()).scheme(Scheme::Iflytek);
    signed(&signer.credentials_in_query(true).build().unwrap(), target)
}

fn signed(signer: &Signer, target: &str) -> Request<()> {
    let mut request = Request::get(target).body(()).unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    request
}

fn check(scheme: Scheme, request: &Request<()>) -> Result<VerifiedKey, Rejection> {
    verify(&verifier_of(scheme), request.into(), at(FRIDAY))
}

/// Who signed what.
fn meaning(scheme: Scheme, request: &Request<()>) -> (String, String) {
    let verifier = verifier_of(scheme);
    let credentials = verifier.read(request, at(FRIDAY)).unwrap();
    let string = credentials.signing_string().to_string();
    (credentials.key_id().to_owned(), string)
}

/// Nothing but another spelling of the same may pass.
#[track_caller]
fn assert_refused_or_same(scheme: Scheme, request: &Request<()>, original: &Request<()>) {
    if check(scheme, request).is_ok() {
        let (ours, theirs) = (meaning(scheme, request), meaning(scheme, original));
        assert_eq!(ours, theirs, "{request:?}");
    }
}

fn with_target(request: &Request<()>, target: &str) -> Option<Request<()>> {
    let mut request = request.clone();
    *request.uri_mut() = target.parse::<Uri>().ok()?;
    Some(request)
}

/// Another target of the same host, whose authority a client cannot choose.
fn with_query(request: &Request<()>, query: &str) -> Option<Request<()>> {
    with_target(request, &format!("{TARGET}?{query}"))
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn a_mangled_object_is_refused_or_means_the_same(mangles in vec(mangle(), 1..4), time in 1..60_i64) {
        let original = market();
        let signer = Signer::builder(keys()).scheme(Scheme::TencentMarket).build().unwrap();
        let mut other = Request::get(TARGET).body(()).unwrap();
        signer.sign_request(&mut other, at(FRIDAY + time)).unwrap();
        // The way in which `mangle` splits a donor's parameters.
        let donor = [b"hmac ", &*authorization(&other)].concat();
        let mut value = authorization(&original);
        for mangle in &mangles {
            value = mangle.apply(&value, &donor);
        }
        if HeaderValue::from_bytes(&value).is_ok() {
            let request = with_authorization(&original, &value);
            // Another second's credentials, whole, are valid in their own right.
            let is_other = check(Scheme::TencentMarket, &request).is_ok()
                && meaning(Scheme::TencentMarket, &request) == meaning(Scheme::TencentMarket, &other);
            if !is_other {
                assert_refused_or_same(Scheme::TencentMarket, &request, &original);
            }
        }
    }

    #[test]
    fn a_changed_byte_of_an_object_is_refused_or_means_the_same(choice in any::<usize>()) {
        let original = market();
        let value = authorization(&original);
        for position in 0..value.len() {
            let mut changed = value.clone();
            changed[position] = another(value[position], choice);
            let request = with_authorization(&original, &changed);
            assert_refused_or_same(Scheme::TencentMarket, &request, &original);
        }
    }

    #[test]
    fn arbitrary_bytes_in_an_object_are_refused(bytes in vec(legal_byte(), 0..300)) {
        let value = [b"{", &*bytes].concat();
        let request = with_authorization(&market(), &value);
        prop_assert!(check(Scheme::TencentMarket, &request).is_err());
    }

    #[test]
    fn a_changed_byte_of_a_query_is_refused_or_means_the_same(
        byte in b'!'..=b'~',
        other in "([a-z]{1,4}=[a-zA-Z0-9%+.-]{0,4}&){0,2}",
    ) {
        let original = iflytek(&format!("{TARGET}?{other}"));
        prop_assert!(check(Scheme::Iflytek, &original).is_ok());
        let query = original.uri().query().unwrap().to_owned();
        for position in 0..query.len() {
            let mut changed = query.clone().into_bytes();
            changed[position] = byte;
            let changed = String::from_utf8(changed).unwrap();
            if let Some(request) = with_query(&original, &changed) {
                assert_refused_or_same(Scheme::Iflytek, &request, &original);
            }
        }
    }

    #[test]
    fn arbitrary_queries_are_refused(
        query in "[!-~]{0,80}",
        inner in "[ -~]{0,80}",
        bytes in vec(any::<u8>(), 0..40),
    ) {
        let base = Request::get(TARGET).body(()).unwrap();
        let encoded = |bytes: &[u8]| {
            let text = STANDARD.encode(bytes);
            let text = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            format!("authorization={text}")
        };
        for query in [
            format!("authorization={query}"),
            encoded(inner.as_bytes()),
            encoded(format!("api_key={inner}").as_bytes()),
            encoded(format!("hmac {inner}").as_bytes()),
            encoded(&bytes),
            query,
        ] {
            if let Some(request) = with_query(&base, &query) {
                prop_assert!(check(Scheme::Iflytek, &request).is_err());
            }
        }
    }

    #[test]
    fn a_signed_query_covers_host_path_and_method(path in "/[a-z/.]{0,12}", host in "[a-z]{1,8}\\.example") {
        let original = iflytek(TARGET);
        let query = original.uri().query().unwrap();
        let is_same = path == "/v2/iat";
        let target = format!("https://iat-api.xfyun.cn{path}?{query}");
        let request = with_target(&original, &target).unwrap();
        prop_assert_eq!(check(Scheme::Iflytek, &request).is_ok(), is_same);
        let target = format!("https://{host}/v2/iat?{query}");
        let request = with_target(&original, &target).unwrap();
        prop_assert_eq!(check(Scheme::Iflytek, &request), Err(Rejection::HostMismatch));
        let mut request = original.clone();
        *request.method_mut() = http::Method::POST;
        prop_assert_eq!(check(Scheme::Iflytek, &request), Err(Rejection::SignatureMismatch));
    }

    #[test]
    fn all_other_parameters_stay_byte_for_byte(
        // No name of a credential's parameter can be made of these.
        query in "[b-gi-zA-Z0-9=&%?/:@!$'()*+,;._~-]{0,40}",
    ) {
        let unsigned: Uri = format!("{TARGET}?{query}").parse().unwrap();
        let signed = iflytek(&unsigned.to_string());
        let sent = signed.uri().query().unwrap();
        let (before, _) = sent.split_once("authorization=").unwrap();
        let expected = match query.as_str() {
            "" => String::new(),
            query => format!("{query}&"),
        };
        prop_assert_eq!(before, expected);
        prop_assert!(check(Scheme::Iflytek, &signed).is_ok());
    }
}
