//! A gateway to run: checks the signature of every request, and passes on those that are right.
//!
//! ```sh
//! cat > keys.txt <<END
//! # key id, a colon, secret key
//! AKIDbilling:the-secret-key-of-billing
//! END
//! cargo run --example gateway -- --listen 127.0.0.1:8080 --upstream http://127.0.0.1:9000 --keys keys.txt
//! ```
//!
//! Without `--keys` there is one key pair, in `HMAC_KEY_ID` and `HMAC_SECRET_KEY`. Without `--upstream` it tells the
//! client what it saw: `200 {"key_id":"AKIDbilling","signed":["x-date","source"]}`; the example `sign` makes
//! requests for it. `--help` shows all options.
//!
//! - What is refused is answered as Tencent Cloud API Gateway does, and never reaches the upstream.
//! - What passes is streamed to the upstream over HTTP/1.1: method, path, query, `Host` and body as the client sent
//!   them, without `Authorization` and what concerns one connection only, and with the key id in `X-Consumer-Key-Id`.
//!   `502` if the upstream gives no answer.
//! - A body is not compared with its digest, signed or not; `VerifyDigestLayer` (feature `digest`) does that.
//! - Clients speak HTTP/1.1 or, with prior knowledge, HTTP/2. TLS is left to whatever stands in front.
//! - One line a request on standard error: method, path without the query, status, time until the last byte, key
//!   id, and what was wrong. If nobody reads them, lines are dropped and counted (`log: lines dropped: 7`).
//! - `SIGTERM` and `SIGINT`: no new connections; what is in flight has 30 seconds, or until the next signal. Exit
//!   status 0.
//!
//! Whatever is wrong at the start is said in one line on standard error, with exit status 2.

mod headers;
mod keys;
mod linger;
mod log;
mod proxy;
mod server;
mod stderr;
#[path = "../support/mod.rs"]
mod support;

use std::{
    convert::Infallible, error::Error, num::NonZeroUsize, path::PathBuf, process::ExitCode,
    sync::Arc, time::Duration,
};

use bytes::Bytes;
use clap::Parser;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri, header,
    uri::{self, Authority},
};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};
use tower::{Layer as _, service_fn};
use tower_hmac_auth::{
    PlainDate, Refusals, Scheme, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
};

use self::{
    proxy::Proxy,
    server::{Limits, Signals},
    support::{essence, print},
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The gateway's own text, or what the upstream sends.
type Answer = Response<Either<Full<Bytes>, Incoming>>;

/// Checks HMAC signatures of requests and passes on those that are right
#[derive(Parser)]
#[command(
    name = "gateway",
    version,
    after_help = "Without --keys, the key pair is taken from the environment: HMAC_KEY_ID and HMAC_SECRET_KEY.\n\
                  It does not compare bodies with their digests, signed or not: the crate's VerifyDigestLayer does."
)]
struct Arguments {
    /// Whose clients are to be served: tencent, kong, apisix or cavage
    #[arg(long, value_name = "NAME", default_value_t)]
    scheme: Scheme,
    /// What signatures must cover besides a date, such as host or @request-target; can be repeated
    #[arg(long = "require", value_name = "NAME")]
    required: Vec<String>,
    /// Where to listen; port 0 stands for any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Where to send what passes [default: nowhere, the gateway answers itself]
    #[arg(long, value_name = "http://HOST:PORT", value_parser = upstream)]
    upstream: Option<Authority>,
    /// A file with one `id:key` a line; empty lines and lines that begin with # are skipped
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The status of refusals that would have 401
    #[arg(long, value_name = "401|403", default_value = "401", value_parser = unauthorized_status)]
    unauthorized_status: StatusCode,
    /// Gives every refused client the same answer
    #[arg(long)]
    terse: bool,
    /// What to make of requests that sign Date, but not X-Date [default: any-age for tencent, else check-age]
    #[arg(long, value_name = "any-age|check-age|refuse", value_parser = plain_date)]
    plain_date: Option<PlainDate>,
    /// How far a date may be from this clock, either way [default: 900 for tencent, else 300]
    #[arg(long, value_name = "SECONDS")]
    max_skew: Option<u64>,
    /// How many connections are served at a time; others wait
    #[arg(long, value_name = "NUMBER", default_value = "1024")]
    max_connections: NonZeroUsize,
    /// After how long a connection without a complete request is closed
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    idle_timeout: u64,
}

fn main() -> ExitCode {
    support::exit("gateway", run())
}

fn run() -> Result<()> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => return Err(essence(&error).into()),
        Err(help_or_version) => return print(help_or_version.render().to_string().as_bytes()),
    };
    let keys = match &arguments.keys {
        Some(file) => keys::from_file(file)?,
        None => keys::from_environment()?,
    };
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(start(arguments, keys));
    // A look-up of the upstream's name that still waits would be waited for.
    runtime.shutdown_background();
    ended
}

async fn start(arguments: Arguments, keys: StaticKeys) -> Result<()> {
    let verify = VerifyLayer::new(keys)
        .verifier(verifier(&arguments)?)
        .refuse(
            Refusals::new()
                .unauthorized_status(arguments.unauthorized_status)
                .terse(arguments.terse),
        )
        .remove_authorization(true);
    let proxy = arguments
        .upstream
        .map(|upstream| Arc::new(Proxy::new(upstream)));
    let service = verify.layer(service_fn(move |request: Request<Incoming>| {
        let proxy = proxy.clone();
        async move { Ok::<_, Infallible>(answer(proxy.as_deref(), request).await) }
    }));

    let listen = &arguments.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    // Before it is said that the gateway is there, as a signal may follow at once.
    let signals = Signals::new()?;
    print(format!("listening on {}\n", listener.local_addr()?).as_bytes())?;
    let limits = Limits {
        connections: arguments.max_connections.get(),
        idle: Duration::from_secs(arguments.idle_timeout),
    };
    server::run(listener, service, limits, signals).await;
    stderr::flush().await;
    Ok(())
}

fn verifier(arguments: &Arguments) -> Result<Verifier> {
    let mut verifier = Verifier::of(arguments.scheme)
        .required(&arguments.required)
        .map_err(|error| format!("--require: {error}"))?;
    if let Some(max_skew) = arguments.max_skew {
        verifier = verifier.max_skew(Duration::from_secs(max_skew));
    }
    if let Some(plain_date) = arguments.plain_date {
        verifier = verifier.plain_date(plain_date);
    }
    Ok(verifier)
}

/// Answers a request that the layer has let pass.
async fn answer(proxy: Option<&Proxy>, mut request: Request<Incoming>) -> Answer {
    let Some(key) = request.extensions_mut().remove::<VerifiedKey>() else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "not verified");
    };
    let mut response = match proxy {
        _ if request.method() == Method::CONNECT => {
            refusal(StatusCode::NOT_IMPLEMENTED, "no tunnels here")
        }
        Some(proxy) => proxy.pass_on(request, &key).await,
        None => describe(request, &key).await,
    };
    // For the log.
    response.extensions_mut().insert(key);
    response
}

/// Tells the client what was found, once its body has been read: some look for no answer before it is sent.
async fn describe(request: Request<Incoming>, key: &VerifiedKey) -> Answer {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    let signed: Vec<_> = key.covered().collect();
    json_answer(
        StatusCode::OK,
        &json!({"key_id": key.key_id(), "signed": signed}),
    )
}

fn refusal(status: StatusCode, message: &str) -> Answer {
    json_answer(status, &json!({"message": message}))
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    let mut response = Response::new(Either::Left(Full::from(value.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn upstream(text: &str) -> Result<Authority> {
    let authority = |uri: Uri| {
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri.authority()?;
        let (_, port) = authority.as_str().rsplit_once(':').unwrap_or_default();
        // `http` takes an empty host, and anything for a port.
        let is_host = !authority.host().is_empty()
            && (port.is_empty() || port.ends_with(']') || authority.port_u16().is_some())
            && !authority.as_str().contains('@');
        (uri.scheme() == Some(&uri::Scheme::HTTP) && is_bare && is_host).then(|| authority.clone())
    };
    let uri: Option<Uri> = text.parse().ok();
    uri.and_then(authority)
        .ok_or_else(|| "write it as http://host:port, without path and user".into())
}

fn unauthorized_status(text: &str) -> Result<StatusCode> {
    match text {
        "401" => Ok(StatusCode::UNAUTHORIZED),
        "403" => Ok(StatusCode::FORBIDDEN),
        _ => Err("write 401 or 403".into()),
    }
}

fn plain_date(text: &str) -> Result<PlainDate> {
    match text {
        "any-age" => Ok(PlainDate::AnyAge),
        "check-age" => Ok(PlainDate::CheckAge),
        "refuse" => Ok(PlainDate::Refuse),
        _ => Err("write any-age, check-age or refuse".into()),
    }
}
