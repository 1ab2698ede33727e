//! `DrainLayer`: an answer that is given before the request's body was read reaches a client that
//! is still sending it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{pending, ready},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty, Full};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, mpsc},
};
use tokio_test::{assert_pending, assert_ready, task};
use tower::{BoxError, Layer as _, ServiceBuilder, ServiceExt as _, service_fn};
use tower_hmac_auth::{
    StaticKeys, VerifyLayer,
    verify::{DrainBody, DrainLayer, DrainTask},
};

use crate::common::keys;
use crate::common::loopback::client;
use crate::common::raw_server::{Answer, RawServer};

const MIB: usize = 1024 * 1024;

/// Drains 32 MiB without a limit of time.
fn draining() -> DrainLayer {
    DrainLayer::new(32 * MIB as u64, pending, tokio::spawn)
}

fn verifying() -> VerifyLayer<StaticKeys> {
    VerifyLayer::new(StaticKeys::from(keys()))
}

/// Timers that are over when the test says so.
fn notified(over: &Arc<Notify>) -> impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + use<> {
    let over = Arc::clone(over);
    move || {
        let over = Arc::clone(&over);
        Box::pin(async move { over.notified().await })
    }
}

async fn serve(drain: DrainLayer) -> RawServer {
    RawServer::start(ServiceBuilder::new().layer(drain).layer(verifying())).await
}

fn head(fields: &str) -> Vec<u8> {
    format!("POST /a HTTP/1.1\r\nhost: a\r\n{fields}\r\n").into_bytes()
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("HMAC signature"), "{}", answer.body);
}

/// Reads one answer with a `Content-Length`, and leaves the connection as it is.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let len = lines.find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == len.expect("a length").parse::<usize>().unwrap() {
                return text.into_owned();
            }
        }
        let byte = stream.read_u8().await.expect("an answer");
        read.push(byte);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_a_whole_upload_before_it_reads_gets_the_refusal_each_time() {
    let server = serve(draining()).await;
    for len in [5 * MIB, 20 * MIB] {
        let mut known = head(&format!("content-length: {len}\r\nconnection: close\r\n"));
        known.resize(known.len() + len, b'a');

        let mut chunked = head("transfer-encoding: chunked\r\nconnection: close\r\n");
        for _ in 0..len / MIB {
            chunked.extend_from_slice(format!("{MIB:x}\r\n").as_bytes());
            chunked.resize(chunked.len() + MIB, b'a');
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");

        for upload in [known, chunked] {
            for _ in 0..10 {
                assert_refused(&server.exchange(&upload).await);
            }
        }
    }
}

#[tokio::test]
async fn after_a_refused_upload_the_connection_takes_the_next_request() {
    let server = serve(draining()).await;
    let mut upload = head(&format!("content-length: {}\r\n", 5 * MIB));
    upload.resize(upload.len() + 5 * MIB, b'a');
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(&upload).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(!answer.contains("connection:"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_reads_meanwhile_has_the_whole_answer_before_it_has_sent_the_rest() {
    let server = serve(draining()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let fields = format!("content-length: {}\r\n", 5 * MIB);
    stream.write_all(&head(&fields)).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    // It may send the rest all the same, and a request after it.
    stream.write_all(&vec![b'a'; 5 * MIB]).await.unwrap();
    stream.write_all(&head("")).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn when_the_time_is_over_the_connection_is_closed() {
    let over = Arc::new(Notify::new());
    let timer = notified(&over);
    let (ended, mut ends) = mpsc::unbounded_channel();
    let spawn = move |task: DrainTask| {
        let ended = ended.clone();
        tokio::spawn(async move {
            task.await;
            ended.send(()).unwrap();
        })
    };
    let server = serve(DrainLayer::new(32 * MIB as u64, timer, spawn)).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let fields = format!("content-length: {}\r\n", 5 * MIB);
    stream.write_all(&head(&fields)).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");

    assert_eq!(ends.try_recv(), Err(mpsc::error::TryRecvError::Empty));

    over.notify_one();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
    assert_eq!(ends.recv().await, Some(()));
}

#[tokio::test]
async fn an_upload_that_announces_more_than_is_drained_is_answered_with_connection_close() {
    let server = serve(DrainLayer::new(MIB as u64, pending, tokio::spawn)).await;
    for (len, closes) in [(MIB, false), (MIB + 1, true), (5 * MIB, true)] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let fields = format!("content-length: {len}\r\n");
        stream.write_all(&head(&fields)).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert_eq!(answer.contains("connection: close"), closes, "{answer}");
        if closes {
            // The server closes it by itself, with or without a reset, though the client does not.
            let _closed = stream.write_all(&vec![b'a'; len]).await;
            let mut rest = Vec::new();
            let _closed = stream.read_to_end(&mut rest).await;
            assert_eq!(rest, b"");
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_not_invited_to_send() {
    let (started, mut tasks) = mpsc::unbounded_channel();
    let spawn = move |task: DrainTask| started.send(task).unwrap();
    let server = serve(DrainLayer::new(32 * MIB as u64, pending, spawn)).await;
    let upload = head(&format!(
        "content-length: {MIB}\r\nexpect: 100-continue\r\n"
    ));
    // hyper closes the connection after it, as the body may be on its way or not.
    assert_refused(&server.exchange(&upload).await);
    assert!(tasks.try_recv().is_err());
}

#[tokio::test]
async fn on_http_2_a_refusal_of_an_upload_needs_no_draining() {
    let (started, mut tasks) = mpsc::unbounded_channel();
    let spawn = move |task: DrainTask| started.send(task).unwrap();
    let server = serve(DrainLayer::new(32 * MIB as u64, pending, spawn)).await;
    let client = client(Version::HTTP_2);
    for _ in 0..10 {
        let request = Request::post(format!("http://{}/a", server.address));
        let body = Full::new(Bytes::from(vec![b'a'; 5 * MIB]));
        let answer = client.request(request.body(body).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    assert!(tasks.try_recv().is_err());
}

/// What is left of a body in these tests: whoever reads or drops it is seen.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    frames: VecDeque<Bytes>,
    is_endless: bool,
    read: usize,
    is_dropped: bool,
}

struct WatchedBody(Watched);

impl Watched {
    fn body(frames: &[&'static str]) -> (WatchedBody, Self) {
        let watched = Self::default();
        watched.0.lock().unwrap().frames = frames.iter().map(|frame| (*frame).into()).collect();
        (WatchedBody(watched.clone()), watched)
    }

    fn read(&self) -> usize {
        self.0.lock().unwrap().read
    }

    fn is_dropped(&self) -> bool {
        self.0.lock().unwrap().is_dropped
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().is_dropped = true;
    }
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut state = self.0.0.lock().unwrap();
        let data = match state.frames.pop_front() {
            Some(data) => data,
            None if state.is_endless => "endless".into(),
            None => return Poll::Ready(None),
        };
        state.read += data.len();
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A drain layer that hands out its tasks, for the test to run.
fn by_hand(
    max_bytes: u64,
    timer: &Arc<Notify>,
) -> (DrainLayer, mpsc::UnboundedReceiver<DrainTask>) {
    let (started, tasks) = mpsc::unbounded_channel();
    let timer = notified(timer);
    let layer = DrainLayer::new(max_bytes, timer, move |task| started.send(task).unwrap());
    (layer, tasks)
}

fn post(body: WatchedBody) -> Request<WatchedBody> {
    Request::post("/a").body(body).unwrap()
}

/// Answers at once, and drops the request.
async fn answer<B>(_: Request<B>) -> Result<Response<Empty<Bytes>>, Infallible> {
    Ok(Response::new(Empty::<Bytes>::new()))
}

#[tokio::test]
async fn of_a_body_no_more_is_discarded_than_the_bound_of_bytes() {
    for (max_bytes, read) in [(7, 9), (5, 6), (0, 3)] {
        let (layer, mut tasks) = by_hand(max_bytes, &Arc::default());
        let (body, watched) = Watched::body(&["abc", "def", "ghi", "jkl"]);
        let service = layer.layer(service_fn(answer));
        service.oneshot(post(body)).await.unwrap();
        let task = tasks.try_recv().unwrap();
        // Nothing happens where nobody runs it.
        assert_eq!((watched.read(), watched.is_dropped()), (0, false));
        task.await;
        // The frame that passes the bound is the last that is looked at.
        assert_eq!(watched.read(), read);
        assert!(watched.is_dropped());
    }
}

#[tokio::test]
async fn a_body_that_never_ends_gives_way_to_other_tasks_and_to_the_bound_of_time() {
    let over = Arc::new(Notify::new());
    let (layer, mut tasks) = by_hand(u64::MAX, &over);
    let (body, watched) = Watched::body(&[]);
    watched.0.lock().unwrap().is_endless = true;
    let service = layer.layer(service_fn(answer));
    service.oneshot(post(body)).await.unwrap();
    let mut task = task::spawn(tasks.try_recv().unwrap());
    assert_pending!(task.poll());
    assert!(task.is_woken());
    let read = watched.read();
    assert_pending!(task.poll());
    assert!(watched.read() > read);

    over.notify_one();
    assert_ready!(task.poll());
    drop(task);
    assert!(watched.is_dropped());
}

#[tokio::test]
async fn what_the_handler_has_read_itself_is_not_drained() {
    let (layer, mut tasks) = by_hand(100, &Arc::default());
    let handler = service_fn(async |request: Request<DrainBody<WatchedBody>>| {
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, BoxError>(Response::new(Full::new(body)))
    });
    let (body, _) = Watched::body(&["abc", "def"]);
    let answer = layer.layer(handler).oneshot(post(body)).await.unwrap();
    let answer = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "abcdef");
    assert!(tasks.try_recv().is_err());
}

#[tokio::test]
async fn a_body_that_was_begun_is_drained_also_for_a_client_that_waited_for_100_continue() {
    for reads in [false, true] {
        let (layer, mut tasks) = by_hand(100, &Arc::default());
        let handler = service_fn(
            move |mut request: Request<DrainBody<WatchedBody>>| async move {
                if reads {
                    request.body_mut().frame().await.unwrap()?;
                }
                Ok::<_, BoxError>(Response::new(Empty::<Bytes>::new()))
            },
        );
        let (body, watched) = Watched::body(&["abc", "def"]);
        let mut request = post(body);
        let expect = header::HeaderValue::from_static("100-continue");
        request.headers_mut().insert(header::EXPECT, expect);
        layer.layer(handler).oneshot(request).await.unwrap();
        assert_eq!(watched.is_dropped(), !reads);
        assert_eq!(tasks.try_recv().is_ok(), reads);
    }
}

#[tokio::test]
async fn a_body_that_a_task_of_the_handlers_still_reads_is_left_to_it_and_delays_no_answer() {
    let (layer, mut tasks) = by_hand(100, &Arc::default());
    let (keep, mut kept) = mpsc::unbounded_channel();
    let handler = service_fn(move |request: Request<DrainBody<WatchedBody>>| {
        keep.send(request.into_body()).unwrap();
        ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    let (body, _) = Watched::body(&["abc", "def"]);
    layer.layer(handler).oneshot(post(body)).await.unwrap();
    assert!(tasks.try_recv().is_err());
    let body = kept.try_recv().unwrap();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "abcdef");
    assert!(tasks.try_recv().is_err());
}

#[tokio::test]
async fn a_body_that_the_inner_services_future_keeps_is_drained_too() {
    /// Is ready without letting go of the request.
    struct Keeps<R>(R);
    impl<R> Future for Keeps<R> {
        type Output = Result<Response<Empty<Bytes>>, Infallible>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(Ok(Response::new(Empty::<Bytes>::new())))
        }
    }
    let (layer, mut tasks) = by_hand(100, &Arc::default());
    let handler = service_fn(Keeps::<Request<_>>);
    let (body, watched) = Watched::body(&["abc"]);
    layer.layer(handler).oneshot(post(body)).await.unwrap();
    tasks.try_recv().unwrap().await;
    assert_eq!(watched.read(), 3);
}

#[tokio::test]
async fn nothing_is_drained_after_an_error_without_a_body_or_on_http_2() {
    let (layer, mut tasks) = by_hand(100, &Arc::default());

    let failing = service_fn(async |_: Request<DrainBody<WatchedBody>>| {
        Err::<Response<Empty<Bytes>>, BoxError>("no answer".into())
    });
    let (body, watched) = Watched::body(&["abc"]);
    layer.layer(failing).oneshot(post(body)).await.unwrap_err();
    assert!(watched.is_dropped());

    let empty = Request::post("/a").body(Full::<Bytes>::default()).unwrap();
    let service = layer.layer(service_fn(answer));
    service.oneshot(empty).await.unwrap();

    let (body, watched) = Watched::body(&["abc"]);
    let mut request = post(body);
    *request.version_mut() = Version::HTTP_2;
    let service = layer.layer(service_fn(answer));
    service.oneshot(request).await.unwrap();
    assert!(watched.is_dropped());

    assert!(tasks.try_recv().is_err());
}

#[tokio::test]
async fn nothing_is_drained_where_it_would_delay_another_protocol_or_the_end_of_an_answer() {
    let (layer, mut tasks) = by_hand(100, &Arc::default());
    let switching = service_fn(async |_: Request<DrainBody<WatchedBody>>| {
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        Ok::<_, BoxError>(response)
    });
    let (body, watched) = Watched::body(&["abc"]);
    layer.layer(switching).oneshot(post(body)).await.unwrap();
    assert!(watched.is_dropped());

    let (body, watched) = Watched::body(&["abc"]);
    let tunnel = Request::connect("a.example:443").body(body).unwrap();
    layer
        .layer(service_fn(answer))
        .oneshot(tunnel)
        .await
        .unwrap();
    assert!(watched.is_dropped());

    // The end of an HTTP/1.0 answer is that of the connection, unless its length is known.
    let over_1_0 = |body| {
        let mut request = post(body);
        *request.version_mut() = Version::HTTP_10;
        request
    };
    let of_unknown_length = service_fn(async |_: Request<DrainBody<WatchedBody>>| {
        let (body, _) = Watched::body(&["answer"]);
        Ok::<_, BoxError>(Response::new(body))
    });
    let (body, watched) = Watched::body(&["abc"]);
    let service = layer.layer(of_unknown_length);
    service.oneshot(over_1_0(body)).await.unwrap();
    assert!(watched.is_dropped());
    assert!(tasks.try_recv().is_err());

    let (body, _) = Watched::body(&["abc"]);
    let service = layer.layer(service_fn(answer));
    service.oneshot(over_1_0(body)).await.unwrap();
    assert!(tasks.try_recv().is_ok());
}

#[tokio::test]
async fn debug_output_has_the_bound_and_the_inner_service() {
    let (layer, mut tasks) = by_hand(100, &Arc::default());
    assert_eq!(format!("{layer:?}"), "DrainLayer { max_bytes: 100, .. }");
    let service = layer.layer("inner");
    assert_eq!(
        format!("{service:?}"),
        r#"DrainService { inner: "inner", .. }"#
    );
    let (body, _) = Watched::body(&["abc"]);
    let service = layer.layer(service_fn(answer));
    service.oneshot(post(body)).await.unwrap();
    let task = tasks.try_recv().unwrap();
    assert_eq!(format!("{task:?}"), "DrainTask { .. }");
}
