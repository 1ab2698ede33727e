//! The grammar that both directions share, from header values to the signing string. It names no
//! scheme.

pub(crate) mod authority;
pub(crate) mod buffer;
pub(crate) mod component;
pub(crate) mod credentials;
pub(crate) mod date;
#[cfg(feature = "digest")]
pub(crate) mod digest_header;
pub(crate) mod repeated_headers;
pub(crate) mod signing_string;
pub(crate) mod split;
pub(crate) mod target;
