//! A service that is always ready and returns the request, and a way to call services without a
//! runtime.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use tower::Service;

/// Responds immediately, with the request as the body.
#[derive(Clone)]
pub(crate) struct Echo;

impl Service<Request<()>> for Echo {
    type Response = Response<Request<()>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        ready(Ok(Response::new(request)))
    }
}

/// Calls a service that never waits, and returns its response.
#[inline]
pub(crate) fn call<S>(service: &mut S, request: Request<()>) -> S::Response
where
    S: Service<Request<()>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    match service.poll_ready(&mut context) {
        Poll::Ready(Ok(())) => {}
        Poll::Pending => panic!("not ready"),
    }
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        Poll::Pending => panic!("no answer"),
    }
}
