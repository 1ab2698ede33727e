//! `DrainLayer`, where there is nothing to drain.

use std::{
    convert::Infallible,
    future::{pending, ready},
    pin::pin,
    task::{Context, Waker},
};

use allocation_counter::measure;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::Empty;
use tokio_test::assert_ready;
use tower::{Layer as _, Service as _, service_fn};
use tower_hmac_auth::verify::{DrainBody, DrainLayer};

#[test]
fn a_request_without_a_body_passes_without_allocating() {
    let mut service = DrainLayer::new(1024, pending, tokio::spawn).layer(service_fn(
        |request: Request<DrainBody<_>>| {
            let body: DrainBody<Empty<Bytes>> = request.into_body();
            assert!(body.is_end_stream());
            ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
        },
    ));
    let mut request = Some(Request::new(Empty::new()));
    let counted = measure(|| {
        let answer = pin!(service.call(request.take().unwrap()));
        assert!(assert_ready!(answer.poll(&mut Context::from_waker(Waker::noop()))).is_ok());
    });
    assert_eq!(counted.count_total, 0);
}
