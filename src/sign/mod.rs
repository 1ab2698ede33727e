//! Signing as Tower middleware: wiring around [`Signer`](crate::Signer).

mod layer;
mod report;
#[cfg(feature = "reqwest")]
mod reqwest;
mod service;

#[cfg(feature = "reqwest-middleware")]
pub(crate) use self::reqwest::{sign as sign_reqwest, without_redirects};
pub use self::{layer::SignLayer, service::SignService};
