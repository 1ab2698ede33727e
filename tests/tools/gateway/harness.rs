//! The gateway, its clients and its upstreams.

use std::{
    convert::Infallible,
    env::{self, consts::EXE_SUFFIX},
    io,
    net::SocketAddr,
    path::PathBuf,
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{
    BodyExt, Empty, Full,
    channel::{Channel, Sender},
    combinators::BoxBody,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{client::legacy::Error, rt::TokioIo};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, Command},
    sync::mpsc,
};
use tower::{ServiceBuilder, ServiceExt};
use tower_hmac_auth::{KeyPair, SignLayer, Signer};

pub(crate) use crate::common::within;
use crate::common::{
    KEY_ID, SECRET, keys,
    loopback::{accept, client},
};

pub(crate) type Body = BoxBody<Bytes, io::Error>;

pub(crate) fn body(data: impl Into<Bytes>) -> Body {
    Full::new(data.into())
        .map_err(|never| match never {})
        .boxed()
}

pub(crate) fn no_body() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// A body, and what sends it.
pub(crate) fn channel() -> (Sender<Bytes, io::Error>, Body) {
    let (sender, body) = Channel::new(1);
    (sender, body.boxed())
}

pub(crate) async fn text(body: Incoming) -> String {
    let body = within(body.collect()).await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// The example's binary, without keys in its environment; it is killed when the child is dropped.
pub(crate) fn command() -> Command {
    let test = env::current_exe().unwrap();
    let profile: PathBuf = test.ancestors().nth(2).unwrap().into();
    let binary = profile.join(format!("examples/gateway{EXE_SUFFIX}"));
    assert!(
        binary.exists(),
        "{} is not there: cargo build --example gateway",
        binary.display()
    );
    let mut command = Command::new(binary);
    command
        .env_remove("HMAC_KEY_ID")
        .env_remove("HMAC_SECRET_KEY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// With the key pair of [`keys`].
pub(crate) fn command_with_keys() -> Command {
    let mut command = command();
    command
        .env("HMAC_KEY_ID", KEY_ID)
        .env("HMAC_SECRET_KEY", SECRET);
    command
}

/// What the gateway says if it does not start.
pub(crate) async fn fails_to_start(mut command: Command) -> Output {
    within(command.args(["--listen", "127.0.0.1:0"]).output())
        .await
        .unwrap()
}

pub(crate) struct Gateway {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    /// With `--admin`.
    pub(crate) admin: Option<SocketAddr>,
    log: mpsc::UnboundedReceiver<String>,
}

impl Gateway {
    /// With the key pair of [`keys`].
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut command = command_with_keys();
        command.args(arguments);
        Self::from_command(command).await
    }

    pub(crate) async fn before(upstream: SocketAddr) -> Self {
        Self::start(&["--upstream", &format!("http://{upstream}")]).await
    }

    pub(crate) async fn from_command(command: Command) -> Self {
        let mut gateway = Self::with_unread_log(command).await;
        let mut stderr = gateway.unread_log();
        let (lines, log) = mpsc::unbounded_channel();
        gateway.log = log;
        tokio::spawn(async move {
            while let Ok(Some(line)) = stderr.next_line().await {
                let _the_test_is_over = lines.send(line);
            }
        });
        gateway
    }

    /// Its standard error is a pipe that nobody reads.
    pub(crate) async fn with_unread_log(mut command: Command) -> Self {
        let mut child = command.args(["--listen", "127.0.0.1:0"]).spawn().unwrap();
        let has_admin = command.as_std().get_args().any(|word| word == "--admin");
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = async |label: &str| {
            let line = within(stdout.next_line()).await.unwrap();
            let line = line.expect("a line on standard output");
            let address = line.strip_prefix(label).expect("a label");
            address.parse::<SocketAddr>().unwrap()
        };
        let main = address("listening on ").await;
        let admin = match has_admin {
            true => Some(address("admin on ").await),
            false => None,
        };
        Self {
            child,
            address: main,
            admin,
            log: mpsc::unbounded_channel().1,
        }
    }

    /// What the log has, and will have.
    pub(crate) fn unread_log(&mut self) -> Lines<BufReader<ChildStderr>> {
        BufReader::new(self.child.stderr.take().unwrap()).lines()
    }

    pub(crate) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    pub(crate) async fn log_line(&mut self) -> String {
        within(self.log.recv()).await.expect("a line in the log")
    }

    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = within(Command::new("kill").args([name, &id]).status()).await;
        assert!(status.unwrap().success());
    }

    /// Sends bytes on a connection of its own.
    pub(crate) async fn connect(&self, bytes: impl AsRef<[u8]>) -> TcpStream {
        let mut stream = within(TcpStream::connect(self.address)).await.unwrap();
        within(stream.write_all(bytes.as_ref())).await.unwrap();
        stream
    }

    /// What is answered to these bytes until the connection ends.
    pub(crate) async fn answer_to(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut answer = Vec::new();
        let mut stream = self.connect(bytes).await;
        within(stream.read_to_end(&mut answer)).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Sends a signed `GET`.
    pub(crate) async fn get(&self, target: &str) -> (StatusCode, String) {
        let request = Request::get(self.url(target)).body(no_body()).unwrap();
        let response = send(&keys(), request).await.unwrap();
        (response.status(), text(response.into_body()).await)
    }
}

fn signer(keys: KeyPair) -> Signer {
    let builder = Signer::builder(keys).source(HeaderValue::from_static("tests"));
    builder.build().unwrap()
}

/// Signs and sends a request, in the version it has.
pub(crate) async fn send(
    keys: &KeyPair,
    request: Request<Body>,
) -> Result<Response<Incoming>, Error> {
    let service = ServiceBuilder::new()
        .layer(SignLayer::new(signer(keys.clone())))
        .service(client(request.version()));
    within(service.oneshot(request)).await
}

/// Sends a request as it is.
pub(crate) async fn send_unsigned(request: Request<Body>) -> Response<Incoming> {
    within(client(request.version()).oneshot(request))
        .await
        .unwrap()
}

/// The lines of a signed request's head, whose connection ends with the answer.
pub(crate) fn signed_head(request_line: &str, lines: &[&str]) -> String {
    let mut request = Request::new(());
    signer(keys())
        .sign_request(&mut request, SystemTime::now())
        .unwrap();
    head_of(request_line, &request, lines)
}

/// The lines of a head: the request's headers, then `lines`.
pub(crate) fn head_of<B>(request_line: &str, request: &Request<B>, lines: &[&str]) -> String {
    let mut head = format!("{request_line}\r\n");
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    for line in lines {
        head.push_str(&format!("{line}\r\n"));
    }
    head + "\r\n"
}

/// A server on a free port.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// How many connections there were.
    pub(crate) connections: Arc<AtomicUsize>,
    /// How many connections were open at a time, at most.
    pub(crate) most_connections: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::accept(move |stream| {
            let handler = handler.clone();
            let service = service_fn(move |request| {
                let answer = handler(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            async move {
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                let _may_break_off = connection.await;
            }
        })
        .await
    }

    /// Answers every request with these bytes and the end of the connection. What it reads before,
    /// up to the end of the head, can be received.
    pub(crate) async fn raw(answer: &'static str) -> (Self, mpsc::UnboundedReceiver<String>) {
        let (heads, received) = mpsc::unbounded_channel();
        let upstream = Self::accept(move |mut stream| {
            let heads = heads.clone();
            async move {
                let head = read_head(&mut stream).await;
                let _the_test_is_over = heads.send(head);
                let _may_be_gone = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        (upstream, received)
    }

    async fn accept<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let most_connections = Arc::new(AtomicUsize::new(0));
        let most = Arc::clone(&most_connections);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let open = Arc::new(AtomicUsize::new(0));
        let address = accept(move |stream| {
            let served = serve(stream);
            let open = Arc::clone(&open);
            count.fetch_add(1, SeqCst);
            most.fetch_max(open.fetch_add(1, SeqCst) + 1, SeqCst);
            async move {
                served.await;
                open.fetch_sub(1, SeqCst);
            }
        })
        .await;
        Self {
            address,
            connections,
            most_connections,
        }
    }
}

/// Up to the empty line.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The values of a header in a head, which has its names in lower case.
pub(crate) fn values<'h>(head: &'h str, name: &str) -> Vec<&'h str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(found, _)| *found == name)
        .map(|(_, value)| value)
        .collect()
}
