//! One request, signed by this crate and by other crates, each through its public API as its
//! documentation shows it.
//!
//! What the API allows to be made once is made once: keys, credentials, settings, lists of
//! components. A crate that signs a time reads the clock for every request. No two do the same
//! work:
//!
//! | | what is under the MAC | work it has that `tower-hmac-auth` does not |
//! |---|---|---|
//! | [`hmac_auth_cached()`] | the date and `Source`, once a second | |
//! | [`hmac_auth_afresh()`] | the date and `Source`, for every request | |
//! | [`add_authorization()`] | nothing: it sets one header that was made before | less: no clock, one header instead of three |
//! | [`httpsig()`] | `@method`, `@authority`, the time, the key's id | the key is put into the MAC anew; structured fields; two headers |
//! | [`reqsign_tencent_cos()`] | method, path, query, all headers | sorts and escapes headers and query; two HMACs and a hash; works on a copy |
//! | [`reqsign_aws_v4()`] | method, path, query, all headers, host | sorts and escapes; five HMACs, as the key is derived anew, and a hash; works on a copy |
//! | [`aws_sigv4()`] | method, path, query, most headers, host, body | as before, and the hash of the empty body |
//!
//! The last three sign more than `tower-hmac-auth` does by default, which is part of their cost.
//! What is compared is the time that one request takes in a client that has to use that scheme.

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, Ready, poll_fn, ready},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use aws_smithy_runtime_api::client::identity::Identity;
use http::HeaderValue;
use httpsig_hyper::{
    MessageSignatureReq,
    prelude::{
        AlgorithmName, HttpSignatureParams, SharedKey, message_component::HttpMessageComponentId,
    },
};
use reqsign_core::{ProvideCredential, SignRequest, SigningCredential};
use tower_hmac_auth::{
    KeyPair, SignLayer, Signer,
    clock::{Clock as _, SystemClock},
};
use tower_http::auth::AddAuthorizationLayer;
use tower_layer::Layer;
use tower_service::Service;

/// A request with an empty body of a type that every crate accepts.
pub type Request = http::Request<String>;
type Response = http::Response<Request>;

/// The key id of Tencent Cloud's documentation, used with every crate.
const KEY_ID: &str = "AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj548pN";
const SECRET_KEY: &str = "ZxF2whO0RhuwnVCj5JMMAuqcDcN2oPrC";
/// `SECRET_KEY` in base64, for `httpsig`.
const SECRET_KEY_BASE64: &str = "WnhGMndoTzBSaHV3blZDajVKTU1BdXFjRGNOMm9QckM=";
const REGION: &str = "ap-guangzhou";
const SERVICE: &str = "execute-api";

/// Returns the request to sign, with six headers that clients usually send.
pub fn request() -> Request {
    http::Request::get(
        "https://service-1234.ap-guangzhou.apigateway.myqcloud.com/release/orders?page=2",
    )
    .header("accept", "application/json")
    .header("accept-encoding", "gzip, br")
    .header("accept-language", "en")
    .header("content-type", "application/json")
    .header("user-agent", "orders/1.4.2")
    .header("x-request-id", "7b0f0b0e-6a7c-4b1e-9d2c-1f4f7c1f5a11")
    .body(String::new())
    .unwrap()
}

/// Signs with `SignLayer`, which computes one signature for each second and thread.
pub fn hmac_auth_cached() -> impl FnMut(Request) -> Request {
    through(sign_layer())
}

/// Signs with `SignLayer` and a clock that is a second later at every call, so that no cached
/// signature applies.
pub fn hmac_auth_afresh() -> impl FnMut(Request) -> Request {
    let calls = Rc::new(Cell::new(0));
    through(sign_layer().clock(move || {
        calls.set(calls.get() + 1);
        SystemClock.now() + Duration::from_secs(calls.get())
    }))
}

fn sign_layer() -> SignLayer {
    let keys = KeyPair::new(KEY_ID, SECRET_KEY).unwrap();
    let signer = Signer::builder(keys)
        .source(HeaderValue::from_static("billing"))
        .build()
        .unwrap();
    SignLayer::new(signer)
}

/// Sets a fixed token with tower-http's layer: no time, no MAC.
pub fn add_authorization() -> impl FnMut(Request) -> Request {
    through(AddAuthorizationLayer::bearer(SECRET_KEY).as_sensitive(true))
}

/// Signs by RFC 9421 with HMAC-SHA256. The parameters are made once; only the time is set for each
/// request.
pub fn httpsig() -> impl FnMut(Request) -> Request {
    let key = SharedKey::from_base64(&AlgorithmName::HmacSha256, SECRET_KEY_BASE64).unwrap();
    let components =
        ["@method", "@authority"].map(|name| HttpMessageComponentId::try_from(name).unwrap());
    let mut params = HttpSignatureParams::try_new(&components).unwrap();
    params.set_keyid(KEY_ID).set_alg(&AlgorithmName::HmacSha256);
    move |mut request| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        params.set_created(now.as_secs());
        at_once(request.set_message_signature(&params, &key, None)).unwrap();
        request
    }
}

/// Signs for Tencent Cloud's object storage, whose scheme is the closest to the API gateway's.
pub fn reqsign_tencent_cos() -> impl FnMut(Request) -> Request {
    use reqsign_tencent_cos::{RequestSigner, StaticCredentialProvider};
    reqsign(
        StaticCredentialProvider::new(KEY_ID, SECRET_KEY),
        RequestSigner::new(),
    )
}

/// Signs by AWS Signature Version 4, with the crates around Apache OpenDAL. The body is not signed.
pub fn reqsign_aws_v4() -> impl FnMut(Request) -> Request {
    use reqsign_aws_v4::{RequestSigner, StaticCredentialProvider};
    reqsign(
        StaticCredentialProvider::new(KEY_ID, SECRET_KEY),
        RequestSigner::new(SERVICE, REGION),
    )
}

fn reqsign<C: SigningCredential>(
    provider: impl ProvideCredential<Credential = C>,
    signer: impl SignRequest<Credential = C>,
) -> impl FnMut(Request) -> Request {
    let signer = reqsign_core::Signer::new(reqsign_core::Context::new(), provider, signer);
    move |request| {
        let (mut head, body) = request.into_parts();
        at_once(signer.sign(&mut head, None)).unwrap();
        Request::from_parts(head, body)
    }
}

/// Signs by AWS Signature Version 4, with the AWS SDK. The time is one of the parameters, so they
/// are made for each request.
pub fn aws_sigv4() -> impl FnMut(Request) -> Request {
    let identity = Identity::from(Credentials::from_keys(KEY_ID, SECRET_KEY, None));
    let settings = SigningSettings::default();
    move |mut request| {
        let params = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(settings.clone())
            .build()
            .unwrap()
            .into();
        let headers = request.headers().iter();
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())),
            SignableBody::Bytes(request.body().as_bytes()),
        );
        let signed = aws_sigv4::http_request::sign(signable.unwrap(), &params);
        let (instructions, _signature) = signed.unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }
}

/// Stands in for the client. It is always ready, and returns the request, so that dropping it is
/// not measured.
struct HandBack;

impl Service<Request> for HandBack {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        ready(Ok(Response::new(request)))
    }
}

fn through<L>(layer: L) -> impl FnMut(Request) -> Request
where
    L: Layer<HandBack, Service: Service<Request, Response = Response, Error = Infallible>>,
{
    let mut service = layer.layer(HandBack);
    move |request| {
        let Ok(()) = at_once(poll_fn(|context| service.poll_ready(context)));
        let Ok(response) = at_once(service.call(request));
        response.into_body()
    }
}

/// Polls once, as nothing here has to wait.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("signing is not ready at the first poll"),
    }
}
