use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::SystemTime,
};

use http::{Request, Response, StatusCode, header};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::ServerClock;
use crate::{
    RequestHead, Scheme,
    clock::Clock,
    header::trim,
    sign::hosts,
    wire::{
        authority::{is_tls, sent_authority},
        date::Timestamp,
    },
};
#[cfg(feature = "retry")]
use crate::{header::DateHeader, wire::credentials::Authorization};

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

/// Returns the authority of a request whose answer is trusted, or `None`.
///
/// The request has to be signed, because only refusals of a signature are learnt from. It has to go
/// over TLS or to this machine: anyone on the way of a plain one could answer with a `Date` of
/// their choice.
fn trusted_authority(head: RequestHead<'_>) -> Option<&str> {
    let authorization = head.headers().get(header::AUTHORIZATION)?;
    let host = head.uri().host()?;
    let scheme = head.uri().scheme_str()?;
    let is_private = is_tls(scheme) || hosts::is_loopback(host);
    let is_signed = || {
        let mut schemes = Scheme::ALL.into_iter();
        schemes.any(|scheme| scheme.dialect().wrote(authorization))
    };
    (is_private && is_signed())
        .then(|| sent_authority(head.uri()))
        .flatten()
}

/// Returns the time that the request was signed with: that of its one date header, else of
/// `created`.
#[cfg(feature = "retry")]
fn signed_time(head: RequestHead<'_>) -> Option<Timestamp> {
    let dates = [DateHeader::XDate, DateHeader::Date];
    let mut dates = dates.into_iter().map(DateHeader::name);
    if let Some(date) = dates.find_map(|name| head.headers().get(name)) {
        return Timestamp::parse(trim(date.as_bytes())).ok();
    }
    let mut syntaxes = Scheme::ALL
        .into_iter()
        .map(|scheme| &scheme.dialect().syntax);
    let with_times = syntaxes.find(|syntax| syntax.has_times)?;
    let authorization = Authorization::of(with_times, &head).ok()?;
    let created = authorization.times.created?.parse().ok()?;
    Some(Timestamp::from_seconds(created))
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
        let status = response.status();
        let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let headers = response.headers();
        if !is_refusal || headers.contains_key(header::AGE) {
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
