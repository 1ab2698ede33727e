//! `request-id`: an unsigned UUID that Tencent Cloud Market's clients send.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tower::{Layer as _, ServiceExt as _};
use tower_hmac_auth::{
    Scheme, SignLayer, Signer, error::BuildError, scheme::DateHeader, sign::SignerBuilder,
};

use super::{assert_accepted, now, request};
use crate::common::{KEY_ID, keys, verifier_of};

const REQUEST_ID: &str = "request-id";

fn options(scheme: Scheme) -> SignerBuilder {
    Signer::builder(keys()).scheme(scheme)
}

fn market() -> Signer {
    options(Scheme::TencentMarket).build().unwrap()
}

/// The form of RFC 9562, section 4, with the version and the variant of section 5.4.
#[track_caller]
fn assert_uuid_v4(id: &HeaderValue) {
    let id = id.to_str().unwrap();
    let groups: Vec<_> = id.split('-').collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    assert!(groups.concat().chars().all(is_digit), "{id}");
    assert!(groups[2].starts_with('4'), "{id}");
    assert!(groups[3].starts_with(['8', '9', 'a', 'b']), "{id}");
}

#[track_caller]
fn only_id(headers: &HeaderMap) -> HeaderValue {
    let ids: Vec<_> = headers.get_all(REQUEST_ID).iter().collect();
    let [id] = ids[..] else { panic!("{ids:?}") };
    id.clone()
}

#[test]
fn every_request_to_the_market_gets_another_request_id() {
    let signer = market();
    let mut ids = HashSet::new();
    let mut bits = HashSet::new();
    for _ in 0..1000 {
        let mut request = request("/a", "", &[]);
        signer.sign_request(&mut request, now()).unwrap();
        let id = only_id(request.headers());
        assert_uuid_v4(&id);
        assert!(!id.is_sensitive());
        bits.extend(id.as_bytes().iter().copied().enumerate());
        assert!(ids.insert(id));
    }
    // All digits occur at each of the 30 places that are wholly random, and four at the 31st.
    let dashes_and_version = 5;
    assert_eq!(bits.len(), 30 * 16 + 4 + dashes_and_version);
}

#[test]
fn two_threads_never_send_the_same_id() {
    let id = || {
        let mut request = request("/a", "", &[]);
        market().sign_request(&mut request, now()).unwrap();
        only_id(request.headers())
    };
    let elsewhere = std::thread::spawn(id).join().unwrap();
    assert_ne!(id(), elsewhere);
}

#[test]
fn a_request_keeps_the_id_that_it_has() {
    for id in ["an id of its own", ""] {
        let mut request = request("/a", "", &[(REQUEST_ID, id)]);
        market().sign_request(&mut request, now()).unwrap();
        assert_eq!(only_id(request.headers()), id);
        let signed = market().sign(&request, now()).unwrap();
        assert!(signed.iter().all(|(name, _)| name != REQUEST_ID));
    }
    // A second attempt through the same headers.
    let mut request = request("/a", "", &[]);
    market().sign_request(&mut request, now()).unwrap();
    let id = only_id(request.headers());
    market().sign_request(&mut request, now()).unwrap();
    assert_eq!(only_id(request.headers()), id);
}

#[test]
fn signed_headers_have_the_id() {
    let signed = market().sign(&request("/a", "", &[]), now()).unwrap();
    let names: Vec<_> = signed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [REQUEST_ID, "authorization"]);
    let listed = signed.iter().next().unwrap().1.clone();
    let mut headers = HeaderMap::new();
    signed.apply(&mut headers);
    assert_eq!(only_id(&headers), listed);
    assert_uuid_v4(&listed);

    // Beside a source, too.
    let signer = options(Scheme::TencentMarket).source(HeaderValue::from_static("billing"));
    let mut request = request("/a", "", &[]);
    let signer = signer.build().unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    assert_eq!(request.headers()["source"], "billing");
    assert_uuid_v4(&only_id(request.headers()));
}

#[test]
fn the_request_id_is_not_signed() {
    let mut request = request("/a", "", &[]);
    market().sign_request(&mut request, now()).unwrap();
    let string = market().signing_string(&request, now()).unwrap();
    assert_eq!(string.as_bytes(), b"x-date: Fri, 09 Oct 2015 00:00:00 GMT");
    let verifier = verifier_of(Scheme::TencentMarket);
    for id in ["another", ""] {
        let id = HeaderValue::from_static(id);
        request.headers_mut().append(REQUEST_ID, id);
        assert_accepted(&verifier, &request);
    }
    request.headers_mut().remove(REQUEST_ID);
    assert_accepted(&verifier, &request);
}

#[test]
fn no_other_preset_sends_a_request_id() {
    for scheme in Scheme::ALL {
        let mut request = Request::get("https://api.example.com/a").body(()).unwrap();
        let signer = options(scheme).build().unwrap();
        signer.sign_request(&mut request, now()).unwrap();
        let has_one = request.headers().contains_key(REQUEST_ID);
        assert_eq!(has_one, scheme == Scheme::TencentMarket, "{scheme}");
    }
}

#[test]
fn a_description_that_starts_from_the_market_sends_a_request_id() {
    let builder = || Scheme::builder("like-the-market", Scheme::TencentMarket);
    let scheme = builder().date_headers([DateHeader::Date]).build().unwrap();
    let mut request = request("/a", "", &[]);
    let signer = options(scheme).build().unwrap();
    signer.sign_request(&mut request, now()).unwrap();
    assert_uuid_v4(&only_id(request.headers()));
    assert_accepted(&verifier_of(scheme), &request);

    // The id would replace the credentials.
    let header = HeaderName::from_static(REQUEST_ID);
    let error = builder().credentials_header(header.clone()).build();
    assert!(matches!(error, Err(BuildError::CredentialsHeader { .. })));
    let elsewhere = Scheme::builder("like-kong", Scheme::Kong).credentials_header(header);
    elsewhere.build().unwrap();
}

#[tokio::test]
async fn a_host_that_is_not_signed_for_gets_no_request_id() {
    let signer = options(Scheme::TencentMarket).allowed_hosts(["gateway.example"]);
    let layer = SignLayer::new(signer.build().unwrap());
    let echo = tower::service_fn(|request: Request<()>| async {
        Ok::<_, std::convert::Infallible>(request.into_parts().0.headers)
    });
    let service = layer.layer(echo);
    let get = |url: &str| Request::get(url).body(()).unwrap();
    let sent = service.clone().oneshot(get("https://gateway.example/a"));
    let signed = sent.await.unwrap();
    assert_uuid_v4(&only_id(&signed));

    let elsewhere = get("https://other.example/a");
    let sent = service.clone().oneshot(elsewhere.clone()).await.unwrap();
    assert!(sent.is_empty(), "{sent:?}");
    // The id of an earlier attempt is removed together with the signature.
    let mut again = elsewhere.clone();
    *again.headers_mut() = signed;
    let sent = service.clone().oneshot(again).await.unwrap();
    assert!(sent.is_empty(), "{sent:?}");
    // Without a signature it is the caller's own.
    let mut own = elsewhere;
    let id = HeaderValue::from_static(KEY_ID);
    own.headers_mut().insert(REQUEST_ID, id);
    let sent = service.oneshot(own).await.unwrap();
    assert_eq!(only_id(&sent), KEY_ID);
}
