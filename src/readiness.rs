//! The readiness of a service that is called later.

use std::mem;

/// Takes a service that was polled ready, to call it later with a request, and leaves a clone of
/// it, which waits for the next `poll_ready`.
///
/// Readiness belongs to the service that was polled. A clone of it may not be ready, so the clone
/// cannot be the one that is taken.
pub(crate) fn take_ready<S: Clone>(service: &mut S) -> S {
    let clone = service.clone();
    mem::replace(service, clone)
}
