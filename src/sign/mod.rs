//! Signing as Tower middleware: wiring around [`Signer`](crate::Signer).

mod layer;
mod service;

pub use self::{layer::SignLayer, service::SignService};
