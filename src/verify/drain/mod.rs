//! Reads and discards the rest of a request's body after an early response, within bounds.

mod body;
mod future;
mod layer;
mod service;
mod task;

pub use self::{
    body::DrainBody, future::DrainFuture, layer::DrainLayer, service::DrainService, task::DrainTask,
};
