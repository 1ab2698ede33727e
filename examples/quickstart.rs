//! The scheme from end to end, on loopback: `cargo run --example quickstart`.
//!
//! A small gateway checks signatures; a client behind retry, timeout and `SignLayer` sends it five requests: one
//! unsigned, one signed, three that were tampered with or are too old. What is sent, what is signed and what is
//! answered is printed. Ends with an error if any answer is not as expected.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    future::{Ready, ready},
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, ServiceExt as _, retry::Policy};
use tower_hmac_auth::{
    KeyPair, Rejection, RequestHead, Scheme, SignLayer, Signer, Verifier,
    clock::{Clock as _, ManualClock},
    verify::{KeyAccess, KeyLookup, Verified, VerifyingKey},
};

const KEY_ID: &str = "AKIDquickstart";
const SECRET_KEY: &str = "known-to-both-sides-and-never-sent";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let keys = KeyPair::new(KEY_ID, SECRET_KEY)?;
    let address = start_gateway(VerifyingKey::from(&keys)).await?;
    println!("A small gateway listens on {address}. It knows the key pair {KEY_ID}.");
    println!(
        "signature = base64(HMAC(secret key, what is signed)); \\n below stands for one newline."
    );

    let signer = Signer::new(keys).source(HeaderValue::from_static("quickstart"));
    let visit = |tamper, now| Visit {
        signer: Some(&signer),
        clock: ManualClock::at(now),
        tamper,
        address,
    };
    let unsigned = Visit {
        signer: None,
        ..visit(leave_alone, SystemTime::now())
    };
    let now = SystemTime::now();
    let refused = |rejection: Rejection| {
        (
            rejection.status(),
            Scheme::Tencent.text(&rejection).into_owned(),
        )
    };
    let accepted = || (StatusCode::OK, format!("\"key_id\":\"{KEY_ID}\""));

    heading(1, "Unsigned: the gateway refuses it.");
    unsigned
        .expect(refused(Rejection::AuthorizationMissing))
        .await?;

    heading(2, "Signed: the gateway accepts it and names the key id.");
    visit(leave_alone, now).expect(accepted()).await?;

    heading(
        3,
        "Source altered on the way: it is in the list, so the signatures differ.",
    );
    visit(alter_source, now)
        .expect(refused(Rejection::SignatureMismatch))
        .await?;

    heading(4, "Path altered on the way: accepted!");
    println!(
        "   Nothing in the list (\"x-date source\") covers the path, so the signature is right for any"
    );
    println!(
        "   path, method and body, until the date is 15 minutes old. Only TLS protects those."
    );
    visit(alter_path, now).expect(accepted()).await?;

    heading(
        5,
        "X-Date 16 minutes old: correctly signed, but too long ago.",
    );
    println!("   The date is refused before any signature is computed.");
    let old = now
        .checked_sub(Duration::from_secs(16 * 60))
        .ok_or("the system's clock shows 1970")?;
    visit(leave_alone, old)
        .expect((
            StatusCode::UNAUTHORIZED,
            "the x-date header is out of date".into(),
        ))
        .await?;

    println!("\nAll five answers were as expected.");
    Ok(())
}

fn heading(number: u8, title: &str) {
    println!("\n{number}. {title}");
}

/// One request, and what happens to it between the signer and the gateway.
struct Visit<'s> {
    signer: Option<&'s Signer>,
    clock: ManualClock,
    tamper: fn(&mut Request<Full<Bytes>>),
    address: SocketAddr,
}

impl Visit<'_> {
    /// Sends the request, and checks the answer's status and that its body has this text in it.
    async fn expect(self, (status, text): (StatusCode, String)) -> Result<(), BoxError> {
        let Self {
            signer,
            clock,
            tamper,
            address,
        } = self;
        let request = Request::get(format!("http://{address}/v1/orders?page=1"))
            .body(Full::<Bytes>::default())?;
        if let Some(signer) = signer {
            let signing_string = signer.signing_string((&request).into(), clock.now())?;
            println!("   client signs    {signing_string}");
        }

        let client: Client<HttpConnector, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).build_http();
        let service = ServiceBuilder::new()
            .retry(Attempts(3))
            .timeout(Duration::from_secs(5))
            .option_layer(signer.map(|signer| SignLayer::from(signer.clone()).clock(clock)))
            // From here on it is the way to the gateway.
            .map_request(move |mut request| {
                tamper(&mut request);
                print_request(&request);
                request
            })
            .service(client);

        let response = service.oneshot(request).await?;
        let answered = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let body = String::from_utf8_lossy(&body);
        println!("   answered        {answered}  {body}");
        if let Some(kind) = Rejection::from_response_text(&body) {
            println!("   hint            {}", kind.hint());
        }
        if answered != status || !body.contains(&text) {
            return Err(format!("expected {status} with {text:?}").into());
        }
        Ok(())
    }
}

fn print_request(request: &Request<Full<Bytes>>) {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    println!("   sent            {} {target}", request.method());
    print_headers(request.headers());
}

fn print_headers(headers: &HeaderMap) {
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        println!("                   {name}: {value}");
    }
}

fn leave_alone(_request: &mut Request<Full<Bytes>>) {}

fn alter_source(request: &mut Request<Full<Bytes>>) {
    let source = HeaderValue::from_static("someone-else");
    request.headers_mut().insert("source", source);
}

fn alter_path(request: &mut Request<Full<Bytes>>) {
    let altered = request
        .uri()
        .to_string()
        .replace("/v1/orders", "/v1/refunds");
    if let Ok(uri) = altered.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
}

/// Tries again after a transport error or a timeout; every attempt is signed anew, as signing is inside.
#[derive(Clone)]
struct Attempts(usize);

impl<B: Clone, R> Policy<Request<B>, R, BoxError> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<B>, result: &mut Result<R, BoxError>) -> Option<Ready<()>> {
        self.0 = self.0.saturating_sub(1);
        (result.is_err() && self.0 > 0).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

/// Serves on a free port of loopback until the process ends.
async fn start_gateway(key: VerifyingKey) -> Result<SocketAddr, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let verifier = Verifier::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (verifier, key) = (verifier.clone(), key.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                ready(answer(check(&verifier, &key, (&request).into())))
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    Ok(address)
}

/// What a gateway does with a request: read its credentials, look the key up, compare signatures.
fn check<'h>(
    verifier: &Verifier,
    key: &VerifyingKey,
    head: RequestHead<'h>,
) -> Result<Verified<'h>, Rejection> {
    let credentials = verifier.read(head, SystemTime::now())?;
    println!("   gateway hashes  {}", credentials.signing_string());
    let lookup = match credentials.key_id() {
        KEY_ID => KeyLookup::Key(key, KeyAccess::Bound),
        _ => KeyLookup::Unknown,
    };
    verifier.verify(credentials, lookup)
}

fn answer(checked: Result<Verified<'_>, Rejection>) -> Result<Response<Full<Bytes>>, http::Error> {
    // Debug quotes printable ASCII as JSON does, and there is nothing else in these texts.
    let (status, body) = match checked {
        Ok(verified) => (
            StatusCode::OK,
            format!("{{\"key_id\":{:?}}}", verified.key_id()),
        ),
        Err(why) => (
            why.status(),
            format!("{{\"message\":{:?}}}", Scheme::Tencent.text(&why)),
        ),
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body.into())
}
