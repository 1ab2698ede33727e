//! Finds out what a signature covers.
//!
//! The list of names does not tell: a scheme that a file describes can name the target as it likes.
//! So a part of the request is changed, and the signing strings before and after are compared.

use std::time::SystemTime;

use http::{HeaderValue, Method, Request, Uri, Version, header, uri::PathAndQuery};
use tower_hmac_auth::{Signer, scheme::FormParameters};

use super::{digest_header::DigestHeader, support::Result};

/// A signed request, and what else is needed to compute its signing string.
pub(super) struct Signed<'r> {
    pub(super) signer: &'r Signer,
    pub(super) request: &'r Request<()>,
    pub(super) now: SystemTime,
}

impl Signed<'_> {
    /// Returns `true` if the signature covers the method. All components that cover the target
    /// cover the method, too.
    pub(super) fn covers_method(&self) -> Result<bool> {
        self.depends_on(|request| {
            let other = match *request.method() {
                Method::GET => Method::PUT,
                _ => Method::GET,
            };
            *request.method_mut() = other;
        })
    }

    pub(super) fn covers_host(&self) -> Result<bool> {
        self.depends_on(|request| {
            let other = HeaderValue::from_static("other.invalid");
            request.headers_mut().insert(header::HOST, other);
        })
    }

    /// Returns `true` if the signature covers the HTTP version.
    pub(super) fn covers_version(&self) -> Result<bool> {
        self.depends_on(|request| *request.version_mut() = Version::HTTP_2)
    }

    /// Says in words what the signature covers.
    pub(super) fn scope(&self) -> Result<String> {
        let parts = [
            ("the method", self.covers_method()?),
            (
                "the path",
                self.depends_on_target(|path, query| (format!("{path}x"), query))?,
            ),
            (
                "the query",
                self.depends_on_target(|path, query| (path, format!("{query}x")))?,
            ),
            ("the body", self.covers_body()?),
        ];
        let names = |is_covered: bool| {
            let parts = parts.iter().filter(|(_, covered)| *covered == is_covered);
            parts.map(|(name, _)| *name).collect::<Vec<_>>()
        };
        let covered = listed(&[&["these headers"], &*names(true)].concat(), "and");
        let rest = names(false);
        Ok(match rest.is_empty() {
            true => covered,
            false => format!("{covered}, but not {}", listed(&rest, "or")),
        })
    }

    fn covers_body(&self) -> Result<bool> {
        let mut covers = false;
        for digest in DigestHeader::ALL {
            let name = digest.name();
            covers |= self.request.headers().contains_key(name)
                && self.depends_on(|request| {
                    let other = HeaderValue::from_static("other");
                    request.headers_mut().insert(name, other);
                })?;
        }
        // A form has no digest: its parameters are signed.
        let has_form = self.request.extensions().get::<FormParameters>().is_some();
        covers |= has_form
            && self.depends_on(|request| {
                let other = FormParameters::new("other=1");
                request.extensions_mut().insert(other);
            })?;
        Ok(covers)
    }

    fn depends_on_target(
        &self,
        change: impl FnOnce(String, String) -> (String, String),
    ) -> Result<bool> {
        let uri = self.request.uri();
        let (path, query) = change(
            uri.path().to_owned(),
            uri.query().unwrap_or_default().to_owned(),
        );
        let target = match query.is_empty() {
            true => path,
            false => format!("{path}?{query}"),
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(target.parse::<PathAndQuery>()?);
        let other = Uri::from_parts(parts)?;
        self.depends_on(|request| *request.uri_mut() = other)
    }

    fn depends_on(&self, change: impl FnOnce(&mut Request<()>)) -> Result<bool> {
        let mut other = self.request.clone();
        change(&mut other);
        let string = |request| self.signer.signing_string(request, self.now);
        let before = string(self.request)?;
        // If the other request cannot be signed, the signature depends on what was changed.
        Ok(string(&other).map_or(true, |after| after != before))
    }
}

fn listed(names: &[&str], conjunction: &str) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => {
            format!("{} {conjunction} {last}", before.join(", "))
        }
        names => names.concat(),
    }
}
