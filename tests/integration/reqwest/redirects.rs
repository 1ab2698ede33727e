//! reqwest follows redirects below every layer: clients made for signing do not.

use reqwest::{ClientBuilder, redirect};
use tower::{Layer, ServiceExt};
use tower_hmac_auth::{error::RedirectFollowed, sign::SignMiddleware};

use super::{builder, builders, get, layer, layer_of, send, server::Server, signer};

/// A gateway that redirects to another host.
async fn servers() -> (Server, Server) {
    let other_host = Server::open().await;
    let target = format!("http://localhost:{}/b?x=1", other_host.address.port());
    (Server::redirecting(target).await, other_host)
}

/// Would follow ten redirects, if it were built as it is.
fn following(builder: ClientBuilder) -> ClientBuilder {
    builder.redirect(redirect::Policy::limited(10))
}

fn with_middleware(builder: ClientBuilder) -> reqwest_middleware::ClientWithMiddleware {
    let plain_client = following(builder).build().unwrap();
    reqwest_middleware::ClientBuilder::new(plain_client)
        .with(SignMiddleware::from(layer()))
        .build()
}

#[tokio::test]
async fn a_client_made_for_signing_does_not_follow() {
    for (protocol, builder) in builders() {
        let (gateway, other_host) = servers().await;
        let client = layer().reqwest_client(following(builder)).unwrap();
        let response = client.oneshot(get(gateway.url("/a"))).await.unwrap();
        assert_eq!(response.status(), 307, "{protocol}");
        assert!(response.headers()["location"].to_str().is_ok());
        assert_eq!(gateway.head().all("authorization").len(), 1);
        assert!(other_host.heads().is_empty(), "{:?}", other_host.heads());
    }
}

#[tokio::test]
async fn a_middleware_client_made_for_signing_does_not_follow() {
    for (protocol, builder) in builders() {
        let (gateway, other_host) = servers().await;
        let client = layer()
            .reqwest_middleware(following(builder), |outer| outer)
            .unwrap();
        let response = client.get(gateway.url("/a")).send().await.unwrap();
        assert_eq!(response.status(), 307, "{protocol}");
        assert_eq!(gateway.head().all("authorization").len(), 1);
        assert!(other_host.heads().is_empty(), "{:?}", other_host.heads());
    }
}

#[tokio::test]
async fn a_redirect_followed_through_the_layer_sends_another_host_nothing() {
    for (protocol, builder) in builders() {
        let (gateway, other_host) = servers().await;
        let layer = layer_of(signer().allowed_hosts([gateway.address.to_string()]));
        let client = layer.reqwest_client(builder).unwrap();
        let request = get(gateway.url("/a"));
        let response = client.clone().oneshot(request).await.unwrap();
        let target = response.headers()["location"].to_str().unwrap();
        let answer = send(client, get(target)).await;
        assert_eq!(answer, (200, "open to all".to_owned()), "{protocol}");
        assert!(other_host.head().has_no_trace_of_signing(), "{protocol}");
        assert_eq!(gateway.head().all("authorization").len(), 1, "{protocol}");
    }
}

#[tokio::test]
async fn a_client_with_reqwests_own_policy_takes_date_and_source_along() {
    // Why the clients above are needed: a layer cannot prevent this.
    let (gateway, other_host) = servers().await;
    let client = layer().layer(builder().build().unwrap());
    assert_eq!(send(client, get(gateway.url("/a"))).await.0, 200);
    let head = other_host.head();
    assert_eq!(head.all("x-date").len(), 1);
    assert_eq!(head.all("source"), ["billing"]);
    assert!(head.all("authorization").is_empty());
}

#[tokio::test]
async fn the_middleware_returns_an_error_for_a_redirect_that_was_followed_to_another_origin() {
    for (protocol, builder) in builders() {
        let (gateway, _other_host) = servers().await;
        let client = with_middleware(builder);
        let request = client.get(gateway.url("/a?token=secret"));
        let reqwest_middleware::Error::Middleware(error) = request.send().await.unwrap_err() else {
            panic!("{protocol}: not of the middleware");
        };
        let error = error.downcast_ref::<RedirectFollowed>().unwrap();
        let expected = format!("a signed request to {} was answered by", gateway.url(""));
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn the_middleware_returns_what_was_answered_by_the_same_origin_or_not_signed() {
    let server = Server::redirecting("/b".to_owned()).await;
    let client = with_middleware(builder());
    let url = format!("http://user@{}/a#part", server.address);
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.url().path(), "/b");

    // From another host to another host.
    let (other_host, other) = servers().await;
    let sign = SignMiddleware::from(layer_of(signer().allowed_hosts(["gateway.example"])));
    let client = reqwest_middleware::ClientBuilder::new(builder().build().unwrap())
        .with(sign)
        .build();
    let response = client.get(other_host.url("/a")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(other.head().has_no_trace_of_signing());
}
