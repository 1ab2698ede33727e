//! Clients that sign, and send copies of their requests.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::task::JoinSet;
use tower_hmac_auth::{KeyPair, Scheme, Signer, scheme::X_NONCE};

pub(crate) const KEY_ID: &str = "AKIDtestkey0001";
pub(crate) const SECRET: &str = "test-secret-key-0001";

/// Says to nginx which gateway a request is for. It is not signed.
const X_GATEWAY: HeaderName = HeaderName::from_static("x-gateway");

pub(crate) const ONE: &str = "one";
pub(crate) const TWO: &str = "two";
pub(crate) const ANY: &str = "any";

type Body = Empty<&'static [u8]>;

/// Clients of one server, with connections that they share.
#[derive(Clone)]
pub(crate) struct Clients {
    server: SocketAddr,
    signer: Signer,
    client: Client<HttpConnector, Body>,
}

/// A request that is signed, of which any number of copies can be sent.
#[derive(Clone)]
pub(crate) struct Signed(Request<()>);

impl Signed {
    pub(crate) fn nonce(&self) -> &str {
        self.0.headers()[X_NONCE].to_str().unwrap()
    }

    /// Returns the bytes of its head.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.0.method(), self.0.uri()).into_bytes();
        for (name, value) in self.0.headers() {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                head.extend(part);
            }
        }
        head.extend(b"\r\n");
        head
    }

    /// Returns a random number, which is the same for all copies.
    fn random(&self) -> u8 {
        self.nonce().as_bytes()[0]
    }
}

impl Clients {
    pub(crate) fn of(server: SocketAddr) -> Self {
        let keys = KeyPair::new(KEY_ID, SECRET).unwrap();
        let signer = Signer::builder(keys)
            .scheme(Scheme::Kong)
            .signed_headers([HOST])
            .nonce(X_NONCE);
        Self {
            server,
            signer: signer.build().unwrap(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(crate) fn sign(&self, method: Method, path: &str) -> Signed {
        let request = Request::builder().method(method).uri(path);
        let mut request = request.header(HOST, "api.example.com").body(()).unwrap();
        self.signer
            .sign_request(&mut request, SystemTime::now())
            .unwrap();
        Signed(request)
    }

    /// Sends a copy. Returns its status after the whole answer.
    pub(crate) async fn send(&self, signed: &Signed, gateway: &'static str) -> StatusCode {
        let mut copy = signed.0.clone();
        let uri = format!("http://{}{}", self.server, copy.uri());
        *copy.uri_mut() = uri.parse().unwrap();
        let headers = copy.headers_mut();
        headers.insert(X_GATEWAY, HeaderValue::from_static(gateway));
        let answer = self.client.request(copy.map(|()| Body::new())).await;
        let answer = answer.unwrap();
        let status = answer.status();
        answer.into_body().collect().await.unwrap();
        status
    }

    /// Sends a copy to each gateway, in random order, half of them at the same moment.
    pub(crate) async fn send_to_both(
        &self,
        signed: &Signed,
        mut gateways: [&'static str; 2],
    ) -> [StatusCode; 2] {
        if signed.random() & 1 == 0 {
            gateways.reverse();
        }
        let copies = gateways.map(|gateway| self.send(signed, gateway));
        let [first, second] = copies;
        match signed.random() & 2 == 0 {
            true => tokio::join!(first, second).into(),
            false => [first.await, second.await],
        }
    }
}

impl Clients {
    /// Sends so many requests to both gateways at the same moment, and returns them.
    pub(crate) async fn send_new(&self, count: usize) -> Vec<Signed> {
        let requests: Vec<_> = (0..count)
            .map(|_| self.sign(Method::POST, "/transfers"))
            .collect();
        self.send_all(&requests).await;
        requests
    }

    /// Sends a copy of each request to both gateways at the same moment.
    pub(crate) async fn send_all(&self, requests: &[Signed]) {
        let mut tasks = JoinSet::new();
        for signed in requests {
            let (clients, signed) = (self.clone(), signed.clone());
            tasks.spawn(async move { clients.send_to_both(&signed, [ONE, TWO]).await });
        }
        tasks.join_all().await;
    }
}

/// Clients that send requests, and copies of old ones, until they are stopped.
pub(crate) struct Load {
    clients: JoinSet<()>,
    is_over: Arc<AtomicBool>,
}

impl Load {
    const CLIENTS: usize = 16;

    /// Each client sends copies of so many last requests again and again.
    const RECENT: usize = 64;

    /// Each request and each copy goes to both of these.
    pub(crate) fn start(clients: &Clients, gateways: [&'static str; 2]) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..Self::CLIENTS {
            let (clients, is_over) = (clients.clone(), Arc::clone(&is_over));
            tasks.spawn(async move {
                let mut recent = VecDeque::new();
                for i in 0_usize.. {
                    let new = clients.sign(Method::POST, "/transfers");
                    clients.send_to_both(&new, gateways).await;
                    recent.push_back(new);
                    if recent.len() > Self::RECENT {
                        recent.pop_front();
                    }
                    // A factor without a common divisor, so that all have their turn.
                    let old = &recent[i * 7 % recent.len()];
                    clients.send_to_both(old, gateways).await;
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                }
                for old in recent {
                    clients.send_to_both(&old, gateways).await;
                }
            });
        }
        Self {
            clients: tasks,
            is_over,
        }
    }

    /// Waits until all requests and their last copies are answered.
    pub(crate) async fn stop(self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
    }
}
