//! Copies that are written in the words of another verifier of a set.

use std::{convert::Infallible, time::Duration};

use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Rejection, Scheme, Signer, StaticKeys, Verifier, VerifyLayer,
    clock::ManualClock,
    error::BuildError,
    scheme::{DatePolicy, X_NONCE},
    verify::{KeyLookup, MemoryReplayGuard, ReplayLayer, VerifierSet, VerifyingKey},
};

use super::builder;
use crate::common::{FRIDAY, at, dnse, keys};

/// Returns a verifier with this clock skew in seconds.
fn skewed(scheme: Scheme, max_skew: u64) -> Verifier {
    let builder = builder(scheme).nonce(X_NONCE);
    builder
        .max_skew(Duration::from_secs(max_skew))
        .build()
        .unwrap()
}

/// A request that is signed at `FRIDAY` for this scheme, over these components.
fn signed(scheme: Scheme, components: &[&str]) -> Request<()> {
    let mut request = Request::post("/transfers").body(()).unwrap();
    let headers = request.headers_mut();
    headers.insert(X_NONCE, HeaderValue::from_static("d3b07384"));
    let signer = Signer::builder(keys())
        .scheme(scheme)
        .components(components);
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    request
}

fn rewritten(request: &Request<()>, from: &str, to: &str) -> Request<()> {
    let mut copy = request.clone();
    let text = request.headers()[header::AUTHORIZATION].to_str().unwrap();
    assert_eq!(text.matches(from).count(), 1);
    let text = text.replace(from, to).parse().unwrap();
    copy.headers_mut().insert(header::AUTHORIZATION, text);
    copy
}

/// Sends each request so many seconds after `FRIDAY`, to one server.
async fn answers(
    set: VerifierSet,
    assume_no_earlier_claims: bool,
    requests: &[(i64, &Request<()>)],
) -> Vec<(StatusCode, Option<Rejection>)> {
    let clock = ManualClock::at(at(FRIDAY));
    let guard = MemoryReplayGuard::builder()
        .assume_no_earlier_claims(assume_no_earlier_claims)
        .clock(clock.clone())
        .build();
    let handler =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let service = VerifyLayer::new(StaticKeys::from(keys()))
        .verifier(set)
        .clock(clock.clone())
        .layer(ReplayLayer::new(guard).layer(handler));
    let mut answers = Vec::new();
    for (after, request) in requests {
        clock.set(at(FRIDAY + after));
        let answer = service.clone().oneshot((*request).clone()).await.unwrap();
        answers.push((answer.status(), answer.extensions().get().cloned()));
    }
    answers
}

const OK: (StatusCode, Option<Rejection>) = (StatusCode::OK, None);

const REPLAYED: (StatusCode, Option<Rejection>) =
    (StatusCode::UNAUTHORIZED, Some(Rejection::Replayed));

/// Each original is too old for its own verifier when the copy is sent.
#[tokio::test]
async fn a_copy_in_the_words_of_a_verifier_with_a_longer_window_is_refused() {
    let kong = signed(Scheme::Kong, &["x-date", "x-nonce"]);
    let tencent = rewritten(&kong, "username=", "id=");
    for order in [
        [Scheme::Kong, Scheme::Tencent],
        [Scheme::Tencent, Scheme::Kong],
    ] {
        // 300 s and 900 s.
        let set = order.map(|scheme| builder(scheme).nonce(X_NONCE).build().unwrap());
        let set = VerifierSet::new(set).unwrap();
        let answers = answers(set, true, &[(0, &kong), (302, &tencent), (900, &tencent)]).await;
        assert_eq!(answers, [OK, REPLAYED, REPLAYED], "{order:?}");
    }

    let hub = signed(Scheme::TraefikHub, &["(request-target)", "date", "x-nonce"]);
    let cavage = rewritten(&hub, "Hmac ", "Signature ");
    let set = [skewed(Scheme::TraefikHub, 60), skewed(Scheme::Cavage, 300)];
    let set = VerifierSet::new(set).unwrap();
    let answers = answers(set, true, &[(0, &hub), (62, &cavage)]).await;
    assert_eq!(answers, [OK, REPLAYED]);
}

/// What the longer window could have accepted before the start.
#[tokio::test]
async fn after_a_start_the_longest_window_counts() {
    let set = || VerifierSet::new([skewed(Scheme::Kong, 300), skewed(Scheme::Tencent, 900)]);
    let lost = (StatusCode::SERVICE_UNAVAILABLE, Some(Rejection::ClaimsLost));
    for (after, expected) in [(301, lost.clone()), (900, lost), (901, OK)] {
        let mut request = Request::get("/").body(()).unwrap();
        request
            .headers_mut()
            .insert(X_NONCE, HeaderValue::from_static("d3b07384"));
        let signer = Signer::builder(keys())
            .scheme(Scheme::Kong)
            .signed_headers([X_NONCE]);
        let signer = signer.build().unwrap();
        signer
            .sign_request(&mut request, at(FRIDAY + after))
            .unwrap();
        let answers = answers(set().unwrap(), false, &[(after, &request)]).await;
        assert_eq!(answers, [expected], "{after}");
    }
}

#[test]
fn a_claim_has_the_greatest_skew_of_the_verifiers_with_a_nonce() {
    let max_skew = |set: VerifierSet, scheme: Scheme| {
        let request = signed(scheme, &["x-date", "x-nonce"]);
        let verifier = set.choose(&request);
        assert_eq!(verifier.scheme(), scheme);
        let credentials = verifier.read(&request, at(FRIDAY)).unwrap();
        let key = VerifyingKey::from(&keys());
        let lookup = KeyLookup::from(Some(&key));
        let verified = verifier.verify(credentials, lookup).unwrap();
        verified.claim().unwrap().max_skew().as_secs()
    };
    let (kong, tencent) = (skewed(Scheme::Kong, 60), skewed(Scheme::Tencent, 600));
    let both = VerifierSet::new([kong.clone(), tencent]).unwrap();
    for scheme in [Scheme::Kong, Scheme::Tencent] {
        assert_eq!(max_skew(both.clone(), scheme), 600);
    }
    assert_eq!(max_skew(kong.into(), Scheme::Kong), 60);
    // A verifier that is taken out of a set and put into another one.
    let kong = both.verifiers().next().unwrap().clone();
    let other = skewed(Scheme::Cavage, 120);
    let set = VerifierSet::new([kong.clone(), other]).unwrap();
    assert_eq!(max_skew(set, Scheme::Kong), 120);
    // Requests of a verifier without a nonce have no claim.
    let without = builder(Scheme::Tencent).build().unwrap();
    let set = VerifierSet::new([kong, without]).unwrap();
    assert_eq!(max_skew(set, Scheme::Kong), 60);
}

#[test]
fn verifiers_that_take_different_nonces_are_an_error() {
    let request_id = HeaderName::from_static("x-request-id");
    let target = "(request-target)";
    let hub = |name: HeaderName| builder(Scheme::TraefikHub).nonce(name).build().unwrap();
    let cavage = builder(Scheme::Cavage).require([target, "digest"]);
    let signature = cavage.clone().signature_as_nonce(true).build().unwrap();
    let header = cavage.clone().nonce(X_NONCE).build().unwrap();
    let none = cavage.build().unwrap();
    let set = |verifiers: [&Verifier; 2]| VerifierSet::new(verifiers.map(Clone::clone)).map(drop);
    let different = Err(BuildError::DifferentNonces {
        first: Scheme::TraefikHub,
        second: Scheme::Cavage,
    });
    assert_eq!(set([&hub(X_NONCE), &signature]), different);
    assert_eq!(set([&hub(request_id), &header]), different);
    assert_eq!(set([&hub(X_NONCE), &header]), Ok(()));
    assert_eq!(set([&hub(X_NONCE), &none]), Ok(()));
    assert_eq!(set([&none, &hub(X_NONCE)]), Ok(()));
    let other = builder(Scheme::TraefikHub).require([target, "digest"]);
    let other = other.signature_as_nonce(true).build().unwrap();
    assert_eq!(set([&other, &signature]), Ok(()));
    // The first verifier has none.
    let tencent = builder(Scheme::Tencent).build().unwrap();
    let three = [tencent, hub(X_NONCE), signature];
    assert_eq!(VerifierSet::new(three).map(drop), different);

    // A parameter and a header of one name are one line of the signing string.
    let nonce = HeaderName::from_static("nonce");
    let parameter = builder(dnse()).nonce(nonce.clone()).build().unwrap();
    assert_eq!(set([&parameter, &hub(nonce)]), Ok(()));
    let different = Err(BuildError::DifferentNonces {
        first: dnse(),
        second: Scheme::TraefikHub,
    });
    assert_eq!(set([&parameter, &hub(X_NONCE)]), different);
}

#[tokio::test]
async fn requests_of_a_verifier_without_a_nonce_are_refused_by_the_replay_layer() {
    let with = skewed(Scheme::Kong, 300);
    let without = Verifier::builder().date_policy(DatePolicy::Refuse);
    let set = VerifierSet::new([with, without.build().unwrap()]).unwrap();
    let kong = signed(Scheme::Kong, &["x-date", "x-nonce"]);
    let tencent = rewritten(&kong, "username=", "id=");
    let answers = answers(set, true, &[(0, &kong), (1, &tencent)]).await;
    let no_claim = (StatusCode::INTERNAL_SERVER_ERROR, Some(Rejection::NoClaim));
    assert_eq!(answers, [OK, no_claim]);
}

/// DNSE signs the nonce's parameter as Tyk signs a header of that name that is listed last.
#[tokio::test]
async fn a_copy_with_the_nonce_in_a_header_instead_of_the_parameter_is_refused() {
    let nonce = HeaderName::from_static("nonce");
    let set = [dnse(), Scheme::Tyk].map(|scheme| {
        let builder = builder(scheme).nonce(nonce.clone());
        builder.build().unwrap()
    });
    let signer = Signer::builder(keys()).scheme(dnse());
    let signer = signer.nonce_parameter(|| "0f1e2d3c".to_owned());
    let mut request = Request::get("/price/ohlc").body(()).unwrap();
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();

    let mut copy = request.clone();
    let headers = copy.headers_mut();
    let text = headers.remove("x-signature").unwrap();
    let text = text.to_str().unwrap();
    assert!(text.contains(r#"headers="(request-target) date""#));
    let text = text.replace(r#" date""#, r#" date nonce""#);
    let text = text.replace(r#",nonce="0f1e2d3c""#, "");
    headers.insert(header::AUTHORIZATION, text.parse().unwrap());
    headers.insert(&nonce, HeaderValue::from_static("0f1e2d3c"));
    let set = || VerifierSet::new(set.clone()).unwrap();
    assert_eq!(answers(set(), true, &[(0, &copy)]).await, [OK]);
    let answers = answers(set(), true, &[(0, &request), (1, &copy)]).await;
    let replayed = (StatusCode::BAD_REQUEST, Some(Rejection::Replayed));
    assert_eq!(answers, [OK, replayed]);
}
