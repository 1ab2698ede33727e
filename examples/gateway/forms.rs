//! Reads forms before they are verified, for schemes that sign their parameters.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body::Body;
use http_body_util::Either;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Scheme,
    digest::{ReadFormBody, ReadFormLayer},
    verify::VerifyBody,
};

use super::{arguments::Arguments, refusals::Refusals, support::is_form, timed::Timed};

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 64 * 1024;

/// A client's body: as it arrives, or a form that was read.
pub(crate) type ClientBody = Either<Incoming, ReadFormBody<Timed<Incoming>>>;

/// What reads forms, if a scheme signs them.
#[derive(Clone)]
pub(crate) struct Forms(Option<Reader>);

#[derive(Clone)]
struct Reader {
    layer: ReadFormLayer<Refusals>,
    /// Limits how many forms are read at a time. Their clients are not verified yet, so they must
    /// not use up the permits of valid requests.
    permits: Arc<Semaphore>,
    time_limit: Duration,
}

impl Forms {
    pub(crate) fn of(arguments: &Arguments, refusals: &Refusals) -> Self {
        let mut schemes = arguments.schemes.iter();
        let signs_forms = schemes.any(|scheme| scheme.nearest() == Scheme::TencentApp);
        Self(signs_forms.then(|| Reader {
            layer: ReadFormLayer::new(MAX_FORM).refuse(refusals.clone()),
            permits: Arc::new(Semaphore::new(arguments.max_in_flight())),
            time_limit: arguments.body_timeout,
        }))
    }

    /// Returns a service that reads a form before it calls `service`.
    pub(crate) fn before<S, B>(
        self,
        service: S,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Either<B, VerifyBody<B>>>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static
    where
        S: Service<Request<ClientBody>, Response = Response<B>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
    {
        service_fn(move |request: Request<Incoming>| {
            // A form that is not recognized here is refused, because the verifier does not know
            // its parameters.
            let is_form = is_form(request.headers().get(CONTENT_TYPE));
            let reader = self.0.clone().filter(|_| is_form);
            let service = service.clone();
            async move {
                let answer = match reader {
                    Some(reader) => reader.answer(service, request).await?.map(Either::Right),
                    None => {
                        let request = request.map(Either::Left);
                        service.oneshot(request).await?.map(Either::Left)
                    }
                };
                Ok(answer)
            }
        })
    }
}

impl Reader {
    async fn answer<S, B>(
        self,
        service: S,
        request: Request<Incoming>,
    ) -> Result<Response<VerifyBody<B>>, Infallible>
    where
        S: Service<Request<ClientBody>, Response = Response<B>, Error = Infallible> + Clone,
    {
        // An error would mean that the semaphore is closed, and nothing closes it.
        let Ok(permit) = self.permits.acquire_owned().await else {
            return std::future::pending().await;
        };
        let timed = |body| Timed::upload(body, self.time_limit, Arc::new(permit));
        let verified =
            service.map_request(|request: Request<ReadFormBody<_>>| request.map(Either::Right));
        let reading = self.layer.layer(verified);
        reading.oneshot(request.map(timed)).await
    }
}
