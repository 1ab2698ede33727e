//! A service that is ready at once and puts the requests it gets aside: a client that has nothing to do.
//!
//! What a layer hands on is moved once, into its place. An answer that held the request would move it twice more.

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

/// Clones share what was put aside.
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

    /// Drops what was put aside, once that is a whole round.
    pub(crate) fn tidy(&self) {
        let mut requests = self.requests.borrow_mut();
        if requests.len() >= ROUND {
            requests.clear();
        }
    }

    /// The request that was put aside last.
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
