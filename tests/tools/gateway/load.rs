//! More requests than the gateway serves at a time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use http::{Request, Response, StatusCode, Version, header};
use http_body_util::BodyExt;
use tokio::{
    io::AsyncReadExt,
    sync::{Semaphore, mpsc},
    task::JoinSet,
};
use tower::{Layer, ServiceExt};
use tower_hmac_auth::SignLayer;

use super::harness::{
    Body, Gateway, Upstream, body, channel, no_body, send, send_unsigned, text, within,
};
use crate::common::{keys, loopback::client};

const CLIENTS: usize = 5;
const STREAMS: usize = 200;
const MAX_IN_FLIGHT: usize = 64;

/// The statuses of 200 requests on one connection of HTTP/2 of each of five clients, sent as they
/// arrive.
fn flood(gateway: &Gateway) -> (JoinSet<()>, mpsc::UnboundedReceiver<StatusCode>) {
    let (answered, answers) = mpsc::unbounded_channel();
    let mut requests = JoinSet::new();
    for _ in 0..CLIENTS {
        let client = SignLayer::new(keys()).layer(client::<Body>(Version::HTTP_2));
        for _ in 0..STREAMS {
            let request = Request::get(gateway.url("/")).body(no_body()).unwrap();
            let (client, answered) = (client.clone(), answered.clone());
            requests.spawn(async move {
                let response = client.oneshot(request).await.unwrap();
                let status = response.status();
                response.into_body().collect().await.unwrap();
                answered.send(status).unwrap();
            });
        }
    }
    (requests, answers)
}

#[tokio::test]
async fn upstream_sockets_are_bounded_whatever_http_2_clients_open() {
    let may_answer = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&may_answer);
    let upstream = Upstream::start(move |_| {
        let gate = Arc::clone(&gate);
        async move {
            let _open = gate.acquire().await;
            Response::new(body("done"))
        }
    })
    .await;
    let address = format!("http://{}", upstream.address);
    let in_flight = MAX_IN_FLIGHT.to_string();
    let gateway = Gateway::start(&["--upstream", &address, "--max-in-flight", &in_flight]).await;

    let (held, mut answers) = flood(&gateway);
    for _ in MAX_IN_FLIGHT..CLIENTS * STREAMS {
        let status = within(answers.recv()).await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    may_answer.close();
    for _ in 0..MAX_IN_FLIGHT {
        assert_eq!(within(answers.recv()).await.unwrap(), StatusCode::OK);
    }
    within(held.join_all()).await;

    // Connections that are used again and again.
    let (quick, mut answers) = flood(&gateway);
    within(quick.join_all()).await;
    for _ in 0..CLIENTS * STREAMS {
        let status = answers.recv().await.unwrap();
        assert!(
            matches!(status, StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE),
            "{status}"
        );
    }
    let most = upstream.most_connections.load(SeqCst);
    assert!(most <= MAX_IN_FLIGHT, "{most} sockets were open");
}

#[tokio::test]
async fn one_request_at_a_time_takes_one_upstream_socket() {
    let upstream = Upstream::start(|_| async { Response::new(body(vec![0; 1 << 16])) }).await;
    let address = format!("http://{}", upstream.address);
    let gateway = Gateway::start(&["--upstream", &address, "--max-in-flight", "1"]).await;
    for _ in 0..5 {
        let (requests, _answers) = flood(&gateway);
        within(requests.join_all()).await;
    }
    assert_eq!(upstream.most_connections.load(SeqCst), 1);
}

#[tokio::test]
async fn a_request_is_in_flight_until_the_end_of_its_answer() {
    let (senders, mut answers) = mpsc::unbounded_channel();
    let first = Arc::new(AtomicUsize::new(0));
    let upstream = Upstream::start(move |_| {
        let (sender, streamed) = channel();
        let is_first = first.fetch_add(1, SeqCst) == 0;
        senders.send(sender).unwrap();
        async move { Response::new(if is_first { streamed } else { body("done") }) }
    })
    .await;
    let address = format!("http://{}", upstream.address);
    let mut gateway = Gateway::start(&["--upstream", &address, "--max-in-flight", "1"]).await;
    let get = || Request::get(gateway.url("/")).body(no_body()).unwrap();
    let streamed = send(&keys(), get()).await.unwrap();
    assert_eq!(streamed.status(), StatusCode::OK);
    let sender = within(answers.recv()).await.unwrap();

    let busy = send(&keys(), get()).await.unwrap();
    assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(busy.headers()[header::RETRY_AFTER], "1");
    assert_eq!(
        text(busy.into_body()).await,
        r#"{"message":"too many requests are in flight"}"#
    );
    // Unsigned requests take no place, and need none.
    let refused = send_unsigned(get()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);

    drop(sender);
    assert_eq!(text(streamed.into_body()).await, "");
    // Its line in the log is written when its place is free.
    while !gateway.log_line().await.starts_with("GET / 200 ") {}
    let answer = gateway.get("/").await;
    assert_eq!(answer, (StatusCode::OK, "done".to_owned()));
}

#[tokio::test]
async fn http_2_clients_learn_how_many_streams_they_may_open() {
    const MAX_CONCURRENT_STREAMS: [u8; 2] = [0, 3];
    let gateway = Gateway::start(&["--max-streams", "7"]).await;
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut stream = gateway.connect(preface).await;
    // RFC 9113: a frame's header (4.1), then settings of two bytes for the name and four for the
    // value (6.5.1).
    let mut header = [0; 9];
    within(stream.read_exact(&mut header)).await.unwrap();
    assert_eq!(header[3], 4, "it is no SETTINGS frame");
    let mut settings = vec![0; usize::from(header[2])];
    within(stream.read_exact(&mut settings)).await.unwrap();
    let setting = settings
        .chunks(6)
        .find(|setting| setting[..2] == MAX_CONCURRENT_STREAMS);
    assert_eq!(setting.unwrap()[2..], [0, 0, 0, 7]);
}
