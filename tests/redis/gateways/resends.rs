//! nginx sends a request again by itself.

use http::{Method, StatusCode};

use super::{Setup, client::ANY, upstream::HELD};
use crate::old_server;

/// Sends a request that the first gateway does not answer in nginx's time.
async fn unanswered(method: Method, next_upstream: &str) -> (StatusCode, [u64; 2]) {
    let redis = old_server().await;
    let arguments = ["--redis", &redis.url(), "--redis-timeout", "60"];
    let settings = format!("{next_upstream} proxy_read_timeout 1s;");
    let setup = Setup::start(&arguments, &settings).await;
    let clients = setup.clients();
    let signed = clients.sign(method, HELD);
    let status = clients.send(&signed, ANY).await;
    assert_eq!(setup.upstream.times(signed.nonce()), 1);
    (
        status,
        [setup.claims("new").await, setup.claims("seen").await],
    )
}

#[tokio::test]
async fn a_request_that_nginx_sends_again_is_refused_as_a_replay() {
    let all = "proxy_next_upstream error timeout non_idempotent;";
    let refused = (StatusCode::UNAUTHORIZED, [1, 1]);
    assert_eq!(unanswered(Method::POST, all).await, refused);
    // nginx does so without a setting, if the method is idempotent.
    assert_eq!(unanswered(Method::GET, "").await, refused);
}

#[tokio::test]
async fn without_resending_the_client_sees_that_there_was_no_answer() {
    let timed_out = (StatusCode::GATEWAY_TIMEOUT, [1, 0]);
    let off = "proxy_next_upstream off;";
    assert_eq!(unanswered(Method::GET, off).await, timed_out);
    assert_eq!(unanswered(Method::POST, "").await, timed_out);
}
