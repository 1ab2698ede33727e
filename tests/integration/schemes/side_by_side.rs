//! Several verifiers in one `VerifyLayer`.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{HeaderName, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Algorithm, Rejection, RequestHead, Scheme, Signer, StaticKeys, VerifiedKey, Verifier,
    VerifyLayer,
    clock::ManualClock,
    error::BuildError,
    scheme::{DatePolicy, SigningString},
    verify::{
        AsyncKeys, DefaultResponseForRejection, KeyLookup, ServerSigningString, VerifierSet,
        VerifyingKey,
    },
};

use crate::common::{FRIDAY, KEY_ID, at, dnse, keys, verifier_of, verify};

fn set() -> VerifierSet {
    let old = Verifier::builder().date_policy(DatePolicy::CheckAge);
    let kong = Verifier::builder()
        .scheme(Scheme::Kong)
        .require(["@request-target"]);
    let market = verifier_of(Scheme::TencentMarket);
    VerifierSet::new([old.build().unwrap(), kong.build().unwrap(), market]).unwrap()
}

fn layer() -> VerifyLayer<StaticKeys, DefaultResponseForRejection, ManualClock> {
    let clock = ManualClock::at(at(FRIDAY));
    let layer = VerifyLayer::new(StaticKeys::from(keys())).clock(clock);
    layer.verifier(set())
}

fn signed(scheme: Scheme) -> Request<()> {
    let mut request = Request::get("https://api.example.com/a").body(()).unwrap();
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    request
}

/// The status, the text, and the scheme of the verified key or the reason of the refusal.
async fn answer(
    layer: &VerifyLayer<StaticKeys, DefaultResponseForRejection, ManualClock>,
    request: Request<()>,
) -> (StatusCode, String, Option<Rejection>) {
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let key = request.extensions().get::<VerifiedKey>().unwrap();
        let text = key.scheme().to_string();
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(text)))
    }));
    let answer = service.oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (head.status, text, head.extensions.get().cloned())
}

fn with_authorization(mut request: Request<()>, authorization: &str) -> Request<()> {
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
    request
}

#[tokio::test]
async fn each_request_is_verified_by_the_scheme_that_it_is_written_in() {
    for scheme in [Scheme::Tencent, Scheme::Kong, Scheme::TencentMarket] {
        let (status, text, _) = answer(&layer(), signed(scheme)).await;
        assert_eq!((status, text), (StatusCode::OK, scheme.to_string()));
    }
    let (status, _, why) = answer(&layer(), signed(Scheme::Cavage)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(matches!(why, Some(Rejection::AuthorizationMalformed(_))));
}

#[tokio::test]
async fn a_refusal_has_the_words_of_the_scheme_that_the_request_is_written_in() {
    let wrong = |scheme, from: &str, to: &str| {
        let request = signed(scheme);
        let text = request.headers()[header::AUTHORIZATION].to_str().unwrap();
        let text = text.replace(from, to);
        assert!(text.contains(to));
        with_authorization(request, &text)
    };
    for (scheme, expected) in [
        (Scheme::Tencent, "HMAC signature cannot be verified."),
        (Scheme::Kong, "HMAC signature cannot be verified"),
    ] {
        let (_, text, why) = answer(&layer(), wrong(scheme, KEY_ID, "AKIDunknown")).await;
        assert_eq!(text, format!(r#"{{"message":"{expected}"}}"#));
        assert_eq!(why, Some(Rejection::KeyUnknown));
    }
    // Without credentials, and with another gateway's, the first verifier answers.
    let tencent = Scheme::Tencent.text(&Rejection::AuthorizationMissing);
    let unsigned = Request::get("/a").body(()).unwrap();
    let (_, text, _) = answer(&layer(), unsigned).await;
    assert!(text.contains(&*tencent), "{text}");
    // A word that two have, and neither's parameter: the first of the two.
    let unknown = with_authorization(signed(Scheme::Kong), r#"hmac accesskey="a""#);
    let (_, text, _) = answer(&layer(), unknown).await;
    let format = Scheme::Tencent.text(&answer_of(&unsigned_like("hmac accesskey=\"a\"")));
    assert!(text.contains(&*format), "{text}");
    // A malformed one of Kong's is still Kong's.
    let malformed = with_authorization(signed(Scheme::Kong), r#"hmac username="a" algorithm"#);
    let (_, text, _) = answer(&layer(), malformed).await;
    assert_eq!(text, r#"{"message":"HMAC signature cannot be verified"}"#);
}

fn unsigned_like(authorization: &str) -> Request<()> {
    with_authorization(signed(Scheme::Tencent), authorization)
}

fn answer_of(request: &Request<()>) -> Rejection {
    let verifier = Verifier::new();
    verifier.read(request, at(FRIDAY)).unwrap_err()
}

#[test]
fn what_stands_between_quotes_chooses_no_verifier() {
    let set = set();
    let choice = |text: &str| {
        let request = with_authorization(signed(Scheme::Tencent), text);
        set.choose(&request).scheme()
    };
    assert_eq!(
        choice(r#"hmac username="a id=b, id=c", id2="x""#),
        Scheme::Kong
    );
    assert_eq!(
        choice(r#"hmac id="username=a", algorithm="hmac-sha1""#),
        Scheme::Tencent
    );
    assert_eq!(
        choice(r#"HMAC  algorithm="hmac-sha1" , UserName = "a""#),
        Scheme::Kong
    );
    assert_eq!(choice(r#"hmac created=1,username="a""#), Scheme::Kong);
    assert_eq!(choice(r#" {"id":"a"}"#), Scheme::TencentMarket);
    assert_eq!(choice(r#"Bearer username="a""#), Scheme::Tencent);
    let unsigned = Request::get("/a").body(()).unwrap();
    assert_eq!(set.choose(&unsigned).scheme(), Scheme::Tencent);
}

#[test]
fn verifiers_between_which_a_request_cannot_choose_are_an_error() {
    let of = |schemes: &[Scheme]| {
        let verifiers = schemes.iter().map(|scheme| verifier_of(*scheme));
        VerifierSet::new(verifiers).map(drop)
    };
    let ambiguous = |first, second| Err(BuildError::AmbiguousVerifiers { first, second });
    let (tencent, kong) = (Scheme::Tencent, Scheme::Kong);
    let (apisix, cavage) = (Scheme::Apisix, Scheme::Cavage);
    assert_eq!(of(&[]), Err(BuildError::NoVerifier));
    assert_eq!(of(&[tencent, kong, tencent]), ambiguous(tencent, tencent));
    assert_eq!(
        of(&[kong, apisix, tencent, cavage]),
        ambiguous(apisix, cavage)
    );
    assert_eq!(of(&[kong, tencent, Scheme::TencentMarket, cavage]), Ok(()));
    let own = Scheme::builder("own", Scheme::Kong)
        .auth_scheme("HMAC")
        .build()
        .unwrap();
    assert_eq!(of(&[kong, own]), ambiguous(kong, own));
    let other = Scheme::builder("other", Scheme::Kong).key_id_parameter("accesskey");
    assert_eq!(of(&[kong, other.build().unwrap()]), Ok(()));
    // One word and one parameter have three presets; Traefik Hub has a word of its own.
    let tyk = Scheme::Tyk;
    for first in [apisix, cavage] {
        assert_eq!(of(&[kong, first, tyk]), ambiguous(first, tyk));
    }
    assert_eq!(of(&[kong, tyk, Scheme::TraefikHub]), Ok(()));
    // Two headers are never the same form, one header with a JSON object is.
    assert_eq!(of(&[tyk, dnse()]), Ok(()));
    let header = HeaderName::from_static("x-market");
    let market = Scheme::builder("own-market", Scheme::TencentMarket).credentials_header(header);
    let market = market.build().unwrap();
    assert_eq!(of(&[Scheme::TencentMarket, market]), Ok(()));
    assert_eq!(of(&[market, market]), ambiguous(market, market));
    // Credentials in the query are in no header.
    let header = HeaderName::from_static("x-iflytek");
    let iflytek = Scheme::builder("own-iflytek", Scheme::Iflytek).credentials_header(header);
    let iflytek = iflytek.build().unwrap();
    assert_eq!(
        of(&[Scheme::Iflytek, iflytek]),
        ambiguous(Scheme::Iflytek, iflytek)
    );
}

#[test]
fn the_header_that_has_the_signature_chooses_the_verifier_and_of_two_the_first() {
    let (tyk, dnse) = (Scheme::Tyk, dnse());
    let set = |schemes: [Scheme; 2]| VerifierSet::new(schemes.map(verifier_of)).unwrap();
    let text = r#"Signature keyId="a",algorithm="hmac-sha256",headers="date",signature="S""#;
    let with = |names: &[&str]| {
        let names = names.iter();
        names.fold(Request::get("/a"), |request, name| {
            request.header(*name, text)
        })
    };
    let choose = |schemes, names: &[&str]| {
        let request = with(names).body(()).unwrap();
        set(schemes).choose(&request).scheme()
    };
    for schemes in [[tyk, dnse], [dnse, tyk]] {
        assert_eq!(choose(schemes, &["authorization"]), tyk);
        assert_eq!(choose(schemes, &["x-signature"]), dnse);
        let both = choose(schemes, &["authorization", "x-signature"]);
        assert_eq!(both, schemes[0]);
    }
}

/// A signature may be put into another scheme's words. It then has to satisfy that scheme's
/// verifier with the same signing string, so it gains nothing that this verifier does not allow
/// anyway.
#[tokio::test]
async fn a_signature_in_other_words_gains_only_what_the_weaker_verifier_allows() {
    // Kong's default covers the target. As Tencent's, its second line is no header.
    let request = signed(Scheme::Kong);
    let text = request.headers()[header::AUTHORIZATION]
        .to_str()
        .unwrap()
        .to_owned();
    for rewritten in [
        text.replace("username", "id"),
        text.replace("username", "id")
            .replace(" @request-target", ""),
        text.replace("username", "id")
            .replace(" @request-target", " request-target"),
    ] {
        let mut other = with_authorization(signed(Scheme::Kong), &rewritten);
        other
            .headers_mut()
            .insert("request-target", "get /a".parse().unwrap());
        let (status, _, why) = answer(&layer(), other).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{rewritten}: {why:?}");
    }
    // Signed for Tencent, a date alone: Kong's verifier requires the target.
    let request = signed(Scheme::Tencent);
    let text = request.headers()[header::AUTHORIZATION].to_str().unwrap();
    let rewritten = text.replace("id=", "username=");
    let (_, _, why) = answer(
        &layer(),
        with_authorization(signed(Scheme::Tencent), &rewritten),
    )
    .await;
    assert!(matches!(why, Some(Rejection::NotCovered { .. })), "{why:?}");
    // Signed for Kong, a date alone, which Kong's verifier refuses: as Tencent's, it is accepted,
    // because the strings are equal and Tencent's verifier requires no more. The docs say so.
    let signer = Signer::builder(keys())
        .scheme(Scheme::Kong)
        .algorithm(Algorithm::HmacSha1);
    let signer = signer.components(["x-date"]).build().unwrap();
    let mut request = Request::get("/a").body(()).unwrap();
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    let text = request.headers()[header::AUTHORIZATION]
        .to_str()
        .unwrap()
        .to_owned();
    let (_, _, why) = answer(&layer(), request.clone()).await;
    assert!(matches!(why, Some(Rejection::NotCovered { .. })), "{why:?}");
    let rewritten = with_authorization(request.clone(), &text.replace("username", "id"));
    let (status, text, _) = answer(&layer(), rewritten).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "tencent"));
    // So is the same string in Tencent Cloud Market's words, which carry the date themselves.
    let signature = {
        let head = RequestHead::from(&request);
        let kong = Verifier::builder().scheme(Scheme::Kong).build().unwrap();
        let string: SigningString = kong.read(head, at(FRIDAY)).unwrap().signing_string();
        assert_eq!(string.as_bytes(), b"x-date: Fri, 09 Oct 2015 00:00:00 GMT");
        let text = request.headers()[header::AUTHORIZATION].to_str().unwrap();
        let (_, rest) = text.split_once("signature=\"").unwrap();
        rest.trim_end_matches('"').to_owned()
    };
    let market = format!(
        r#"{{"id":"{KEY_ID}","x-date":"Fri, 09 Oct 2015 00:00:00 GMT","signature":"{signature}"}}"#
    );
    let (status, text, _) = answer(&layer(), with_authorization(request, &market)).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "tencent-market"));
}

#[tokio::test]
async fn asynchronous_keys_and_explanations_use_the_chosen_verifier() {
    let key = Arc::new(VerifyingKey::from(&keys()));
    let store = move |_: &str, _: RequestHead<'_>| {
        let key = Arc::clone(&key);
        async move { KeyLookup::from(Some(key)) }
    };
    let layer = VerifyLayer::new(AsyncKeys(store))
        .clock(ManualClock::at(at(FRIDAY)))
        .verifier(set())
        .explain(true);
    let service = layer.layer(service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    for scheme in [Scheme::Tencent, Scheme::Kong, Scheme::TencentMarket] {
        let answer = service.clone().oneshot(signed(scheme)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{scheme}");
    }
    let mut altered = signed(Scheme::Kong);
    *altered.uri_mut() = "/b".parse().unwrap();
    let answer = service.oneshot(altered).await.unwrap();
    let explained = answer.extensions().get::<ServerSigningString>().unwrap();
    assert!(
        explained.to_string().contains("@request-target: get /b"),
        "{explained}"
    );
}

#[test]
fn a_verifier_alone_is_a_set_of_one() {
    let set = VerifierSet::from(verifier_of(Scheme::Kong));
    let request = signed(Scheme::Kong);
    assert_eq!(set.choose(&request).scheme(), Scheme::Kong);
    assert_eq!(set.verifiers().count(), 1);
    // Whatever the request looks like.
    let tencent = signed(Scheme::Tencent);
    assert_eq!(set.choose(&tencent).scheme(), Scheme::Kong);
    assert!(
        verify(
            set.choose(&request),
            RequestHead::from(&request),
            at(FRIDAY)
        )
        .is_ok()
    );
}
