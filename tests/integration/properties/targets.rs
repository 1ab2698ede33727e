//! APISIX signs the decoded target: of all targets with one signature, a handler sees one.

use http::{Request, Uri};
use proptest::prelude::*;
use tower_hmac_auth::{Scheme, Signer, Verifier};

use crate::common::{FRIDAY, at, keys, verify};

/// Mostly what decoding, merging and resolving trip over, and little else, so that two often decode
/// to the same.
fn target() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("/".to_owned()),
        2 => prop::sample::select(vec![".", "..", "a", "b", "%61", "%2e", "%2E", "%2f", "%2F", ":", "%3a", "%3A"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["%3F", "%23", "%25", "%20", "%c3%a9", "\u{e9}", "%00", "%7F", "%", "?", "|", "\"", "\\"])
            .prop_map(str::to_owned),
        1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        1 => "[!-~]",
    ];
    let path = prop::collection::vec(piece, 0..8);
    let query = prop::option::of(prop_oneof![Just(String::new()), "[a-b=%/?.]{1,3}"]);
    let origin = prop_oneof![3 => Just(""), 1 => Just("http://h.example")];
    (origin, path, query).prop_map(|(origin, path, query)| {
        let query = query.map_or(String::new(), |query| format!("?{query}"));
        format!("{origin}/{}{query}", path.concat())
    })
}

/// Two spellings of what often decodes to the same.
fn two_targets() -> impl Strategy<Value = (String, String)> {
    let spellings = prop::sample::select(vec![
        &["/", "%2f", "//", "/./", "/b/../"][..],
        &["a", "%61"],
        &[".", "%2E"],
        &["?", "%3F"],
        &["%25", "%"],
        &["41", "A"],
        &[":", "%3A", "%3a"],
        &["|", "%7c"],
    ]);
    let piece = (
        spellings,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    );
    prop::collection::vec(piece, 0..8).prop_map(|pieces| {
        let [mut one, mut other] = ["/".to_owned(), "/".to_owned()];
        for (spellings, first, second) in pieces {
            one += *first.get(spellings);
            other += *second.get(spellings);
        }
        (one, other)
    })
}

fn request(target: &str) -> Option<Request<()>> {
    Request::get(target).body(()).ok()
}

fn signing_string(target: &Uri) -> Option<Vec<u8>> {
    let signer = Signer::builder(keys()).scheme(Scheme::Apisix);
    let request = Request::get(target).body(()).unwrap();
    let signer = signer.build().unwrap();
    let string = signer.signing_string(&request, at(FRIDAY)).ok()?;
    Some(string.as_bytes().to_vec())
}

fn verifier(normalizing: bool) -> Verifier {
    Verifier::builder()
        .scheme(Scheme::Apisix)
        .require(["@request-target"])
        .normalize_target(normalizing)
        .build()
        .unwrap()
}

/// Whether it is accepted with the signature that the signer makes for it.
fn is_accepted(target: &Uri, normalizing: bool) -> bool {
    let signer = Signer::builder(keys()).scheme(Scheme::Apisix);
    let mut request = Request::get(target).body(()).unwrap();
    let signed = signer.build().unwrap().sign(&request, at(FRIDAY));
    let Ok(signed) = signed else { return false };
    signed.apply(request.headers_mut());
    verify(&verifier(normalizing), (&request).into(), at(FRIDAY)).is_ok()
}

/// What a handler makes of a target: its segments, each decoded by itself, and its query.
fn meaning(target: &Uri) -> (Vec<Vec<u8>>, Option<&str>) {
    let decoded = |segment: &str| {
        let mut parts = segment.split('%');
        let mut bytes = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            let (digits, rest) = part.split_at(2);
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            bytes.extend_from_slice(rest.as_bytes());
        }
        bytes
    };
    let segments = target.path().split('/').map(decoded).collect();
    (segments, target.query().filter(|query| !query.is_empty()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn a_normalized_target_stays_as_it_is_and_has_the_same_signature(target in target()) {
        let Some(request) = request(&target) else { return Ok(()) };
        let sent = request.uri();
        let Ok(normalised) = verifier(true).normalized_target(sent) else {
            prop_assert!(!is_accepted(sent, true), "{} is handed on as it was sent", sent);
            prop_assert!(!is_accepted(sent, false));
            return Ok(());
        };
        prop_assert!(is_accepted(sent, true));
        let seen = normalised.unwrap_or_else(|| sent.clone());
        prop_assert_eq!(verifier(true).normalized_target(&seen), Ok(None), "{}", seen);
        prop_assert_eq!(signing_string(&seen), signing_string(sent), "{} {}", seen, sent);
        prop_assert_eq!(seen.authority(), sent.authority());
        let (segments, _) = meaning(&seen);
        let is_plain = |segment: &Vec<u8>| !matches!(segment.as_slice(), b"" | b"." | b"..");
        prop_assert!(segments.iter().skip(1).rev().skip(1).all(is_plain), "{}", seen);
        if is_accepted(sent, false) {
            prop_assert_eq!(meaning(&seen), meaning(sent));
        }
    }

    #[test]
    fn two_targets_with_one_signature_are_the_same_to_the_handler((one, other) in two_targets()) {
        let (Some(one), Some(other)) = (request(&one), request(&other)) else { return Ok(()) };
        let (one, other) = (one.uri(), other.uri());
        if signing_string(one).is_none() || signing_string(one) != signing_string(other) {
            return Ok(());
        }
        if is_accepted(one, true) && is_accepted(other, true) {
            let seen = |sent: &Uri| {
                let normalised = verifier(true).normalized_target(sent).unwrap();
                normalised.unwrap_or_else(|| sent.clone())
            };
            prop_assert_eq!(seen(one), seen(other));
        }
        if is_accepted(one, false) && is_accepted(other, false) {
            prop_assert_eq!(meaning(one), meaning(other));
        }
    }
}
