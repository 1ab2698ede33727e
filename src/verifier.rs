//! The verifier: request head, key look-up and time in, verified key or rejection out. No I/O, no async.

mod credentials;
mod times;
mod verified_key;
mod verifying_key;

use std::{
    ops::Deref,
    time::{Duration, SystemTime},
};

use http::{Uri, header};

use self::credentials::Finder;
pub use self::{
    credentials::Credentials,
    times::PlainDate,
    verified_key::{Covered, Verified, VerifiedKey},
    verifying_key::{Binding, Lookup, VerifyingKey},
};
use crate::{
    Algorithm, Excerpt, Rejection, RequestHead, Scheme, SecretKey, TargetError,
    authorization::{Authorization, HS2019},
    component,
    scheme::Special,
    target,
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
/// use tower_hmac_auth::{Binding, KeyPair, Lookup, Rejection, Signer, Verifier, VerifyingKey};
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
///     "AKIDtestkey0001" => Lookup::Key(&key, Binding::Bound),
///     _ => Lookup::Unknown,
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
/// - Exactly one `Authorization`, with the four parameters in any order (the names say which is which), none
///   repeated, none of another scheme.
/// - Every listed header is in the request, once. Also once, listed or not: `Date`, `X-Date`. A `Host` beside an
///   authority in the target names the same host.
/// - A time only from a header the signature covers. `X-Date` is checked for age, in whole seconds; so is `Date`
///   if [`plain_date`](Self::plain_date) says so. IMF-fixdate, RFC 850 and asctime dates, and a wrong weekday.
/// - At most 64 listed names and 8 KiB a parameter, counted before anything is hashed.
///
/// An unknown key and a wrong signature take the same work, and so the same time; but for the first use of a key with
/// an algorithm, which once also puts the key into the MAC.
#[derive(Debug, Clone)]
pub struct Verifier {
    scheme: Scheme,
    algorithms: Vec<Algorithm>,
    /// What is meant by `hs2019`.
    hs2019: Option<Algorithm>,
    required: Vec<Box<str>>,
    max_skew: u64,
    plain_date: PlainDate,
    allows_absent: bool,
    is_normalising: bool,
    /// Hashed with where there is no key, so that the answer takes as long.
    decoy: VerifyingKey,
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
    /// client may leave it out: [`required`](Self::required) makes it a must.**
    ///
    /// ```
    /// use tower_hmac_auth::{Scheme, Verifier};
    ///
    /// let verifier = Verifier::of(Scheme::Kong).required(["@request-target"]);
    /// ```
    #[must_use]
    pub fn of(scheme: Scheme) -> Self {
        let facts = scheme.facts();
        // Any secret does: what is computed with it is thrown away.
        let decoy = VerifyingKey::new(&SecretKey::decoy());
        Self {
            scheme,
            algorithms: facts.algorithms.to_vec(),
            hs2019: None,
            required: Vec::new(),
            max_skew: facts.max_skew,
            plain_date: facts.plain_date,
            allows_absent: false,
            is_normalising: false,
            decoy,
        }
    }

    /// The gateway's dialect it speaks, and no other.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Allows these of the scheme's algorithms and no others. Default: all. With none, every request is refused.
    #[must_use]
    pub fn algorithms(mut self, allowed: impl IntoIterator<Item = Algorithm>) -> Self {
        let has = |algorithm: &Algorithm| self.scheme.facts().algorithms.contains(algorithm);
        self.algorithms = allowed.into_iter().filter(has).collect();
        self
    }

    /// What is meant by the algorithm's name `hs2019`, and by none, where the scheme has it. Default: nothing, such
    /// requests are refused.
    ///
    /// draft-cavage-http-signatures-12, section 2.1.3: the hash is known from the key, not told by the message.
    #[must_use]
    pub fn hs2019(mut self, algorithm: Algorithm) -> Self {
        self.hs2019 = Some(algorithm);
        self
    }

    /// Wants these covered, each listed **and** in the request: names of headers, in any case, and what the scheme has
    /// beside them, such as `@request-target`. Default: none but a date.
    #[must_use]
    pub fn required(mut self, names: impl IntoIterator<Item: AsRef<str>>) -> Self {
        self.required = names.into_iter().map(|name| name.as_ref().into()).collect();
        self
    }

    /// Accepts lists with headers that the request lacks, where the scheme has a way to sign that (Kong, APISIX). They
    /// never count as covered. Default: `false`.
    #[must_use]
    pub fn allow_absent(mut self, allow_absent: bool) -> Self {
        self.allows_absent = allow_absent;
        self
    }

    /// Accepts targets in other than normal form where the scheme signs a decoded one (APISIX), and hands the normalised
    /// target on to the handler. Default: `false`, targets that are not in normal form are refused.
    ///
    /// A signature for `/a?x=1` is also good for `/admin/../a?x=1`, `//a?x=1`, `/%61?x=1` and `/a%3Fx=1`, and whoever has
    /// seen it can send those; a handler that routes by what was sent would serve something else than was signed. So of
    /// all targets that have one signature one is in normal form: its path without dot segments and empty segments,
    /// everything unescaped that can be (RFC 3986's `pchar`: letters, digits, `-._~!$&'()*+,;=:@`) and the rest escaped, with
    /// hexadecimal digits in either case; no question mark without a query behind it. Any other is refused with
    /// [`TargetError::NotNormal`], or changed into that one.
    ///
    /// Both ways a path with an escaped question mark, number sign or percent sign is refused with
    /// [`TargetError::EscapedDelimiter`], and so is whatever cannot be decoded.
    ///
    /// A key store still sees the target as it was sent, so this is not for stores that decide by the path.
    ///
    /// [`VerifyLayer`](crate::VerifyLayer) sets the request's target to [`normalised_target`](Self::normalised_target);
    /// callers of this verifier do it themselves.
    #[must_use]
    pub fn normalising(mut self, normalising: bool) -> Self {
        self.is_normalising = normalising;
        self
    }

    /// What a handler must see as the request's target, if that is not what was sent: see
    /// [`normalising`](Self::normalising). It is in normal form, and has the same signature.
    ///
    /// # Errors
    ///
    /// [`TargetError`] for a target that has no normal form: the request must be refused.
    pub fn normalised_target(&self, target: &Uri) -> Result<Option<Uri>, TargetError> {
        let mut specials = self.scheme.facts().specials.iter();
        let is_decoded = specials.any(|(_, special)| *special == Special::DecodedTarget);
        if self.is_normalising && is_decoded {
            target::normalised(target)
        } else {
            Ok(None)
        }
    }

    /// How far a date may be from the clock, either way, in whole seconds. Default: the scheme's; for Tencent's
    /// [`DEFAULT_MAX_SKEW`](Self::DEFAULT_MAX_SKEW).
    #[must_use]
    pub fn max_skew(mut self, max_skew: Duration) -> Self {
        self.max_skew = max_skew.as_secs();
        self
    }

    /// What to make of requests that sign `Date` alone. Default: [`PlainDate::AnyAge`] for Tencent's scheme,
    /// [`PlainDate::CheckAge`] for the others.
    #[must_use]
    pub fn plain_date(mut self, plain_date: PlainDate) -> Self {
        self.plain_date = plain_date;
        self
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
        let facts = self.scheme.facts();
        let authorization = Authorization::decode(facts, head)?;
        let algorithm = self.algorithm(&authorization)?;
        let finder = Finder {
            facts,
            head,
            allows_absent: self.allows_absent,
            is_normalising: self.is_normalising,
        };
        let credentials = Credentials {
            algorithm,
            signature: authorization.signature(algorithm)?,
            found: finder.find(&authorization)?,
            authorization,
        };
        if component::names_two_hosts(head) {
            return Err(Rejection::repeated(header::HOST.as_str()));
        }
        self.check_times(&credentials, head, now.into())?;
        for name in &self.required {
            if !credentials.covers(name) {
                let name = Excerpt::new(name);
                return Err(Rejection::NotCovered { name });
            }
        }
        Ok(credentials)
    }

    /// Compares the signature with that of the key that was found.
    ///
    /// # Errors
    ///
    /// [`Rejection::KeyUnknown`], [`SignatureMismatch`](Rejection::SignatureMismatch) and, once the signature is
    /// known to be right, [`KeyNotBound`](Rejection::KeyNotBound) and [`NoUsagePlan`](Rejection::NoUsagePlan);
    /// [`KeyStoreUnavailable`](Rejection::KeyStoreUnavailable) for [`Lookup::Unavailable`].
    #[allow(
        clippy::needless_pass_by_value,
        reason = "credentials are good for one answer"
    )]
    pub fn verify<'h, K: Deref<Target = VerifyingKey>>(
        &self,
        credentials: Credentials<'h>,
        lookup: Lookup<K>,
    ) -> Result<Verified<'h>, Rejection> {
        let binding = match lookup {
            Lookup::Key(key, binding) if credentials.is_signed_with(&key) => binding,
            Lookup::Key(..) => return Err(Rejection::SignatureMismatch),
            Lookup::Unknown => {
                let _same_work = credentials.is_signed_with(&self.decoy);
                return Err(Rejection::KeyUnknown);
            }
            Lookup::Unavailable => return Err(Rejection::KeyStoreUnavailable),
        };
        match binding {
            Binding::Bound => Ok(Verified {
                scheme: self.scheme,
                key_id: credentials.authorization.key_id,
                algorithm: credentials.algorithm,
                names: credentials.authorization.headers,
                present: credentials.found.present,
            }),
            Binding::NotBound => Err(Rejection::KeyNotBound),
            Binding::NoUsagePlan => Err(Rejection::NoUsagePlan),
        }
    }

    fn algorithm(&self, authorization: &Authorization<'_>) -> Result<Algorithm, Rejection> {
        let name = authorization.algorithm.unwrap_or(HS2019);
        let algorithm = if self.scheme.facts().grammar.has_times && authorization.is_hs2019() {
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
