//! Nothing panics on arbitrary requests: of every scheme, with credentials that are arbitrary too,
//! or right for others.

use std::convert::Infallible;

use http::Response;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    StaticKeys, VerifiedKey, VerifyLayer,
    clock::ManualClock,
    error::RejectionKind,
    scheme::FormParameters,
    verify::{ServerSigningString, VerifierSet},
};

use super::{
    clients::{Client, clients, content},
    round_trip::head,
    *,
};
use crate::common::{keys, verify};

static CLIENTS: LazyLock<Vec<Client>> = LazyLock::new(clients);

/// Verifiers side by side, each in the first set that has no other with the same credentials.
static SETS: LazyLock<Vec<VerifierSet>> = LazyLock::new(|| {
    let mut sets: Vec<VerifierSet> = Vec::new();
    for client in &*CLIENTS {
        let verifier = &client.server.verifier;
        let with_verifier = |set: &VerifierSet| {
            let verifiers = set.verifiers().chain([verifier]).cloned();
            VerifierSet::new(verifiers).ok()
        };
        let larger = sets.iter().position(|set| with_verifier(set).is_some());
        match larger {
            Some(place) => sets[place] = with_verifier(&sets[place]).unwrap(),
            None => sets.push(verifier.clone().into()),
        }
    }
    sets
});

/// Text that often begins like credentials.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = sample::select(
        &[
            "hmac",
            "HMAC",
            "Signature",
            "Hmac",
            "Own",
            "{",
            "}",
            " ",
            "\t",
            ",",
            ", ",
            "=",
            ":",
            "\"",
            "=\"",
            "\", ",
            "\":\"",
            "id",
            "keyId",
            "username",
            "api_key",
            "x-date",
            "algorithm",
            "headers",
            "created",
            "expires",
            "nonce",
            "signature",
            "\"id\":\"AKIDtestkey0001\"",
            "id=\"AKIDtestkey0001\"",
            "keyId=\"AKIDtestkey0001\"",
            "algorithm=\"hmac-sha256\"",
            "algorithm=\"hs2019\"",
            "headers=\"x-date\"",
            "headers=\"(request-target) date (created)\"",
            "created=1444348800",
            "signature=\"AAAAAAAAAAAAAAAAAAAAAAAAAAA=\"",
            "signature=\"%41%\"",
            "\\",
            "\\u0041",
            "%",
            "é",
        ][..],
    );
    let begin = sample::select(
        &[
            "",
            "hmac ",
            "Signature ",
            "Hmac ",
            "{",
            "hmac id=\"",
            "api_key=\"",
        ][..],
    );
    let rest = prop_oneof![
        vec(legal_byte(), 0..200),
        vec(piece, 0..24).prop_map(|pieces| pieces.concat().into_bytes()),
    ];
    (begin, rest).prop_map(|(begin, rest)| [begin.as_bytes(), &rest].concat())
}

/// A head that no client of the scheme made, with a form that was read.
fn request() -> impl Strategy<Value = Request<String>> {
    let form = prop_oneof!["[!-~]{0,20}", "[a-c]=[a-c%+&=]{0,9}"];
    (head(), any::<bool>(), form).prop_map(|(head, is_form, form)| {
        let mut request = head.map(|()| String::new());
        if is_form {
            let value = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        request.extensions_mut().insert(FormParameters::new(form));
        request
    })
}

/// The outcome inside a layer that explains, and what it says of a refusal.
fn answered(
    verifiers: impl Into<VerifierSet>,
    request: Request<String>,
    seconds: i64,
) -> Result<VerifiedKey, Rejection> {
    let handler = service_fn(|mut request: Request<String>| async move {
        let mut response = Response::new(String::new());
        let key: VerifiedKey = request.extensions_mut().remove().unwrap();
        response.extensions_mut().insert(key);
        Ok::<_, Infallible>(response)
    });
    let layer = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(verifiers)
        .explain(true)
        .clock(ManualClock::at(at(seconds)));
    let mut response = tokio_test::block_on(layer.layer(handler).oneshot(request)).unwrap();
    let explained = response.extensions_mut().remove::<ServerSigningString>();
    if let Some(key) = response.extensions_mut().remove() {
        return Ok(key);
    }
    let why: Rejection = response.extensions_mut().remove().unwrap();
    let is_mismatch = why.kind() == RejectionKind::SignatureMismatch;
    assert_eq!(explained.is_some(), is_mismatch, "{why:?}");
    assert!(response.status().is_client_error(), "{why:?}");
    for text in [why.to_string(), format!("{why:?}"), why.hint().to_owned()] {
        assert!(!text.is_empty());
    }
    Err(why)
}

/// A layer comes to the same as its verifier.
fn check(
    client: &Client,
    request: &Request<String>,
    seconds: i64,
) -> Result<VerifiedKey, Rejection> {
    let verifier = &client.server.verifier;
    let checked = verify(verifier, request.into(), at(seconds));
    let answered = answered(verifier.clone(), request.clone(), seconds);
    assert_eq!(answered, checked);
    checked
}

/// A layer with several verifiers comes to the same as the one that is chosen.
fn check_sets(request: &Request<String>, seconds: i64) {
    for set in &*SETS {
        let checked = verify(set.choose(request), request.into(), at(seconds));
        assert_eq!(answered(set.clone(), request.clone(), seconds), checked);
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn arbitrary_credentials_in_arbitrary_requests_are_refused(
        request in request(),
        text in text(),
    ) {
        check_sets(&with_value(&request, "authorization", &text).unwrap(), FRIDAY);
        for client in &*CLIENTS {
            if let Some(request) = client.with_credentials(&request, &text) {
                let checked = check(client, &request, FRIDAY);
                prop_assert!(checked.is_err(), "{:?}: {:?}", client, request);
            }
        }
    }
}

proptest! {
    // Each case signs with every client.
    #![proptest_config(config(25))]

    #[test]
    fn credentials_of_other_requests_do_not_panic(
        request in request(),
        content in content(),
        mangle in option::of(mangle()),
    ) {
        for client in &*CLIENTS {
            let signed = client.signed(&content);
            let mut text = client.credentials(&signed);
            if let Some(mangle) = &mangle {
                text = mangle.apply(&text, &client.credentials(&client.wrongly_signed(&content)));
            }
            // The signed headers stay; the target, the method and other headers are arbitrary.
            let mut request = request.clone();
            for (name, value) in signed.headers() {
                request.headers_mut().insert(name, value.clone());
            }
            // A query has more of the credentials than their text.
            let query = signed.uri().query().unwrap_or_default();
            let target = format!("{}?{query}", request.uri().path());
            let with_query = match client.header {
                Some(_) => None,
                None => with_target(&request, &target),
            };
            let request = with_query.unwrap_or(request);
            if let Some(request) = client.with_credentials(&request, &text) {
                let _ = check(client, &request, content.seconds);
                check_sets(&request, content.seconds);
            }
        }
    }
}
