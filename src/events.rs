//! Which events there are with the feature `tracing`, and what to do about each.
//!
//! Requests that are signed and requests that are accepted make no event. The targets, the messages, the names of the
//! fields and the levels are stable: a change to one of them is a breaking change. The text in `reason` is not.
//!
//! # Events
//!
//! | target | level | message | fields | when |
//! |---|---|---|---|---|
//! | `tower_hmac_auth::sign` | WARN, then DEBUG | `request sent unsigned` | `kind`, `scheme`, `key_id`, `reason` | The setup is wrong: no request of this client is signed. `kind` is `DestinationUnknown`, `AuthorityExcluded` or `SchemeUnknown`. The first one of a [`Signer`] is a warning. |
//! | `tower_hmac_auth::sign` | WARN | `request sent unsigned` | the same | The request cannot be signed. `kind` is the name of any other variant of [`SignError`], or `UrlNotSendable` for a `reqwest::Request`. |
//! | `tower_hmac_auth::sign` | DEBUG | `request sent unsigned` | the same | The request goes to a host that is not signed for, as configured. `kind` is `NotForThisHost` or `NotHttps`. |
//! | `tower_hmac_auth::sign` | WARN, then DEBUG | `request signed without its host` | the same; `kind` is `HostUnknown` | `host` is to be signed, and nothing says what it is: set [`SignerBuilder::authority`]. The first one of a [`Signer`] is a warning. |
//! | `tower_hmac_auth::verify` | INFO | `request refused` | `kind`, `scheme`, `key_id`, `skew_s`, `status`, `reason`, `signing_string` | The client is at fault. |
//! | `tower_hmac_auth::verify` | WARN | `request refused` | the same; `kind` is `KeyStoreUnavailable` | The server is at fault: its key store is unavailable, or a layer is in the wrong place. |
//! | `tower_hmac_auth::clock` | INFO | `gateway's time learnt` | `authority`, `offset_s` | A [`ServerClock`] signs with another time for this gateway from now on. Set this machine's clock. |
//! | `tower_hmac_auth::clock` | WARN | `gateway's time not learnt` | `authority`, `offset_s`, `max_offset_s` | The gateway's clock is further off than [`ServerClock::max_offset`]. |
//!
//! # Fields
//!
//! Fields without a value are absent, not empty.
//!
//! | field | type | what it is |
//! |---|---|---|
//! | `kind` | text | The class of the error, one word: a [`RejectionKind`], or the name of a variant of [`SignError`]. |
//! | `scheme` | text | The [`Scheme`], as its `Display` writes it. |
//! | `key_id` | text | In `sign`, the id of the signing key. In `verify`, the id that the request names. It is **not verified** unless `kind` is `KeyNotBound`, `NoUsagePlan`, `Digest` or `Body`; absent if `Authorization` cannot be read. |
//! | `skew_s` | unsigned | How far the signed time is from the server's clock, or past its end, in seconds, where that is why. |
//! | `status` | unsigned | The HTTP status of the answer: 200 for gRPC, whose own status is in a header. |
//! | `reason` | text | The [`Rejection`] or [`SignError`] in full: one line that says what is wrong and what to do. |
//! | `signing_string` | text | What the server has hashed, where the signature does not match and [`VerifyLayer::explain`] is on. |
//! | `authority` | text | Host and port of the gateway. |
//! | `offset_s` | signed | How far the gateway's clock is ahead of this one, in whole seconds; negative if it is behind. |
//! | `max_offset_s` | unsigned | [`ServerClock::max_offset`], in seconds. |
//!
//! # What a client can do to the log
//!
//! Text that comes from a request is printable ASCII on one line: everything else is escaped, so that no request can forge
//! a line or send a command to a terminal. It is cut at 64 bytes ([`Excerpt`]), the signing string at 4 KiB. No event has a
//! secret key, a signature, a query or a body; `signing_string` has the values of signed headers.
//!
//! Text can have spaces and equals signs: a formatter that writes `field=value` without quotes does not tell a value from
//! further fields. Use one that quotes, such as `tracing_subscriber`'s JSON, where a program reads the log.
//!
//! A client can make one event of `verify` a request, as each request that is refused has one. Where that is too many,
//! take `tower_hmac_auth::verify` at WARN only, and limit the rate of requests outside of [`VerifyLayer`].
//!
//! A filter for `tracing_subscriber`'s `EnvFilter`, with all that needs an operator and no more:
//!
//! ```text
//! tower_hmac_auth::sign=warn,tower_hmac_auth::verify=warn,tower_hmac_auth::clock=info
//! ```
//!
//! # Without `tracing`
//!
//! - A refusal's [`Rejection`], and a [`ServerSigningString`] with [`VerifyLayer::explain`], are in the response's
//!   extensions.
//! - [`Signer::unsigned_requests`] and [`Signer::requests_without_host`] count what was not signed as configured.
//!
//! [`Excerpt`]: crate::error::Excerpt
//! [`Rejection`]: crate::Rejection
//! [`RejectionKind`]: crate::error::RejectionKind
//! [`Scheme`]: crate::Scheme
//! [`ServerClock`]: crate::sign::ServerClock
//! [`ServerClock::max_offset`]: crate::sign::ServerClock::max_offset
//! [`ServerSigningString`]: crate::verify::ServerSigningString
//! [`SignError`]: crate::error::SignError
//! [`Signer`]: crate::Signer
//! [`SignerBuilder::authority`]: crate::sign::SignerBuilder::authority
//! [`Signer::requests_without_host`]: crate::Signer::requests_without_host
//! [`Signer::unsigned_requests`]: crate::Signer::unsigned_requests
//! [`VerifyLayer`]: crate::VerifyLayer
//! [`VerifyLayer::explain`]: crate::VerifyLayer::explain

#[cfg(feature = "tracing")]
pub(crate) const SIGN: &str = "tower_hmac_auth::sign";

#[cfg(feature = "tracing")]
pub(crate) const VERIFY: &str = "tower_hmac_auth::verify";

#[cfg(feature = "tracing")]
pub(crate) const CLOCK: &str = "tower_hmac_auth::clock";
