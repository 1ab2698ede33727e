//! Limits on what signers and verifiers read of a request.

/// The longest parameter value that is accepted, in bytes.
pub(crate) const MAX_PARAMETER_LEN: usize = 8 * 1024;

/// The most names in a `headers` list. [`ComponentSet`](crate::wire::component::ComponentSet) has
/// one bit for each.
pub(crate) const MAX_COMPONENTS: usize = 64;

/// The most unknown parameters that are ignored. Each is compared with all before it, so the time
/// grows with the square of their number.
pub(crate) const MAX_UNKNOWN_PARAMETERS: usize = 16;

/// The most headers of a request that is signed. An [`http::HeaderMap`] holds 24,576, and inserting
/// more panics; the rest is room for the signature's own headers.
pub(crate) const MAX_HEADERS: usize = 16 * 1024;

/// The most parameters of a query and a form that are signed. Each is copied before anything is
/// known of the client, and takes up to thirty times its length in memory.
pub(crate) const MAX_FORM_PARAMETERS: usize = 1_000;

/// The longest nonce that is accepted, in bytes. A guard keeps every nonce, or a hash of it, for as
/// long as its request could be sent again.
pub(crate) const MAX_NONCE_LEN: usize = 128;

/// How far dates may be from the clock where nonces are required, in seconds: one day. Claims are
/// kept for as long as this.
pub(crate) const MAX_SKEW_WITH_NONCE: u64 = 24 * 60 * 60;
