//! reqwest's client in front of a real server on loopback: as a Tower service and in a chain of
//! reqwest-middleware.

mod composed;
mod digest;
mod direct;
mod hosts;
mod middleware;
mod query;
mod redirects;
mod request_id;
mod server;
mod unsigned;

use http::HeaderValue;
use reqwest::{ClientBuilder, Request, Response, Url};
use tower::{BoxError, Service, ServiceExt};
use tower_hmac_auth::{SignLayer, Signer, clock::ManualClock, sign::SignerBuilder};

use crate::common::{FRIDAY, at, keys};

/// Signs with the key the servers know.
fn signer() -> SignerBuilder {
    Signer::builder(keys()).source(HeaderValue::from_static("billing"))
}

/// Signs by a clock that stands still.
fn layer_of(signer: SignerBuilder) -> SignLayer<ManualClock> {
    SignLayer::new(signer.build().unwrap()).clock(ManualClock::at(at(FRIDAY)))
}

/// Signs with the key the servers know, by a clock that stands still.
fn layer() -> SignLayer<ManualClock> {
    layer_of(signer())
}

/// No proxy of the environment's between the client and loopback.
fn builder() -> ClientBuilder {
    reqwest::Client::builder().no_proxy()
}

/// Each with the name of its protocol.
fn builders() -> [(&'static str, ClientBuilder); 2] {
    [
        ("HTTP/1.1", builder().http1_only()),
        ("h2c", builder().http2_prior_knowledge()),
    ]
}

fn get(url: impl AsRef<str>) -> Request {
    Request::new(reqwest::Method::GET, Url::parse(url.as_ref()).unwrap())
}

/// What is answered: status and body.
async fn send<S>(service: S, request: Request) -> (u16, String)
where
    S: Service<Request, Response = Response>,
    S::Error: Into<BoxError>,
{
    let response = service.oneshot(request).await.map_err(Into::into).unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}
