//! The verifier: a request's head, a key lookup and the time go in, a verified key or a rejection
//! comes out. It does no I/O and is not async.

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, SystemTime},
};

use http::Uri;

use super::{
    CoveredComponents, KeyRef, VerifiedKey,
    builder::VerifierBuilder,
    components::{ComponentReader, ReceivedComponents},
    freshness::SentXDate,
    nonce::NonceSource,
    verified::UnlistedComponents,
    verifying_key::{DummyKeys, KeyAccess, KeyLookup},
};
use crate::{
    Algorithm, Rejection, RequestHead, Scheme,
    mac::{HS2019, MatchedSecret},
    rejection::{Excerpt, TargetError},
    scheme::{DEFAULT_MAX_SKEW, DatePolicy},
    wire::{
        authority::names_two_hosts,
        component::ComponentSet,
        credentials::{
            Authorization, CarriedValues, DecodedCredentials, RawCredentials, Signature,
        },
        date::Timestamp,
        signing_string::SigningString,
        target,
    },
};

/// Verifies signed requests by the gateway's rules. The request cannot influence which rules apply.
///
/// Verification has two steps, so that a key lookup can wait in between. [`read`](Self::read) reads
/// the credentials of a request and makes all checks that need no key. [`verify`](Self::verify)
/// takes the result of the lookup and compares the signatures. Neither does I/O, and the time is an
/// argument.
///
/// ```
/// use std::time::SystemTime;
/// use http::Request;
/// use tower_hmac_auth::{
///     KeyPair, Rejection, Signer, Verifier,
///     verify::{KeyAccess, KeyLookup, VerifyingKey},
/// };
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
/// - Exactly one `Authorization` with the four parameters, in any order (in Kong's scheme, in one
///   order only). None is repeated, and none belongs to another scheme. In the schemes of APISIX,
///   draft-cavage and Traefik Hub, up to 16 unknown parameters are ignored
///   (draft-cavage-http-signatures-12, section 2.2); in the others they are refused.
/// - Every listed header is in the request, once. `Date` and `X-Date` are not repeated, even if
///   they are not listed. If the target has an authority, a `Host` header names the same host.
/// - The time comes from a header that the signature covers. The age of `X-Date` is checked, in
///   whole seconds; that of `Date` as [`date_policy`](VerifierBuilder::date_policy) says.
///   IMF-fixdate, RFC 850 and asctime dates are read, with any weekday and with every spelling of
///   UTC (`GMT`, `UTC`, `UT`, `Z`, `+0000`, `-0000`, `GMT+00:00`, none), because Go's `RFC1123` and
///   Python's `formatdate()` print some of those. A date in another time zone is refused.
/// - At most 64 names are listed, and no parameter is longer than 8 KiB. Both are checked before
///   anything is hashed.
///
/// # Timing
///
/// An unknown key id and a wrong signature cost the same work on the same path, without an early
/// return: if there is no key, the MAC is computed and compared with a dummy key. Signatures are
/// compared in constant time. Small differences remain:
///
/// - the lookup takes as long as the key store takes, and a store that waits for a database should
///   take as long for an unknown id as for a known one;
/// - with many keys, one that was not used for a while is no longer in the processor's caches
///   (about half a microsecond with 100,000 keys), while the dummy key is;
/// - a key's first use with an algorithm also computes its MAC state (about a third of a
///   microsecond, once), unless the key was
///   [prepared](crate::verify::VerifyingKey::prepare).
///
/// By default the response texts differ too, as the gateways' do: see
/// [`DefaultResponseForRejection::hide_reason`](crate::verify::DefaultResponseForRejection::hide_reason).
#[derive(Debug, Clone)]
pub struct Verifier {
    pub(super) scheme: Scheme,
    pub(super) algorithms: Vec<Algorithm>,
    /// The algorithm that `hs2019` stands for.
    pub(super) hs2019: Option<Algorithm>,
    pub(super) required: Vec<Box<str>>,
    /// How far a date may be from the clock, in seconds.
    pub(super) max_skew: u64,
    /// The `max_skew` of claims, in seconds: that of this verifier, or the greatest of its set.
    pub(super) claim_skew: u64,
    /// How far `created` may be ahead of the clock, in seconds.
    pub(super) max_created_ahead: u64,
    pub(super) date_policy: DatePolicy,
    pub(super) allow_missing_headers: bool,
    pub(super) normalize_target: bool,
    pub(super) nonce: NonceSource,
    /// Keys to compute a MAC with if no key was found.
    pub(super) dummy_keys: DummyKeys,
}

impl Verifier {
    /// How far an `X-Date` may be from the server's clock by default: 900 seconds, as documented by
    /// Tencent Cloud API Gateway.
    pub const DEFAULT_MAX_SKEW: Duration = Duration::from_secs(DEFAULT_MAX_SKEW);

    /// Creates a verifier with the rules of Tencent Cloud API Gateway. It allows all four
    /// algorithms, and requires an `X-Date` at most 900 seconds from the clock or a `Date` of any
    /// age. Nothing else has to be covered.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build_unchecked()
    }

    /// Returns a builder for a verifier with other rules.
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::new()
    }

    /// Returns the verifier's scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Reads the credentials of a request, and makes all checks that need no key.
    ///
    /// # Errors
    ///
    /// Returns any [`Rejection`] except those that depend on the key.
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
        let now = Timestamp::from(now);
        match RawCredentials::find(&dialect.syntax, head)? {
            RawCredentials::Parameters(text, form) => {
                // The order of the checks decides which rejection a request with several faults
                // gets.
                let x_date = SentXDate::find(dialect, head)?;
                self.check_early(&x_date, now)?;
                let authorization = Authorization::read(&dialect.syntax, text, form)?;
                credentials.key_id = authorization.key_id.into();
                credentials.names = authorization.headers.into();
                self.read_components(credentials, head, &authorization, None, &x_date, now)?;
                if let Some(nonce) = self.nonce.in_parameter(authorization.nonce)? {
                    credentials.nonce = Some(nonce.into());
                }
            }
            RawCredentials::Decoded(decoded) => {
                self.read_decoded(credentials, head, &decoded, now)?;
            }
        }
        let (present, unlisted) = (credentials.present, credentials.unlisted);
        let covered = CoveredComponents::new(&credentials.names, present, unlisted);
        if let Some(nonce) = self.nonce.in_header(head, &covered)? {
            credentials.nonce = Some(nonce.into());
        }
        Ok(())
    }

    /// Reads credentials whose text is not part of the request.
    #[cold]
    fn read_decoded(
        &self,
        credentials: &mut Credentials<'_>,
        head: &RequestHead<'_>,
        decoded: &DecodedCredentials,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let dialect = self.scheme.dialect();
        let carried = decoded.carried();
        carried.check_headers(head)?;
        let x_date = SentXDate::carried(&carried, dialect, head)?;
        self.check_early(&x_date, now)?;
        let authorization = decoded.authorization(&dialect.syntax)?;
        credentials.key_id = authorization.key_id.to_owned().into();
        credentials.names = authorization.headers.to_owned().into();
        self.read_components(
            credentials,
            head,
            &authorization,
            Some(&carried),
            &x_date,
            now,
        )?;
        let nonce = self.nonce.in_parameter(authorization.nonce)?;
        credentials.nonce = nonce.map(|nonce| nonce.to_owned().into());
        Ok(())
    }

    /// Reads what the credentials cover, and checks it. `carried` is what travels with them instead
    /// of in a header.
    fn read_components<'c>(
        &self,
        credentials: &mut Credentials<'_>,
        head: &RequestHead<'c>,
        authorization: &Authorization<'c>,
        carried: Option<&CarriedValues<'c>>,
        x_date: &SentXDate<'c>,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let Credentials {
            algorithm,
            signature,
            present,
            unlisted,
            signing_string,
            signed_at,
            read_at,
            ..
        } = credentials;
        *algorithm = self.algorithm(authorization)?;
        let dialect = self.scheme.dialect();
        let encoding = dialect.syntax.signature;
        signature.read(authorization.signature, encoding, *algorithm)?;
        let reader = ComponentReader {
            dialect,
            head,
            carried,
            x_date,
            allow_missing_headers: self.allow_missing_headers,
            normalize_target: self.normalize_target,
        };
        let mut components = ReceivedComponents::default();
        reader.read(authorization, &mut components, signing_string)?;
        *present = components.present;
        *unlisted = components.unlisted;
        if names_two_hosts(head) {
            return Err(Rejection::HostMismatch);
        }
        let times = &authorization.times;
        *signed_at = self.check_times(times, &components, head, x_date, now)?;
        for name in &self.required {
            if !components.cover(name) {
                let name = Excerpt::new(name);
                return Err(Rejection::NotCovered { name });
            }
        }
        *read_at = now;
        Ok(())
    }

    /// Compares the request's signature with that of the key that was found.
    ///
    /// # Errors
    ///
    /// Returns [`Rejection::KeyUnknown`] or [`SignatureMismatch`](Rejection::SignatureMismatch);
    /// for a valid signature, [`KeyNotBound`](Rejection::KeyNotBound) or
    /// [`NoUsagePlan`](Rejection::NoUsagePlan) as the lookup says; and
    /// [`KeyStoreUnavailable`](Rejection::KeyStoreUnavailable) for [`KeyLookup::Unavailable`].
    #[allow(
        clippy::needless_pass_by_value,
        reason = "credentials are for one verification"
    )]
    pub fn verify<'k, K: Into<KeyRef<'k>>>(
        &self,
        credentials: Credentials<'_>,
        lookup: KeyLookup<K>,
    ) -> Result<VerifiedKey, Rejection> {
        let secret = self.check_signature(&credentials, lookup)?;
        Ok(VerifiedKey::new(self, &credentials, secret))
    }

    /// Returns which of the key's secrets the request is signed with.
    pub(super) fn check_signature<'k, K: Into<KeyRef<'k>>>(
        &self,
        credentials: &Credentials<'_>,
        lookup: KeyLookup<K>,
    ) -> Result<MatchedSecret, Rejection> {
        // A known and an unknown id take the same path up to the comparison. An early return for an
        // unknown id would skip the MAC, and the shorter time would tell a client which ids exist.
        let (key, access) = match lookup {
            KeyLookup::Key(key, access) => (key.into(), Some(access)),
            KeyLookup::Unknown => (self.dummy_keys.of(credentials.algorithm).into(), None),
            KeyLookup::Unavailable => return Err(Rejection::KeyStoreUnavailable),
        };
        let matched = key.keyed(credentials.algorithm).check(
            credentials.signing_string.as_bytes(),
            credentials.signature.as_bytes(),
        );
        let (access, secret) = match (access, matched) {
            (Some(access), Some(secret)) => (access, secret),
            (Some(_), None) => return Err(Rejection::SignatureMismatch),
            // Refused even if the signature is valid: the dummy key is no secret, so anyone can
            // sign with it.
            (None, _) => return Err(Rejection::KeyUnknown),
        };
        match access {
            KeyAccess::Bound => Ok(secret),
            KeyAccess::NotBound => Err(Rejection::KeyNotBound),
            KeyAccess::NoUsagePlan => Err(Rejection::NoUsagePlan),
        }
    }

    /// Returns the target that the handler must see instead of the one that was sent, or `None` if
    /// it is the same. The signature is valid for both, so the handler must be chosen by the target
    /// that is returned. See [`VerifierBuilder::normalize_target`].
    ///
    /// # Errors
    ///
    /// Returns a [`TargetError`] if the target has no normal form. The request must then be
    /// refused.
    pub fn normalized_target(&self, target: &Uri) -> Result<Option<Uri>, TargetError> {
        match self.scheme.dialect().list.decoded() {
            Some(derived) if self.normalize_target => target::normalized(derived, target),
            _ => Ok(None),
        }
    }

    /// Refuses a target that is not in normal form, in a scheme that signs the decoded target.
    pub(super) fn check_normal_target(&self, target: &Uri) -> Result<(), TargetError> {
        match self.scheme.dialect().list.decoded() {
            Some(derived) => target::check_normal(derived, target),
            None => Ok(()),
        }
    }

    fn algorithm(&self, authorization: &Authorization<'_>) -> Result<Algorithm, Rejection> {
        let name = authorization.algorithm.unwrap_or(HS2019);
        let algorithm = if self.scheme.dialect().syntax.has_hs2019 && authorization.is_hs2019() {
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

/// Holds the credentials of a request, which are not verified yet.
///
/// [`Verifier::read`](crate::Verifier::read) returns them, and
/// [`Verifier::verify`](crate::Verifier::verify) takes them.
#[derive(Clone)]
pub struct Credentials<'h> {
    /// Borrowed from the request, unless it is escaped there.
    pub(super) key_id: Cow<'h, str>,
    /// The list as the request spells it.
    pub(super) names: Cow<'h, str>,
    /// The listed components that the request has.
    pub(super) present: ComponentSet,
    /// What is signed without being listed.
    pub(super) unlisted: UnlistedComponents,
    pub(super) algorithm: Algorithm,
    pub(super) signature: Signature,
    pub(super) signing_string: SigningString,
    /// The nonce, if the verifier requires one other than the signature.
    pub(super) nonce: Option<Cow<'h, [u8]>>,
    /// The earliest signed time whose age was checked.
    pub(super) signed_at: Timestamp,
    /// The time by which the age was checked.
    pub(super) read_at: Timestamp,
}

impl Credentials<'_> {
    /// Returns credentials to be filled by [`Verifier::read_into`](crate::Verifier::read_into).
    pub(super) fn unread() -> Self {
        Self {
            key_id: Cow::default(),
            names: Cow::default(),
            present: ComponentSet::default(),
            unlisted: UnlistedComponents::default(),
            algorithm: Algorithm::HmacSha1,
            signature: Signature::NONE,
            signing_string: SigningString::new(),
            nonce: None,
            signed_at: Timestamp::default(),
            read_at: Timestamp::default(),
        }
    }

    /// Returns the key id to look up.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Returns the algorithm of the signature. It is one of those that the server allows.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the server's signing string, for comparison with the client's.
    #[must_use]
    pub fn signing_string(&self) -> SigningString {
        self.signing_string.clone()
    }
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm)
            .field("headers", &self.names)
            .finish_non_exhaustive()
    }
}
