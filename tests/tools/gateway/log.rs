//! A log that is not read, or not fast enough.

use http::{Request, StatusCode, Version};
use http_body_util::BodyExt;

use super::harness::{Body, Gateway, command_with_keys, no_body, within};
use crate::common::loopback::client;

/// More lines than a pipe and the gateway's queue hold.
const REQUESTS: u64 = 3000;

async fn with_full_log() -> Gateway {
    let gateway = Gateway::with_unread_log(command_with_keys()).await;
    let client = client::<Body>(Version::HTTP_11);
    for _ in 0..REQUESTS {
        let request = Request::get(gateway.url("/unsigned")).body(no_body());
        let response = within(client.request(request.unwrap())).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        within(response.into_body().collect()).await.unwrap();
    }
    gateway
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_neither_the_answers_nor_the_end() {
    let mut gateway = with_full_log().await;
    gateway.signal("-TERM").await;
    let status = within(gateway.child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn lines_that_were_dropped_are_counted_in_the_log() {
    let mut gateway = with_full_log().await;
    let mut log = gateway.unread_log();
    let (mut written, mut dropped) = (0, 0);
    while written + dropped < REQUESTS {
        let line = within(log.next_line()).await.unwrap().unwrap();
        match line.strip_prefix("log: lines dropped: ") {
            Some(count) => dropped += count.parse::<u64>().unwrap(),
            None => written += u64::from(line.starts_with("GET /unsigned 401 ")),
        }
    }
    assert_eq!(written + dropped, REQUESTS);
    assert!(dropped > 0);
    gateway.signal("-TERM").await;
    let last = within(log.next_line()).await.unwrap().unwrap();
    assert!(last.starts_with("ending: open connections: "), "{last}");
}
