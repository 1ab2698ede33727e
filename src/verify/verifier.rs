//! The verifier: request head, key look-up and time in, verified key or rejection out. No I/O, no async.

use std::{
    ops::Deref,
    time::{Duration, SystemTime},
};

use super::{
    VerifiedKey,
    builder::VerifierBuilder,
    components::ComponentReader,
    credentials::Credentials,
    freshness::SentXDate,
    verifying_key::{DummyKeys, KeyAccess, KeyLookup, VerifyingKey},
};
use http::Uri;

use crate::{
    Algorithm, Rejection, RequestHead, Scheme,
    rejection::{Excerpt, TargetError},
    scheme::{DEFAULT_MAX_SKEW, DatePolicy},
    wire::{
        authority::names_two_hosts,
        component::DerivedComponent,
        credentials::{Authorization, HS2019, RawCredentials},
        target,
    },
};

/// Checks signed requests as the gateway does, and no rule of it is the message's to choose.
///
/// Two steps, so that a look-up may wait in between: [`read`](Self::read) takes the credentials out of a request
/// and refuses whatever needs no key to be refused; [`verify`](Self::verify) takes the key that was found and
/// compares signatures. Neither does I/O, and the time is an argument.
///
/// ```
/// use std::time::SystemTime;
/// use http::Request;
/// use tower_hmac_auth::{KeyPair, Rejection, Signer, Verifier, verify::{KeyAccess, KeyLookup, VerifyingKey}};
///
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let key = VerifyingKey::from(&keys);
/// let now = SystemTime::now();
///
/// let mut request = Request::get("https://api.example.com/a").body(())?;
/// Signer::new(keys).sign(&request, now)?.apply(request.headers_mut());
///
/// let verifier = Verifier::new();
/// let credentials = verifier.read(&request, now)?;
/// let lookup = match credentials.key_id() {
///     "AKIDtestkey0001" => KeyLookup::Key(&key, KeyAccess::Bound),
///     _ => KeyLookup::Unknown,
/// };
/// let verified = verifier.verify(credentials, lookup)?;
/// assert_eq!(verified.key_id(), "AKIDtestkey0001");
///
/// let unsigned = Request::get("/a").body(())?;
/// let refused = verifier.read(&unsigned, now).unwrap_err();
/// assert_eq!(refused, Rejection::AuthorizationMissing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is accepted
///
/// - Exactly one `Authorization`, with the four parameters in any order (the names say which is which; Kong has one
///   order only), none repeated, none of another scheme. With APISIX and draft-cavage, up to 16 parameters without a
///   meaning are ignored (draft-cavage-http-signatures-12, section 2.2); with the others they are refused.
/// - Every listed header is in the request, once. Also once, listed or not: `Date`, `X-Date`. A `Host` beside an
///   authority in the target names the same host.
/// - A time only from a header the signature covers. `X-Date` is checked for age, in whole seconds; so is `Date`
///   if [`date_policy`](VerifierBuilder::date_policy) says so. IMF-fixdate, RFC 850 and asctime dates are read, with any
///   weekday and with every spelling of UTC (`GMT`, `UTC`, `UT`, `Z`, `+0000`, `-0000`, `GMT+00:00`, none), as Go's
///   `RFC1123` and Python's `formatdate()` print them. A date in another time zone is refused.
/// - At most 64 listed names and 8 KiB a parameter, counted before anything is hashed.
///
/// # Timing
///
/// An unknown key id and a wrong signature take the same work, on the same path and without an early end: the MAC is computed
/// and compared with a dummy key where there is no other. Signatures are compared in constant time. That is not the same
/// nanosecond:
///
/// - a look-up's own time is the key store's, and a store that waits for a database should answer both alike;
/// - among many keys, one that was not used for a while is no longer in the processor's caches (about half a microsecond with
///   100,000 keys), while the dummy key is;
/// - a key's first use with an algorithm also puts the key into the MAC (about a third of a microsecond, once), unless it was
///   [prepared](VerifyingKey::prepare).
///
/// By default the answers themselves tell the two apart, as the gateways' do: see [`DefaultResponseForRejection::hide_reason`](crate::verify::DefaultResponseForRejection::hide_reason).
#[derive(Debug, Clone)]
pub struct Verifier {
    pub(super) scheme: Scheme,
    pub(super) algorithms: Vec<Algorithm>,
    /// The algorithm that `hs2019` stands for.
    pub(super) hs2019: Option<Algorithm>,
    pub(super) required: Vec<Box<str>>,
    /// In seconds.
    pub(super) max_skew: u64,
    pub(super) date_policy: DatePolicy,
    pub(super) allow_missing_headers: bool,
    pub(super) normalize_target: bool,
    /// Used to compute a MAC where there is no key.
    pub(super) dummy_keys: DummyKeys,
}

impl Verifier {
    /// How far an `X-Date` may be from the server's clock by default, as documented by Tencent Cloud API Gateway.
    pub const DEFAULT_MAX_SKEW: Duration = Duration::from_secs(DEFAULT_MAX_SKEW);

    /// Creates a verifier with the rules of Tencent Cloud API Gateway: all four algorithms, an `X-Date` at most 900
    /// seconds off or a `Date` of any age, and nothing else required to be covered.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().with_defaults()
    }

    /// Returns a builder for a verifier with other rules.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::new()
    }

    /// Returns the scheme that this verifier speaks.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Reads the credentials of a request, and refuses whatever needs no key to be refused.
    ///
    /// # Errors
    ///
    /// Every [`Rejection`] but those that depend on the key.
    pub fn read<'h>(
        &self,
        head: impl Into<RequestHead<'h>>,
        now: SystemTime,
    ) -> Result<Credentials<'h>, Rejection> {
        let mut credentials = Credentials::unread();
        self.read_into(&mut credentials, &head.into(), now)?;
        Ok(credentials)
    }

    /// Reads the credentials of a request into an object of the caller's.
    ///
    /// Credentials are half a kilobyte. Returned by value, they are copied right after they were
    /// written, and an accepted request takes a third longer.
    pub(super) fn read_into<'h>(
        &self,
        credentials: &mut Credentials<'h>,
        head: &RequestHead<'h>,
        now: SystemTime,
    ) -> Result<(), Rejection> {
        let dialect = self.scheme.dialect();
        let now = now.into();
        let raw_credentials = RawCredentials::find(&dialect.syntax, head)?;
        let x_date = SentXDate::find(dialect, head)?;
        self.check_early(&x_date, now)?;
        let Credentials {
            authorization,
            algorithm,
            signature,
            components,
            signing_string,
        } = credentials;
        authorization.read(&dialect.syntax, raw_credentials)?;
        *algorithm = self.algorithm(authorization)?;
        signature.read(authorization.signature, *algorithm)?;
        let reader = ComponentReader {
            dialect,
            head,
            x_date: &x_date,
            allow_missing_headers: self.allow_missing_headers,
            normalize_target: self.normalize_target,
        };
        reader.read(authorization, components, signing_string)?;
        if names_two_hosts(head) {
            return Err(Rejection::HostMismatch);
        }
        self.check_times(&authorization.times, components, head, &x_date, now)?;
        for name in &self.required {
            if !components.cover(name) {
                let name = Excerpt::new(name);
                return Err(Rejection::NotCovered { name });
            }
        }
        Ok(())
    }

    /// Compares the signature with that of the key that was found.
    ///
    /// # Errors
    ///
    /// [`Rejection::KeyUnknown`], [`SignatureMismatch`](Rejection::SignatureMismatch) and, once the signature is
    /// known to be right, [`KeyNotBound`](Rejection::KeyNotBound) and [`NoUsagePlan`](Rejection::NoUsagePlan);
    /// [`KeyStoreUnavailable`](Rejection::KeyStoreUnavailable) for [`KeyLookup::Unavailable`].
    #[allow(
        clippy::needless_pass_by_value,
        reason = "credentials and a look-up are for one verification"
    )]
    pub fn verify<K: Deref<Target = VerifyingKey>>(
        &self,
        credentials: Credentials<'_>,
        lookup: KeyLookup<K>,
    ) -> Result<VerifiedKey, Rejection> {
        self.check_signature(&credentials, &lookup)
    }

    /// [`verify`](Self::verify) without a copy of the credentials.
    pub(super) fn check_signature<K: Deref<Target = VerifyingKey>>(
        &self,
        credentials: &Credentials<'_>,
        lookup: &KeyLookup<K>,
    ) -> Result<VerifiedKey, Rejection> {
        // Both go the same way until the signature is known to be right or wrong.
        let (key, access) = match lookup {
            KeyLookup::Key(key, access) => (&**key, Some(*access)),
            KeyLookup::Unknown => (self.dummy_keys.of(credentials.algorithm), None),
            KeyLookup::Unavailable => return Err(Rejection::KeyStoreUnavailable),
        };
        let is_signed = credentials.is_signed_with(key);
        let access = match access {
            Some(access) if is_signed => access,
            Some(_) => return Err(Rejection::SignatureMismatch),
            // Even if the signature is right: anyone can sign with the dummy key.
            None => return Err(Rejection::KeyUnknown),
        };
        match access {
            KeyAccess::Bound => Ok(VerifiedKey::new(self.scheme, credentials)),
            KeyAccess::NotBound => Err(Rejection::KeyNotBound),
            KeyAccess::NoUsagePlan => Err(Rejection::NoUsagePlan),
        }
    }

    /// What a handler must see as the request's target, if that is not what was sent: see
    /// [`VerifierBuilder::normalize_target`]. It has the same signature.
    ///
    /// # Errors
    ///
    /// [`TargetError`] for a target that has no normal form: the request must be refused.
    pub fn normalized_target(&self, target: &Uri) -> Result<Option<Uri>, TargetError> {
        let mut derived_components = self.scheme.dialect().derived_components.iter();
        let is_decoded =
            derived_components.any(|(_, derived)| *derived == DerivedComponent::DecodedTarget);
        if self.normalize_target && is_decoded {
            target::normalized(target)
        } else {
            Ok(None)
        }
    }

    fn algorithm(&self, authorization: &Authorization<'_>) -> Result<Algorithm, Rejection> {
        let name = authorization.algorithm.unwrap_or(HS2019);
        let algorithm = if self.scheme.dialect().syntax.has_times && authorization.is_hs2019() {
            self.hs2019
        } else {
            name.parse().ok()
        };
        algorithm
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or_else(|| Rejection::AlgorithmNotSupported {
                algorithm: Excerpt::new(name),
            })
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}
