//! The verifier: request head, key look-up and time in, verified key or rejection out. No I/O, no async.

mod credentials;
mod verified_key;
mod verifying_key;

use std::{
    ops::Deref,
    time::{Duration, SystemTime},
};

use http::{HeaderName, header};

pub use self::{
    credentials::Credentials,
    verified_key::{Covered, Verified, VerifiedKey},
    verifying_key::{Binding, Lookup, VerifyingKey},
};
use crate::{
    Algorithm, DateHeader, Excerpt, Rejection, RequestHead, SecretKey,
    authorization::Authorization,
    component::{self, Repeated},
    http_date::Timestamp,
    scheme::{self, Scheme},
};

/// What the server makes of a request whose signature covers `Date` but not `X-Date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PlainDate {
    /// It is accepted however old it is, as Tencent Cloud API Gateway does. **Such a request can be sent again for
    /// ever by whoever saw it once.** The default, because half of the documentation's samples sign `Date`.
    #[default]
    AnyAge,
    /// It is accepted while it is no further from the clock than an `X-Date` may be.
    CheckAge,
    /// It is refused.
    Refuse,
}

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
    scheme: &'static Scheme,
    algorithms: Vec<Algorithm>,
    required: Vec<HeaderName>,
    max_skew: u64,
    plain_date: PlainDate,
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
        // Any secret does: what is computed with it is thrown away.
        let decoy = VerifyingKey::new(&SecretKey::decoy());
        Self {
            scheme: &scheme::TENCENT,
            algorithms: Algorithm::ALL.to_vec(),
            required: Vec::new(),
            max_skew: Self::DEFAULT_MAX_SKEW.as_secs(),
            plain_date: PlainDate::default(),
            decoy,
        }
    }

    /// Allows these algorithms and no others. Default: all four. With none, every request is refused.
    #[must_use]
    pub fn algorithms(mut self, allowed: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = allowed.into_iter().collect();
        self
    }

    /// Wants these headers covered: listed, and in the request. Default: none but a date.
    #[must_use]
    pub fn required(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.required = names.into_iter().collect();
        self
    }

    /// How far a date may be from the clock, either way, in whole seconds. Default:
    /// [`DEFAULT_MAX_SKEW`](Self::DEFAULT_MAX_SKEW).
    #[must_use]
    pub fn max_skew(mut self, max_skew: Duration) -> Self {
        self.max_skew = max_skew.as_secs();
        self
    }

    /// What to make of requests that sign `Date` alone. Default: [`PlainDate::AnyAge`].
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
        let authorization = Authorization::decode(self.scheme, head)?;
        let algorithm = self.algorithm(authorization.algorithm)?;
        let names = authorization.names(self.scheme)?;
        let credentials = Credentials {
            authorization,
            algorithm,
            signature: authorization.signature(algorithm)?,
            components: credentials::find(names, head)?,
        };
        if component::names_two_hosts(head) {
            return Err(Rejection::repeated(header::HOST.as_str()));
        }
        self.check_date(&credentials, head, now)?;
        for name in &self.required {
            if credentials.covered(name.as_str()).is_none() {
                return Err(Rejection::NotCovered {
                    name: Excerpt::new(name.as_str()),
                });
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
                key_id: credentials.authorization.key_id,
                algorithm: credentials.algorithm,
                names: credentials.authorization.headers,
            }),
            Binding::NotBound => Err(Rejection::KeyNotBound),
            Binding::NoUsagePlan => Err(Rejection::NoUsagePlan),
        }
    }

    fn algorithm(&self, name: &str) -> Result<Algorithm, Rejection> {
        name.parse()
            .ok()
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or_else(|| Rejection::AlgorithmNotSupported {
                algorithm: Excerpt::new(name),
            })
    }

    /// Only a date that the signature covers counts, and each of the two headers may be there only once.
    fn check_date(
        &self,
        credentials: &Credentials<'_>,
        head: RequestHead<'_>,
        now: SystemTime,
    ) -> Result<(), Rejection> {
        let is_sent = |header: DateHeader| {
            let name = header.name();
            component::single_value(head, name.as_str())
                .map_err(|Repeated| Rejection::repeated(name.as_str()))
                .map(|value| value.is_some())
        };
        let covered = |header: DateHeader| credentials.covered(header.name().as_str());
        let [_, x_date_is_sent] = [is_sent(DateHeader::Date)?, is_sent(DateHeader::XDate)?];

        let (header, value) = match (covered(DateHeader::Date), covered(DateHeader::XDate)) {
            (_, Some(value)) => (DateHeader::XDate, value),
            (Some(_), None) if x_date_is_sent => return Err(Rejection::XDateNotCovered),
            (Some(value), None) => (DateHeader::Date, value),
            (None, None) => return Err(Rejection::DateNotCovered),
        };
        let sent = Timestamp::parse(value).ok_or(Rejection::DateUnreadable { header })?;
        let max_skew = match (header, self.plain_date) {
            (DateHeader::XDate, _) | (DateHeader::Date, PlainDate::CheckAge) => self.max_skew,
            (DateHeader::Date, PlainDate::AnyAge) => return Ok(()),
            (DateHeader::Date, PlainDate::Refuse) => return Err(Rejection::DateNotCovered),
        };
        let skew = sent.distance(now.into());
        if skew > max_skew {
            return Err(Rejection::DateOutOfRange {
                header,
                skew,
                max_skew,
            });
        }
        Ok(())
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}
