//! What is looked at of a request at most, by signers and verifiers alike.

/// The longest parameter value that is looked at, in bytes.
pub(crate) const MAX_PARAMETER_LEN: usize = 8 * 1024;

/// The most names that are looked at in a `headers` list.
pub(crate) const MAX_COMPONENTS: usize = 64;

/// The most parameters without a meaning that are ignored; each is compared with those before it.
pub(crate) const MAX_UNKNOWN_PARAMETERS: usize = 16;

/// The most headers of a request that is signed. An [`http::HeaderMap`] is full at half as many again.
pub(crate) const MAX_HEADERS: usize = 16 * 1024;
