//! Keys, times and requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue, Request, Version};
use tower_hmac_auth::{
    Algorithm, KeyPair, Rejection, RequestHead, Scheme, SignLayer, Signer, StaticKeys, VerifiedKey,
    Verifier, VerifyLayer,
    clock::ManualClock,
    scheme::{DateHeader, DerivedComponent, MissingHeaderLine},
    verify::{DefaultResponseForRejection, KeyAccess, KeyLookup, VerifyingKey},
};

pub(crate) const KEY_ID: &str = "AKIDtestkey0001";
pub(crate) const SECRET: &str = "test-secret-key-0001";

/// 2015-10-09T00:00:00Z, a Friday.
pub(crate) const FRIDAY: i64 = 1_444_348_800;

pub(crate) fn keys() -> KeyPair {
    KeyPair::new(KEY_ID, SECRET).unwrap()
}

/// Seconds since 1970, also before it.
pub(crate) fn at(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}

/// Waits, but not forever.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    let waited = tokio::time::timeout(Duration::from_secs(30), future).await;
    waited.expect("an answer within 30 seconds")
}

/// Signs with [`keys`], by the system's clock.
pub(crate) fn signing(scheme: Scheme) -> SignLayer {
    let signer = Signer::builder(keys()).scheme(scheme).build().unwrap();
    SignLayer::from(signer)
}

/// The presets whose credentials have a list of what is signed. The others sign their date alone.
pub(crate) fn schemes_with_lists() -> impl Iterator<Item = Scheme> {
    let all = Scheme::ALL.into_iter();
    all.filter(|scheme| *scheme != Scheme::TencentMarket)
}

/// DNSE's scheme: Tyk's in a header of its own, with a nonce as a parameter.
pub(crate) fn dnse() -> Scheme {
    Scheme::builder("dnse", Scheme::Tyk)
        .credentials_header(HeaderName::from_static("x-signature"))
        .nonce_parameter("nonce")
        .default_list(["(request-target)", "date"])
        .build()
        .unwrap()
}

/// Modulr's scheme: Tyk's, with a nonce in a header.
pub(crate) fn modulr() -> Scheme {
    Scheme::builder("modulr", Scheme::Tyk)
        .algorithms([Algorithm::HmacSha512])
        .default_list(["date", "x-mod-nonce"])
        .build()
        .unwrap()
}

/// SenseCore's scheme, which has several lists: Kong's, with another parameter for the key id.
pub(crate) fn sensecore(list: &[&str]) -> Scheme {
    Scheme::builder("sensecore", Scheme::Kong)
        .key_id_parameter("accesskey")
        .default_list(list)
        .build()
        .unwrap()
}

/// Mekari's scheme: Kong's, with the request line.
pub(crate) fn mekari() -> Scheme {
    Scheme::builder("mekari", Scheme::Kong)
        .default_list(["date", "request-line"])
        .build()
        .unwrap()
}

/// MessageMedia's scheme: Kong's, with names that keep their case.
pub(crate) fn messagemedia() -> Scheme {
    Scheme::builder("messagemedia", Scheme::Kong)
        .algorithms([Algorithm::HmacSha1])
        .keep_name_case(true)
        .default_list(["Date", "x-Content-MD5", "request-line"])
        .build()
        .unwrap()
}

/// The scheme that the guide invents: Kong's, with another name for the target and absent headers
/// left out.
pub(crate) fn partner() -> Scheme {
    Scheme::builder("partner", Scheme::Kong)
        .derived_components([("(request-target)", DerivedComponent::RequestTarget)])
        .date_headers([DateHeader::XDate])
        .missing_headers(Some(MissingHeaderLine::Omitted))
        .default_list(["x-date", "(request-target)", "host"])
        .build()
        .unwrap()
}

/// A date header that every scheme with lists has in one of its spellings: `Date`, if the scheme
/// reads it.
pub(crate) fn date_header(scheme: Scheme) -> DateHeader {
    match scheme {
        Scheme::TencentApp => DateHeader::XDate,
        _ => DateHeader::Date,
    }
}

/// The signing string of a `GET /a` without `Accept` and the like, of these lines for what is
/// listed.
pub(crate) fn string_of(scheme: Scheme, lines: &str) -> String {
    match scheme {
        Scheme::Apisix => format!("{KEY_ID}\n{lines}\n"),
        Scheme::TencentApp => format!("{lines}\nGET\n\n\n\n/a"),
        _ => lines.to_owned(),
    }
}

/// A verifier with all of the scheme's defaults.
pub(crate) fn verifier_of(scheme: Scheme) -> Verifier {
    Verifier::builder().scheme(scheme).build().unwrap()
}

/// Verifies with [`keys`], by the system's clock.
pub(crate) fn verifying(scheme: Scheme) -> VerifyLayer<StaticKeys> {
    VerifyLayer::new(StaticKeys::from(keys())).verifier(verifier_of(scheme))
}

/// Verifies with [`keys`], on [`FRIDAY`].
pub(crate) fn verifying_on_friday()
-> VerifyLayer<StaticKeys, DefaultResponseForRejection, ManualClock> {
    VerifyLayer::new(StaticKeys::from(keys())).clock(ManualClock::at(at(FRIDAY)))
}

/// Checks a request as a server would that knows only [`keys`].
pub(crate) fn verify(
    verifier: &Verifier,
    head: RequestHead<'_>,
    now: SystemTime,
) -> Result<VerifiedKey, Rejection> {
    let key = VerifyingKey::from(&keys());
    let credentials = verifier.read(head, now)?;
    let lookup = match credentials.key_id() {
        KEY_ID => KeyLookup::Key(&key, KeyAccess::Bound),
        _ => KeyLookup::Unknown,
    };
    verifier.verify(credentials, lookup)
}

/// Reads a request head: a request line, then `name: value` lines whose values keep
/// their whitespace.
pub(crate) fn parse_head(head: &[u8]) -> Request<()> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = std::str::from_utf8(lines.next().unwrap()).unwrap();
    let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("not a request line: {line}");
    };
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .version(Version::HTTP_11)
        .body(())
        .unwrap();
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.windows(2).position(|pair| pair == b": ").unwrap();
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name).unwrap();
        let value = HeaderValue::from_bytes(value.strip_prefix(b": ").unwrap()).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}
