//! Headers with two spellings: names such as `x_tenant` and `x-tenant`, hosts with and without a
//! port, and cookies on several lines.

use super::{
    harness::{Gateway, Upstream, read_head, signed_head, values},
    headers::{OK, passed_on},
};

#[tokio::test]
async fn a_host_that_was_signed_reaches_the_upstream_as_it_was_signed() {
    for (target, host) in [("https://a:443/", "a"), ("https://a/", "a:443")] {
        let line = format!("GET {target} HTTP/1.1");
        let head = passed_on(&line, &[&format!("Host: {host}")]).await;
        assert_eq!(values(&head, "host"), [host], "{head}");
    }
}

#[tokio::test]
async fn cookies_of_several_lines_reach_the_upstream_in_one() {
    let lines = ["Host: a", "Cookie: a=1", "Cookie: b=2; c=3"];
    let head = passed_on("GET / HTTP/1.1", &lines).await;
    assert_eq!(values(&head, "cookie"), ["a=1; b=2; c=3"], "{head}");
}

#[tokio::test]
async fn a_header_spelled_almost_as_a_signed_one_is_refused() {
    let (upstream, mut heads) = Upstream::raw(OK).await;
    let mut gateway = Gateway::before(upstream.address).await;
    for (lines, name) in [
        (["Host: a", "X_Date: forged"], "x_date"),
        (["Host: a", "x.date: forged"], "x.date"),
    ] {
        let mut stream = gateway.connect(signed_head("GET / HTTP/1.1", &lines)).await;
        let answer = read_head(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        let logged = gateway.log_line().await;
        let why = format!("wrong=\"a header is spelled almost as a signed one: {name}\"");
        assert!(logged.contains(&why), "{logged}");
    }
    assert!(heads.try_recv().is_err(), "nothing was passed on");
}
