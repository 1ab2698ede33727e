//! How the gateway ends.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode, Version};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};

use super::harness::{
    Gateway, Upstream, body, no_body, read_head, send, signed_head, text, within,
};
use crate::common::keys;

/// A gateway with a request in flight, which ends when the semaphore lets it.
pub(super) struct InFlight {
    pub(super) gateway: Gateway,
    pub(super) answer: JoinHandle<(StatusCode, String)>,
    pub(super) may_answer: Arc<Semaphore>,
    pub(super) _upstream: Upstream,
}

async fn in_flight(version: Version) -> InFlight {
    in_flight_with(version, &[]).await
}

pub(super) async fn in_flight_with(version: Version, arguments: &[&str]) -> InFlight {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let may_answer = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&may_answer);
    let upstream = Upstream::start(move |_| {
        let (arrived, gate) = (arrived.clone(), Arc::clone(&gate));
        async move {
            arrived.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            Response::new(body("finished"))
        }
    })
    .await;
    let url = format!("http://{}", upstream.address);
    let gateway = Gateway::start(&[&["--upstream", &url], arguments].concat()).await;
    let request = Request::get(gateway.url("/")).version(version);
    let request = request.body(no_body()).unwrap();
    let answer = tokio::spawn(async move {
        let response = send(&keys(), request).await.unwrap();
        (response.status(), text(response.into_body()).await)
    });
    within(arrivals.recv()).await.unwrap();
    InFlight {
        gateway,
        answer,
        may_answer,
        _upstream: upstream,
    }
}

#[tokio::test]
async fn a_signal_lets_what_is_in_flight_finish_and_the_status_is_0() {
    for (signal, version) in [
        ("-TERM", Version::HTTP_11),
        ("-TERM", Version::HTTP_2),
        ("-INT", Version::HTTP_11),
    ] {
        let InFlight {
            mut gateway,
            answer,
            may_answer,
            _upstream,
        } = in_flight(version).await;
        gateway.signal(signal).await;
        assert_eq!(gateway.log_line().await, "ending: open connections: 1");
        let refused = within(TcpStream::connect(gateway.address)).await;
        assert!(refused.is_err(), "it still listens");
        may_answer.add_permits(1);
        let answer = within(answer).await.unwrap();
        assert_eq!(answer, (StatusCode::OK, "finished".to_owned()));
        let status = within(gateway.child.wait()).await.unwrap();
        assert_eq!(status.code(), Some(0), "{signal} {version:?}");
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let InFlight {
        mut gateway,
        answer,
        _upstream,
        ..
    } = in_flight(Version::HTTP_11).await;
    gateway.signal("-TERM").await;
    assert_eq!(gateway.log_line().await, "ending: open connections: 1");
    gateway.signal("-TERM").await;
    let status = within(gateway.child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(within(answer).await.is_err(), "it was answered");
}

#[tokio::test]
async fn a_signal_to_an_idle_gateway_ends_it() {
    let mut gateway = Gateway::start(&[]).await;
    let _idle = gateway.connect("").await;
    gateway.get("/").await;
    gateway.signal("-TERM").await;
    let status = within(gateway.child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_signal_closes_an_idle_connection_that_was_answered_without_lingering() {
    let mut gateway = Gateway::start(&[]).await;
    let mut idle = gateway
        .connect(signed_head("GET / HTTP/1.1", &["Host: a"]))
        .await;
    let answer = read_head(&mut idle).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // That it is idle shows only in that nothing happens.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let signalled = Instant::now();
    gateway.signal("-TERM").await;
    let status = within(gateway.child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    // A client that was just answered has 5 seconds.
    assert!(signalled.elapsed() < Duration::from_secs(3));
}
