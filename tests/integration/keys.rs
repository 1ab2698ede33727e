//! Key pairs: which are accepted, the errors of the others, and that no text shows a secret.

use std::{
    collections::HashSet,
    fmt::{Debug, Display},
    mem,
    sync::Arc,
};

use http::{HeaderName, HeaderValue, Request, header};
use proptest::prelude::*;
use tower_hmac_auth::{
    Algorithm, KeyId, KeyPair, Rejection, RequestHead, Scheme, SecretKey, SignLayer, Signer,
    StaticKeys, Verifier, VerifyLayer,
    clock::ManualClock,
    error::KeyError,
    scheme::DateHeader,
    sign::{RotatingKeyPair, ServerClock},
    verify::{AsyncKeys, DefaultResponseForRejection, KeyAccess, KeyLookup, KeyRef, VerifyingKey},
};

use crate::common::sign_by_hand::{
    self, Lines, Server, base64, mac, signed_request, signing_string,
};
use crate::common::{FRIDAY, KEY_ID, at};

const TODAY: &[u8] = b"Fri, 09 Oct 2015 00:00:00 GMT";

/// Nothing that a text could have by chance, and nothing that `Debug` would escape.
const SECRET: &[u8] = b"zQ9!vX2#kL7@wP4$mN6%bT8^";

fn keys() -> KeyPair {
    KeyPair::new(KEY_ID, SECRET).unwrap()
}

#[test]
fn each_key_error_has_a_text_of_its_own() {
    let texts = [
        (
            KeyError::EmptyKeyId,
            "the key id is empty: give the id the gateway issued",
        ),
        (
            KeyError::EmptySecretKey,
            "the secret key is empty: give the key the gateway issued with the id",
        ),
        (
            KeyError::KeyIdTooLong,
            "the key id is longer than 8192 bytes: give the id the gateway issued",
        ),
        (
            KeyError::QuoteInKeyId { position: 7 },
            "the key id has a double quote at byte 7: give the id without quotes around it",
        ),
        (
            KeyError::ControlInKeyId { position: 8 },
            "the key id has a control character at byte 8: remove it (a newline at the end is often left over \
             from a file)",
        ),
        (
            KeyError::NonAsciiInKeyId { position: 9 },
            "the key id has a byte that is not ASCII at byte 9: give the id as the gateway issued it",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn an_empty_key_id_and_an_empty_secret_are_refused() {
    assert_eq!(KeyId::new(""), Err(KeyError::EmptyKeyId));
    assert_eq!(SecretKey::new("").unwrap_err(), KeyError::EmptySecretKey);
    assert_eq!(KeyPair::new("", SECRET).unwrap_err(), KeyError::EmptyKeyId);
    assert_eq!(
        KeyPair::new(KEY_ID, "").unwrap_err(),
        KeyError::EmptySecretKey
    );
    assert!(KeyPair::new("", "").is_err());
}

#[test]
fn a_key_id_that_no_verifier_would_read_is_refused() {
    assert!(KeyId::new("a".repeat(8192)).is_ok());
    assert_eq!(KeyId::new("a".repeat(8193)), Err(KeyError::KeyIdTooLong));
}

#[test]
fn a_character_that_cannot_be_sent_in_a_key_id_is_refused_at_its_byte() {
    type Error = fn(usize) -> KeyError;
    let control: Error = |position| KeyError::ControlInKeyId { position };
    let quote: Error = |position| KeyError::QuoteInKeyId { position };
    let non_ascii: Error = |position| KeyError::NonAsciiInKeyId { position };
    let cases = [
        ("\0", control),
        ("\t", control),
        ("\n", control),
        ("\r", control),
        ("\u{1f}", control),
        ("\u{7f}", control),
        ("\"", quote),
        ("\u{80}", non_ascii),
        ("é", non_ascii),
        ("日", non_ascii),
        ("\u{feff}", non_ascii),
        ("\u{1f511}", non_ascii),
    ];
    for (character, error) in cases {
        for before in ["", "A", "AKID test\\key"] {
            for after in ["", "0001", "\n\"é"] {
                let id = format!("{before}{character}{after}");
                let expected = error(before.len());
                assert_eq!(KeyId::new(&*id), Err(expected), "{id:?}");
                assert_eq!(KeyPair::new(&*id, SECRET).unwrap_err(), expected, "{id:?}");
            }
        }
    }
}

#[test]
fn positions_count_bytes_of_the_first_character_that_is_wrong() {
    assert_eq!(
        KeyId::new("日\"").unwrap_err(),
        KeyError::NonAsciiInKeyId { position: 0 }
    );
    assert_eq!(
        KeyId::new("a\"日").unwrap_err(),
        KeyError::QuoteInKeyId { position: 1 }
    );
    assert_eq!(
        KeyId::new("\"AKID\"").unwrap_err(),
        KeyError::QuoteInKeyId { position: 0 }
    );
    assert_eq!(
        KeyId::new("AKID\r\n").unwrap_err(),
        KeyError::ControlInKeyId { position: 4 }
    );
}

#[test]
fn of_all_ascii_only_controls_and_the_quote_are_refused_in_a_key_id() {
    for character in '\0'..='\u{7f}' {
        let taken = KeyId::new(character).is_ok();
        let is_legal = !character.is_ascii_control() && character != '"';
        assert_eq!(taken, is_legal, "{character:?}");
    }
}

#[test]
fn a_key_id_is_taken_as_it_is() {
    for id in [
        " ", "a b", " a ", "  ", "\\", "a\\b\\", "\\n", "a,b=c;d", "'", "~",
    ] {
        let key_id = KeyId::new(id).unwrap();
        assert_eq!(key_id.as_str(), id);
        assert_eq!(key_id.to_string(), id);
        assert_eq!(format!("{key_id:?}"), format!("{id:?}"));
        let keys = KeyPair::new(id, SECRET).unwrap();
        assert_eq!(keys.id(), &key_id);
        assert_eq!(Signer::new(keys).keys().key_id(), key_id);
    }
}

#[test]
fn a_secret_of_any_bytes_is_taken_as_it_is() {
    let secrets = (0..=u8::MAX).map(|byte| vec![byte]).chain([
        b"secret\n".to_vec(),
        b" secret ".to_vec(),
        b"\xef\xbb\xbfsecret".to_vec(),
        b"c2VjcmV0".to_vec(),
        b"\"secret\"".to_vec(),
        vec![0xff; 64],
        vec![0xff; 65],
        vec![0xff; 128],
        vec![0xff; 129],
        vec![0x0a; 100_000],
    ]);
    for secret in secrets {
        let signer = Signer::new(KeyPair::new(KEY_ID, &*secret).unwrap());
        let request = Request::get("/a").body(()).unwrap();
        let signed = signer.sign(&request, at(FRIDAY)).unwrap();
        let (_, authorization) = signed.iter().last().unwrap();
        let by_hand =
            sign_by_hand::authorization(KEY_ID, Algorithm::HmacSha1, &secret, &[("x-date", TODAY)]);
        assert_eq!(authorization, &*by_hand, "{}", secret.escape_ascii());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_key_id_is_taken_if_and_only_if_it_can_be_sent(id in any::<String>()) {
        let is_legal = |c: char| matches!(c, ' '..='~') && c != '"';
        let expected = !id.is_empty() && id.chars().all(is_legal);
        prop_assert_eq!(KeyId::new(id).is_ok(), expected);
    }

    #[test]
    fn a_key_error_repeats_nothing_of_the_id_or_secret(
        before in "[!#-~]{0,20}",
        wrong in "[\"\t\n\r\x7fé日]",
        after in "[!#-~]{0,20}",
    ) {
        // Marked, so that they are nothing that an error says by itself.
        let id = format!("Z9{before}8X{wrong}Y7{after}6W");
        let secret = format!("V5{after}4U{before}");
        let error = KeyPair::new(&*id, &*secret).unwrap_err();
        for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
            for piece in ["Z9", "8X", "Y7", "6W", "V5", "4U"] {
                prop_assert!(!text.contains(piece), "{}", text);
            }
            for longer in [&before, &after].into_iter().filter(|piece| piece.len() > 7) {
                prop_assert!(!text.contains(longer.as_str()), "{}", text);
            }
        }
    }
}

/// Every form in which a part of the secret, or of the blocks that HMAC makes of it, may get into a
/// text.
struct Detector {
    /// In texts without any white space.
    forms: Vec<String>,
}

impl Detector {
    /// How many bytes of a secret are a leak.
    const PART: usize = 6;

    fn new(secret: &[u8]) -> Self {
        let masked = |mask: u8| secret.iter().map(|byte| byte ^ mask).collect::<Vec<_>>();
        let forms = [secret.to_vec(), masked(0x36), masked(0x5c)];
        let parts = forms.iter().flat_map(|secret| secret.windows(Self::PART));
        Self {
            forms: parts.flat_map(Self::forms_of).collect(),
        }
    }

    fn forms_of(part: &[u8]) -> Vec<String> {
        let joined = |format: fn(&u8) -> String, separator: &str| {
            part.iter().map(format).collect::<Vec<_>>().join(separator)
        };
        vec![
            String::from_utf8_lossy(part).into_owned(),
            part.escape_ascii().to_string(),
            joined(|byte| format!("{byte:02x}"), ""),
            joined(|byte| format!("{byte:02X}"), ""),
            joined(|byte| format!("{byte:x}"), ","),
            joined(|byte| format!("{byte:X}"), ","),
            joined(|byte| format!("0x{byte:x}"), ","),
            joined(|byte| format!("0x{byte:X}"), ","),
            joined(|byte| byte.to_string(), ","),
            base64(part),
            base64(part).replace('+', "-").replace('/', "_"),
        ]
    }

    fn finds(&self, text: &str) -> bool {
        let text: String = text.split_whitespace().collect();
        self.forms.iter().any(|form| text.contains(form.as_str()))
    }
}

#[test]
fn the_detector_finds_a_secret_in_every_form() {
    let detector = Detector::new(SECRET);
    let blob = base64(&[b"x", SECRET, b"yz"].concat());
    let opened = String::from_utf8(SECRET[5..15].to_vec()).unwrap();
    let hex: String = SECRET.iter().map(|byte| format!("{byte:02x}")).collect();
    for leak in [
        format!("{SECRET:?}"),
        format!("{SECRET:#?}"),
        format!("{SECRET:x?}"),
        format!("{SECRET:#X?}"),
        format!("{:?}", String::from_utf8_lossy(SECRET)),
        format!("key={opened}"),
        blob,
        hex.to_uppercase(),
        hex,
        format!("{:?}", SECRET.iter().map(|b| b ^ 0x36).collect::<Vec<_>>()),
    ] {
        assert!(detector.finds(&leak), "{leak}");
    }
    assert!(!detector.finds(r#"KeyPair { id: "AKIDtestkey0001", secret: [redacted] }"#));
}

/// What `Debug` shows of a value, on one line and on many.
fn debug(what: &str, value: &dyn Debug) -> [(String, String); 2] {
    [
        (format!("{what} {{:?}}"), format!("{value:?}")),
        (format!("{what} {{:#?}}"), format!("{value:#?}")),
    ]
}

#[track_caller]
fn assert_secret(shown: impl IntoIterator<Item = (String, String)>) {
    let detector = Detector::new(SECRET);
    for (what, text) in shown {
        assert!(!text.is_empty(), "{what}");
        assert!(!detector.finds(&text), "{what} shows the secret: {text}");
    }
}

#[test]
fn no_type_that_is_made_from_a_key_shows_the_secret() {
    let keys = keys();
    let key = VerifyingKey::from(&keys);
    let builder = || {
        Signer::builder(keys.clone())
            .algorithm(Algorithm::HmacSha256)
            .signed_headers([header::HOST])
            .source(HeaderValue::from_static("billing"))
    };
    let signer = builder().build().unwrap();
    let layer = SignLayer::from(signer.clone()).clock(ManualClock::at(at(FRIDAY)));
    let request = Request::get("https://example.com/a").body(()).unwrap();
    let signed = signer.sign(&request, at(FRIDAY)).unwrap();
    let mut signed_request = request;
    signed.clone().apply(signed_request.headers_mut());

    let verifier = Verifier::new();
    let read = || verifier.read(&signed_request, at(FRIDAY)).unwrap();
    let lookup = KeyLookup::Key(&key, KeyAccess::Bound);
    let verified = verifier.verify(read(), lookup).unwrap();

    assert_secret(
        [
            debug("KeyPair", &keys),
            debug(
                "KeyPair",
                &KeyPair::from((keys.id().clone(), keys.secret().clone())),
            ),
            debug("KeyId", keys.id()),
            debug("SecretKey", keys.secret()),
            debug("SecretKey", &Some(Arc::new(keys.secret().clone()))),
            debug("SignerBuilder", &builder()),
            debug(
                "BuildError",
                &builder().signed_headers([header::AUTHORIZATION]).build(),
            ),
            debug("Signer", &signer),
            debug("SignLayer", &layer),
            debug("SignLayer", &SignLayer::new(keys.clone())),
            debug(
                "SignService",
                &tower::Layer::layer(&SignLayer::new(signer.clone()), ()),
            ),
            debug("SignService", &tower::Layer::layer(&layer, "inner")),
            debug("SignedHeaders", &signed),
            debug(
                "SigningString",
                &signer.signing_string(&signed_request, at(FRIDAY)),
            ),
            debug("Request", &signed_request),
            debug("VerifyingKey", &key),
            debug("VerifyingKey", &VerifyingKey::new(keys.secret())),
            debug("Verifier", &verifier),
            debug("Credentials", &read()),
            debug("SigningString", &read().signing_string()),
            debug("KeyLookup", &lookup),
            debug(
                "KeyLookup",
                &KeyLookup::Key(Arc::new(key.clone()), KeyAccess::NotBound),
            ),
            debug("VerifiedKey", &verified),
            debug("CoveredComponents", &verified.covered()),
        ]
        .concat(),
    );
}

#[test]
fn no_layer_service_store_or_handle_that_holds_keys_shows_the_secret() {
    let keys = keys();
    let store = StaticKeys::from(keys.clone());
    let layer = VerifyLayer::new(store.clone());
    let key = VerifyingKey::from(&keys);
    let shared = RotatingKeyPair::new(keys);
    let clock = ServerClock::new();
    let async_store =
        |_: &str, _: RequestHead<'_>| std::future::ready(KeyLookup::<Arc<VerifyingKey>>::Unknown);
    assert_secret(
        [
            debug("RotatingKeyPair", &shared),
            debug("Signer", &Signer::new(shared)),
            debug("StaticKeys", &store),
            debug("VerifyLayer", &layer),
            debug("VerifyService", &tower::Layer::layer(&layer, "inner")),
            debug("KeyRef", &KeyRef::from(&key)),
            debug("KeyRef", &KeyRef::from(Arc::new(key.clone()))),
            debug("AsyncKeys", &AsyncKeys(async_store)),
            debug(
                "DefaultResponseForRejection",
                &DefaultResponseForRejection::new(),
            ),
            debug("ServerClock", &clock),
            debug("ServerClockLayer", &clock.observe()),
            debug(
                "ServerClockService",
                &tower::Layer::layer(&clock.observe(), "inner"),
            ),
        ]
        .concat(),
    );
}

#[test]
fn a_key_that_is_moved_leaves_no_copy_of_a_secret() {
    // A secret key and the MAC states are behind pointers, so that moving what holds them, as a map
    // does that grows, copies nothing that is overwritten only once: the smallest state has 40
    // bytes for each key and algorithm.
    assert!(size_of::<SecretKey>() <= 3 * size_of::<usize>());
    // The last pointer is that to a previous secret.
    assert!(size_of::<VerifyingKey>() <= size_of::<SecretKey>() + 32 + size_of::<usize>());
}

#[test]
fn redacted_types_say_that_they_are() {
    assert_eq!(
        format!("{:?}", keys()),
        r#"KeyPair { id: "AKIDtestkey0001", secret: [redacted] }"#
    );
    assert_eq!(format!("{:?}", keys().secret()), "SecretKey([redacted])");
    let key = VerifyingKey::from(&keys());
    assert_eq!(format!("{key:?}"), "VerifyingKey([redacted])");
}

/// A request with `Authorization` in place of the right one.
fn with_authorization(authorization: &str) -> Request<()> {
    let mut request = sign_by_hand::request(&[("x-date", TODAY)]);
    let authorization = HeaderValue::from_str(authorization).unwrap();
    request
        .headers_mut()
        .insert(header::AUTHORIZATION, authorization);
    request
}

/// Each rejection, as a server that knows the key comes to it.
fn rejections() -> Vec<Rejection> {
    let verifier = Verifier::new;
    let right =
        sign_by_hand::authorization(KEY_ID, Algorithm::HmacSha1, SECRET, &[("x-date", TODAY)]);
    let by_hand =
        |signed: &Lines<'_>, unsigned: &Lines<'_>| signed_request(KEY_ID, SECRET, signed, unsigned);
    let today = by_hand(&[("x-date", TODAY)], &[]);
    let read = |verifier: Verifier, request: &Request<()>| {
        let rejection = verifier.read(request, at(FRIDAY));
        rejection.unwrap_err()
    };
    let verify = |lookup: KeyLookup<&VerifyingKey>| {
        let credentials = verifier().read(&today, at(FRIDAY)).unwrap();
        verifier().verify(credentials, lookup).unwrap_err()
    };
    let key = VerifyingKey::from(&keys());
    let other = VerifyingKey::new(&SecretKey::new("other").unwrap());

    let mut missing = today.clone();
    missing.headers_mut().remove("x-date");
    let mut repeated = today.clone();
    let again = HeaderValue::from_bytes(TODAY).unwrap();
    repeated.headers_mut().append("x-date", again);
    let uncovered = [HeaderName::from_static("x-tenant")];
    let requiring = Verifier::builder().require(uncovered).build().unwrap();

    vec![
        read(verifier(), &Request::new(())),
        read(verifier(), &with_authorization(&format!("{right}, x"))),
        read(
            verifier(),
            &with_authorization(&right.replace(r#"headers="x-date", "#, "")),
        ),
        read(verifier(), &with_authorization(&right.replace(KEY_ID, ""))),
        read(
            verifier(),
            &with_authorization(&right.replace("sha1", "md5")),
        ),
        read(verifier(), &repeated),
        read(verifier(), &missing),
        read(requiring, &today),
        read(verifier(), &by_hand(&[("x-a", b"1")], &[])),
        read(
            verifier(),
            &by_hand(&[("date", TODAY)], &[("x-date", TODAY)]),
        ),
        read(verifier(), &by_hand(&[("x-date", b"today")], &[])),
        read(
            verifier(),
            &by_hand(&[("x-date", b"Fri, 09 Oct 2015 00:15:01 GMT")], &[]),
        ),
        verify(KeyLookup::Unknown),
        verify(KeyLookup::Key(&other, KeyAccess::Bound)),
        verify(KeyLookup::Key(&key, KeyAccess::NotBound)),
        verify(KeyLookup::Key(&key, KeyAccess::NoUsagePlan)),
        verify(KeyLookup::Unavailable),
    ]
}

#[test]
fn no_rejection_shows_the_secret_or_the_right_signature() {
    let rejections = rejections();
    let kinds: HashSet<_> = rejections.iter().map(mem::discriminant).collect();
    assert_eq!(kinds.len(), rejections.len(), "each kind once");

    let mac = mac(
        Algorithm::HmacSha1,
        SECRET,
        &signing_string(&[("x-date", TODAY)]),
    );
    let right_signature = Detector::new(&mac);
    for rejection in &rejections {
        let display: &dyn Display = rejection;
        let mut shown = debug("Rejection", rejection).to_vec();
        shown.push(("Rejection in the log".to_owned(), display.to_string()));
        shown.push((
            "Rejection's text".to_owned(),
            Scheme::Tencent.text(rejection).into_owned(),
        ));
        for (what, text) in &shown {
            assert!(!right_signature.finds(text), "{what}: {text}");
        }
        assert_secret(shown);
    }
}

#[test]
fn a_wrong_signature_of_a_known_key_shows_neither_secret_nor_right_signature_in_credentials() {
    // The client has another secret; what it sends is all that may be shown.
    let signed = [("x-date", TODAY)];
    let request = signed_request(KEY_ID, b"other", &signed, &[]);
    let server = Server::new(KEY_ID, SECRET);
    let rejection = server.check(&request, at(FRIDAY)).unwrap_err();
    assert_eq!(rejection, Rejection::SignatureMismatch);

    let credentials = server.verifier.read(&request, at(FRIDAY)).unwrap();
    let right = Detector::new(&mac(Algorithm::HmacSha1, SECRET, &signing_string(&signed)));
    let shown = debug("Credentials", &credentials);
    for (what, text) in &shown {
        assert!(!right.finds(text), "{what}: {text}");
    }
    assert_secret(shown);
}

#[test]
fn the_signed_authorization_is_sensitive_and_not_shown() {
    for algorithm in Algorithm::ALL {
        for date_header in [DateHeader::Date, DateHeader::XDate] {
            let signer = Signer::builder(keys())
                .algorithm(algorithm)
                .date_header(date_header)
                .build()
                .unwrap();
            let mut request = Request::get("/a").body(()).unwrap();
            let signed = signer.sign(&request, at(FRIDAY)).unwrap();
            let (name, value) = signed.iter().last().unwrap();
            assert_eq!(name, header::AUTHORIZATION);
            assert!(value.is_sensitive());

            let lines = [(date_header.name().as_str(), TODAY)];
            let signature = base64(&mac(algorithm, SECRET, &signing_string(&lines)));
            assert!(value.to_str().unwrap().contains(&signature));
            let texts = |shown: [(String, String); 2]| shown.map(|(_, text)| text);
            for text in texts(debug("SignedHeaders", &signed)) {
                assert!(text.contains("Sensitive"), "{text}");
                assert!(!text.contains(&signature), "{text}");
                assert!(!text.contains(KEY_ID), "{text}");
            }

            signer.sign_request(&mut request, at(FRIDAY)).unwrap();
            assert!(request.headers()[header::AUTHORIZATION].is_sensitive());
            for text in texts(debug("Request", &request)) {
                assert!(!text.contains(&signature), "{text}");
            }
            let again = signer.sign(&request, at(FRIDAY + 1)).unwrap();
            again.apply(request.headers_mut());
            assert!(request.headers()[header::AUTHORIZATION].is_sensitive());
        }
    }
}

#[test]
fn a_signed_value_that_was_sensitive_is_so_still_when_whitespace_is_removed() {
    let name = HeaderName::from_static("x-token");
    let mut token = HeaderValue::from_static(" hidden\t");
    token.set_sensitive(true);
    let mut source = HeaderValue::from_static(" quiet ");
    source.set_sensitive(true);
    let mut request = Request::get("/a").body(()).unwrap();
    request.headers_mut().insert(&name, token);
    let signer = Signer::builder(keys())
        .signed_headers([name.clone()])
        .source(source)
        .build()
        .unwrap();
    for (what, text) in debug("Signer", &signer) {
        assert!(!text.contains("quiet"), "{what}: {text}");
    }
    signer.sign_request(&mut request, at(FRIDAY)).unwrap();
    for (name, value) in [(name.as_str(), "hidden"), ("source", "quiet")] {
        assert_eq!(request.headers()[name], value);
        assert!(request.headers()[name].is_sensitive(), "{name}");
    }
}
