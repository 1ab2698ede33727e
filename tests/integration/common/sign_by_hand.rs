//! A second implementation of the scheme, for requests that the crate's own signer would not make,
//! and a server that knows one key.

use std::time::SystemTime;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue, Request, header};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use tower_hmac_auth::{
    Algorithm, Rejection, SecretKey, VerifiedKey, Verifier,
    scheme::SigningString,
    verify::{KeyAccess, KeyLookup, VerifyingKey},
};

/// What is signed: names as they are listed, values without whitespace around them.
pub(crate) type Lines<'a> = [(&'a str, &'a [u8])];

pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len().div_ceil(3) * 4];
    let len = STANDARD.encode_slice(bytes, &mut text).unwrap();
    assert_eq!(len, text.len());
    String::from_utf8(text).unwrap()
}

pub(crate) fn mac(algorithm: Algorithm, secret: &[u8], message: &[u8]) -> Vec<u8> {
    fn of<M: Mac + KeyInit>(secret: &[u8], message: &[u8]) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(secret).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::HmacSha1 => of::<Hmac<Sha1>>(secret, message),
        Algorithm::HmacSha256 => of::<Hmac<Sha256>>(secret, message),
        Algorithm::HmacSha384 => of::<Hmac<Sha384>>(secret, message),
        Algorithm::HmacSha512 => of::<Hmac<Sha512>>(secret, message),
        other => panic!("{other}"),
    }
}

pub(crate) fn signing_string(lines: &Lines<'_>) -> Vec<u8> {
    let lines = lines
        .iter()
        .map(|(name, value)| [name.to_ascii_lowercase().as_bytes(), b": ", value].concat());
    lines.collect::<Vec<_>>().join(&b'\n')
}

pub(crate) fn list(lines: &Lines<'_>) -> String {
    let names: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
    names.join(" ")
}

pub(crate) fn authorization(
    key_id: &str,
    algorithm: Algorithm,
    secret: &[u8],
    lines: &Lines<'_>,
) -> String {
    let signature = base64(&mac(algorithm, secret, &signing_string(lines)));
    let (algorithm, list) = (algorithm.name(), list(lines));
    format!(
        r#"hmac id="{key_id}", algorithm="{algorithm}", headers="{list}", signature="{signature}""#
    )
}

/// A request with these headers, also with the same one twice.
pub(crate) fn request(headers: &Lines<'_>) -> Request<()> {
    let mut request = Request::get("/a").body(()).unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}

/// [`request`] with an `Authorization` that covers `signed`, and with the `unsigned` headers as
/// well.
pub(crate) fn signed_request(
    key_id: &str,
    secret: &[u8],
    signed: &Lines<'_>,
    unsigned: &Lines<'_>,
) -> Request<()> {
    let mut request = request(&[signed, unsigned].concat());
    let authorization = authorization(key_id, Algorithm::HmacSha1, secret, signed);
    let authorization = HeaderValue::try_from(authorization).unwrap();
    request
        .headers_mut()
        .insert(header::AUTHORIZATION, authorization);
    request
}

/// What a server made of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) key: VerifiedKey,
    pub(crate) signing_string: SigningString,
}

impl Accepted {
    /// Who signed what; field names are the same in upper and lower case.
    pub(crate) fn meaning(&self) -> (&str, Algorithm, Vec<String>, &[u8]) {
        let covered = self.key.covered().map(str::to_ascii_lowercase).collect();
        let signing_string = self.signing_string.as_bytes();
        (
            self.key.key_id(),
            self.key.algorithm(),
            covered,
            signing_string,
        )
    }
}

/// A server that knows one key.
pub(crate) struct Server {
    pub(crate) verifier: Verifier,
    key_id: String,
    key: VerifyingKey,
}

impl Server {
    pub(crate) fn new(key_id: &str, secret: &[u8]) -> Self {
        Self {
            verifier: Verifier::new(),
            key_id: key_id.to_owned(),
            key: VerifyingKey::new(&SecretKey::new(secret).unwrap()),
        }
    }

    pub(crate) fn check<B>(
        &self,
        request: &Request<B>,
        now: SystemTime,
    ) -> Result<Accepted, Rejection> {
        let credentials = self.verifier.read(request, now)?;
        let signing_string = credentials.signing_string();
        let lookup = if credentials.key_id() == self.key_id {
            KeyLookup::Key(&self.key, KeyAccess::Bound)
        } else {
            KeyLookup::Unknown
        };
        let key = self.verifier.verify(credentials, lookup)?;
        Ok(Accepted {
            key,
            signing_string,
        })
    }
}
