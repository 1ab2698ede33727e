//! Which order of layers is right, and why.
//!
//! A signature is over what the request is when it passes [`SignLayer`](crate::SignLayer), at the time when it passes.
//! So whatever changes a signed part of the request has to come before, and so has whatever waits or repeats.
//!
//! # In a client
//!
//! From the outside in, the order in which a [`tower::ServiceBuilder`](https://docs.rs/tower) is given its layers:
//!
//! | layer | why there | otherwise |
//! |---|---|---|
//! | body digest | Hashed once, also if the request is sent again. | Inside a retry it is hashed for every attempt; inside `SignLayer` it is not signed. Outside of redirects, mind what `DigestLayer` says of them. |
//! | retry | Every attempt passes `SignLayer` again and has a date of its own (dates have whole seconds). | The old date goes out again, until the gateway finds it too old: after 15 minutes, or 5 with Kong and APISIX. |
//! | redirects | Each request that follows one is signed anew, or not at all if it goes to a stranger. With [`only_for`](crate::SignLayer::only_for). | The date, the source and, on the same host, the old signature are sent to wherever the server says. |
//! | timeout | It covers all that comes below. | Nothing breaks. |
//! | load shed, buffer, rate and concurrency limits | The date is read when the request is sent. (The client's own connecting comes after it, though.) | A request that has waited too long is refused. |
//! | decompression | It sets `Accept-Encoding`. | Harmless unless that header is signed. |
//! | whatever sets a header | It may be signed, and has to be what is signed. | "HMAC signature does not match." |
//! | balance | Either way is right. A host that is signed needs it outside only if each endpoint has a host of its own. | |
//! | **`SignLayer`** | Last of all that change a request. | |
//! | [`ServerClock::observe`](crate::ServerClock::observe) | It has to see the answers to signed requests. | It learns nothing. |
//! | the client | It must not follow redirects itself: reqwest does unless told not to, see `SignLayer::reqwest_client`. | As redirects above. |
//!
//! ```
//! use std::time::Duration;
//!
//! use http::{HeaderValue, Request, Response, header};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! use tower_hmac_auth::{KeyPair, SignLayer, Signer};
//! use tower_http::{follow_redirect::FollowRedirectLayer, set_header::SetRequestHeaderLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! # let client = service_fn(|request: Request<String>| async move {
//! #     let authorization = request.headers()["authorization"].to_str()?;
//! #     assert!(authorization.contains(r#"headers="x-date user-agent""#), "{authorization}");
//! #     Ok::<_, BoxError>(Response::new(String::new()))
//! # });
//! let keys = KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?;
//! let signer = Signer::builder(keys).signed_headers([header::USER_AGENT]).build()?;
//! let agent = HeaderValue::from_static("billing/1.0");
//!
//! let service = ServiceBuilder::new()
//!     // A retry layer would be the outermost.
//!     .layer(FollowRedirectLayer::new())
//!     .timeout(Duration::from_secs(5))
//!     .concurrency_limit(64)
//!     .layer(SetRequestHeaderLayer::overriding(header::USER_AGENT, agent))
//!     .layer(SignLayer::from(signer).only_for(["api.example.com"])?)
//!     .service(client);
//! let request = Request::get("https://api.example.com/a").body(String::new())?;
//! service.oneshot(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # On a server
//!
//! | layer | why there | otherwise |
//! |---|---|---|
//! | log | It sees refusals too; their reason is in the response's extensions. Or take the [`events`](crate::events). | Refused requests leave no trace. |
//! | [`DrainLayer`](crate::DrainLayer) | It sees every answer that is given before the request's body was read: refusals, those of limits too. | On HTTP/1.1, a client that sends a large body gets a broken connection instead of an answer that is given outside of it. |
//! | CORS | Browsers' preflight requests are not signed. | They are refused. |
//! | timeout, concurrency and rate limits | A refusal gives its permit back at once. | A permit that was taken for a request that is then refused is kept until the service is called again. |
//! | whatever takes a header off that is signed, or adds one | It must not come before. | "HMAC signature does not match.", or a repeated header. |
//! | **[`VerifyLayer`](crate::VerifyLayer)** | Before all that believes the request. | |
//! | check of the body's digest | It needs to know what the signature covers. | It answers 500 to everything. |
//! | routes, decompression of requests, handlers | They see what was verified. A router that takes a prefix off the target, such as axum's `nest`, hides what was signed: [`original_target`](crate::VerifyLayer::original_target). | Where the target is signed, a right signature is refused. |
