//! The options of a verifier.

use std::time::Duration;

use http::HeaderName;

use super::{Verifier, nonce::NonceSource, verifying_key::DummyKeys};
use crate::{
    Algorithm, Scheme,
    header::DIGESTS,
    limits::MAX_SKEW_WITH_NONCE,
    scheme::{BuildError, DatePolicy, check_list, owned_names},
    wire::{component::Component, signing_string::RequestLine},
};

/// Builds a [`Verifier`].
///
/// Setters can be called in any order and never fail; [`build`](Self::build) checks all options
/// together. A setter that is called again replaces what the earlier call has set, lists too.
///
/// ```
/// use std::time::Duration;
/// use tower_hmac_auth::{Algorithm, Scheme, StaticKeys, Verifier, VerifyLayer};
///
/// let verifier = Verifier::builder()
///     .scheme(Scheme::Kong)
///     .algorithms([Algorithm::HmacSha256])
///     .require(["@request-target"])
///     .max_skew(Duration::from_secs(60))
///     .build()?;
/// let layer = VerifyLayer::new(StaticKeys::new()).verifier(verifier);
/// # Ok::<(), tower_hmac_auth::error::BuildError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct VerifierBuilder {
    scheme: Scheme,
    algorithms: Option<Vec<Algorithm>>,
    hs2019: Option<Algorithm>,
    required: Vec<String>,
    max_skew: Option<Duration>,
    date_policy: Option<DatePolicy>,
    allow_missing_headers: bool,
    normalize_target: bool,
    nonce: Option<HeaderName>,
    signature_as_nonce: bool,
}

impl VerifierBuilder {
    pub(super) fn new() -> Self {
        Self {
            scheme: Scheme::default(),
            algorithms: None,
            hs2019: None,
            required: Vec::new(),
            max_skew: None,
            date_policy: None,
            allow_missing_headers: false,
            normalize_target: false,
            nonce: None,
            signature_as_nonce: false,
        }
    }

    /// Sets the scheme, and with it the defaults of all other options. Default:
    /// [`Scheme::Tencent`].
    ///
    /// **In the other schemes clients sign the request target by default, but they may leave it
    /// out. Use [`require`](Self::require) to enforce it.**
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets the allowed algorithms. They also limit what [`hs2019`](Self::hs2019) can stand for.
    /// A second call replaces the list. Default: all of the scheme's. With an empty list every
    /// request is refused.
    pub fn algorithms(mut self, allowed: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(allowed.into_iter().collect());
        self
    }

    /// Sets the algorithm that is used for the name `hs2019` and for requests that name no
    /// algorithm, in a scheme that has `hs2019`. Default: none, such requests are refused.
    ///
    /// draft-cavage-http-signatures-12, section 2.1.3: the key determines the hash, not the
    /// message.
    pub fn hs2019(mut self, algorithm: Algorithm) -> Self {
        self.hs2019 = Some(algorithm);
        self
    }

    /// Sets what every signature must cover: header names, in any case, and derived components of
    /// the scheme, such as `@request-target`. Each must be listed **and** present in the request. A
    /// second call replaces the list. Default: nothing but a date.
    ///
    /// [`Scheme::TencentApp`] signs `@request-target`, `accept`, `content-type` and `content-md5`
    /// without listing them, so there a header only has to be present, with a value. With
    /// [`Scheme::Tyk`], a listed header also has to have a value.
    pub fn require(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.required = owned_names(names);
        self
    }

    /// Sets how far a date or `created` may be from the clock, before or after it. Dates and the
    /// clock are compared in whole seconds, so a fraction of a second in `max_skew` is dropped.
    /// Default: the scheme's; for Tencent's scheme, [`Verifier::DEFAULT_MAX_SKEW`]. Traefik Hub's
    /// default for `created` is 300 seconds before the clock and none after it.
    pub fn max_skew(mut self, max_skew: Duration) -> Self {
        self.max_skew = Some(max_skew);
        self
    }

    /// Sets how requests that sign only `Date` are treated. Default: [`DatePolicy::AnyAge`] for
    /// Tencent's scheme, [`DatePolicy::CheckAge`] for the others.
    pub fn date_policy(mut self, date_policy: DatePolicy) -> Self {
        self.date_policy = Some(date_policy);
        self
    }

    /// Sets whether a listed header may be missing from the request, in a scheme that can sign
    /// that: Kong, APISIX, Tyk, and a described scheme with a
    /// [line for it](crate::scheme::SchemeBuilder::missing_headers). In the others this has no
    /// effect, and such a request is always refused. Missing headers never count as covered.
    /// Default: `false`.
    pub fn allow_missing_headers(mut self, allow_missing_headers: bool) -> Self {
        self.allow_missing_headers = allow_missing_headers;
        self
    }

    /// Sets whether targets that are not in normal form are accepted and normalized for the
    /// handler, in a scheme that signs the decoded target (APISIX, Tyk). In the others this has no
    /// effect. Default: `false`, such targets are refused. In a layer it needs
    /// [`VerifyLayer::before_routing`](crate::VerifyLayer::before_routing) as well.
    ///
    /// A signature for `/a?x=1` is also valid for `/admin/../a?x=1`, `//a?x=1`, `/%61?x=1` and
    /// `/a%3Fx=1`. Anyone who has seen it can send those, and a handler that routes by the sent
    /// target would serve something that was not signed. So a target is refused with
    /// [`TargetError::NotNormal`] if its path has dot segments, empty segments, or an escaped
    /// slash, number sign, percent sign or unreserved character (RFC 3986, section 2.3). All
    /// targets that one signature is accepted for have the same decoded segments and the same
    /// query, as `/a@b` and `/a%40b` do.
    ///
    /// With `true` the handler gets one target for each signature. It has no dot segments and no
    /// empty segments. Characters that a path can contain (`pchar`: letters, digits,
    /// `-._~!$&'()*+,;=:@`) are unescaped, all others are escaped with upper-case digits. A
    /// question mark without a query after it is removed.
    ///
    /// With either setting a path with an escaped question mark is refused with
    /// [`TargetError::EscapedQuestionMark`], because what follows it is signed like a query. So is
    /// a path that cannot be decoded.
    ///
    /// Tyk decodes the path, but does not merge or resolve anything. So dot segments and empty
    /// segments are signed as they are, are accepted with either setting, and stay in the normal
    /// form. The query is not signed and stays as it was sent.
    ///
    /// A key store still sees the target as it was sent, so do not use this with a store that
    /// decides by the path.
    ///
    /// [`VerifyLayer`](crate::VerifyLayer) replaces the request's target by
    /// [`Verifier::normalized_target`] only if
    /// [`before_routing`](crate::VerifyLayer::before_routing) is set as well. Otherwise it refuses
    /// a target that is not in normal form, as with `false`: a router outside may have chosen the
    /// handler by the target that was sent. Callers of [`Verifier`] replace the target themselves,
    /// before they choose a handler by it.
    ///
    /// [`TargetError::NotNormal`]: crate::error::TargetError::NotNormal
    /// [`TargetError::EscapedQuestionMark`]: crate::error::TargetError::EscapedQuestionMark
    pub fn normalize_target(mut self, normalize_target: bool) -> Self {
        self.normalize_target = normalize_target;
        self
    }

    /// Requires a nonce in this header, or in the scheme's parameter of this name: a text of 1 to
    /// 128 bytes that a client sends once. The signature has to cover it, and it must not be
    /// repeated. Default: none.
    ///
    /// The verifier only reads the nonce. A [`ReplayLayer`](crate::verify::ReplayLayer) inside
    /// [`VerifyLayer`](crate::VerifyLayer) refuses those that were used before. The signer's side
    /// is `SignerBuilder::nonce` (feature `nonce`).
    ///
    /// No preset's gateway has nonces, so a signed nonce is a header like others to them. A
    /// described scheme can send one [as a
    /// parameter](crate::scheme::SchemeBuilder::nonce_parameter), which its signatures always
    /// cover. If `name` is that parameter's, the parameter is the nonce, and no header of this name
    /// is read. Without this option, such a nonce is verified and not claimed.
    ///
    /// ```
    /// use http::HeaderName;
    /// use tower_hmac_auth::{Scheme, Verifier};
    ///
    /// let nonce = HeaderName::from_static("nonce");
    /// let dnse = Scheme::builder("dnse", Scheme::Tyk)
    ///     .credentials_header(HeaderName::from_static("x-signature"))
    ///     .nonce_parameter("nonce")
    ///     .build()?;
    /// let verifier = Verifier::builder().scheme(dnse).nonce(nonce).build()?;
    /// # Ok::<(), tower_hmac_auth::error::BuildError>(())
    /// ```
    pub fn nonce(mut self, name: HeaderName) -> Self {
        self.nonce = Some(name);
        self
    }

    /// Uses the signature itself as the nonce, for clients that send none. Default: `false`.
    ///
    /// A signature is the same for two requests that agree in everything it covers, including the
    /// second. So this is allowed only where the request target and `digest` or `content-digest`
    /// are [required](Self::require), and never with the presets of Tyk and iFlytek, which sign the
    /// path without the query. Two equal requests of one second are still taken for a replay:
    /// clients that send such requests need a nonce.
    pub fn signature_as_nonce(mut self, signature_as_nonce: bool) -> Self {
        self.signature_as_nonce = signature_as_nonce;
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    ///
    /// Returns a [`BuildError`] if the scheme does not have an algorithm or `hs2019`, if no request
    /// can cover a required name (the rules are those for
    /// [signers](crate::sign::SignerBuilder::components)), if more than 64 names are required or
    /// they are longer than 8 KiB, and for [`DatePolicy::Refuse`] with a scheme that only reads
    /// `Date`.
    ///
    /// With a nonce, also if its header has another meaning, if dates may have
    /// [any age](DatePolicy::AnyAge) or be more than one day from the clock, and if the signature
    /// is the nonce without covering the target and the body.
    pub fn build(self) -> Result<Verifier, BuildError> {
        let scheme = self.scheme;
        for algorithm in self.algorithms.iter().flatten().chain(&self.hs2019) {
            scheme.check_algorithm(*algorithm)?;
        }
        if self.hs2019.is_some() {
            scheme.check_hs2019()?;
        }
        for name in &self.required {
            scheme.check_coverable(name, self.hs2019.is_some())?;
        }
        check_list(self.required.iter().map(String::as_str))?;
        let date_policy = self.date_policy.unwrap_or(scheme.dialect().date_policy);
        scheme.check_date_policy(date_policy)?;
        self.check_nonce(date_policy)?;
        Ok(self.build_unchecked())
    }

    fn check_nonce(&self, date_policy: DatePolicy) -> Result<(), BuildError> {
        let (scheme, dialect) = (self.scheme, self.scheme.dialect());
        if self.nonce.is_none() && !self.signature_as_nonce {
            return Ok(());
        }
        if self.nonce.is_some() && self.signature_as_nonce {
            return Err(BuildError::TwoNonces);
        }
        if let NonceSource::Header(header) = self.nonce_source() {
            scheme.check_nonce(&header)?;
        }
        if date_policy == DatePolicy::AnyAge {
            return Err(BuildError::NonceWithoutAge);
        }
        let max_skew = self
            .max_skew
            .map_or(dialect.max_skew, |skew| skew.as_secs());
        if max_skew > MAX_SKEW_WITH_NONCE {
            return Err(BuildError::NonceSkew);
        }
        let requires = |is: &dyn Fn(&Component) -> bool| {
            let mut required = self.required.iter();
            required.any(|name| {
                let component = scheme.signable(name, self.hs2019.is_some());
                component.is_ok_and(|component| is(&component))
            })
        };
        let is_target = |component: &Component| match component {
            Component::Derived(derived) => derived.is_whole_target(),
            _ => false,
        };
        let is_digest = |component: &Component| match component {
            Component::Header(name) => DIGESTS.contains(name),
            _ => false,
        };
        let signs_target =
            requires(&is_target) || dialect.format.signs_unlisted(RequestLine::TARGET);
        if self.signature_as_nonce && !(signs_target && requires(&is_digest)) {
            return Err(BuildError::SignatureNotUnique);
        }
        Ok(())
    }

    fn nonce_source(&self) -> NonceSource {
        match &self.nonce {
            Some(name) => NonceSource::named(name.clone(), self.scheme),
            None if self.signature_as_nonce => NonceSource::Signature,
            None => NonceSource::None,
        }
    }

    /// Builds the verifier without checks, from options that are known to be valid.
    pub(super) fn build_unchecked(self) -> Verifier {
        let dialect = self.scheme.dialect();
        let nonce = self.nonce_source();
        let own_skew = self.max_skew.map(|max_skew| max_skew.as_secs());
        let max_skew = own_skew.unwrap_or(dialect.max_skew);
        Verifier {
            scheme: self.scheme,
            algorithms: self
                .algorithms
                .unwrap_or_else(|| dialect.algorithms.to_vec()),
            hs2019: self.hs2019,
            required: self.required.into_iter().map(Into::into).collect(),
            max_skew,
            claim_skew: max_skew,
            max_created_ahead: own_skew
                .or(dialect.max_created_ahead)
                .unwrap_or(dialect.max_skew),
            date_policy: self.date_policy.unwrap_or(dialect.date_policy),
            allow_missing_headers: self.allow_missing_headers,
            normalize_target: self.normalize_target,
            nonce,
            dummy_keys: DummyKeys::new(),
        }
    }
}
