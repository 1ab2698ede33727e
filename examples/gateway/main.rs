//! A gateway to run: checks the signature of every request, and passes on those that are right.
//!
//! ```sh
//! cat > keys.toml <<END
//! [[keys]]
//! id = "AKIDbilling"
//! secret = "the-secret-key-of-billing"
//! END
//! cargo run --example gateway -- --listen 127.0.0.1:8080 --upstream http://127.0.0.1:9000 --keys keys.toml
//! ```
//!
//! Without `--keys` there is one key pair, in `HMAC_KEY_ID` and `HMAC_SECRET_KEY`. Without `--upstream` it tells the
//! client what it saw: `200 {"key_id":"AKIDbilling","signed":["x-date","source"]}`; the example `sign` makes
//! requests for it. `--help` shows all options, and the other forms of the keys' file.
//!
//! - What is refused is answered as Tencent Cloud API Gateway does, and never reaches the upstream.
//! - What passes is streamed to the upstream over HTTP/1.1: method, path, query, `Host` and body as the client sent
//!   them, without `Authorization` and what concerns one connection only, and with the key id in `X-Consumer-Key-Id`.
//!   `502` if the upstream gives no answer.
//! - Trailers pass, but for those that could be taken for a signed header or for one that says who
//!   sends the request, when, or how it is to be read. `Trailer` is without their names, too.
//! - Nobody can keep a request for ever: `504` if the upstream cannot be connected to or does not
//!   answer in time, `408` if the client's body comes too slowly; the connection of a client that
//!   does not take its answer is closed.
//! - So many requests are in flight at a time (`--max-in-flight`), over as many connections to the
//!   upstream; others get `503` with `Retry-After`. Only requests with a right signature count.
//! - A body is not compared with its digest, signed or not; `VerifyDigestLayer` (feature `digest`) does that.
//! - Clients speak HTTP/1.1 or, with prior knowledge, HTTP/2. TLS is left to whatever stands in front.
//! - One line a request on standard error: method, path without the query, status, time until the
//!   last byte, the verified key id (`key="AKIDbilling"`), and what was wrong. A refusal has its kind
//!   (`kind=SignatureMismatch`: the example `sign` explains it with `--why SignatureMismatch`) and,
//!   where `Authorization` names one, the key id that the client claims to have
//!   (`claimed_key_id="AKIDbilling"`): not verified, escaped, and cut after 64 characters.
//!   If nobody reads them, lines are dropped and counted (`log: lines dropped: 7`).
//!   What hyper answers by itself has no line, as it is no request yet: `400` to what is not HTTP,
//!   `414` and `431` to a target or a head that is too long.
//!   With `--explain`, a line has at its end the signing string that the gateway has hashed where a
//!   signature does not match: compare it with the client's, which the example `sign` prints with
//!   `--explain`.
//! - `SIGTERM` and `SIGINT`: no new connections; idle ones are closed; what is in flight has 30 seconds, or until the
//!   next signal. A client that has just been answered, or speaks HTTP/2, has 5 seconds to close its connection. Exit
//!   status 0.
//!
//! Whatever is wrong at the start is said in one line on standard error, with exit status 2.

mod answer;
mod arguments;
mod connector;
mod headers;
mod keys;
mod linger;
mod log;
mod proxy;
mod server;
mod stderr;
#[path = "../support/mod.rs"]
mod support;
mod timed;

use std::{convert::Infallible, error::Error, process::ExitCode, sync::Arc};

use clap::Parser as _;
use http::Request;
use hyper::body::Incoming;
use tokio::{net::TcpListener, runtime::Runtime, sync::Semaphore};
use tower::{Layer as _, service_fn};
use tower_hmac_auth::{StaticKeys, VerifyLayer, verify::DefaultResponseForRejection};

use self::{
    answer::Answers,
    arguments::Arguments,
    connector::Connector,
    proxy::Proxy,
    server::{Limits, Signals},
    support::{essence, print},
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

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
        .verifier(arguments.verifier()?)
        .refuse(
            DefaultResponseForRejection::new()
                .unauthorized_status(arguments.unauthorized_status)
                .hide_reason(arguments.terse),
        )
        .explain(arguments.explain)
        .remove_authorization(true);
    let max_in_flight = arguments.max_in_flight.get().min(Semaphore::MAX_PERMITS);
    let proxy = arguments.upstream.map(|upstream| {
        let connector = Connector::new(max_in_flight, arguments.connect_timeout);
        Proxy::new(upstream, connector, arguments.upstream_timeout)
    });
    let answers = Arc::new(Answers {
        proxy,
        in_flight: Arc::new(Semaphore::new(max_in_flight)),
        body_timeout: arguments.body_timeout,
    });
    let service = verify.layer(service_fn(move |request: Request<Incoming>| {
        let answers = Arc::clone(&answers);
        async move { Ok::<_, Infallible>(answers.to(request).await) }
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
        streams: arguments.max_streams.get(),
        idle: arguments.idle_timeout,
        write: arguments.write_timeout,
    };
    server::run(listener, service, limits, signals).await;
    stderr::flush().await;
    Ok(())
}
