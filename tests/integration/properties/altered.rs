//! For every preset and for schemes that users describe: what is signed is accepted, and a change
//! of what is covered is refused.

use std::{cell::RefCell, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::test_runner::TestRunner;

use super::{
    clients::{Client, Content, clients, content, percent_decoded, percent_encoded, pieces},
    mangle::Mangle,
    *,
};

/// What is changed of a signed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// A byte of a covered header's value.
    Value,
    /// A covered header is left out.
    Remove,
    /// A covered header is sent twice.
    Repeat,
    /// Another header stands beside those that are covered.
    Add,
    /// A byte of the path.
    Path,
    /// A byte of the query.
    Query,
    /// The whole target.
    Target,
    Method,
    /// A byte of the form.
    Form,
    /// The date or the times, wherever they are.
    Date,
    List,
    KeyId,
    /// A bit of the decoded signature.
    Signature,
    /// A byte of the credentials as they are sent.
    Text,
    /// Pieces of the credentials.
    Pieces,
}

const CHANGES: [Change; 15] = [
    Change::Value,
    Change::Remove,
    Change::Repeat,
    Change::Add,
    Change::Path,
    Change::Query,
    Change::Target,
    Change::Method,
    Change::Form,
    Change::Date,
    Change::List,
    Change::KeyId,
    Change::Signature,
    Change::Text,
    Change::Pieces,
];

/// Which of the possible changes are made.
#[derive(Debug, Clone)]
struct Choices {
    which: Index,
    position: Index,
    edit: Edit,
    mangles: Vec<Mangle>,
    /// The request whose target is used instead.
    other: Content,
    later: i64,
}

/// What becomes of one byte.
#[derive(Debug, Clone)]
enum Edit {
    Replace(u8),
    Insert(u8),
    Remove,
}

fn choices() -> impl Strategy<Value = Choices> {
    let edit = prop_oneof![
        4 => legal_byte().prop_map(Edit::Replace),
        4 => (b'!'..=b'~').prop_map(Edit::Replace),
        1 => legal_byte().prop_map(Edit::Insert),
        1 => Just(Edit::Remove),
    ];
    let index = any::<Index>;
    (
        index(),
        index(),
        edit,
        vec(mangle(), 1..4),
        content(),
        1..60_i64,
    )
        .prop_map(|(which, position, edit, mangles, other, later)| Choices {
            which,
            position,
            edit,
            mangles,
            other,
            later,
        })
}

impl Choices {
    /// Changes one byte.
    fn edited(&self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        let position = self.position.index(text.len() + 1);
        match self.edit {
            Edit::Insert(byte) => text.insert(position, byte),
            Edit::Replace(byte) if position < text.len() => text[position] = byte,
            Edit::Remove if position < text.len() => drop(text.remove(position)),
            _ => {}
        }
        text
    }

    fn edited_text(&self, text: &str) -> Option<String> {
        String::from_utf8(self.edited(text.as_bytes())).ok()
    }
}

impl Client {
    /// Returns what the signature covers, and the credentials without what is spelling in some
    /// scheme. Two requests for which this is the same may both be accepted.
    fn covered(&self, request: &Request<String>) -> Vec<Vec<u8>> {
        let uri = request.uri();
        let query = uri.query().unwrap_or_default();
        let decoded = |text: &str| percent_decoded(text.replace('+', " ").as_bytes());
        let mut covered: Vec<_> = self
            .covers
            .iter()
            .map(|name| match *name {
                "method" => request.method().as_str().as_bytes().to_vec(),
                "path" => uri.path().as_bytes().to_vec(),
                "decoded-path" => percent_decoded(uri.path().as_bytes()),
                "query" => query.as_bytes().to_vec(),
                "parameters" => {
                    let all = pieces(query).chain(pieces(request.body()));
                    let mut all: Vec<_> = all
                        .map(|(name, value)| [decoded(name), decoded(value)].join(&b'='))
                        .collect();
                    all.sort_unstable();
                    all.join(&b'&')
                }
                header => {
                    let values = request.headers().get_all(header).iter();
                    let values = values.map(|value| value.as_bytes().trim_ascii());
                    values.collect::<Vec<_>>().join(&b'\n')
                }
            })
            .collect();
        // Left out and empty are not the same.
        covered.push(vec![
            0;
            self.headers()
                .iter()
                .map(|name| request.headers().get_all(*name).iter().count())
                .sum()
        ]);
        match self.header {
            Some(header) => {
                for value in request.headers().get_all(header) {
                    covered.extend(self.unspelled(value.as_bytes()));
                }
            }
            None => {
                let mut all: Vec<_> = pieces(query)
                    .filter(|(name, _)| ["authorization", "date", "host"].contains(name))
                    .collect();
                // What the query does not have is read from the header.
                if !all.iter().any(|(name, _)| *name == "host") {
                    let host = request.headers().get(header::HOST);
                    all.extend(host.map(|host| ("host", host.to_str().unwrap())));
                }
                all.sort_unstable();
                for (name, value) in all {
                    let value = decoded(value);
                    let value = match name {
                        "authorization" => STANDARD.decode(&value).unwrap_or(value),
                        _ => value,
                    };
                    covered.extend(self.unspelled(&value));
                }
            }
        }
        covered
    }

    /// Returns the credentials' parameters or members, without case, whitespace, escapes and their
    /// order.
    fn unspelled(&self, text: &[u8]) -> Vec<Vec<u8>> {
        if let Ok(object) = serde_json::from_slice::<serde_json::Value>(text) {
            return vec![object.to_string().into_bytes()];
        }
        let Some(mut parameters) = parameters(text) else {
            return vec![text.to_vec()];
        };
        if self.ignores_unknown {
            // A parameter with an altered name is left out. The algorithm may be.
            let names = [
                &b"keyid"[..],
                b"headers",
                b"created",
                b"expires",
                b"signature",
            ];
            parameters.retain(|(name, _)| names.contains(&&**name));
        }
        parameters.sort_unstable();
        let parameters = parameters.into_iter();
        parameters
            .map(|(name, value)| [name, percent_decoded(&value)].join(&b'='))
            .collect()
    }
}

/// Returns names and values, in lower case and without whitespace and the scheme's word.
fn parameters(text: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let text = text.trim_ascii().to_ascii_lowercase();
    let words = [
        &b"hmac "[..],
        b"own ",
        b"signature ",
        b"hmac\t",
        b"own\t",
        b"signature\t",
    ];
    let mut rest = words
        .iter()
        .find_map(|word| text.strip_prefix(*word))
        .unwrap_or(&text);
    let without_whitespace = |text: &[u8]| {
        let bytes = text.iter().copied();
        bytes
            .filter(|byte| !matches!(byte, b' ' | b'\t'))
            .collect::<Vec<_>>()
    };
    let mut parameters = Vec::new();
    loop {
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let (name, after) = (&rest[..equals], &rest[equals + 1..]);
        let (value, after) = match after.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = quoted.iter().position(|byte| *byte == b'"')?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => {
                let end = after.iter().position(|byte| *byte == b',');
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        parameters.push((without_whitespace(name), without_whitespace(value)));
        let after = after.trim_ascii_start();
        if after.is_empty() {
            return Some(parameters);
        }
        rest = after.strip_prefix(b",")?;
    }
}

fn with_appended(request: &Request<String>, name: &str, value: HeaderValue) -> Request<String> {
    let mut request = request.clone();
    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
    request.headers_mut().append(name, value);
    request
}

/// The list with another name, without one, with one twice, or with two that changed places.
fn relisted(list: &str, which: Index, position: Index) -> String {
    let mut names: Vec<_> = list.split(' ').collect();
    let place = position.index(names.len());
    match which.index(4) {
        0 => drop(names.remove(place)),
        1 => names.insert(place, names[place]),
        2 => names.swap(place, 0),
        _ => {
            let added = [
                "x-unsigned",
                "x-absent",
                "authorization",
                "host",
                "@request-target",
                "",
            ];
            names.insert(place, added[position.index(added.len())]);
        }
    }
    names.join(" ")
}

/// The text of a date, as clients send it.
fn date_of(seconds: i64) -> String {
    let mut request = Request::new(());
    let signer = Signer::new(crate::common::keys());
    signer.sign_request(&mut request, at(seconds)).unwrap();
    request.headers()["x-date"].to_str().unwrap().to_owned()
}

impl Change {
    /// Whether the client's requests have what is changed, and it is covered.
    fn is_of_covered(self, client: &Client) -> bool {
        match self {
            Self::Value | Self::Remove | Self::Repeat => !client.headers().is_empty(),
            Self::Path => client.covers("path") || client.covers("decoded-path"),
            Self::Query => client.covers("query") || client.covers("parameters"),
            Self::Target => Self::Path.is_of_covered(client),
            Self::Method => client.covers("method"),
            Self::Form => client.has_form,
            Self::List => client.has_list(),
            // Some of these happen to be covered.
            Self::Add => false,
            Self::Date | Self::KeyId | Self::Signature | Self::Text | Self::Pieces => true,
        }
    }

    /// Returns the changed request, or `None` if there is nothing to change or it would be no
    /// request.
    fn apply(
        self,
        client: &Client,
        signed: &Request<String>,
        content: &Content,
        choices: &Choices,
    ) -> Option<Request<String>> {
        let headers = client.headers();
        let header = || Some(*headers.get(choices.which.index(headers.len().max(1)))?);
        let (path, query) = (signed.uri().path(), signed.uri().query());
        let queried = |path: &str, query: Option<&str>| match query {
            Some(query) => with_target(signed, &format!("{path}?{query}")),
            None => with_target(signed, path),
        };
        let credentials = || client.credentials(signed);
        match self {
            Self::Value => {
                let name = header()?;
                let value = choices.edited(signed.headers()[name].as_bytes());
                with_value(signed, name, &value)
            }
            Self::Remove => {
                let mut request = signed.clone();
                request.headers_mut().remove(header()?)?;
                Some(request)
            }
            Self::Repeat => {
                let name = header()?;
                let again = signed.headers()[name].clone();
                let values = [
                    again,
                    HeaderValue::from_static(""),
                    HeaderValue::from_static("x"),
                ];
                Some(with_appended(
                    signed,
                    name,
                    choices.position.get(&values).clone(),
                ))
            }
            Self::Add => {
                let names = [
                    "date",
                    "x-date",
                    "x-aux-date",
                    "accept",
                    "content-type",
                    "content-md5",
                    "x-source",
                    "cookie",
                    "x_role",
                    "authorization",
                    "x-signature",
                    "digest",
                    "(created)",
                    "request-line",
                ];
                let date = HeaderValue::try_from(date_of(content.seconds)).unwrap();
                let values = [date, HeaderValue::from_static("text/plain")];
                let name = HeaderName::from_bytes(choices.which.get(&names).as_bytes()).ok()?;
                Some(with_appended(
                    signed,
                    name.as_str(),
                    choices.position.get(&values).clone(),
                ))
            }
            Self::Path => {
                let rest = choices.edited_text(path.strip_prefix('/')?)?;
                queried(&format!("/{rest}"), query)
            }
            Self::Query => {
                let query = query?;
                // `Text` changes credentials, which come last in a query.
                let own_len = match client.header {
                    Some(_) => query.len(),
                    None => query.find("authorization=")?,
                };
                let (own, credentials) = query.split_at(own_len);
                queried(path, Some(&(choices.edited_text(own)? + credentials)))
            }
            Self::Target => {
                // The credentials stay where they are.
                let other: Uri = choices.other.target.parse().ok()?;
                let query = if client.header.is_some() {
                    other.query()
                } else {
                    query
                };
                queried(other.path(), query)
            }
            Self::Method => {
                let mut request = signed.clone();
                let lower = signed.method().as_str().to_ascii_lowercase();
                let methods = [choices.other.method, &lower, "HEAD", "X"];
                *request.method_mut() = choices.which.get(&methods).parse().ok()?;
                Some(request)
            }
            Self::Form if !client.has_form => None,
            Self::Form => {
                let mut request = signed.clone();
                *request.body_mut() = choices.edited_text(signed.body())?;
                Some(request)
            }
            Self::Date => {
                let (seconds, later) = (content.seconds, content.seconds + choices.later);
                let (before, after) = (date_of(seconds), date_of(later));
                let mut request = signed.clone();
                for (name, value) in signed.headers() {
                    let mut text = String::from_utf8(value.as_bytes().to_vec())
                        .ok()?
                        .replace(&before, &after);
                    if Some(name.as_str()) == client.header {
                        for times in [0, 60] {
                            let time = |seconds: i64| format!("{}", seconds + times);
                            text = text.replace(&time(seconds), &time(later));
                        }
                    }
                    request.headers_mut().insert(name, text.parse().ok()?);
                }
                let escaped = |text: &str| {
                    text.replace(' ', "%20")
                        .replace(',', "%2C")
                        .replace(':', "%3A")
                };
                let target = signed
                    .uri()
                    .to_string()
                    .replace(&escaped(&before), &escaped(&after));
                with_target(&request, &target)
            }
            Self::List => {
                let text = String::from_utf8(credentials()).ok()?;
                let (before, rest) = text.split_once(r#"headers=""#)?;
                let (list, after) = rest.split_once('"')?;
                let list = relisted(list, choices.which, choices.position);
                client.with_credentials(
                    signed,
                    format!(r#"{before}headers="{list}"{after}"#).as_bytes(),
                )
            }
            Self::KeyId => {
                let text = String::from_utf8(credentials()).ok()?;
                let (before, after) = text.split_once(KEY_ID)?;
                let id = choices.edited(KEY_ID.as_bytes());
                client
                    .with_credentials(signed, &[before.as_bytes(), &id, after.as_bytes()].concat())
            }
            Self::Signature => {
                let text = String::from_utf8(credentials()).ok()?;
                let (name, separator) = match text.contains(r#"signature=""#) {
                    true => ("signature", "="),
                    false => ("\"signature\"", ":"),
                };
                let (before, rest) = text.split_once(&format!("{name}{separator}\""))?;
                let (value, after) = rest.split_once('"')?;
                let mut mac = STANDARD.decode(percent_decoded(value.as_bytes())).unwrap();
                let position = choices.position.index(mac.len());
                mac[position] ^= 1 << choices.which.index(8);
                let mut encoded = STANDARD.encode(mac);
                if value.contains('%') {
                    encoded = percent_encoded(&encoded);
                }
                let text = format!("{before}{name}{separator}\"{encoded}\"{after}");
                client.with_credentials(signed, text.as_bytes())
            }
            Self::Text => match client.header {
                Some(header) => with_value(signed, header, &choices.edited(&credentials())),
                None => queried(path, Some(&choices.edited_text(query?)?)),
            },
            Self::Pieces => {
                let donor = client.credentials(&client.wrongly_signed(content));
                let mut text = credentials();
                for mangle in &choices.mangles {
                    text = mangle.apply(&text, &donor);
                }
                client.with_credentials(signed, &text)
            }
        }
    }
}

/// How often a change changed what is covered, and how often a changed request was accepted.
type Counts = BTreeMap<Change, (u32, u32)>;

fn check(
    client: &Client,
    content: &Content,
    choices: &Choices,
    counts: &RefCell<Counts>,
) -> Result<(), TestCaseError> {
    let signed = client.signed(content);
    let original = client.check(&signed, content.seconds);
    let original = original.map_err(|why| TestCaseError::fail(format!("{why}: {signed:?}")))?;
    let covered = client.covered(&signed);
    for change in CHANGES {
        let Some(changed) = change.apply(client, &signed, content, choices) else {
            continue;
        };
        let is_respelled = client.covered(&changed) == covered;
        let checked = client.check(&changed, content.seconds);
        let mut counts = counts.borrow_mut();
        let (refused, accepted) = counts.entry(change).or_default();
        match checked {
            Err(_) => *refused += u32::from(!is_respelled),
            Ok(checked) => {
                *accepted += 1;
                prop_assert!(
                    is_respelled,
                    "{:?} accepted: {:?} for {:?}",
                    change,
                    changed,
                    signed
                );
                prop_assert_eq!(
                    checked.meaning(),
                    original.meaning(),
                    "{:?}: {:?}",
                    change,
                    changed
                );
            }
        }
    }
    // The same request, too early and too late.
    for seconds in [-901 - choices.later, 901 + choices.later] {
        let checked = client.check(&signed, content.seconds + seconds);
        prop_assert!(checked.is_err(), "{:?} {} s from its date", signed, seconds);
    }
    Ok(())
}

#[test]
fn what_is_signed_is_accepted_and_a_change_of_what_is_covered_is_refused_whatever_the_scheme() {
    for client in clients() {
        let counts = RefCell::default();
        let mut runner = TestRunner::new(config(60));
        let cases = (content(), choices());
        let result = runner.run(&cases, |(content, choices)| {
            check(&client, &content, &choices, &counts)
        });
        result.unwrap_or_else(|error| panic!("{client:?}: {error}"));
        let counts = counts.into_inner();
        for change in CHANGES {
            let (refused, accepted) = counts.get(&change).copied().unwrap_or_default();
            if change.is_of_covered(&client) {
                assert!(
                    refused > 0,
                    "{client:?}: {change:?} changed nothing that is covered"
                );
            } else if [Change::Method, Change::Path, Change::Query].contains(&change) {
                assert!(
                    accepted > 0,
                    "{client:?}: {change:?} is not covered, but refused"
                );
            }
        }
    }
}
