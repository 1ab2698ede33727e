//! The signer. It does no I/O: it takes a request's head and the time, and returns headers.

use std::{fmt, sync::Arc, time::SystemTime};

use http::{HeaderValue, Request, uri::PathAndQuery};

use super::{
    SignError, SignedHeaders, SignerBuilder,
    components::{ComponentWriter, HeaderEdits, Placement, SignedComponents},
    faults::Faults,
    hosts::Destinations,
    nonce::Nonce,
    rotation::ActiveKey,
    signed_headers::text_before_credentials,
};
use crate::{
    Algorithm, KeyId, KeyPair, RequestHead, Scheme,
    mac::Tag,
    request_head,
    sign::RotatingKeyPair,
    wire::{
        credentials::{Encoder, Template, json, query},
        date::Timestamp,
        signing_string::SigningString,
        target,
    },
};

/// Signs request heads with a key pair. Default scheme: [`Scheme::Tencent`].
///
/// Clones are cheap and share everything. The MAC state of the key is computed once, when it is
/// first used. The pair can be replaced while the signer is in use: see [`RotatingKeyPair`].
///
/// [`sign_request`](Self::sign_request) caches a signature that depends only on the current second
/// until the second is over, and the text around it for longer, but no key. Each thread has eight
/// entries. Signers that share an entry replace each other's signature, and are slower.
///
/// [`SignLayer`](crate::SignLayer) combines it with a clock, as Tower middleware.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use http::{HeaderValue, Request};
/// use tower_hmac_auth::{KeyPair, Signer, scheme::DateHeader};
///
/// let keys = KeyPair::new(
///     "AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj548pN",
///     "ZxF2whO0RhuwnVCj5JMMAuqcDcN2oPrC",
/// )?;
/// let signer = Signer::builder(keys)
///     .date_header(DateHeader::Date)
///     .source(HeaderValue::from_static("AndriodApp"))
///     .build()?;
///
/// let mut request = Request::get("https://service-1234.ap-guangzhou.apigateway.myqcloud.com/a").body(())?;
/// let friday = UNIX_EPOCH + Duration::from_secs(1_444_348_800);
/// signer.sign(&request, friday)?.apply(request.headers_mut());
///
/// assert_eq!(request.headers()["date"], "Fri, 09 Oct 2015 00:00:00 GMT");
/// assert_eq!(
///     request.headers()["authorization"],
///     "hmac id=\"AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj548pN\", algorithm=\"hmac-sha1\", \
///      headers=\"date source\", signature=\"zJ1fUmiWSmSZUoqgZi+dGUJvxn0=\"",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is signed
///
/// The signer signs the scheme's default list and then the headers named in
/// [`SignerBuilder::signed_headers`], in that order, or exactly what [`SignerBuilder::components`]
/// lists. The default of Tencent's scheme is the date, then `Source` if there is one: not the
/// method, the target or the body. The other schemes cover the method and the target too.
///
/// - The date is `X-Date` or `Date`, see [`SignerBuilder::date_header`]. It replaces the one on the
///   request. The other of the two headers is removed.
/// - `Source` is the request's own if it has one, even an empty one. Otherwise it is that of
///   [`SignerBuilder::source`].
/// - Other headers are signed if the request has them. Otherwise they are left out of the list.
/// - `host`, if it is listed, is the request's `Host`. Without one it is that of
///   [`SignerBuilder::authority`], and without that the target's. If there is none, it is left out
///   of the list, reported in an event and [counted](Self::requests_without_host).
/// - The request target is signed as it is sent, from a target in absolute or in origin form. `*`
///   and an authority (`CONNECT`) cannot be signed.
/// - Spaces and tabs around a signed value are removed, in the signing string and in what is sent.
/// - With [`Scheme::TencentMarket`] a request without `request-id` gets one, a random UUID. It is
///   not signed.
#[derive(Clone)]
pub struct Signer {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) keys: RotatingKeyPair,
    pub(super) scheme: Scheme,
    pub(super) algorithm: Algorithm,
    pub(super) template: Template,
    pub(super) components: SignedComponents,
    pub(super) destinations: Destinations,
    /// The id of this signer and its clones, which no other signer has.
    pub(super) signer_id: u64,
    pub(super) faults: Faults,
}

impl Signer {
    /// Creates a signer with the defaults: `X-Date`, HMAC-SHA1 and no source. This cannot fail,
    /// because a [`KeyPair`] is valid.
    #[must_use]
    pub fn new(keys: impl Into<RotatingKeyPair>) -> Self {
        Self::builder(keys).build_default()
    }

    /// Returns a builder for a signer with other options.
    pub fn builder(keys: impl Into<RotatingKeyPair>) -> SignerBuilder {
        SignerBuilder::new(keys.into())
    }

    /// Returns the keys.
    #[must_use]
    pub fn keys(&self) -> &RotatingKeyPair {
        &self.inner.keys
    }

    /// Returns the scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.inner.scheme
    }

    /// Returns the algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.inner.algorithm
    }

    /// Returns the headers that sign a request at the time `now`.
    ///
    /// HTTP has no date before 1970 or after 9999. Such a time is signed as the nearer end of that
    /// range.
    ///
    /// # Errors
    ///
    /// Returns a [`SignError`] if the request goes to a host that must not get a signature, which
    /// is checked first; if a header that should be signed has more than one value; if there are
    /// more than 16,384 headers; or if the target has no room for credentials in its query.
    pub fn sign<'h>(
        &self,
        head: impl Into<RequestHead<'h>>,
        now: SystemTime,
    ) -> Result<SignedHeaders, SignError> {
        let head = head.into();
        self.inner.destinations.check_request(head)?;
        let keys = self.inner.keys.load();
        let signed = self.sign_with(&keys, &head, now.into(), &mut SigningString::new())?;
        let mut headers = signed.headers;
        if let Some(path_and_query) = signed.target {
            let mut target = Box::new(head.uri().clone());
            target::set_path_and_query(&mut target, path_and_query);
            headers.target = Some(target);
        }
        Ok(headers)
    }

    /// Returns the signing string that [`sign`](Self::sign) computes the signature over, to compare
    /// it with the gateway's.
    ///
    /// With a nonce in a header (`SignerBuilder::nonce`), every signature has another string. Pass
    /// the head of a signed request: its nonce is used. In a scheme that sends a nonce as a
    /// parameter, the string that is returned has a nonce of its own.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`sign`](Self::sign).
    pub fn signing_string<'h>(
        &self,
        head: impl Into<RequestHead<'h>>,
        now: SystemTime,
    ) -> Result<SigningString, SignError> {
        let head = head.into();
        self.inner.destinations.check_request(head)?;
        let keys = self.inner.keys.load();
        self.check_key_id(&keys)?;
        let nonce = self.nonce_of(&head)?;
        let nonce_parameter = self.inner.components.new_nonce_parameter()?;
        let writer = self.writer(&head, now.into(), nonce, nonce_parameter);
        let mut string = SigningString::new();
        writer.write(keys.id.as_str(), &mut string)?;
        Ok(string)
    }

    /// Signs a request in place: [`sign`](Self::sign), then [`SignedHeaders::apply`].
    ///
    /// If the host or the target is signed, the URI is first changed to the form that is sent on
    /// HTTP/1.1 and HTTP/2 alike: without user information, without an empty or default port, and
    /// with a slash before a query that has no path.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`sign`](Self::sign). The request then has no `Authorization`, so that
    /// a gateway refuses it. If the request goes to a host that must not get a signature, an
    /// `Authorization` of another scheme stays.
    pub fn sign_request<B>(
        &self,
        request: &mut Request<B>,
        now: SystemTime,
    ) -> Result<(), SignError> {
        let Inner {
            components,
            destinations,
            ..
        } = &*self.inner;
        // This check comes first, because any other error of a request to another host is not worth
        // a report.
        if destinations.are_limited()
            && let Err(error) = destinations.check_request((&*request).into())
        {
            self.remove_signature(request.headers_mut());
            self.remove_from_target(request);
            return Err(error);
        }
        let now = Timestamp::from(now);
        let depends_on_time_alone =
            components.depends_on_time_alone && !request_head::has_digest(request.extensions());
        if depends_on_time_alone && self.sign_from_cache(request.headers_mut(), now).is_some() {
            return Ok(());
        }
        self.sign_uncached(request, now)
    }

    /// Returns whether the parameters of a form are signed.
    #[cfg(feature = "reqwest")]
    pub(super) fn signs_forms(&self) -> bool {
        self.inner.scheme.dialect().format.request_lines.is_some()
    }

    fn sign_uncached<B>(&self, request: &mut Request<B>, now: Timestamp) -> Result<(), SignError> {
        let Inner {
            components, keys, ..
        } = &*self.inner;
        if components.placement == Placement::HeaderInsteadOfQuery {
            self.remove_from_target(request);
        }
        if components.changes_target(request.uri())
            && let Some(uri) = components.sent_target(request.uri())
        {
            *request.uri_mut() = uri;
        }
        #[cfg(feature = "digest")]
        super::renewed_digest::renew(request);
        let keys = keys.load();
        let head = RequestHead::from(&*request);
        match self.sign_with(&keys, &head, now, &mut SigningString::new()) {
            Ok(signed) => {
                if let Some(target) = signed.target {
                    target::set_path_and_query(request.uri_mut(), target);
                }
                signed.headers.apply(request.headers_mut());
                Ok(())
            }
            Err(error) => {
                let header = self.inner.scheme.dialect().syntax.header;
                request.headers_mut().remove(header);
                self.remove_from_target(request);
                Err(error)
            }
        }
    }

    /// Refuses a pair whose key id the scheme cannot carry. Only a rotated pair can have such an
    /// id, because the builder checks the first one.
    fn check_key_id(&self, keys: &ActiveKey) -> Result<(), SignError> {
        let scheme = self.inner.scheme;
        match scheme.dialect().carries_key_id(keys.id.as_str()) {
            true => Ok(()),
            false => Err(SignError::KeyIdNotCarried { scheme }),
        }
    }

    /// Returns a nonce for one signature, if the signer adds one.
    fn new_nonce(&self) -> Result<Option<HeaderValue>, SignError> {
        match &self.inner.components.nonce {
            #[cfg(feature = "nonce")]
            Some(_) => super::nonce::random().map(Some),
            _ => Ok(None),
        }
    }

    /// Returns the nonce that a head has, or else a new one.
    fn nonce_of(&self, head: &RequestHead<'_>) -> Result<Option<HeaderValue>, SignError> {
        let name = self.inner.components.nonce.as_ref();
        match name.and_then(|name| head.headers().get(name)) {
            Some(nonce) => Ok(Some(nonce.clone())),
            None => self.new_nonce(),
        }
    }

    /// Returns what writes the signing string of a head, with the date of `now`. `nonce` is the one
    /// in a header.
    fn writer<'a>(
        &'a self,
        head: &'a RequestHead<'a>,
        now: Timestamp,
        nonce: Option<HeaderValue>,
        nonce_parameter: Option<Nonce>,
    ) -> ComponentWriter<'a> {
        let Inner {
            scheme,
            components,
            destinations,
            ..
        } = &*self.inner;
        ComponentWriter {
            components,
            authority: destinations.authority.as_ref(),
            format: &scheme.dialect().format,
            head,
            date: now.imf_fixdate(),
            times: components.times(now),
            nonce,
            nonce_parameter,
        }
    }

    /// Signs a head with the date of `now`. Writes what is signed into `string`, which is empty.
    pub(super) fn sign_with(
        &self,
        keys: &ActiveKey,
        head: &RequestHead<'_>,
        now: Timestamp,
        string: &mut SigningString,
    ) -> Result<SignedHead, SignError> {
        let Inner {
            scheme,
            algorithm,
            ref components,
            ..
        } = *self.inner;
        self.check_key_id(keys)?;
        let nonce = self.new_nonce()?;
        let nonce_parameter = components.new_nonce_parameter()?;
        let writer = self.writer(head, now, nonce, nonce_parameter);
        let edits = writer.write(keys.id.as_str(), string)?;
        let tag = keys.macs.keyed(algorithm).tag(string.as_bytes());

        let mut text = text_before_credentials(components, &edits, &writer.date);
        let credentials_at = text.len();
        self.write_credentials(&mut text, &keys.id, &writer, &edits, &tag);
        let mut target = None;
        if components.placement == Placement::Query {
            let credentials = text.get(credentials_at..).unwrap_or_default();
            target = Some(target_with(credentials, &writer)?);
            text.truncate(credentials_at);
        }
        let date_at = edits.date_at;
        let request_id = components.new_request_id(head.headers());
        let header = scheme.dialect().syntax.header;
        Ok(SignedHead {
            headers: SignedHeaders::new(components, edits, request_id, header, text),
            target,
            date_at,
        })
    }

    /// Writes the credentials as they are in a header.
    fn write_credentials(
        &self,
        text: &mut Vec<u8>,
        key_id: &KeyId,
        writer: &ComponentWriter<'_>,
        edits: &HeaderEdits,
        tag: &Tag,
    ) {
        let Inner {
            scheme,
            template,
            components,
            ..
        } = &*self.inner;
        if let Placement::Json(implied) = components.placement {
            let syntax = &scheme.dialect().syntax;
            json::write(text, syntax, implied, key_id, &writer.date, tag);
            return;
        }
        let mut authorization = Encoder::begin(text, template, key_id, &writer.times);
        edits.write_names(components, &mut authorization);
        let nonce = writer.nonce_parameter.as_ref().map(Nonce::as_parameter);
        authorization.end(tag, nonce);
    }
}

/// The signature of a head, before it is applied.
pub(super) struct SignedHead {
    /// The headers. They have no target yet.
    pub(super) headers: SignedHeaders,
    /// The path and query with the credentials, if they are in the target.
    target: Option<PathAndQuery>,
    /// The position of the date in the signing string.
    pub(super) date_at: Option<usize>,
}

/// Returns the path and query with these credentials, the date and the host.
fn target_with(
    credentials: &[u8],
    writer: &ComponentWriter<'_>,
) -> Result<PathAndQuery, SignError> {
    let sent = target::path_and_query(writer.head.uri())?;
    let host = writer.host()?;
    query::with_credentials(sent, credentials, &writer.date, host.as_deref())
        .ok_or(SignError::TargetTooLong)
}

impl From<KeyPair> for Signer {
    fn from(keys: KeyPair) -> Self {
        Self::new(keys)
    }
}

impl From<RotatingKeyPair> for Signer {
    fn from(keys: RotatingKeyPair) -> Self {
        Self::new(keys)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("keys", &self.inner.keys)
            .field("scheme", &self.inner.scheme)
            .field("algorithm", &self.inner.algorithm)
            .field("components", &self.inner.components)
            .field("destinations", &self.inner.destinations)
            .finish_non_exhaustive()
    }
}
