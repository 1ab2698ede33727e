//! Credentials in the target's query.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tower_hmac_auth::{Scheme, VerifiedKey};

use super::{clients::percent_encoded, *};
use crate::common::{keys, verifier_of, verify};

const TARGET: &str = "https://iat-api.xfyun.cn/v2/iat";

fn iflytek(target: &str) -> Request<()> {
    let signer = Signer::builder(keys()).scheme(Scheme::Iflytek);
    let signer = signer.credentials_in_query(true).build().unwrap();
    let mut request = Request::get(target).body(()).unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    request
}

fn check(request: &Request<()>) -> Result<VerifiedKey, Rejection> {
    verify(&verifier_of(Scheme::Iflytek), request.into(), at(FRIDAY))
}

/// Another target of the same host, whose authority a client cannot choose.
fn with_query(request: &Request<()>, query: &str) -> Option<Request<()>> {
    with_target(request, &format!("{TARGET}?{query}"))
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn arbitrary_queries_are_refused(
        query in "[!-~]{0,80}",
        inner in "[ -~]{0,80}",
        bytes in vec(any::<u8>(), 0..40),
    ) {
        let base = Request::get(TARGET).body(()).unwrap();
        let encoded = |bytes: &[u8]| {
            let text = percent_encoded(&STANDARD.encode(bytes));
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
                prop_assert!(check(&request).is_err());
            }
        }
    }

    #[test]
    fn a_signed_query_is_good_for_its_host_only(host in "[a-z]{1,8}\\.example") {
        let original = iflytek(TARGET);
        let query = original.uri().query().unwrap();
        let target = format!("https://{host}/v2/iat?{query}");
        let request = with_target(&original, &target).unwrap();
        prop_assert_eq!(check(&request), Err(Rejection::HostMismatch));
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
        prop_assert!(check(&signed).is_ok());
    }
}
