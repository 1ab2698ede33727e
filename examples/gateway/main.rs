//! A reverse proxy that verifies every request's signature and forwards the valid requests.
//!
//! ```sh
//! cat > keys.toml <<END
//! [[keys]]
//! id = "AKIDbilling"
//! secret = "the-secret-key-of-billing"
//! END
//! cargo run --example gateway -- --keys keys.toml \
//!     --listen 127.0.0.1:8080 --upstream http://127.0.0.1:9000
//! ```
//!
//! Without `--keys`, the one key pair is in `HMAC_KEY_ID` and `HMAC_SECRET_KEY`. Without
//! `--upstream`, the gateway answers valid requests itself, with
//! `{"key_id":"AKIDbilling","signed":["x-date","source"]}`. The example `sign` makes requests for
//! it. `--help` lists all options and the other formats of the keys file.
//!
//! - **The scheme** is a preset, or what the TOML file of `--scheme FILE.toml` describes. The
//!   example `sign` reads the same file, and `--help` shows its form.
//! - **Refused requests** get the answer of the gateway that `--scheme` names, and never reach the
//!   upstream.
//! - **Valid requests** are streamed to the upstream over HTTP/1.1. Method, path, query, `Host` and
//!   body stay as the client sent them. `Authorization` and hop-by-hop headers are removed, and
//!   `X-Consumer-Key-Id` is set to the key id. If the upstream gives no answer, the client gets
//!   `502`.
//! - **Replays**: with `--nonce x-nonce`, signatures must cover a nonce in this header (or in the
//!   scheme's parameter of this name), and a request whose nonce was used before gets `401` (`400`
//!   with Tyk's scheme). Nonces are remembered in memory, so for as long as `--max-skew` after each
//!   start, requests get `503`; see `--assume-no-earlier-claims`.
//!   - With `--redis URL` or `--redis-cluster URL` (and `--features redis`), nonces are remembered
//!     in Redis, for all gateways that use it, also over a restart of the gateways. A request gets
//!     `503` if Redis does not answer within `--redis-timeout`, or is accepted without its claim
//!     with `--accept-while-unavailable`. Every 10 seconds, the log says for how many requests
//!     there was no claim, and why.
//!   - Redis has to be there at the start: its version and settings are checked then, so a gateway
//!     without its Redis ends with status 2, and the supervisor starts it again. Later, Redis may
//!     go and come back.
//!   - A URL with a password is better in an environment variable: `--redis env:NAME`. It is in no
//!     error, log or metric.
//! - **Trailers** are forwarded, except for those that could be mistaken for a signed header, or
//!   for a header that says who sends the request, when, or how to read it. The header `Trailer`
//!   loses their names, too.
//! - **Timeouts**: `504` if the upstream cannot be connected to or does not answer in time, `408`
//!   if the client's body is too slow. If the client does not read its answer, the connection is
//!   closed.
//! - **Load**: at most `--max-in-flight` valid requests are in flight, over as many connections to
//!   the upstream. Others get `503` with `Retry-After`. Requests without a valid signature do not
//!   count.
//! - **Keys** of `--keys` are read again when the file changes, and at once on `SIGHUP`. A change
//!   counts for requests that arrive after it; requests in flight continue. A file that is missing
//!   or wrong leaves the keys as they are. Under one id, `previous_secret` is accepted beside
//!   `secret` while clients change from the one to the other.
//!   - The log says `keys: 3 read (1 added, 0 removed)`, or once
//!     `keys: kept as they were: keys.toml, line 7: …`.
//! - **Bodies** are not compared with their digest, signed or not. `VerifyDigestLayer` (feature
//!   `digest`) does that.
//!   - **Forms** are read before they are verified if their credentials are those of a `--scheme`
//!     that is `tencent-app` or starts from it, because their parameters are signed. This needs
//!     `--features digest`; without it such a scheme refuses forms. A form of more than 64 KiB gets
//!     `413`, and one that does not arrive within `--body-timeout` `408`.
//!   - At most `--max-in-flight` forms are read at a time. Others wait for up to `--body-timeout`,
//!     then get `503` with `Retry-After`. What the head alone refuses, such as missing credentials,
//!     an old date or an unknown key id, is refused at once, and its form is not read. With
//!     `--hide-reason`, forms of unknown key ids are read like others: otherwise the wait would
//!     tell which ids exist.
//! - **Clients** use HTTP/1.1, or HTTP/2 with prior knowledge. For TLS, put a TLS proxy in front.
//! - **Log**: one line for each request on standard error, with the method, the path without the
//!   query, the status, the time until the last byte, the verified key id (`key="AKIDbilling"`),
//!   `secret=previous` if the request was signed with the previous secret, and the error, if any.
//!   - A refusal has its kind, such as `kind=SignatureMismatch`, which the example `sign` explains
//!     with `--why SignatureMismatch`. If the credentials name a key id, the line has it as
//!     `claimed_key_id="AKIDbilling"`: unverified (after a replay, verified), escaped, and cut
//!     after 64 characters.
//!   - With `--explain`, the line of a signature mismatch ends with the signing string that the
//!     gateway computed. Compare it with the client's, which the example `sign` prints with
//!     `--explain`.
//!   - If nothing reads standard error, lines are dropped and counted (`log: lines dropped: 7`).
//!   - What hyper refuses by itself is not logged, as there is no parsed request: `400` for invalid
//!     HTTP, `414` and `431` for a target or a head that is too long.
//! - **Monitoring** with `--admin ADDRESS:PORT`, on a listener of its own, whose address is the
//!   second line on standard output (`admin on 127.0.0.1:9090`). Anyone who can connect is
//!   answered, so choose an address that only monitoring reaches.
//!   - `GET /healthz` is `200` while the gateway serves, and `503` from the beginning of the
//!     shutdown to the end of the process. It stays `200` while Redis does not answer: all gateways
//!     share this Redis, so a load balancer that removed them would have none left, and a restart
//!     of a gateway would not help. `hmac_claims_total{outcome="unavailable"}` counts the requests
//!     without a claim.
//!   - `GET /metrics` has what [`metrics`] counts, in the text format of Prometheus. The counts are
//!     those of the log: a request counts when its line is written. No label has anything that a
//!     client sent.
//! - **Shutdown** on `SIGTERM` and `SIGINT`: the gateway accepts no new connections and closes idle
//!   ones. Requests in flight have 30 seconds, or until the next signal. A client that has just
//!   been answered, or uses HTTP/2, has 5 seconds to close its connection. The exit status is 0.
//!
//! Every error at the start is one line on standard error, with exit status 2.

mod activity;
mod admin;
mod answer;
mod arguments;
mod connector;
#[cfg_attr(not(feature = "digest"), path = "forms_refused.rs")]
mod forms;
mod headers;
mod keys;
mod linger;
mod log;
mod metrics;
mod proxy;
mod redis;
mod refusals;
mod replay;
mod server;
mod stderr;
#[path = "../support/mod.rs"]
mod support;
mod timed;
mod upstream;

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use http::Request;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, runtime::Runtime, sync::Semaphore};
use tower::{Layer as _, service_fn};
use tower_hmac_auth::{VerifyLayer, verify::SharedKeys};

use self::{
    admin::{Admin, Health},
    answer::Answers,
    arguments::Arguments,
    connector::Connector,
    forms::{ClientBody, Forms},
    keys::{Hangups, KeyFile},
    proxy::Proxy,
    refusals::Refusals,
    replay::Replay,
    server::{Limits, Signals},
    support::{Result, print},
};

fn main() -> ExitCode {
    support::exit("gateway", run())
}

fn run() -> Result<()> {
    let Some(arguments) = support::arguments::<Arguments>()? else {
        return Ok(());
    };
    // Before there is anything to count.
    let prometheus = match &arguments.admin {
        Some(_) => Some(metrics::install()?),
        None => None,
    };
    let keys = SharedKeys::new();
    let file = match &arguments.keys {
        Some(path) => Some(KeyFile::open(path, keys.clone())?),
        None => {
            keys.insert(&keys::from_environment()?);
            None
        }
    };
    metrics::keys(keys.len());
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(start(arguments, keys, file, prometheus));
    // Dropping the runtime would wait for blocking work, such as a lookup of the upstream's name
    // that has not ended yet.
    runtime.shutdown_background();
    ended
}

async fn start(
    arguments: Arguments,
    keys: SharedKeys,
    file: Option<KeyFile>,
    prometheus: Option<PrometheusHandle>,
) -> Result<()> {
    let refusals = Refusals::of(&arguments);
    let verifiers = arguments.verifiers()?;
    let forms = Forms::of(&arguments, &verifiers, &keys, &refusals);
    let verify = VerifyLayer::new(keys)
        .verifier(verifiers)
        .refuse(refusals.clone())
        .explain(arguments.explain)
        .remove_authorization(true);
    let replay = Replay::of(&arguments, refusals).await?;
    let proxy = match &arguments.upstream {
        Some(upstream) => {
            let connector = Connector::new(arguments.connect_timeout);
            let timeout = arguments.upstream_timeout;
            Some(Proxy::new(upstream, connector, timeout)?)
        }
        None => None,
    };
    let answers = Arc::new(Answers {
        proxy,
        in_flight: Arc::new(Semaphore::new(arguments.max_in_flight())),
        body_timeout: arguments.body_timeout,
    });
    let handler = service_fn(move |request: Request<ClientBody>| {
        let answers = Arc::clone(&answers);
        async move { Ok::<_, Infallible>(answers.to(request).await) }
    });

    let (listener, mut addresses) = listen(&arguments.listen, "listening on").await?;
    let health = Health::default();
    if let (Some(address), Some(prometheus)) = (&arguments.admin, prometheus) {
        let (listener, address) = listen(address, "admin on").await?;
        addresses.push_str(&address);
        tokio::spawn(metrics::upkeep(prometheus.clone()));
        let admin = Admin {
            health: health.clone(),
            prometheus,
            time_limit: arguments.idle_timeout,
        };
        tokio::spawn(admin.run(listener));
    }
    // Install the handlers before printing the address: whoever reads it may send a signal at once.
    let signals = Signals::new()?;
    tokio::spawn(keys::watch(file, Hangups::new()?));
    print(addresses.as_bytes())?;
    let limits = Limits {
        connections: arguments.max_connections(),
        streams: arguments.max_streams.get(),
        idle: arguments.idle_timeout,
        write: arguments.write_timeout,
    };
    match replay {
        Replay::Allowed => {
            let service = forms.before(verify.layer(handler));
            server::run(listener, service, limits, signals, health).await;
        }
        Replay::InMemory(replay) => {
            let service = forms.before(verify.layer(replay.layer(handler)));
            server::run(listener, service, limits, signals, health).await;
        }
        #[cfg(feature = "redis")]
        Replay::InRedis(replay) => {
            let service = forms.before(verify.layer(replay.layer(handler)));
            server::run(listener, service, limits, signals, health).await;
        }
    }
    stderr::flush().await;
    Ok(())
}

/// Returns a listener, and the line that says where it listens.
async fn listen(address: &str, label: &str) -> Result<(TcpListener, String)> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let line = format!("{label} {}\n", listener.local_addr()?);
    Ok((listener, line))
}
