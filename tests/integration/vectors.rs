//! The vectors in `tests/vectors`, each computed by a second implementation (`make.py`): stage by
//! stage, in both directions.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Request};
use tower_hmac_auth::{
    Algorithm, KeyPair, Scheme, SecretKey, Signer, Verifier,
    scheme::{DateHeader, FormParameters},
    verify::{KeyAccess, KeyLookup, VerifyingKey},
};

use crate::common::{at, dnse, modulr, parse_head};

struct Case {
    name: String,
    settings: Vec<(String, String)>,
    directory: PathBuf,
}

impl Case {
    fn read(directory: &Path) -> Self {
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        let settings = fs::read_to_string(directory.join("settings")).unwrap();
        let settings = settings.lines().map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        Self {
            name,
            settings: settings.collect(),
            directory: directory.to_owned(),
        }
    }

    /// The head in a stage, with what a layer would know of its body.
    fn head(&self, stage: &str) -> Request<()> {
        let mut head = parse_head(&self.stage(stage));
        if self.has("form") {
            let form = FormParameters::new(self.one("form").to_owned());
            head.extensions_mut().insert(form);
        }
        head
    }

    fn stage(&self, stage: &str) -> Vec<u8> {
        fs::read(self.directory.join(stage)).expect(stage)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.settings.iter().filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.as_str())
    }

    fn one<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().expect(name)
    }

    fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    fn scheme(&self) -> Scheme {
        let name = self.all("scheme").next();
        match name {
            None => Scheme::Tencent,
            Some("dnse") => dnse(),
            Some("modulr") => modulr(),
            Some(name) => name.parse().unwrap(),
        }
    }

    fn algorithm(&self) -> Algorithm {
        self.one("algorithm").parse().unwrap()
    }

    fn verifier(&self) -> Verifier {
        let builder = Verifier::builder()
            .scheme(self.scheme())
            .allow_missing_headers(self.has("allow-missing-headers"))
            // A question mark alone is not in normal form.
            .normalize_target(self.name.contains("bare-question-mark"));
        let builder = match self.has("hs2019") {
            true => builder.hs2019(self.algorithm()),
            false => builder,
        };
        builder.build().unwrap()
    }

    fn now(&self) -> SystemTime {
        at(self.one("now").parse().unwrap())
    }

    fn secret(&self) -> Vec<u8> {
        let hex = self.one("secret-key").as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        hex.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    }

    fn signer(&self) -> Signer {
        let keys = KeyPair::new(self.one("key-id"), self.secret()).unwrap();
        let mut builder = Signer::builder(keys)
            .scheme(self.scheme())
            .algorithm(self.algorithm())
            .signed_headers(self.all("sign"))
            .hs2019(self.has("hs2019"));
        builder = match self.all("date-header").next() {
            Some("date") => builder.date_header(DateHeader::Date),
            Some("x-date") => builder.date_header(DateHeader::XDate),
            Some(other) => panic!("{other}"),
            None => builder,
        };
        if self.has("nonce") {
            let nonce = self.one("nonce").to_owned();
            builder = builder.nonce_parameter(move || nonce.clone());
        }
        if self.has("in-query") {
            builder = builder.credentials_in_query(true);
        }
        if self.has("component") {
            builder = builder.components(self.all("component"));
        }
        if self.has("lifetime") {
            let seconds = self.one("lifetime").parse().unwrap();
            builder = builder.expires_after(Duration::from_secs(seconds));
        }
        let supplied = |wanted: &str| {
            self.all("supply")
                .find_map(|header| match header.split_once(": ") {
                    Some((name, value)) if name == wanted => HeaderValue::from_str(value).ok(),
                    _ => None,
                })
        };
        if let Some(source) = supplied("source") {
            builder = builder.source(source);
        }
        if let Some(name_space_code) = supplied("x-namespace-code") {
            let name = supplied("x-microservice-name").unwrap();
            builder = builder.microservice(name_space_code, name);
        }
        builder.build().unwrap()
    }
}

fn cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let cases: Vec<_> = entries
        .filter(|path| path.is_dir())
        .map(|path| Case::read(&path))
        .collect();
    assert!(cases.len() >= 64, "vectors are missing");
    cases
}

/// The head as `make.py` writes it: headers sorted by name.
fn render(request: &Request<()>) -> Vec<u8> {
    let line = format!(
        "{} {} {:?}\n",
        request.method(),
        request.uri(),
        request.version()
    );
    let mut headers: Vec<_> = request.headers().iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat())
        .collect();
    [line.into_bytes(), headers.concat()].concat()
}

#[track_caller]
fn assert_same(case: &Case, stage: &str, ours: &[u8]) {
    let expected = case.stage(stage);
    assert_eq!(
        ours.escape_ascii().to_string(),
        expected.escape_ascii().to_string(),
        "{}: {stage}",
        case.name
    );
}

#[test]
fn every_stage_of_signing_equals_the_second_implementation() {
    // A signer leaves absent names out.
    let is_ours = |case: &Case| !case.has("allow-missing-headers") && !case.has("received-only");
    for case in cases().into_iter().filter(is_ours) {
        let signer = case.signer();
        let mut request = case.head("request");
        let string = signer.signing_string(&request, case.now()).unwrap();
        assert_same(&case, "signing-string", string.as_bytes());

        let signed = signer.sign(&request, case.now()).unwrap();
        if let Some(target) = signed.target() {
            assert_same(&case, "authorization", target.to_string().as_bytes());
            assert!(signed.iter().next().is_none(), "{}", case.name);
        } else {
            let (_, authorization) = signed.iter().last().unwrap();
            assert_same(&case, "authorization", authorization.as_bytes());
            assert!(authorization.is_sensitive(), "{}", case.name);
        }

        signer.sign_request(&mut request, case.now()).unwrap();
        assert_same(&case, "signed-request", &render(&request));
    }
}

#[test]
fn the_verifier_accepts_every_signed_request_of_the_second_implementation() {
    for case in cases() {
        let request = case.head("signed-request");
        if case.name == "host-on-the-request" {
            // Two hosts: the client may send it so, a gateway must not trust it.
            assert!(Verifier::new().read(&request, case.now()).is_err());
            continue;
        }
        let key = VerifyingKey::new(&SecretKey::new(case.secret()).unwrap());
        let verifier = case.verifier();
        let credentials = verifier.read(&request, case.now()).expect(&case.name);
        assert_same(
            &case,
            "signing-string",
            credentials.signing_string().as_bytes(),
        );
        assert_eq!(credentials.key_id(), case.one("key-id"));

        let verified = verifier
            .verify(credentials, KeyLookup::Key(&key, KeyAccess::Bound))
            .expect(&case.name);
        assert_eq!(verified.algorithm().name(), case.one("algorithm"));
    }
}
