//! Credentials in the query of the URL that reqwest sends.

use tower::Layer as _;
use tower_hmac_auth::{Scheme, Signer, Verifier};

use super::{
    builders, get, layer_of, send,
    server::{Server, greet},
};
use crate::common::{keys, verifying_on_friday};

#[tokio::test]
async fn credentials_in_the_query_are_accepted_and_user_information_is_not_sent() {
    let verifier = Verifier::builder().scheme(Scheme::Iflytek);
    let verifier = verifier.require(["host", "request-line"]).build().unwrap();
    let layer = verifying_on_friday().verifier(verifier);
    for (protocol, builder) in builders() {
        let server = Server::start(layer.layer(tower::service_fn(greet))).await;
        let signer = Signer::builder(keys()).scheme(Scheme::Iflytek);
        let client = layer_of(signer.credentials_in_query(true));
        let client = client.reqwest_client(builder).unwrap();
        let url = format!("http://user@{}/v2/iat?x='%27", server.address);
        let (status, body) = send(client, get(url)).await;
        assert_eq!(status, 200, "{protocol} {body}");
        let head = server.head();
        assert!(head.all("authorization").is_empty() && head.all("date").is_empty());
        let query = head.uri.query().unwrap().to_owned();
        assert!(query.starts_with("x=%27%27&authorization="), "{query}");
    }
}
