//! tower-http's layers around `VerifyLayer` and `VerifyDigestLayer`, in the order of `layer_order`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use tower::BoxError;
use tower_hmac_auth::VerifiedKey;

/// The largest body that the server reads.
pub(crate) const LIMIT: usize = 1024;
/// The header that `PropagateHeaderLayer` copies to the answer.
pub(crate) const TRACE: HeaderName = HeaderName::from_static("x-trace");

/// A body of any type.
pub(crate) type AnyBody = UnsyncBoxBody<Bytes, BoxError>;

pub(crate) fn boxed<B>(body: B) -> AnyBody
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Authorizes by what was verified: nobody is an administrator.
pub(crate) async fn authorize<B, RB: Default>(
    request: Request<B>,
) -> Result<Request<B>, Response<RB>> {
    assert!(request.extensions().get::<VerifiedKey>().is_some());
    if request.uri().path() == "/admin" {
        let mut forbidden = Response::new(RB::default());
        *forbidden.status_mut() = StatusCode::FORBIDDEN;
        return Err(forbidden);
    }
    Ok(request)
}

/// A `ServiceBuilder` with the server's layers, outermost first; what is below them gets
/// [`AnyBody`].
///
/// A macro, as the type cannot be named.
macro_rules! server_layers {
    ($verify:expr, $digest:expr) => {{
        use ::tower_http::{
            auth::AsyncRequireAuthorizationLayer,
            catch_panic::CatchPanicLayer,
            compression::CompressionLayer,
            cors::CorsLayer,
            decompression::RequestDecompressionLayer,
            limit::RequestBodyLimitLayer,
            map_request_body::MapRequestBodyLayer,
            metrics::InFlightRequestsLayer,
            normalize_path::NormalizePathLayer,
            on_early_drop::{EarlyDropsAsFailures, OnEarlyDropLayer},
            propagate_header::PropagateHeaderLayer,
            request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
            sensitive_headers::{
                SetSensitiveRequestHeadersLayer, SetSensitiveResponseHeadersLayer,
            },
            set_header::SetResponseHeaderLayer,
            timeout::{RequestBodyTimeoutLayer, ResponseBodyTimeoutLayer, TimeoutLayer},
            trace::{DefaultOnFailure, TraceLayer},
            validate_request::ValidateRequestHeaderLayer,
        };
        use $crate::common::server_layers::{LIMIT, TRACE, authorize, boxed, seconds};

        let (in_flight, _counter) = InFlightRequestsLayer::pair();
        let on_drop = EarlyDropsAsFailures::new(DefaultOnFailure::default());
        ServiceBuilder::new()
            .layer(in_flight)
            .layer(SetSensitiveRequestHeadersLayer::new([
                http::header::AUTHORIZATION,
            ]))
            .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
            .layer(TraceLayer::new_for_http())
            .layer(OnEarlyDropLayer::new(on_drop))
            .layer(ResponseBodyTimeoutLayer::new(seconds(30)))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(PropagateHeaderLayer::new(TRACE))
            .layer(SetSensitiveResponseHeadersLayer::new([
                http::header::SET_COOKIE,
            ]))
            .layer(SetResponseHeaderLayer::overriding(
                http::header::CACHE_CONTROL,
                http::HeaderValue::from_static("no-store"),
            ))
            .layer(CorsLayer::permissive())
            .layer(CatchPanicLayer::new())
            .layer(TimeoutLayer::with_status_code(
                http::StatusCode::GATEWAY_TIMEOUT,
                seconds(30),
            ))
            .layer(RequestBodyLimitLayer::new(LIMIT))
            .layer(RequestBodyTimeoutLayer::new(seconds(30)))
            .layer(CompressionLayer::new())
            .layer(ValidateRequestHeaderLayer::accept("text/plain"))
            .layer($verify)
            .layer($digest)
            .layer(AsyncRequireAuthorizationLayer::new(authorize))
            .layer(NormalizePathLayer::trim_trailing_slash())
            .layer(RequestDecompressionLayer::new())
            .layer(MapRequestBodyLayer::new(boxed))
    }};
}
pub(crate) use server_layers;
