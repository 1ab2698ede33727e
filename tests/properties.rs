//! Promises that hold for every key, header and time: what is signed is accepted, and nothing else is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;
#[path = "common/sign_by_hand.rs"]
mod sign_by_hand;

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, Request, header};
use proptest::{
    collection::{hash_map, vec},
    option,
    prelude::*,
    sample::{self, Index},
};
use tower_hmac_auth::{
    Algorithm, DateHeader, KeyId, KeyPair, Malformed, Rejection, Signer, Verifier,
};

use common::{FRIDAY, KEY_ID, SECRET, at};
use sign_by_hand::{Accepted, Server};

/// 9999-12-31T23:59:59Z
const LAST: i64 = 253_402_300_799;

/// Every byte that a header's value can have.
static LEGAL_BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let legal = |byte: &u8| HeaderValue::from_bytes(&[*byte]).is_ok();
    (0..=u8::MAX).filter(legal).collect()
});

fn legal_bytes() -> impl Iterator<Item = u8> {
    LEGAL_BYTES.iter().copied()
}

fn legal_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        6 => b'!'..=b'~',
        2 => Just(b' '),
        1 => Just(b'\t'),
        3 => 0x80..=u8::MAX,
    ]
}

fn value(max_len: usize) -> impl Strategy<Value = HeaderValue> {
    vec(legal_byte(), 0..=max_len).prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}

/// Names with a place or meaning of their own. `request-line` is none of a header's for this scheme's verifier.
const RESERVED: [&str; 5] = ["authorization", "date", "request-line", "source", "x-date"];

/// Names of usual headers, all of which can be signed.
const KNOWN: [&str; 8] = [
    "accept",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "proxy-authorization",
    "x-microservice-name",
    "x-namespace-code",
];

fn name() -> impl Strategy<Value = HeaderName> {
    prop_oneof![
        sample::select(&KNOWN[..]).prop_map(str::to_owned),
        "[-!#$%&'*+.^_`|~0-9a-z]{1,24}",
    ]
    .prop_filter("reserved", |name| !RESERVED.contains(&name.as_str()))
    .prop_map(|name| name.parse().unwrap())
}

/// All that a signed request depends on.
#[derive(Debug, Clone)]
struct Case {
    key_id: String,
    secret: Vec<u8>,
    algorithm: Algorithm,
    date_header: DateHeader,
    /// The signer's `Source` and the request's.
    sources: (Option<HeaderValue>, Option<HeaderValue>),
    /// Headers to be signed, some of which the request lacks.
    further: Vec<(HeaderName, Option<HeaderValue>)>,
    seconds: i64,
    nanos: u32,
}

/// With values of at most `max_len` bytes, and fewer than `max_further` further headers.
fn case(max_len: usize, max_further: usize) -> impl Strategy<Value = Case> {
    let sources = (option::of(value(max_len)), option::of(value(max_len)));
    let value = option::weighted(0.8, value(max_len));
    let further = hash_map(name(), value, 0..max_further);
    let further = further
        .prop_map(|headers| headers.into_iter().collect::<Vec<_>>())
        .prop_shuffle();
    (
        "[ !#-~]{1,60}",
        vec(any::<u8>(), 1..300),
        sample::select(&Algorithm::ALL[..]),
        sample::select(&[DateHeader::Date, DateHeader::XDate][..]),
        sources,
        further,
        0..=LAST,
        0..1_000_000_000_u32,
    )
        .prop_map(
            |(key_id, secret, algorithm, date_header, sources, further, seconds, nanos)| Case {
                key_id,
                secret,
                algorithm,
                date_header,
                sources,
                further,
                seconds,
                nanos,
            },
        )
}

impl Case {
    fn signer(&self) -> Signer {
        let keys = KeyPair::new(&*self.key_id, &*self.secret).unwrap();
        let signer = Signer::builder(keys)
            .algorithm(self.algorithm)
            .date_header(self.date_header)
            .signed_headers(self.further.iter().map(|(name, _)| name.clone()))
            .build()
            .unwrap();
        match &self.sources.0 {
            Some(source) => signer.source(source.clone()),
            None => signer,
        }
    }

    fn server(&self) -> Server {
        Server::new(&self.key_id, &self.secret)
    }

    fn now(&self) -> SystemTime {
        at(self.seconds) + Duration::from_nanos(self.nanos.into())
    }

    fn unsigned_request(&self) -> Request<()> {
        let mut request = Request::post("/a?x=1").body(()).unwrap();
        let source = (HeaderName::from_static("source"), self.sources.1.clone());
        for (name, value) in self.further.iter().cloned().chain([source]) {
            if let Some(value) = value {
                request.headers_mut().insert(name, value);
            }
        }
        request
    }

    fn signed_request(&self) -> Request<()> {
        let mut request = self.unsigned_request();
        self.signer()
            .sign_request(&mut request, self.now())
            .unwrap();
        request
    }

    /// The names and values that should be signed, told from the case alone but for the date's text.
    fn lines(&self, signed: &Request<()>) -> Vec<(String, Vec<u8>)> {
        let (supplied, own) = &self.sources;
        let date = self.date_header.name();
        let source = ("source", own.as_ref().or(supplied.as_ref()));
        let further = self.further.iter();
        let further = further.map(|(name, value)| (name.as_str(), value.as_ref()));
        [(date.as_str(), signed.headers().get(date)), source]
            .into_iter()
            .chain(further)
            .filter_map(|(name, value)| {
                Some((name.to_owned(), value?.as_bytes().trim_ascii().to_vec()))
            })
            .collect()
    }

    fn accepted(&self, request: &Request<()>) -> Accepted {
        self.server().check(request, self.now()).unwrap()
    }
}

fn borrowed(lines: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    let lines = lines.iter();
    lines.map(|(name, value)| (&**name, &**value)).collect()
}

fn authorization(request: &Request<()>) -> Vec<u8> {
    request.headers()[header::AUTHORIZATION].as_bytes().to_vec()
}

fn with_header(request: &Request<()>, name: &str, value: &[u8]) -> Request<()> {
    let mut request = request.clone();
    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
    let value = HeaderValue::from_bytes(value).unwrap();
    request.headers_mut().insert(name, value);
    request
}

fn with_authorization(request: &Request<()>, value: &[u8]) -> Request<()> {
    with_header(request, header::AUTHORIZATION.as_str(), value)
}

/// Another byte that a header's value can have.
fn another(byte: u8, choice: usize) -> u8 {
    let others = || legal_bytes().filter(|other| *other != byte);
    others().nth(choice % others().count()).unwrap()
}

/// The request without the header, which must have been there.
fn without(request: &Request<()>, name: &str) -> (Request<()>, HeaderValue) {
    let mut request = request.clone();
    let value = request.headers_mut().remove(name).unwrap();
    (request, value)
}

/// The request with another list of names in its `Authorization`.
fn with_list(request: &Request<()>, list: &[&str]) -> Request<()> {
    let text = String::from_utf8(authorization(request)).unwrap();
    let (before, after) = text.split_once(r#"headers=""#).unwrap();
    let (_, after) = after.split_once('"').unwrap();
    let list = list.join(" ");
    let text = format!(r#"{before}headers="{list}"{after}"#);
    with_authorization(request, text.as_bytes())
}

#[track_caller]
fn assert_refused(checked: &Result<Accepted, Rejection>) {
    assert!(checked.is_err(), "accepted: {checked:?}");
}

/// Nothing but another spelling of the same may pass.
#[track_caller]
fn assert_refused_or_same(checked: &Result<Accepted, Rejection>, original: &Accepted) {
    if let Ok(accepted) = checked {
        assert_eq!(accepted.meaning(), original.meaning());
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn what_is_signed_is_accepted(case in case(60, 6), clock in any::<Index>()) {
        let (unsigned, signed) = (case.unsigned_request(), case.signed_request());
        let sent_at = case.seconds;
        let (earliest, latest) = match case.date_header {
            DateHeader::XDate => (sent_at - 900, sent_at + 900),
            _ => (-1000, LAST + 1000),
        };
        let span = usize::try_from(latest - earliest + 1).unwrap();
        let received_at = earliest + i64::try_from(clock.index(span)).unwrap();
        let received_at = at(received_at) + Duration::from_nanos(case.nanos.into());

        let accepted = case.server().check(&signed, received_at).unwrap();
        let lines = case.lines(&signed);
        let covered: Vec<_> = lines.iter().map(|(name, _)| &**name).collect();
        prop_assert_eq!(accepted.key.key_id(), &case.key_id);
        prop_assert_eq!(accepted.key.algorithm(), case.algorithm);
        prop_assert_eq!(accepted.key.covered().collect::<Vec<_>>(), covered);

        let ours = case.signer().signing_string((&unsigned).into(), case.now()).unwrap();
        prop_assert_eq!(&ours, &accepted.signing_string);
        prop_assert_eq!(ours.as_bytes(), sign_by_hand::signing_string(&borrowed(&lines)));
    }

    #[test]
    fn what_is_sent_is_what_is_signed_byte_for_byte(case in case(40, 6)) {
        let signed = case.signed_request();
        let lines = case.lines(&signed);
        for (name, value) in &lines {
            let sent: Vec<_> = signed.headers().get_all(name).iter().collect();
            prop_assert_eq!(sent, [&**value], "{}", name);
        }
        let by_hand = sign_by_hand::authorization(
            &case.key_id,
            case.algorithm,
            &case.secret,
            &borrowed(&lines),
        );
        let sent: Vec<_> = signed.headers().get_all(header::AUTHORIZATION).iter().collect();
        prop_assert_eq!(sent, [&*by_hand]);
    }

    #[test]
    fn what_is_signed_by_hand_is_accepted(case in case(40, 6), choices in any::<u64>()) {
        // Names in mixed case, as they may be listed.
        let mut lines = case.lines(&case.signed_request());
        for (name, _) in &mut lines {
            let mixed = name.bytes().enumerate().map(|(at, byte)| {
                if choices >> (at % 64) & 1 == 1 { byte.to_ascii_uppercase() } else { byte }
            });
            *name = String::from_utf8(mixed.collect()).unwrap();
        }
        let lines = borrowed(&lines);
        let request = sign_by_hand::signed_request(&case.key_id, &case.secret, &lines, &[]);
        let accepted = case.accepted(&request);
        let listed: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
        prop_assert_eq!(accepted.key.covered().collect::<Vec<_>>(), listed);
    }

    #[test]
    fn blanks_around_a_value_change_nothing(
        case in case(20, 4),
        before in "[ \t]{0,3}",
        after in "[ \t]{0,3}",
    ) {
        let signed = case.signed_request();
        let original = case.accepted(&signed);
        let mut padded = signed;
        let names = case.lines(&padded).into_iter().map(|(name, _)| name);
        for name in names.chain(["authorization".to_owned()]) {
            let value = padded.headers()[&name].as_bytes();
            let value = [before.as_bytes(), value, after.as_bytes()].concat();
            padded = with_header(&padded, &name, &value);
        }
        prop_assert_eq!(case.accepted(&padded), original);
    }

    #[test]
    fn signing_again_later_equals_signing_a_fresh_request(
        first in case(30, 4),
        later in 0..=LAST,
        date_header in sample::select(&[DateHeader::Date, DateHeader::XDate][..]),
        algorithm in sample::select(&Algorithm::ALL[..]),
    ) {
        let second = Case {
            seconds: later,
            date_header,
            algorithm,
            key_id: "another".to_owned(),
            secret: b"another".to_vec(),
            ..first.clone()
        };
        let fresh = second.signed_request();
        let mut again = first.signed_request();
        second.signer().sign_request(&mut again, second.now()).unwrap();
        prop_assert_eq!(again.headers(), fresh.headers());
        prop_assert_eq!(again.uri(), fresh.uri());
        prop_assert_eq!(again.headers().get_all(header::AUTHORIZATION).iter().count(), 1);
        let dates = ["date", "x-date"].map(|name| again.headers().get_all(name).iter().count());
        prop_assert_eq!(dates.iter().sum::<usize>(), 1);
    }

    #[test]
    fn arbitrary_bytes_as_authorization_are_refused(bytes in vec(legal_byte(), 0..300)) {
        let case = sample_case();
        let request = with_authorization(&case.signed_request(), &bytes);
        prop_assert!(Verifier::new().read((&request).into(), case.now()).is_err());
        // Behind the scheme's name as well.
        let bytes = [b"hmac ", &*bytes].concat();
        let request = with_authorization(&request, &bytes);
        prop_assert!(Verifier::new().read((&request).into(), case.now()).is_err());
    }

    #[test]
    fn a_salad_of_the_headers_own_pieces_is_refused(
        pieces in vec(sample::select(&[
            "hmac", "HMAC", " ", "\t", ",", ", ", "=", "\"", "=\"", "\", ", "id", "algorithm", "headers",
            "signature", "id=\"AKIDtestkey0001\"", "algorithm=\"hmac-sha1\"", "headers=\"x-date\"",
            "headers=\"x-date source\"", "signature=\"AAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "x-date",
            "authorization", "é",
        ][..]), 0..24),
    ) {
        let case = sample_case();
        let junk = pieces.concat();
        for junk in [junk.clone(), format!("hmac {junk}"), format!("hmac {}", pieces.join(", "))] {
            let request = with_authorization(&case.signed_request(), junk.as_bytes());
            assert_refused(&case.server().check(&request, case.now()));
        }
    }

    #[test]
    fn arbitrary_bytes_as_a_date_are_refused(bytes in vec(legal_byte(), 0..60), case in case(10, 2)) {
        // In the place of a signed one, and signed themselves.
        let name = case.date_header.name().as_str();
        let replaced = with_header(&case.signed_request(), name, &bytes);
        assert_refused(&case.server().check(&replaced, case.now()));

        let signed = [(name, bytes.trim_ascii())];
        let request = sign_by_hand::signed_request(&case.key_id, &case.secret, &signed, &[]);
        let header = case.date_header;
        prop_assert_eq!(
            case.server().check(&request, case.now()),
            Err(Rejection::DateUnreadable { header })
        );
    }

    #[test]
    fn a_mangled_authorization_is_refused_or_means_the_same(
        case in case(12, 4),
        mangles in vec(mangle(), 1..4),
    ) {
        let signed = case.signed_request();
        let original = case.accepted(&signed);
        let other = Case { secret: b"another".to_vec(), ..case.clone() };
        let donor = authorization(&other.signed_request());

        let mut value = authorization(&signed);
        for mangle in mangles {
            value = mangle.apply(&value, &donor);
        }
        let checked = case.server().check(&with_authorization(&signed, &value), case.now());
        assert_refused_or_same(&checked, &original);
    }
}

proptest! {
    // Each case tries every position or header.
    #![proptest_config(config(200))]

    #[test]
    fn a_changed_byte_of_a_signed_value_is_refused(case in case(16, 3), choice in any::<usize>()) {
        let (signed, server) = (case.signed_request(), case.server());
        for (name, value) in case.lines(&signed) {
            for position in 0..value.len() {
                let mut changed = value.clone();
                changed[position] = another(value[position], choice);
                let request = with_header(&signed, &name, &changed);
                assert_refused(&server.check(&request, case.now()));
            }
        }
    }

    #[test]
    fn a_byte_more_or_less_in_a_signed_value_is_refused(case in case(10, 3), byte in b'!'..=b'~') {
        let (signed, server) = (case.signed_request(), case.server());
        for (name, value) in case.lines(&signed) {
            for position in 0..=value.len() {
                let mut longer = value.clone();
                longer.insert(position, byte);
                let request = with_header(&signed, &name, &longer);
                assert_refused(&server.check(&request, case.now()));
            }
            for position in 0..value.len() {
                let mut shorter = value.clone();
                shorter.remove(position);
                let request = with_header(&signed, &name, &shorter);
                assert_refused(&server.check(&request, case.now()));
            }
        }
    }

    #[test]
    fn a_changed_byte_of_the_key_is_a_signature_mismatch(
        case in case(8, 2),
        positions in vec(any::<Index>(), 8),
        change in 1..=u8::MAX,
    ) {
        let signed = case.signed_request();
        case.accepted(&signed);
        let len = case.secret.len();
        let positions = positions.iter().map(|position| position.index(len));
        for position in positions.chain([0, len - 1]) {
            let mut secret = case.secret.clone();
            secret[position] ^= change;
            let server = Server::new(&case.key_id, &secret);
            prop_assert_eq!(server.check(&signed, case.now()), Err(Rejection::SignatureMismatch));
        }
    }

    #[test]
    fn a_signed_header_removed_or_repeated_or_renamed_is_refused(case in case(12, 4)) {
        let (signed, server) = (case.signed_request(), case.server());
        let lines = case.lines(&signed);
        let names: Vec<_> = lines.iter().map(|(name, _)| &**name).collect();
        for (position, name) in names.iter().enumerate() {
            let check = |request: &Request<()>| server.check(request, case.now()).unwrap_err();
            let is_missing = |rejection: &Rejection| {
                matches!(rejection, Rejection::HeaderMissing { name: n } if n.as_str() == *name)
            };
            let is_repeated = |rejection: &Rejection| {
                matches!(rejection, Rejection::HeaderRepeated { name: n } if n.as_str() == *name)
            };

            let (removed, value) = without(&signed, name);
            prop_assert!(is_missing(&check(&removed)));

            // Also with the very same value, and with an empty one.
            for value in [value.clone(), HeaderValue::from_static("")] {
                let mut repeated = signed.clone();
                repeated.headers_mut().append(HeaderName::try_from(*name).unwrap(), value);
                prop_assert!(is_repeated(&check(&repeated)));
            }

            let renamed = with_header(&removed, "x-renamed", value.as_bytes());
            prop_assert!(is_missing(&check(&renamed)));

            // Renamed in the list, too.
            let mut list = names.clone();
            list[position] = "x-renamed";
            check(&with_list(&renamed, &list));
        }
    }

    #[test]
    fn a_changed_list_is_refused(case in case(12, 4)) {
        let (signed, server) = (case.signed_request(), case.server());
        let signed = with_header(&signed, "x-unsigned", b"1");
        let lines = case.lines(&signed);
        let names: Vec<_> = lines.iter().map(|(name, _)| &**name).collect();
        case.accepted(&with_list(&signed, &names));

        for position in 0..names.len() {
            let mut shorter = names.clone();
            shorter.remove(position);
            assert_refused(&server.check(&with_list(&signed, &shorter), case.now()));

            let mut doubled = names.clone();
            doubled.insert(position, names[position]);
            assert_refused(&server.check(&with_list(&signed, &doubled), case.now()));

            let mut swapped = names.clone();
            swapped.swap(position, 0);
            if position > 0 {
                assert_refused(&server.check(&with_list(&signed, &swapped), case.now()));
            }
        }
        for extra in ["x-unsigned", "x-absent", "authorization", "Authorization", "request-line", ""] {
            for position in 0..=names.len() {
                let mut longer = names.clone();
                longer.insert(position, extra);
                assert_refused(&server.check(&with_list(&signed, &longer), case.now()));
            }
        }
    }

    #[test]
    fn a_changed_byte_of_authorization_is_refused_or_means_the_same(
        case in case(8, 3),
        choice in any::<usize>(),
    ) {
        let (signed, server) = (case.signed_request(), case.server());
        let original = case.accepted(&signed);
        let value = authorization(&signed);
        for position in 0..value.len() {
            let mut changed = value.clone();
            changed[position] = another(value[position], choice);
            let request = with_authorization(&signed, &changed);
            assert_refused_or_same(&server.check(&request, case.now()), &original);
        }
    }
}

/// A change of a header's value.
#[derive(Debug, Clone)]
enum Mangle {
    Delete(Index, Index),
    Double(Index, Index),
    /// Puts a piece somewhere else.
    Move(Index, Index, Index),
    /// Puts a piece of another header that is right for another key there.
    Replace(Index, Index, Index, Index),
    DeleteParameter(Index),
    DoubleParameter(Index),
    SwapParameters(Index, Index),
    ReplaceParameter(Index),
}

fn mangle() -> impl Strategy<Value = Mangle> {
    let index = any::<Index>;
    prop_oneof![
        (index(), index()).prop_map(|(a, b)| Mangle::Delete(a, b)),
        (index(), index()).prop_map(|(a, b)| Mangle::Double(a, b)),
        (index(), index(), index()).prop_map(|(a, b, c)| Mangle::Move(a, b, c)),
        (index(), index(), index(), index()).prop_map(|(a, b, c, d)| Mangle::Replace(a, b, c, d)),
        index().prop_map(Mangle::DeleteParameter),
        index().prop_map(Mangle::DoubleParameter),
        (index(), index()).prop_map(|(a, b)| Mangle::SwapParameters(a, b)),
        index().prop_map(Mangle::ReplaceParameter),
    ]
}

impl Mangle {
    fn apply(&self, value: &[u8], donor: &[u8]) -> Vec<u8> {
        fn range(value: &[u8], a: &Index, b: &Index) -> std::ops::Range<usize> {
            let (a, b) = (a.index(value.len() + 1), b.index(value.len() + 1));
            a.min(b)..a.max(b)
        }
        fn parameters(value: &[u8]) -> Vec<&[u8]> {
            let mut parameters = Vec::new();
            let mut rest = value;
            while let Some(end) = rest.windows(2).position(|pair| pair == b", ") {
                parameters.push(&rest[..end]);
                rest = &rest[end + 2..];
            }
            parameters.push(rest);
            parameters
        }
        // The first parameter has the scheme's name before it.
        let scheme: &[u8] = if value.starts_with(b"hmac ") {
            b"hmac "
        } else {
            b""
        };
        let mut ours = parameters(&value[scheme.len()..]);
        let joined = |parameters: Vec<&[u8]>| [scheme, &parameters.join(&b", "[..])].concat();
        match self {
            Self::Delete(a, b) => {
                let range = range(value, a, b);
                [&value[..range.start], &value[range.end..]].concat()
            }
            Self::Double(a, b) => {
                let range = range(value, a, b);
                [&value[..range.end], &value[range.start..]].concat()
            }
            Self::Move(a, b, c) => {
                let range = range(value, a, b);
                let mut rest = [&value[..range.start], &value[range.end..]].concat();
                let to = c.index(rest.len() + 1);
                rest.splice(to..to, value[range].iter().copied());
                rest
            }
            Self::Replace(a, b, c, d) => {
                let (range, piece) = (range(value, a, b), range(donor, c, d));
                [&value[..range.start], &donor[piece], &value[range.end..]].concat()
            }
            Self::DeleteParameter(index) => {
                ours.remove(index.index(ours.len()));
                joined(ours)
            }
            Self::DoubleParameter(index) => {
                let index = index.index(ours.len());
                ours.insert(index, ours[index]);
                joined(ours)
            }
            Self::SwapParameters(a, b) => {
                let (a, b) = (a.index(ours.len()), b.index(ours.len()));
                ours.swap(a, b);
                joined(ours)
            }
            Self::ReplaceParameter(index) => {
                let theirs = parameters(&donor[b"hmac ".len()..]);
                let index = index.index(ours.len());
                ours[index] = theirs[index % theirs.len()];
                joined(ours)
            }
        }
    }
}

/// One case of a fixed form, with all that a request usually has.
fn sample_case() -> Case {
    Case {
        key_id: KEY_ID.to_owned(),
        secret: SECRET.into(),
        algorithm: Algorithm::HmacSha1,
        date_header: DateHeader::XDate,
        sources: (Some(HeaderValue::from_static("billing")), None),
        further: vec![(
            HeaderName::from_static("x-tenant"),
            Some(HeaderValue::from_static("7")),
        )],
        seconds: FRIDAY,
        nanos: 0,
    }
}

#[test]
fn every_key_id_of_one_or_two_legal_characters_is_sent_and_read_back() {
    let characters = || (' '..='~').filter(|c| *c != '"').map(String::from);
    let pairs = [" ", "=", "\\", ",", "'", "a"].map(|other| {
        let both = characters().flat_map(move |c| [format!("{c}{other}"), format!("{other}{c}")]);
        both.collect::<Vec<_>>()
    });
    for key_id in characters().chain(pairs.concat()) {
        assert_eq!(KeyId::new(&*key_id).unwrap().as_str(), key_id);
        let case = Case {
            key_id,
            ..sample_case()
        };
        let accepted = case.accepted(&case.signed_request());
        assert_eq!(accepted.key.key_id(), case.key_id);
    }
}

#[test]
fn a_signed_host_is_what_clients_send_in_every_form_of_the_target() {
    let hosts = ["example.com", "EXAMPLE.com", "127.0.0.1", "[::1]"];
    let case = Case {
        further: vec![(header::HOST, None)],
        ..sample_case()
    };
    let server = case.server();
    for (scheme, default_port) in [("http", ":80"), ("https", ":443")] {
        for host in hosts {
            for (port, user) in ["", ":", ":80", ":443", ":8080"]
                .into_iter()
                .flat_map(|port| ["", "user@", "user:pass@"].map(|user| (port, user)))
            {
                let target = format!("{scheme}://{user}{host}{port}/a?x=1");
                let mut request = case.unsigned_request();
                *request.uri_mut() = target.parse().unwrap();
                case.signer()
                    .sign_request(&mut request, case.now())
                    .unwrap();
                let accepted = server.check(&request, case.now()).expect(&target);
                let port = if [":", default_port].contains(&port) {
                    ""
                } else {
                    port
                };
                let sent = format!("{host}{port}");
                let line = format!("\nhost: {sent}");
                let string = accepted.signing_string.as_bytes();
                assert!(string.ends_with(line.as_bytes()), "{target}");
                assert_eq!(request.uri().path_and_query().unwrap(), "/a?x=1");

                // As a server sees it on HTTP/1.1.
                let mut request = with_header(&request, "host", sent.as_bytes());
                *request.uri_mut() = "/a?x=1".parse().unwrap();
                assert_eq!(case.accepted(&request), accepted, "{target}");
                let other = with_header(&request, "host", b"other");
                assert_refused(&server.check(&other, case.now()));
            }
        }
    }
}

#[test]
fn every_byte_that_a_header_name_can_have_can_be_signed() {
    let names = (0..=u8::MAX).filter_map(|byte| HeaderName::from_bytes(&[b'x', byte]).ok());
    let names: Vec<_> = names.collect();
    assert!(names.len() >= 26 + 10 + 15);
    for name in names {
        let value = Some(HeaderValue::from_static("1"));
        let case = Case {
            further: vec![(name.clone(), value)],
            ..sample_case()
        };
        let accepted = case.accepted(&case.signed_request());
        assert_eq!(accepted.key.covered().last(), Some(name.as_str()));
    }
}

#[test]
fn every_byte_that_a_value_can_have_can_be_signed() {
    for byte in legal_bytes() {
        let source = HeaderValue::from_bytes(&[b'a', byte, b'z']).unwrap();
        let case = Case {
            sources: (Some(source), None),
            ..sample_case()
        };
        let accepted = case.accepted(&case.signed_request());
        let line = [b"\nsource: a", &[byte][..], b"z\n"].concat();
        let mut windows = accepted.signing_string.as_bytes().windows(line.len());
        assert!(windows.any(|window| window == line), "{byte:#x}");
    }
}

#[test]
fn every_other_character_in_a_signature_is_refused() {
    for algorithm in Algorithm::ALL {
        let case = Case {
            algorithm,
            ..sample_case()
        };
        let (signed, server) = (case.signed_request(), case.server());
        case.accepted(&signed);
        let value = authorization(&signed);
        let end = value.len() - 1;
        let start = end - algorithm.signature_len().div_ceil(3) * 4;
        assert!(value[..start].ends_with(br#"signature=""#));
        for position in start..end {
            for byte in legal_bytes() {
                if byte != value[position] {
                    let mut changed = value.clone();
                    changed[position] = byte;
                    let request = with_authorization(&signed, &changed);
                    assert_refused(&server.check(&request, case.now()));
                }
            }
        }
    }
}

#[test]
fn a_signature_in_another_form_is_refused() {
    for algorithm in Algorithm::ALL {
        let case = Case {
            algorithm,
            ..sample_case()
        };
        let (signed, server) = (case.signed_request(), case.server());
        let text = String::from_utf8(authorization(&signed)).unwrap();
        let (before, signature) = text.split_once(r#"signature=""#).unwrap();
        let signature = signature.trim_end_matches('"');
        let refused = |signature: &str| {
            let text = format!(r#"{before}signature="{signature}""#);
            let request = with_authorization(&signed, text.as_bytes());
            assert_refused(&server.check(&request, case.now()));
        };

        let unpadded = signature.trim_end_matches('=');
        for padding in 0..4 {
            let padded = format!("{unpadded}{}", "=".repeat(padding));
            if padded != signature {
                refused(&padded);
            }
        }
        for len in 0..signature.len() {
            refused(signature.get(..len).unwrap());
        }
        for blank in [" ", "\t"] {
            refused(&format!("{blank}{signature}"));
            refused(&format!("{signature}{blank}"));
        }
        refused(&format!("{signature}{signature}"));
        refused(&format!("{signature}AAAA"));
        refused(&signature.repeat(100));
        refused(&signature.to_ascii_lowercase());

        let lines = case.lines(&signed);
        let string = sign_by_hand::signing_string(&borrowed(&lines));
        let mac = sign_by_hand::mac(algorithm, &case.secret, &string);
        assert_eq!(sign_by_hand::base64(&mac), signature);
        refused(
            &mac.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>(),
        );
        for len in 0..mac.len() {
            refused(&sign_by_hand::base64(&mac[..len]));
        }
        refused(&sign_by_hand::base64(&[&mac[..], b"\0"].concat()));
    }
}

#[test]
fn a_signature_in_the_url_alphabet_is_refused() {
    // Many sources, so that some signatures have a `+` or `/`.
    let mut tried = 0;
    for source in 0..64 {
        let source = HeaderValue::from(source);
        let case = Case {
            sources: (Some(source), None),
            ..sample_case()
        };
        let signed = case.signed_request();
        let text = String::from_utf8(authorization(&signed)).unwrap();
        let (before, signature) = text.split_once(r#"signature=""#).unwrap();
        let changed = signature.replace('+', "-").replace('/', "_");
        if changed != signature {
            tried += 1;
            let text = format!(r#"{before}signature="{changed}"#);
            let request = with_authorization(&signed, text.as_bytes());
            assert_refused(&case.server().check(&request, case.now()));
        }
    }
    assert!(tried > 10);
}

#[test]
fn of_all_changes_of_one_byte_only_case_and_blanks_pass() {
    let case = sample_case();
    let (signed, server) = (case.signed_request(), case.server());
    let original = case.accepted(&signed);
    let value = authorization(&signed);
    let text = String::from_utf8(value.clone()).unwrap();
    let list = text.find(r#"headers=""#).unwrap() + r#"headers=""#.len();
    let end_of_list = list + "x-date source x-tenant".len();
    let has_case = |position: usize| position < 4 || (list..end_of_list).contains(&position);
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t');

    for position in 0..value.len() {
        for byte in legal_bytes() {
            let mut changed = value.clone();
            let before = std::mem::replace(&mut changed[position], byte);
            let checked = server.check(&with_authorization(&signed, &changed), case.now());
            assert_refused_or_same(&checked, &original);
            let may_pass = byte == before
                || has_case(position) && byte.eq_ignore_ascii_case(&before)
                || value[..position].ends_with(b",") && is_blank(before) && is_blank(byte);
            assert_eq!(checked.is_ok(), may_pass, "{}", changed.escape_ascii());
        }
    }
}

#[test]
fn one_byte_more_or_less_in_authorization_is_refused_or_means_the_same() {
    let case = sample_case();
    let (signed, server) = (case.signed_request(), case.server());
    let original = case.accepted(&signed);
    let value = authorization(&signed);
    for position in 0..=value.len() {
        for byte in legal_bytes() {
            let mut longer = value.clone();
            longer.insert(position, byte);
            let checked = server.check(&with_authorization(&signed, &longer), case.now());
            assert_refused_or_same(&checked, &original);
            let may_pass = matches!(byte, b' ' | b'\t');
            assert!(may_pass || checked.is_err(), "{}", longer.escape_ascii());
        }
        if position < value.len() {
            let mut shorter = value.clone();
            let removed = shorter.remove(position);
            let checked = server.check(&with_authorization(&signed, &shorter), case.now());
            assert_refused_or_same(&checked, &original);
            assert!(removed == b' ' || checked.is_err());
        }
    }
}

#[test]
fn the_parameters_may_come_in_any_order_and_no_other_change_of_them_passes() {
    let case = sample_case();
    let (signed, server) = (case.signed_request(), case.server());
    let original = case.accepted(&signed);
    let text = String::from_utf8(authorization(&signed)).unwrap();
    let parameters: Vec<_> = text.strip_prefix("hmac ").unwrap().split(", ").collect();
    // Every sequence of up to five of the four, so with missing and repeated ones.
    let mut accepted = 0;
    for len in 0..=5_u32 {
        for number in 0..4_usize.pow(len) {
            let digits = (0..len).map(|place| number / 4_usize.pow(place) % 4);
            let sequence: Vec<_> = digits.map(|digit| parameters[digit]).collect();
            let value = format!("hmac {}", sequence.join(", "));
            let request = with_authorization(&signed, value.as_bytes());
            let checked = server.check(&request, case.now());
            assert_refused_or_same(&checked, &original);
            let mut sorted = sequence.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(checked.is_ok(), len == 4 && sorted.len() == 4, "{value}");
            accepted += u32::from(checked.is_ok());
        }
    }
    assert_eq!(accepted, 24);
}

#[test]
fn a_parameter_repeated_with_another_value_is_refused_first_and_last() {
    let case = sample_case();
    let (signed, server) = (case.signed_request(), case.server());
    let text = String::from_utf8(authorization(&signed)).unwrap();
    let parameters = text.strip_prefix("hmac ").unwrap();
    for extra in [
        r#"id="other""#,
        r#"algorithm="hmac-sha256""#,
        r#"headers="x-date""#,
        r#"signature="AAAAAAAAAAAAAAAAAAAAAAAAAAA=""#,
        r#"ID="other""#,
        r#"username="other""#,
        r#"x="y""#,
        r#"id="""#,
    ] {
        for value in [
            format!("hmac {extra}, {parameters}"),
            format!("hmac {parameters}, {extra}"),
        ] {
            let request = with_authorization(&signed, value.as_bytes());
            assert_refused(&server.check(&request, case.now()));
        }
    }
}

#[test]
fn a_list_that_names_a_header_twice_is_refused_though_rightly_signed() {
    let case = sample_case();
    let signed = case.signed_request();
    let lines = case.lines(&signed);
    let lines = borrowed(&lines);
    let by_hand = |lines: &sign_by_hand::Lines<'_>| {
        let value = sign_by_hand::authorization(&case.key_id, case.algorithm, &case.secret, lines);
        case.server()
            .check(&with_authorization(&signed, value.as_bytes()), case.now())
    };
    assert!(by_hand(&lines).is_ok());
    for again in ["x-date", "X-Date", "source", "SOURCE", "x-tenant"] {
        let name = again.to_ascii_lowercase();
        let value = signed.headers()[&name].as_bytes();
        for position in 0..=lines.len() {
            let mut lines = lines.clone();
            lines.insert(position, (again, value));
            let rejection = by_hand(&lines).unwrap_err();
            assert!(matches!(
                rejection,
                Rejection::AuthorizationMalformed(Malformed::RepeatedName { .. })
            ));
        }
    }
}

#[test]
fn two_authorization_headers_are_refused_even_if_equal() {
    let case = sample_case();
    let mut request = case.signed_request();
    let value = request.headers()[header::AUTHORIZATION].clone();
    request.headers_mut().append(header::AUTHORIZATION, value);
    let rejection = case.server().check(&request, case.now()).unwrap_err();
    assert!(
        matches!(rejection, Rejection::HeaderRepeated { name } if name.as_str() == "authorization")
    );
}
