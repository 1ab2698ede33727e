//! A service that is always ready and stores the requests it gets. It stands in for a client.
//!
//! Storing moves a request once. Returning it in the response would move it twice more, and the
//! moves would be measured.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::{Ready, ready},
    rc::Rc,
    task::{Context, Poll},
};

use http::Request;
use tower::Service;

use crate::floors::ROUND;

/// Clones share the stored requests.
#[derive(Clone)]
pub(crate) struct Aside {
    requests: Rc<RefCell<Vec<Request<()>>>>,
}

impl Aside {
    pub(crate) fn new() -> Self {
        let requests = Vec::with_capacity(2 * ROUND);
        Self {
            requests: Rc::new(RefCell::new(requests)),
        }
    }

    /// Drops the stored requests, if they are at least a whole round.
    pub(crate) fn tidy(&self) {
        let mut requests = self.requests.borrow_mut();
        if requests.len() >= ROUND {
            requests.clear();
        }
    }

    /// Returns the request that was stored last.
    pub(crate) fn last(&self) -> Option<Request<()>> {
        self.requests.borrow_mut().pop()
    }
}

impl Service<Request<()>> for Aside {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        self.requests.borrow_mut().push(request);
        ready(Ok(()))
    }
}
