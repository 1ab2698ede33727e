use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::SystemTime,
};

use http::{HeaderMap, Request, Response, StatusCode, header};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::ServerClock;
use crate::{Clock, RequestHead, Scheme, component, hosts, http_date::Timestamp};

/// Shows a [`ServerClock`] the answers to signed requests: what [`ServerClock::observe`] returns. Its place is below
/// [`SignLayer`](crate::SignLayer). It changes nothing. It is for [`http::Request`]s, not reqwest's own.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until a service is put into it"]
pub struct ObserveLayer<C> {
    clock: ServerClock<C>,
}

impl<C> ObserveLayer<C> {
    pub(super) fn new(clock: ServerClock<C>) -> Self {
        Self { clock }
    }
}

impl<S, C: Clone> Layer<S> for ObserveLayer<C> {
    type Service = ObserveService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        ObserveService {
            inner,
            clock: self.clock.clone(),
        }
    }
}

/// Shows a [`ServerClock`] the answers to signed requests: what [`ObserveLayer`] makes.
#[derive(Debug, Clone)]
pub struct ObserveService<S, C> {
    inner: S,
    clock: ServerClock<C>,
}

impl<S, C, B, RB> Service<Request<B>> for ObserveService<S, C>
where
    S: Service<Request<B>, Response = Response<RB>>,
    C: Clock + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ObserveFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let observation = trusted_authority((&request).into()).map(|authority| Observation {
            authority: authority.into(),
            sent: self.clock.base.now(),
            clock: self.clock.clone(),
        });
        ObserveFuture {
            inner: self.inner.call(request),
            observation,
        }
    }
}

/// The authority of a request whose answer may be learnt from: one that was signed, and that nobody on the way can
/// answer in its stead.
fn trusted_authority(head: RequestHead<'_>) -> Option<&str> {
    let authorization = head.headers().get(header::AUTHORIZATION)?;
    let host = head.uri().host()?;
    let is_private = match head.uri().scheme_str() {
        Some("https") => true,
        Some("http") => hosts::is_loopback(host),
        _ => false,
    };
    let is_signed = || {
        let mut schemes = Scheme::ALL.into_iter();
        schemes.any(|scheme| scheme.facts().wrote(authorization))
    };
    (is_private && is_signed())
        .then(|| component::sent_authority(head.uri()))
        .flatten()
}

struct Observation<C> {
    authority: Box<str>,
    sent: SystemTime,
    clock: ServerClock<C>,
}

impl<C: Clock> Observation<C> {
    fn learn_from(&self, status: StatusCode, headers: &HeaderMap) {
        let is_refusal = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if !is_refusal || headers.contains_key(header::AGE) {
            return;
        }
        let date = headers.get(header::DATE);
        let date = date.and_then(|date| Timestamp::parse(component::trim(date.as_bytes())).ok());
        if let Some(date) = date {
            let received = self.clock.base.now();
            self.clock.learn(&self.authority, self.sent, received, date);
        }
    }
}

pin_project! {
    /// The inner service's answer: the future of [`ObserveService`].
    pub struct ObserveFuture<F, C> {
        #[pin]
        inner: F,
        observation: Option<Observation<C>>,
    }
}

impl<F, C, B, E> Future for ObserveFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    C: Clock,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx));
        if let (Ok(response), Some(observation)) = (&answer, this.observation.take()) {
            observation.learn_from(response.status(), response.headers());
        }
        Poll::Ready(answer)
    }
}

impl<F: fmt::Debug, C> fmt::Debug for ObserveFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserveFuture")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
