//! What is left of the body of a request that was answered early: read and discarded, within bounds.

mod body;
mod future;
mod layer;
mod task;

pub use self::{
    body::DrainBody,
    future::DrainFuture,
    layer::{DrainLayer, DrainService},
    task::DrainTask,
};
