//! The signer: request head and time in, headers out. No I/O, no async.

use std::{fmt, sync::Arc, time::SystemTime};

use http::{HeaderValue, Request, header, uri::Authority};

use super::{
    SignError, SignedHeaders, SignerBuilder, cache,
    faults::Faults,
    hosts::{HostPatternError, Hosts},
    options::Options,
    rotation::ActiveKey,
    walk::Walk,
};
use crate::{
    Algorithm, RequestHead, Scheme,
    header::{MICRO_SERVICE_NAME, NAME_SPACE_CODE, SOURCE},
    request_head,
    sign::RotatingKeyPair,
    wire::{
        credentials::{Encoder, Template},
        date::{IMF_FIXDATE_LEN, Timestamp},
        signing_string::SigningString,
    },
};

/// Room for the values of nearly every request, in bytes.
const ROOM: usize = 256;

/// Signs request heads with a key pair, in the [`Scheme`] of Tencent Cloud API Gateway unless told otherwise.
///
/// Clones are cheap and share everything. The key is put into the MAC once, when it is first used. The pair can be
/// exchanged while the signer is in use: [`RotatingKeyPair`].
///
/// [`sign_request`](Self::sign_request) keeps a signature that depends on nothing but the second until the second is over, and
/// the text around it for longer, but no key. Each thread has eight places for that; signers that share one take turns in it,
/// and are then slower.
///
/// [`SignLayer`](crate::SignLayer) is this with a clock, as Tower middleware.
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
///     .build()?
///     .source(HeaderValue::from_static("AndriodApp"));
///
/// let mut request = Request::get("https://service-1234.ap-guangzhou.apigateway.myqcloud.com/a").body(())?;
/// let friday = UNIX_EPOCH + Duration::from_secs(1_444_348_800);
/// signer.sign((&request).into(), friday)?.apply(request.headers_mut());
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
/// The scheme's default list, then the headers named in [`SignerBuilder::signed_headers`], in that order; or exactly
/// what [`SignerBuilder::components`] lists. With Tencent's scheme the default is the date, then `Source` if there is
/// one: not the method, not the target, not the body. The other schemes cover the method and the target too.
///
/// - The date is `X-Date` or `Date`, see [`SignerBuilder::date_header`]. It replaces one that is on the
///   request; the other of the two is removed.
/// - `Source` is the request's own if it has one, even an empty one, else that of [`source`](Self::source).
/// - Other headers are signed if the request has them, and left out of the list if it lacks them.
/// - `host`, if it is to be signed, is the request's `Host` if it has one, else that of
///   [`authority`](Self::authority), else the target's. If none of them is there it is left out, which is an event and
///   [counted](Self::requests_without_host).
/// - The request target is signed as it goes over the wire, from a target in absolute or in origin form; `*` and an
///   authority (`CONNECT`) cannot be signed.
/// - Spaces and tabs around a signed value are removed, in the signing string and in what is sent.
#[derive(Clone)]
pub struct Signer {
    pub(super) inner: Arc<Inner>,
}

#[derive(Clone)]
pub(super) struct Inner {
    pub(super) keys: RotatingKeyPair,
    pub(super) scheme: Scheme,
    pub(super) algorithm: Algorithm,
    pub(super) template: Template,
    pub(super) options: Options,
    /// Of this set of options, and no other.
    pub(super) signer_id: u64,
    pub(super) faults: Faults,
}

impl Signer {
    /// A signer with all defaults: `X-Date`, HMAC-SHA1 and no source. Cannot fail, as a [`KeyPair`](crate::KeyPair)
    /// is sound.
    #[must_use]
    pub fn new(keys: impl Into<RotatingKeyPair>) -> Self {
        Self::builder(keys).with_defaults()
    }

    /// For the options that can be wrong, another [`Scheme`] among them.
    pub fn builder(keys: impl Into<RotatingKeyPair>) -> SignerBuilder {
        SignerBuilder::new(keys.into())
    }

    /// Sends and signs this `Source` with requests that have none; any value, also an empty one. Default: none.
    ///
    /// Tencent Cloud calls it the signature watermark: it has no meaning for the gateway.
    #[must_use]
    pub fn source(mut self, source: HeaderValue) -> Self {
        self.options_mut().supply(&SOURCE, source);
        self
    }

    /// Sends `X-NameSpace-Code` and `X-MicroService-Name`, which a microservice API needs, with requests that have
    /// none. They are signed only if [`SignerBuilder::signed_headers`] names them. Default: neither.
    #[must_use]
    pub fn microservice(mut self, name_space_code: HeaderValue, name: HeaderValue) -> Self {
        self.options_mut().supply(&NAME_SPACE_CODE, name_space_code);
        self.options_mut().supply(&MICRO_SERVICE_NAME, name);
        self
    }

    /// The host and port that the client will send, for clients whose layers do not see it in the request's
    /// target (tonic's). Used where `host` is signed, and by [`allowed_hosts`](Self::allowed_hosts) for requests that name no host.
    /// Default: that of the target.
    ///
    /// Where `host` is signed and neither this, the target nor `Host` says what it is, the request is signed without it:
    /// [`requests_without_host`](Self::requests_without_host) counts that.
    #[must_use]
    pub fn authority(mut self, authority: Authority) -> Self {
        self.options_mut().authority = Some(authority);
        self
    }

    /// Signs only requests to these hosts; all others go out unsigned. Default: every host.
    ///
    /// A signature over a date and a source is good for every API of its key, so a host that is not the gateway must
    /// not get one: not by a mistake in a URL, nor by a redirect.
    ///
    /// A pattern is a host, or `*.` and a domain for all hosts below it (not the domain itself), with a port if only
    /// that one is meant. Upper and lower case are one, and so are a host with and without the dot that ends a full
    /// domain name. What counts is where the request goes: the authority of its target; if it has none, its `Host`;
    /// if it has none either, [`authority`](Self::authority).
    ///
    /// A request to another host gets no date, source or `Authorization`, and loses those that an earlier signature
    /// has left on it, also one of another layer in the scheme's words: two gateways need a stack each. An `Authorization`
    /// of another scheme, a `Bearer` token say, stays. A target whose port is no number
    /// up to 65535, or empty, is no host's.
    ///
    /// ```
    /// use tower_hmac_auth::{KeyPair, Signer};
    ///
    /// let signer = Signer::new(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?)
    ///     .allowed_hosts(["api.example.com", "*.apigateway.example:8443"])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A request that names no host at all is not signed ([`SignError::DestinationUnknown`]): a tonic client's requests
    /// do not, unless the client is made with its origin. For such a client set [`authority`](Self::authority), to one
    /// of these hosts.
    ///
    /// # Errors
    ///
    /// [`HostPatternError`] for the first invalid pattern, and if there is none at all.
    pub fn allowed_hosts<P: AsRef<str>>(
        mut self,
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, HostPatternError> {
        self.options_mut().hosts = Some(Hosts::parse(patterns)?);
        Ok(self)
    }

    /// Leaves requests unsigned that do not go over `https`, unless they go to this machine. Default: `false`.
    ///
    /// Who can read a signed request on its way can send another with its signature.
    ///
    /// What counts is the scheme of the request's target. **A target without one says nothing, and is not signed for**
    /// ([`SignError::SchemeUnknown`]): a
    /// tonic client's target has none unless the client is made with its origin (`with_origin(service,
    /// Uri::from_static("https://gateway.example"))`, in place of `new`). [`authority`](Self::authority) does not say
    /// `https`. The channel below sends to its own endpoint whatever the origin says: give both the same.
    #[must_use]
    pub fn https_only(mut self, https_only: bool) -> Self {
        self.options_mut().https_only = https_only;
        self
    }

    /// The keys that sign.
    #[must_use]
    pub fn keys(&self) -> &RotatingKeyPair {
        &self.inner.keys
    }

    /// The gateway's dialect it signs in.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.inner.scheme
    }

    /// The algorithm that signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.inner.algorithm
    }

    /// The headers to be set on a request, so that it is signed as of `now`.
    ///
    /// A time before 1970 or after 9999, which HTTP has no date for, is signed as the nearer end of that range.
    ///
    /// # Errors
    ///
    /// [`SignError`] if the request goes to where no signature may go, which is looked at first, if a header that should be
    /// signed has more than one value, or if there are more than 16,384 headers.
    pub fn sign(&self, head: RequestHead<'_>, now: SystemTime) -> Result<SignedHeaders, SignError> {
        self.inner.options.check_destination(head)?;
        let now = Timestamp::from(now);
        let date = now.imf_fixdate();
        let keys = self.inner.keys.load();
        let mut string = SigningString::new();
        let (headers, _) = self.sign_with(&keys, &head, (now, &date), &mut string)?;
        Ok(headers)
    }

    /// What [`sign`](Self::sign) would compute the signature over, to be compared with the gateway's.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub fn signing_string(
        &self,
        head: RequestHead<'_>,
        now: SystemTime,
    ) -> Result<SigningString, SignError> {
        let Inner { options, keys, .. } = &*self.inner;
        options.check_destination(head)?;
        let format = &self.inner.scheme.dialect().format;
        let now = Timestamp::from(now);
        let (date, times) = (now.imf_fixdate(), options.times(now));
        let mut string = SigningString::new();
        string.begin(format, keys.load().id.as_str());
        let walk = Walk {
            options,
            format,
            head: &head,
            date: &date,
            times: &times,
        };
        walk.write(&mut string)?;
        Ok(string)
    }

    /// Signs a request in place: [`sign`](Self::sign), then [`SignedHeaders::apply`].
    ///
    /// Where the host or the target is signed, the URI is first brought into the form that is sent on HTTP/1.1 and
    /// HTTP/2 alike: without user information, an empty port or the default port; a query without a path gets a slash.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign). The request then has no `Authorization`, so that a gateway refuses it; one of another
    /// scheme stays if the request goes to a host that is not signed for.
    pub fn sign_request<B>(
        &self,
        request: &mut Request<B>,
        now: SystemTime,
    ) -> Result<(), SignError> {
        let options = &self.inner.options;
        // Before all else: whatever is wrong with a stranger's request, it is a stranger's.
        if options.limits_destinations()
            && let Err(stranger) = options.check_destination((&*request).into())
        {
            self.remove_signature(request.headers_mut());
            return Err(stranger);
        }
        let now = Timestamp::from(now);
        let depends_on_time_alone =
            options.depends_on_time_alone() && !request_head::has_digest(request.extensions());
        if depends_on_time_alone && self.sign_from_cache(request.headers_mut(), now).is_some() {
            return Ok(());
        }
        self.sign_uncached(request, now)
    }

    /// Takes a signature of this scheme off a request that cannot be signed, with all that was added to it.
    pub(crate) fn remove_signature(&self, headers: &mut http::HeaderMap) {
        if !self.inner.scheme.dialect().remove_signature(headers) {
            return;
        }
        for (name, value) in self.inner.options.supplied() {
            if headers.get(name) == Some(value) {
                headers.remove(name);
            }
        }
    }

    fn sign_uncached<B>(&self, request: &mut Request<B>, now: Timestamp) -> Result<(), SignError> {
        let Inner { options, keys, .. } = &*self.inner;
        if options.changes_target(request.uri())
            && let Some(uri) = options.sent_target(request.uri())
        {
            *request.uri_mut() = uri;
        }
        #[cfg(feature = "digest")]
        crate::wire::digest_header::renew(request);
        // Before the pair is taken, as what has just been written is slow to be read.
        let date = now.imf_fixdate();
        let keys = keys.load();
        let mut string = SigningString::new();
        let head = RequestHead::from(&*request);
        let signed = self.sign_with(&keys, &head, (now, &date), &mut string);
        let headers = request.headers_mut();
        match signed {
            Ok((signed, _)) => {
                signed.apply(headers);
                Ok(())
            }
            Err(error) => {
                headers.remove(header::AUTHORIZATION);
                Err(error)
            }
        }
    }

    /// Signs a head with the date of `now`. Returns the headers, and where the date is in the signing string.
    pub(super) fn sign_with(
        &self,
        keys: &ActiveKey,
        head: &RequestHead<'_>,
        (now, date): (Timestamp, &[u8; IMF_FIXDATE_LEN]),
        string: &mut SigningString,
    ) -> Result<(SignedHeaders, Option<usize>), SignError> {
        let Inner {
            scheme,
            algorithm,
            ref template,
            ref options,
            ..
        } = *self.inner;
        let dialect = scheme.dialect();
        if !dialect.carries_key_id(keys.id.as_str()) {
            return Err(SignError::KeyIdNotCarried { scheme });
        }
        string.begin(&dialect.format, keys.id.as_str());
        let times = options.times(now);
        let walk = Walk {
            options,
            format: &dialect.format,
            head,
            date,
            times: &times,
        };
        let changes = walk.write(string)?;
        let tag = keys.macs.keyed(algorithm).tag(string.as_bytes());

        let mut text = Vec::with_capacity(ROOM);
        if options.date_header().is_some() {
            text.extend_from_slice(date);
        }
        for (_, value) in changes.supplied(options) {
            text.extend_from_slice(value.as_bytes());
        }
        let mut authorization = Encoder::begin(&mut text, template, &keys.id, &times);
        changes.list(options, &mut authorization);
        authorization.end(&tag);
        let date_at = changes.date_at;
        Ok((SignedHeaders::new(options, changes, text), date_at))
    }

    fn options_mut(&mut self) -> &mut Options {
        let inner = Arc::make_mut(&mut self.inner);
        inner.signer_id = cache::next_id();
        &mut inner.options
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("keys", &self.inner.keys)
            .field("scheme", &self.inner.scheme)
            .field("algorithm", &self.inner.algorithm)
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
