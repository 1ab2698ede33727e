//! Reads forms before they are verified, for schemes that sign their parameters.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Extensions, Request, Response, header::CONTENT_TYPE};
use http_body::Body;
use http_body_util::Either;
use hyper::body::Incoming;
use tokio::{sync::Semaphore, time::timeout};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    Rejection, RequestHead, Scheme, Verifier,
    digest::{ReadFormBody, ReadFormLayer},
    scheme::FormParameters,
    verify::{KeyLookup, KeyStore as _, SharedKeys, VerifierSet, VerifyBody},
};

use super::{
    answer::{Answer, AnswerBody, busy, too_slow},
    arguments::Arguments,
    refusals::{ClaimedKeyId, Refusals},
    timed::Timed,
};
use crate::support;

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 64 * 1024;

/// A client's body: as it arrives, or a form that was read.
pub(crate) type ClientBody = Either<Incoming, ReadFormBody<Timed<Incoming>>>;

/// The body of an answer: the inner service's, a refusal's, or the gateway's own text.
type FormAnswerBody<B> = Either<B, Either<VerifyBody<B>, AnswerBody>>;

/// What reads forms, if a scheme signs them.
#[derive(Clone)]
pub(crate) struct Forms(Option<Arc<Reader>>);

struct Reader {
    layer: ReadFormLayer<Refusals>,
    verifiers: VerifierSet,
    keys: SharedKeys,
    /// With `--hide-reason`, whether a form is read must not tell which key ids exist.
    hides_key_ids: bool,
    /// Limits how many forms are read at a time. Their clients are not verified yet, so they must
    /// not use up the permits of valid requests.
    permits: Arc<Semaphore>,
    /// How long a form may wait for a permit, and how long its client may then take.
    time_limit: Duration,
}

impl Forms {
    pub(crate) fn of(
        arguments: &Arguments,
        verifiers: &VerifierSet,
        keys: &SharedKeys,
        refusals: &Refusals,
    ) -> Self {
        let is_needed = verifiers.verifiers().any(signs_forms);
        let reader = || Reader {
            layer: ReadFormLayer::new(MAX_FORM).refuse(refusals.clone()),
            verifiers: verifiers.clone(),
            keys: keys.clone(),
            hides_key_ids: arguments.hide_reason,
            permits: Arc::new(Semaphore::new(arguments.max_in_flight())),
            time_limit: arguments.body_timeout,
        };
        Self(is_needed.then(|| Arc::new(reader())))
    }

    /// Returns a service that reads a form before it calls `service`.
    pub(crate) fn before<S, B>(
        self,
        service: S,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<FormAnswerBody<B>>,
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
            let is_form = support::is_form(request.headers().get(CONTENT_TYPE));
            let reader = self.0.clone().filter(|_| is_form);
            let service = service.clone();
            async move {
                match reader {
                    Some(reader) => reader.answer(service, request).await,
                    None => pass_on(service, request.map(Either::Left)).await,
                }
            }
        })
    }
}

impl Reader {
    async fn answer<S, B>(
        &self,
        service: S,
        request: Request<Incoming>,
    ) -> Result<Response<FormAnswerBody<B>>, Infallible>
    where
        S: Service<Request<ClientBody>, Response = Response<B>, Error = Infallible> + Clone,
    {
        let verifier = self.verifiers.choose(&request);
        if !signs_forms(verifier) {
            return pass_on(service, request.map(Either::Left)).await;
        }
        let Some(key_id) = self.claimed_key_id(verifier, &request) else {
            return pass_on(service, without_form(request)).await;
        };
        // An error is the timeout's, as nothing closes the semaphore.
        let permit = Arc::clone(&self.permits).acquire_owned();
        let Ok(Ok(permit)) = timeout(self.time_limit, permit).await else {
            let mut answer = busy();
            let extensions = answer.extensions_mut();
            extensions.insert(Rejection::BodyUnreadable);
            extensions.insert(ClaimedKeyId(key_id));
            return Ok(own(answer));
        };
        let (head, body) = request.into_parts();
        let body = Timed::upload(body, self.time_limit, Arc::new(permit));
        let taker = body.taker();
        let request = Request::from_parts(head, body);
        let verified =
            service.map_request(|request: Request<ReadFormBody<_>>| request.map(Either::Right));
        let layer = self.layer.clone().scheme(verifier.scheme());
        let refused_or_verified = layer.layer(verified).oneshot(request).await?;
        let Some(error) = taker.too_slow() else {
            return Ok(refused_or_verified.map(|body| Either::Right(Either::Left(body))));
        };
        // `ReadFormLayer` sees an error like any other, and answers that the body broke off.
        let mut answer = too_slow(error.to_string());
        let refused = refused_or_verified.into_parts().0.extensions;
        answer.extensions_mut().extend(refused);
        Ok(own(answer))
    }

    /// Returns the key id that a form's credentials name, or `None` if the head alone decides that
    /// the request is refused, whatever the form has.
    fn claimed_key_id(&self, verifier: &Verifier, request: &Request<Incoming>) -> Option<String> {
        let mut extensions = Extensions::new();
        extensions.insert(no_parameters());
        let (method, uri) = (request.method(), request.uri());
        let head = RequestHead::new(method, uri, request.version(), request.headers())
            .with_extensions(&extensions);
        let credentials = verifier.read(head, SystemTime::now()).ok()?;
        let key_id = credentials.key_id();
        let is_known =
            self.hides_key_ids || !matches!(self.keys.lookup(key_id, head), KeyLookup::Unknown);
        is_known.then(|| key_id.to_owned())
    }
}

/// Returns whether the verifier's scheme signs the parameters of forms.
fn signs_forms(verifier: &Verifier) -> bool {
    verifier.scheme().nearest() == Scheme::TencentApp
}

async fn pass_on<S, B>(
    service: S,
    request: Request<ClientBody>,
) -> Result<Response<FormAnswerBody<B>>, Infallible>
where
    S: Service<Request<ClientBody>, Response = Response<B>, Error = Infallible>,
{
    Ok(service.oneshot(request).await?.map(Either::Left))
}

/// Puts an empty form in place of one that is not read, so that `VerifyLayer` finds what else is
/// wrong with the request.
///
/// The body is empty, too: if the request were accepted after all, because its key was added in
/// between, the upstream would get nothing that is not signed.
fn without_form(request: Request<Incoming>) -> Request<ClientBody> {
    let mut request = request.map(|_unread| Either::Right(ReadFormBody::default()));
    request.extensions_mut().insert(no_parameters());
    request
}

fn no_parameters() -> FormParameters {
    FormParameters::new(Bytes::new())
}

fn own<B>(answer: Answer) -> Response<FormAnswerBody<B>> {
    answer.map(|body| Either::Right(Either::Right(body)))
}
