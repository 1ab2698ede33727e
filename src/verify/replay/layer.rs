use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{Extensions, Response};
use tower_layer::Layer;

use super::{Claim, ClaimOutcome, ReplayService};
#[cfg(feature = "tracing")]
use crate::rejection::Excerpt;
use crate::{
    Rejection, RequestHead, VerifiedKey,
    verify::{DefaultResponseForRejection, Refused, ResponseForRejection},
};

/// Refuses requests that were sent before.
///
/// It belongs inside [`VerifyLayer`](crate::VerifyLayer), whose verifier requires a
/// [nonce](crate::verify::VerifierBuilder::nonce), and inside `VerifyDigestLayer`, so that nobody
/// can use up a nonce with another body. `G` is the guard, a
/// [`ReplayGuard`](crate::verify::ReplayGuard) or an
/// [`AsyncReplayGuard`](crate::verify::AsyncReplayGuard) in
/// [`AsyncGuard`](crate::verify::AsyncGuard); `R` answers refusals.
///
/// A request that passes has used its nonce, whatever the handler then answers. So a layer that
/// sends requests again, such as `tower::retry` or a proxy's resending, belongs inside this one or
/// has to sign again.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
/// use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_hmac_auth::{
///     KeyPair, SignLayer, Signer, StaticKeys, Verifier, VerifyLayer,
///     scheme::{DatePolicy, X_NONCE},
///     verify::{MemoryReplayGuard, ReplayLayer},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
/// let verifier = Verifier::builder()
///     .nonce(X_NONCE)
///     .date_policy(DatePolicy::Refuse)
///     .build()?;
/// // The keys are new, so no request can have been accepted before.
/// let guard = MemoryReplayGuard::builder().assume_no_earlier_claims(true).build();
/// let server = ServiceBuilder::new()
///     .layer(VerifyLayer::new(StaticKeys::from(keys.clone())).verifier(verifier))
///     .layer(ReplayLayer::new(guard))
///     .service(service_fn(|_: Request<()>| async {
///         Ok::<_, BoxError>(Response::new(Full::<Bytes>::from("done")))
///     }));
///
/// let signer = Signer::builder(keys).signed_headers([X_NONCE]).build()?;
/// let mut request = Request::post("/transfers").header(X_NONCE, "d3b07384").body(())?;
/// signer.sign_request(&mut request, std::time::SystemTime::now())?;
///
/// let copy = request.clone();
/// let response = server.clone().oneshot(request).await?;
/// assert_eq!(response.status(), StatusCode::OK);
/// let response = server.oneshot(copy).await?;
/// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
/// # Ok(())
/// # }
/// ```
#[must_use = "a layer does nothing until it is put into a service"]
pub struct ReplayLayer<G, R = DefaultResponseForRejection> {
    guard: Arc<G>,
    when_unavailable: WhenUnavailable,
    counters: Arc<Counters>,
    refuse: Arc<R>,
}

impl<G> ReplayLayer<G> {
    /// Creates a layer that refuses requests while the guard is unavailable, and answers refusals
    /// with [`DefaultResponseForRejection::new`].
    pub fn new(guard: G) -> Self {
        Self {
            guard: Arc::new(guard),
            when_unavailable: WhenUnavailable::Refuse,
            counters: Arc::default(),
            refuse: Arc::new(DefaultResponseForRejection::new()),
        }
    }
}

impl<G, R> ReplayLayer<G, R> {
    /// Sets what happens to requests while the guard is unavailable. Default:
    /// [`WhenUnavailable::Refuse`].
    pub fn when_unavailable(mut self, when_unavailable: WhenUnavailable) -> Self {
        self.when_unavailable = when_unavailable;
        self
    }

    /// Sets what answers refusals. Default: [`DefaultResponseForRejection::new`].
    pub fn refuse<Q>(self, refuse: Q) -> ReplayLayer<G, Q> {
        ReplayLayer {
            guard: self.guard,
            when_unavailable: self.when_unavailable,
            counters: self.counters,
            refuse: Arc::new(refuse),
        }
    }

    /// Returns how many requests of this layer, its clones and all their services were not
    /// accepted as new.
    #[must_use]
    pub fn counts(&self) -> ReplayCounts {
        self.counters.read()
    }
}

impl<S, G, R> Layer<S> for ReplayLayer<G, R> {
    type Service = ReplayService<S, G, R>;

    fn layer(&self, inner: S) -> Self::Service {
        ReplayService {
            inner,
            guard: Arc::clone(&self.guard),
            policy: Arc::new(Policy {
                when_unavailable: self.when_unavailable,
                counters: Arc::clone(&self.counters),
                refuse: Arc::clone(&self.refuse),
            }),
        }
    }
}

impl<G, R> Clone for ReplayLayer<G, R> {
    fn clone(&self) -> Self {
        Self {
            guard: Arc::clone(&self.guard),
            when_unavailable: self.when_unavailable,
            counters: Arc::clone(&self.counters),
            refuse: Arc::clone(&self.refuse),
        }
    }
}

impl<G, R> fmt::Debug for ReplayLayer<G, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayLayer")
            .field("when_unavailable", &self.when_unavailable)
            .finish_non_exhaustive()
    }
}

/// What happens to a request whose claim could not be made because the guard is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenUnavailable {
    /// The request is refused with 503
    /// ([`Rejection::ReplayGuardUnavailable`]).
    Refuse,
    /// The request is accepted, [counted](ReplayCounts::unguarded) and, with the feature `tracing`,
    /// [logged](crate::events). **Whoever can make the guard unavailable can then send requests
    /// again.**
    Accept,
}

/// Numbers of verified requests that were not accepted as new, since the layer was created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayCounts {
    /// Requests refused because they were sent before.
    pub seen: u64,
    /// Requests refused because the guard can have lost their claims.
    pub lost: u64,
    /// Requests refused because the guard was full.
    pub full: u64,
    /// Requests for which the guard was unavailable, refused or not.
    pub unavailable: u64,
    /// Those of them that were accepted.
    pub unguarded: u64,
}

/// Requests that are accepted as new are not counted: all threads would write to one number.
#[derive(Default)]
struct Counters {
    seen: AtomicU64,
    lost: AtomicU64,
    full: AtomicU64,
    unavailable: AtomicU64,
    unguarded: AtomicU64,
}

impl Counters {
    fn read(&self) -> ReplayCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReplayCounts {
            seen: read(&self.seen),
            lost: read(&self.lost),
            full: read(&self.full),
            unavailable: read(&self.unavailable),
            unguarded: read(&self.unguarded),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Decides what an outcome means for the request.
pub(super) struct Policy<R> {
    when_unavailable: WhenUnavailable,
    counters: Arc<Counters>,
    refuse: Arc<R>,
}

#[cfg(feature = "tracing")]
fn key_id(key: &VerifiedKey) -> impl tracing::Value + use<> {
    tracing::field::display(Excerpt::new(key.key_id()))
}

/// Returns what has to be claimed for a request.
pub(super) fn claim_of(extensions: &Extensions) -> Result<Claim<'_>, Rejection> {
    let key = extensions.get::<VerifiedKey>();
    let claim = key.ok_or(Rejection::NotVerified)?.claim();
    claim.ok_or(Rejection::NoClaim)
}

impl<R: ResponseForRejection> Policy<R> {
    #[cfg_attr(
        not(feature = "tracing"),
        allow(unused_variables, reason = "only the event needs the extensions")
    )]
    pub(super) fn decide(
        &self,
        outcome: ClaimOutcome,
        extensions: &Extensions,
    ) -> Result<(), Rejection> {
        match outcome {
            ClaimOutcome::New => Ok(()),
            ClaimOutcome::Seen => {
                count(&self.counters.seen);
                Err(Rejection::Replayed)
            }
            ClaimOutcome::Lost => {
                count(&self.counters.lost);
                Err(Rejection::ClaimsLost)
            }
            ClaimOutcome::Full => {
                count(&self.counters.full);
                Err(Rejection::ReplayGuardFull)
            }
            ClaimOutcome::Unavailable => {
                count(&self.counters.unavailable);
                match self.when_unavailable {
                    WhenUnavailable::Refuse => Err(Rejection::ReplayGuardUnavailable),
                    WhenUnavailable::Accept => {
                        count(&self.counters.unguarded);
                        #[cfg(feature = "tracing")]
                        tracing::warn!(
                            target: crate::events::VERIFY,
                            key_id = extensions.get::<VerifiedKey>().map(key_id),
                            "request accepted without its claim: the guard against replays is \
                             unavailable"
                        );
                        Ok(())
                    }
                }
            }
        }
    }

    pub(super) fn refused(
        &self,
        head: RequestHead<'_>,
        extensions: &Extensions,
        why: Rejection,
    ) -> Response<Bytes> {
        Refused::after_verification(head, extensions, why).answer(&*self.refuse)
    }
}
