//! A key store whose lookups wait for the test.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tower_hmac_auth::{
    RequestHead,
    verify::{AsyncKeyStore, KeyLookup, VerifyingKey},
};

pub(crate) type Found = KeyLookup<Arc<VerifyingKey>>;

/// A lookup that waits for the test's answer; it is closed when the lookup is dropped.
pub(crate) type Asked = (String, oneshot::Sender<Found>);

/// A store that asks the test, with what `question` makes of the key id and the request.
pub(crate) fn asking(
    question: fn(&str, RequestHead<'_>) -> String,
) -> (
    impl AsyncKeyStore<Future: Send> + Send + Sync,
    mpsc::UnboundedReceiver<Asked>,
) {
    let (ask, asked) = mpsc::unbounded_channel();
    let store = move |key_id: &str, head: RequestHead<'_>| {
        let (answer, answered) = oneshot::channel();
        ask.send((question(key_id, head), answer)).unwrap();
        async move { answered.await.unwrap_or(KeyLookup::Unavailable) }
    };
    (store, asked)
}
