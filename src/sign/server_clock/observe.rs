//! The layer that observes a gateway's answers, and the rules for what the clock learns from them.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use http::{Request, Response, header};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{ServerClock, SignedDuration};
use crate::{
    RequestHead, Scheme,
    clock::Clock,
    header::trim,
    rejection::refuses_credentials,
    sign::hosts,
    wire::{
        authority::{is_tls, sent_authority},
        date::Timestamp,
    },
};
#[cfg(feature = "tracing")]
use crate::{events, rejection::Excerpt};
#[cfg(feature = "retry")]
use crate::{header::DateHeader, wire::credentials};

/// Passes the answers to signed requests to a [`ServerClock`]. [`ServerClock::observe`] returns it.
///
/// Its place is below [`SignLayer`](crate::SignLayer). It changes neither request nor answer. It is
/// for [`http::Request`]s, not reqwest's own.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until a service is put into it"]
pub struct ServerClockLayer<C> {
    clock: ServerClock<C>,
}

impl<C> ServerClockLayer<C> {
    pub(super) fn new(clock: ServerClock<C>) -> Self {
        Self { clock }
    }
}

impl<S, C: Clone> Layer<S> for ServerClockLayer<C> {
    type Service = ServerClockService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        ServerClockService {
            inner,
            clock: self.clock.clone(),
        }
    }
}

/// Passes the answers to signed requests to a [`ServerClock`]. [`ServerClockLayer`] makes it.
#[derive(Debug, Clone)]
pub struct ServerClockService<S, C> {
    inner: S,
    clock: ServerClock<C>,
}

impl<S, C> ServerClockService<S, C> {
    /// Returns a reference to the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, C, B, RB> Service<Request<B>> for ServerClockService<S, C>
where
    S: Service<Request<B>, Response = Response<RB>>,
    C: Clock + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ServerClockFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = RequestHead::from(&request);
        let observation = trusted_authority(head).map(|authority| Observation {
            authority: authority.into(),
            #[cfg(feature = "retry")]
            signed: signed_time(head),
            // Before the inner call: the gateway's `Date` has to lie between this and the arrival.
            sent: self.clock.base.now(),
            clock: self.clock.clone(),
        });
        ServerClockFuture {
            inner: self.inner.call(request),
            observation,
        }
    }
}

pin_project! {
    /// Returns the inner service's answer. It is the future of [`ServerClockService`].
    pub struct ServerClockFuture<F, C> {
        #[pin]
        inner: F,
        observation: Option<Observation<C>>,
    }
}

impl<F, C, B, E> Future for ServerClockFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    C: Clock,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = ready!(this.inner.poll(cx));
        if let (Ok(response), Some(observation)) = (&mut answer, this.observation.take()) {
            observation.learn_from(response);
        }
        Poll::Ready(answer)
    }
}

impl<F: fmt::Debug, C> fmt::Debug for ServerClockFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerClockFuture")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

/// Returns the authority of a request whose answer is trusted, or `None`.
///
/// The request has to be signed, because only refusals of a signature are learnt from. It has to go
/// over TLS or to this machine: anyone on the way of a plain one could answer with a `Date` of
/// their choice.
fn trusted_authority(head: RequestHead<'_>) -> Option<&str> {
    let host = head.uri().host()?;
    let scheme = head.uri().scheme_str()?;
    let is_private = is_tls(scheme) || hosts::is_loopback(host);
    let is_signed = || {
        let mut schemes = Scheme::ALL.into_iter();
        schemes.any(|scheme| scheme.dialect().syntax.signed(&head))
    };
    (is_private && is_signed())
        .then(|| sent_authority(head.uri()))
        .flatten()
}

/// Returns the time that the request was signed with: that of its one date header, else the one in
/// its credentials.
#[cfg(feature = "retry")]
fn signed_time(head: RequestHead<'_>) -> Option<Timestamp> {
    let dates = [DateHeader::XDate, DateHeader::Date];
    let mut dates = dates.into_iter().map(DateHeader::name);
    if let Some(date) = dates.find_map(|name| head.headers().get(name)) {
        return Timestamp::parse(trim(date.as_bytes())).ok();
    }
    let in_credentials = |scheme: Scheme| {
        credentials::with_parameters(&scheme.dialect().syntax, &head, |authorization, carried| {
            if let Some((_, date)) = carried.and_then(|carried| carried.date) {
                return Timestamp::parse(date.as_bytes()).ok();
            }
            let created = authorization.times.created?.parse().ok()?;
            Some(Timestamp::from_seconds(created))
        })
    };
    let mut times = Scheme::ALL.into_iter().map(in_credentials);
    times.find_map(|time| time.ok().flatten())
}

/// In a response's extensions, marks that the request's date was stale when it arrived, and that a
/// new one will not be.
#[cfg(feature = "retry")]
#[derive(Debug, Clone, Copy)]
pub(super) struct WasStale;

struct Observation<C> {
    authority: Box<str>,
    #[cfg(feature = "retry")]
    signed: Option<Timestamp>,
    sent: SystemTime,
    clock: ServerClock<C>,
}

impl<C: Clock> Observation<C> {
    fn learn_from<B>(&self, response: &mut Response<B>) {
        let headers = response.headers();
        if !refuses_credentials(response.status()) || headers.contains_key(header::AGE) {
            return;
        }
        let date = headers.get(header::DATE);
        let date = date.and_then(|date| Timestamp::parse(trim(date.as_bytes())).ok());
        let Some(date) = date else {
            return;
        };
        let received = self.clock.base.now();
        let Self {
            authority, clock, ..
        } = self;
        clock.learn(authority, self.sent, received, date);
        #[cfg(feature = "retry")]
        if let Some(signed) = self.signed
            && clock.was_stale(authority, signed, received, date)
        {
            response.extensions_mut().insert(WasStale);
        }
    }
}

/// The greatest offset that is trusted by default. Whoever answers in the gateway's name can date
/// the next signature up to this far ahead.
pub(super) const DEFAULT_MAX_OFFSET: Duration = Duration::from_secs(24 * 60 * 60);

/// The smallest change of an offset that is learnt by default.
pub(super) const DEFAULT_THRESHOLD: Duration = Duration::from_secs(10);

/// How far the clock's times may be too early, because some clocks are read in steps of up to this.
const TICK: Duration = Duration::from_millis(10);

/// Returns the shortest of the gateways' default windows, 300 seconds: how old a date has to be to
/// count as stale.
///
/// `Date` is the time of the answer, not of the request's arrival. If the gateway's upstream works
/// on a request for a while and then answers 403, the signed date is that much older, but is not
/// the cause of the refusal. With a shorter limit such a request would be sent again, and its work
/// done twice.
#[cfg(feature = "retry")]
fn shortest_window() -> Duration {
    let windows = Scheme::ALL.map(|scheme| scheme.dialect().max_skew);
    Duration::from_secs(windows.into_iter().fold(u64::MAX, u64::min))
}

impl<C: Clock> ServerClock<C> {
    /// Learns that this authority's clock showed `date` at some time between `sent` and `received`.
    fn learn(&self, authority: &str, sent: SystemTime, received: SystemTime, date: Timestamp) {
        let date = date.system_time();
        let present = self.offset(authority);
        let Some(before_the_next_second) = date.checked_add(Duration::from_secs(1)) else {
            return;
        };
        let received_by = received.checked_add(TICK).unwrap_or(received);
        // The present offset is right if the date lies between the two times moved by it. Learning
        // from such an answer would move a right offset by up to half the time of the round trip.
        if present.moved(sent) <= before_the_next_second && date <= present.moved(received_by) {
            return;
        }
        let half_the_wait = received.duration_since(sent).unwrap_or_default() / 2;
        let answered = sent.checked_add(half_the_wait).unwrap_or(sent);
        let by = SignedDuration::between(answered, date);
        let change = SignedDuration::between(present.moved(answered), by.moved(answered)).length();
        if change < self.threshold {
            return;
        }
        if by.length() > self.max_offset {
            #[cfg(feature = "tracing")]
            tracing::warn!(
                target: events::CLOCK,
                authority = %Excerpt::new(authority),
                offset_s = by.seconds(),
                max_offset_s = self.max_offset.as_secs(),
                "gateway's time not learnt"
            );
            return;
        }
        self.set_offset(authority, by);
        #[cfg(feature = "tracing")]
        tracing::info!(
            target: events::CLOCK,
            authority = %Excerpt::new(authority),
            offset_s = by.seconds(),
            "gateway's time learnt"
        );
    }

    /// Returns whether the date of a request was stale when the authority's clock showed `date`:
    /// whether a request that is signed now has a date that is nearer, by the threshold and the
    /// shortest window at least.
    ///
    /// A date becomes stale if the request waits between signing and arrival, for example in a
    /// suspended process. Both dates are cut to the second, so a difference of one second means
    /// nothing.
    #[cfg(feature = "retry")]
    fn was_stale(
        &self,
        authority: &str,
        signed: Timestamp,
        received: SystemTime,
        date: Timestamp,
    ) -> bool {
        let signed_now = Timestamp::from(self.offset(authority).moved(received));
        let nearer_by = signed
            .distance(date)
            .saturating_sub(signed_now.distance(date));
        Duration::from_secs(nearer_by) >= self.threshold.max(shortest_window())
    }
}
