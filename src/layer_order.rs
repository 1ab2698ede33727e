//! Which order of layers is right, and why.
//!
//! A signature is over what the request is when it passes [`SignLayer`](crate::SignLayer), at the time when it passes.
//! So whatever changes a signed part of the request has to come before, and so has whatever waits or repeats.
//!
//! The layers named with `…Layer` that are not this crate's are tower-http 0.7's; the tests run all that have a place here, in
//! these orders.
//!
//! # In a client
//!
//! From the outside in, the order in which a [`tower::ServiceBuilder`](https://docs.rs/tower) is given its layers:
//!
//! | layer | why there | otherwise |
//! |---|---|---|
//! | body digest | Hashed once, also if the request is sent again. | Inside a retry it is hashed for every attempt; inside `SignLayer` it is not signed. Outside of redirects, mind what `DigestLayer` says of them. |
//! | retry | Every attempt passes `SignLayer` again and has a date of its own (dates have whole seconds). | The old date goes out again, until the gateway finds it too old: after 15 minutes, or 5 with Kong and APISIX. |
//! | redirects | Each request that follows one is signed anew, or not at all if it goes to a stranger. With [`allowed_hosts`](crate::SignLayer::allowed_hosts). | The date, the source and, on the same host, the old signature are sent to wherever the server says. |
//! | log, trace (`TraceLayer`) | It sees every request that is sent, also those that follow a redirect. | Below `SignLayer` it sees the date and the source. `Authorization` is marked sensitive. |
//! | timeout | It covers all that comes below. | Nothing breaks. |
//! | load shed, buffer, rate and concurrency limits | The date is read when the request is sent. (The client's own connecting comes after it, though.) | A request that has waited too long is refused. |
//! | request id (`SetRequestIdLayer`, `PropagateRequestIdLayer`) | It may be signed. | As for headers below. |
//! | decompression of answers (`DecompressionLayer`) | It sets `Accept-Encoding`. | Harmless unless that header is signed. |
//! | whatever sets a header (`SetRequestHeaderLayer`) or marks it sensitive | It may be signed, and has to be what is signed. | "HMAC signature does not match." |
//! | whatever changes the target (`NormalizePathLayer`) | The target may be signed. | As for headers. |
//! | balance | Either way is right. A host that is signed needs it outside only if each endpoint has a host of its own. | |
//! | **`SignLayer`** | Last of all that change a request. | |
//! | [`ServerClock::observe`](crate::sign::ServerClock::observe) | It has to see the answers to signed requests. | It learns nothing. |
//! | `MapResponseBodyLayer` | It boxes the client's body, where a layer outside makes a body of its own: tower-http's `TimeoutLayer` does, and hyper's `Incoming` has no `Default`. | It does not compile. |
//! | the client | It must not follow redirects itself: reqwest does unless told not to, see `SignLayer::reqwest_client`. | As redirects above. |
//!
//! `AddAuthorizationLayer` has no place here: outside of `SignLayer` its header is replaced, below it replaces the signature.
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
//!     .layer(SignLayer::from(signer).allowed_hosts(["api.example.com"])?)
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
//! | count of requests (`InFlightRequestsLayer`) | It counts refused requests too. | |
//! | request id (`SetRequestIdLayer`) | The log shows it. It keeps an id that the client sent. | With [`allow_missing_headers`](crate::Verifier::allow_missing_headers), a client that lists the header and sends none is refused: put this below `VerifyLayer` there. |
//! | log, trace (`TraceLayer`, `OnEarlyDropLayer`) | It sees refusals too; their reason is in the response's extensions. Or take the [`events`](crate::events). | Refused requests leave no trace. |
//! | [`DrainLayer`](crate::verify::DrainLayer) | It sees every answer that is given before the request's body was read: refusals, those of limits too. | On HTTP/1.1, when a client sends a large body, an answer made by a layer outside of `DrainLayer` is lost: the client sees a broken connection. |
//! | whatever only adds to answers (`PropagateRequestIdLayer`, `PropagateHeaderLayer`, `SetResponseHeaderLayer`), or marks headers sensitive | DefaultResponseForRejection get it too. | DefaultResponseForRejection are without. |
//! | CORS | Browsers' preflight requests are not signed, and scripts read a refusal only with CORS headers on it. Name `Authorization` and the signed headers in `allow_headers`: `CorsLayer::permissive()` alone answers `*`, which does not include `Authorization` (Fetch standard, "CORS non-wildcard request-header name"). | Preflight requests are refused. Without `allow_headers`, browsers do not send the signed request. |
//! | catch panic | An answer to a panic gets the CORS headers. | |
//! | timeout, concurrency and rate limits | A refusal gives its permit back at once. The wait for a key in [`AsyncKeys`](crate::verify::AsyncKeys) and for the body is covered. | A permit that was taken for a request that is then refused is kept until the service is called again. |
//! | body limit and body timeout (`RequestBodyLimitLayer`, `RequestBodyTimeoutLayer`) | They bound what the check of the digest reads. | It reads up to its own limit, for as long as the client likes. |
//! | compression of answers (`CompressionLayer`) | Either way is right. | |
//! | demands on headers (`ValidateRequestHeaderLayer`) | Either way is right: outside, an unsigned request hears of them first. | |
//! | whatever removes a header that is signed, or adds one; whatever changes the target (`NormalizePathLayer`) | It must not come before. | "HMAC signature does not match.", or a repeated header. |
//! | **[`VerifyLayer`](crate::VerifyLayer)** | Before all that trusts the request. | |
//! | check of the body's digest | It needs to know what the signature covers, and the body as it was sent. | It answers 500 to everything; below decompression, every compressed body is refused. |
//! | permissions (`AsyncRequireAuthorizationLayer`) | They find the [`VerifiedKey`](crate::VerifiedKey) in the request's extensions. | There is none. |
//! | `NormalizePathLayer`, decompression of requests (`RequestDecompressionLayer`), `MapRequestBodyLayer`, `AddExtensionLayer` | They change what was verified. | See above. |
//! | routes, handlers | They see what was verified. A router that takes a prefix off the target, such as axum's `nest`, hides what was signed: [`original_target`](crate::VerifyLayer::original_target). | Where the target is signed, a right signature is refused. |
//!
//! These have no place here:
//!
//! - the checks for a bearer token or a password (`ValidateRequestHeaderLayer::bearer`, `basic`): `Authorization` has the
//!   signature;
//! - `SetStatusLayer` outside of `VerifyLayer`: it would turn a refusal into a success;
//! - `CsrfLayer`: no browser signs a request by itself, so there is nothing to forge.
//!
//! `CorsLayer`, `TimeoutLayer` and `ValidateRequestHeaderLayer` make answers of their own, so that the body of what is below
//! them has to be `Default`. Those of this crate are if the handler's is; those of `TraceLayer`, `OnEarlyDropLayer`,
//! `InFlightRequestsLayer` and `ResponseBodyTimeoutLayer` are not, so that these stand outside. axum's `Router::layer` runs
//! its layers after the path was routed: put `NormalizePathLayer` around the router, and `VerifyLayer` around both.
//!
//! ```
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::{HeaderName, Method, Request, Response, StatusCode, header};
//! use http_body_util::Full;
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! use tower_hmac_auth::{KeyPair, StaticKeys, VerifyLayer};
//! use tower_http::{cors::CorsLayer, normalize_path::NormalizePathLayer, timeout::TimeoutLayer, trace::TraceLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let keys = StaticKeys::from(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?);
//! let handler = service_fn(|_: Request<Full<Bytes>>| async {
//!     Ok::<_, BoxError>(Response::new(Full::<Bytes>::from("hello")))
//! });
//!
//! let signed = [header::AUTHORIZATION, HeaderName::from_static("x-date"), HeaderName::from_static("source")];
//!
//! let service = ServiceBuilder::new()
//!     .layer(TraceLayer::new_for_http())
//!     .layer(CorsLayer::permissive().allow_headers(signed))
//!     .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30)))
//!     .layer(VerifyLayer::new(keys))
//!     // `VerifyDigestLayer` belongs here.
//!     .layer(NormalizePathLayer::trim_trailing_slash())
//!     .service(handler);
//!
//! let unsigned = Request::get("/a").body(Full::default())?;
//! let refused = service.clone().oneshot(unsigned).await?;
//! assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(refused.headers()["access-control-allow-origin"], "*");
//!
//! let preflight = Request::builder().method(Method::OPTIONS).uri("/a").body(Full::default())?;
//! let allowed = service.oneshot(preflight).await?;
//! assert_eq!(allowed.headers()["access-control-allow-headers"], "authorization,x-date,source");
//! # Ok(())
//! # }
//! ```
//!
//! axum's `Router::layer` is the other way round: a layer that is added later is outside, and runs first. To have one order
//! everywhere, give it a `ServiceBuilder`, in which the first is the outermost:
//!
//! ```
//! use std::time::Duration;
//!
//! use axum::{Router, body::Body, routing::post};
//! use http::{Request, StatusCode};
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_hmac_auth::{KeyPair, StaticKeys, VerifyLayer, verify::DrainLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let keys = StaticKeys::from(KeyPair::new("AKIDtestkey0001", "test-secret-key-0001")?);
//! let timer = || tokio::time::sleep(Duration::from_secs(30));
//!
//! let app = Router::new().route("/uploads", post(|| async { "stored" })).layer(
//!     ServiceBuilder::new()
//!         .layer(DrainLayer::new(32 * 1024 * 1024, timer, tokio::spawn))
//!         .layer(VerifyLayer::new(keys)),
//! );
//!
//! let refused = app.oneshot(Request::post("/uploads").body(Body::from("a body"))?).await?;
//! assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```
