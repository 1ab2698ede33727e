//! The verifier: request head, key look-up and time in, verified key or rejection out. No I/O, no async.

use std::{
    ops::Deref,
    time::{Duration, SystemTime},
};

use super::{
    credentials::{Credentials, Finder},
    freshness::SentXDate,
    verified::Verified,
    verifying_key::{DummyKeys, KeyAccess, KeyLookup, VerifyingKey},
};
use crate::{
    Algorithm, Rejection, RequestHead, Scheme,
    rejection::Excerpt,
    scheme::DatePolicy,
    wire::{
        authority::names_two_hosts,
        credentials::{Authorization, HS2019, Undecoded},
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
/// Signer::new(keys).sign((&request).into(), now)?.apply(request.headers_mut());
///
/// let verifier = Verifier::new();
/// let credentials = verifier.read((&request).into(), now)?;
/// let lookup = match credentials.key_id() {
///     "AKIDtestkey0001" => KeyLookup::Key(&key, KeyAccess::Bound),
///     _ => KeyLookup::Unknown,
/// };
/// let verified = verifier.verify(credentials, lookup)?;
/// assert_eq!(verified.key_id(), "AKIDtestkey0001");
///
/// let unsigned = Request::get("/a").body(())?;
/// let refused = verifier.read((&unsigned).into(), now).unwrap_err();
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
///   if [`plain_date`](Self::plain_date) says so. IMF-fixdate, RFC 850 and asctime dates are read, with any
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
    /// What is meant by `hs2019`.
    pub(super) hs2019: Option<Algorithm>,
    pub(super) required: Vec<Box<str>>,
    pub(super) max_skew: u64,
    pub(super) plain_date: DatePolicy,
    pub(super) allows_absent: bool,
    pub(super) is_normalising: bool,
    /// Hashed with where there is no key.
    pub(super) dummy_keys: DummyKeys,
}

impl Verifier {
    /// How far an `X-Date` may be from the server's clock by default, as documented by Tencent Cloud API Gateway.
    pub const DEFAULT_MAX_SKEW: Duration = Duration::from_secs(900);

    /// A verifier with the rules of Tencent Cloud API Gateway: all four algorithms, an `X-Date` at most 900
    /// seconds off or a `Date` of any age, and nothing else required to be covered.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Scheme::Tencent)
    }

    /// A verifier with the rules of this gateway: all of its algorithms, the age of dates as in [`Scheme`]'s table, and
    /// nothing else required to be covered. **The other gateways' clients sign the request target by default, but a
    /// client may leave it out: [`required`](Self::require) makes it a must.**
    ///
    /// ```
    /// use tower_hmac_auth::{Scheme, Verifier};
    ///
    /// let verifier = Verifier::of(Scheme::Kong).require(["@request-target"])?;
    /// # Ok::<(), tower_hmac_auth::error::BuildError>(())
    /// ```
    #[must_use]
    pub fn of(scheme: Scheme) -> Self {
        let dialect = scheme.dialect();
        Self {
            scheme,
            algorithms: dialect.algorithms.to_vec(),
            hs2019: None,
            required: Vec::new(),
            max_skew: dialect.max_skew,
            plain_date: dialect.plain_date,
            allows_absent: false,
            is_normalising: false,
            dummy_keys: DummyKeys::new(),
        }
    }

    /// The gateway's dialect it speaks, and no other.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Takes the credentials out of a request, and refuses whatever needs no key to be refused.
    ///
    /// # Errors
    ///
    /// Every [`Rejection`] but those that depend on the key.
    pub fn read<'h>(
        &self,
        head: RequestHead<'h>,
        now: SystemTime,
    ) -> Result<Credentials<'h>, Rejection> {
        let mut credentials = Credentials::unread();
        self.read_into(&mut credentials, &head, now)?;
        Ok(credentials)
    }

    /// [`read`](Self::read), of what is too large to be moved about.
    pub(crate) fn read_into<'h>(
        &self,
        credentials: &mut Credentials<'h>,
        head: &RequestHead<'h>,
        now: SystemTime,
    ) -> Result<(), Rejection> {
        let dialect = self.scheme.dialect();
        let now = now.into();
        let undecoded = Undecoded::find(&dialect.syntax, head)?;
        let x_date = SentXDate::find(dialect, head)?;
        self.check_early(&x_date, now)?;
        let Credentials {
            authorization,
            algorithm,
            signature,
            found,
        } = credentials;
        authorization.read(&dialect.syntax, undecoded)?;
        *algorithm = self.algorithm(authorization)?;
        signature.read(authorization.signature, *algorithm)?;
        let finder = Finder {
            dialect,
            head,
            x_date: &x_date,
            allows_absent: self.allows_absent,
            is_normalising: self.is_normalising,
        };
        finder.find(authorization, found)?;
        if names_two_hosts(head) {
            return Err(Rejection::HostMismatch);
        }
        self.check_times(credentials, head, &x_date, now)?;
        for name in &self.required {
            if !credentials.covers(name) {
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
        reason = "credentials and a look-up are good for one answer"
    )]
    pub fn verify<'h, K: Deref<Target = VerifyingKey>>(
        &self,
        credentials: Credentials<'h>,
        lookup: KeyLookup<K>,
    ) -> Result<Verified<'h>, Rejection> {
        self.compare(&credentials, &lookup)
    }

    /// [`verify`](Self::verify), of what is too large to be moved about.
    pub(crate) fn compare<'h, K: Deref<Target = VerifyingKey>>(
        &self,
        credentials: &Credentials<'h>,
        lookup: &KeyLookup<K>,
    ) -> Result<Verified<'h>, Rejection> {
        // Both go the same way until the signature is known to be right or wrong.
        let (key, binding) = match lookup {
            KeyLookup::Key(key, binding) => (&**key, Some(*binding)),
            KeyLookup::Unknown => (self.dummy_keys.of(credentials.algorithm), None),
            KeyLookup::Unavailable => return Err(Rejection::KeyStoreUnavailable),
        };
        let is_signed = credentials.is_signed_with(key);
        let binding = match binding {
            Some(binding) if is_signed => binding,
            Some(_) => return Err(Rejection::SignatureMismatch),
            // Whatever was found of the dummy key, which anyone can sign with.
            None => return Err(Rejection::KeyUnknown),
        };
        match binding {
            KeyAccess::Bound => Ok(Verified {
                scheme: self.scheme,
                key_id: credentials.authorization.key_id,
                algorithm: credentials.algorithm,
                names: credentials.authorization.headers,
                present: credentials.found.present,
            }),
            KeyAccess::NotBound => Err(Rejection::KeyNotBound),
            KeyAccess::NoUsagePlan => Err(Rejection::NoUsagePlan),
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
