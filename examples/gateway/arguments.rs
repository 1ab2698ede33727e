//! The command-line options.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use clap::Parser;
use http::{
    HeaderName, StatusCode, Uri,
    uri::{self, Authority},
};
use tokio::sync::Semaphore;
use tower_hmac_auth::{
    Scheme, Verifier, error::BuildError, scheme::DatePolicy, verify::VerifierSet,
};

use super::{
    redis,
    support::{
        Result, has_valid_host,
        scheme::{self, scheme},
    },
};

const MIN_TIME: Duration = Duration::from_millis(1);
const MAX_TIME: Duration = Duration::from_secs(86_400);

const AFTER_HELP: &str = "\
Without --keys, the key pair is in the environment variables HMAC_KEY_ID and HMAC_SECRET_KEY.

The formats of --keys:
  FILE       id:key lines with no other colon; empty lines and lines that begin with # are skipped
  FILE.toml  [[keys]] tables, each with id = \"…\" and secret = \"…\"
  FILE.json  {\"keys\": [{\"id\": \"…\", \"secret\": \"…\"}]}
  TOML and JSON also take secret_base64 instead of secret, for keys that are not text, and
  previous_secret or previous_secret_base64, an older secret of the id that is accepted as well.

The file is read again when it changes, and at once on SIGHUP. If it cannot be read or is wrong, the
keys stay as they are, and the log says why. Replace it by moving a new file to its name: of a file
that is rewritten in place, the gateway takes what is there after it has not changed for a second.

Every connection needs a file descriptor: set `ulimit -n` to more than --max-connections and
--max-in-flight together, and 32 for --admin.
The gateway does not compare bodies with their digests: the crate's VerifyDigestLayer does.
With tencent-app it reads forms of up to 64 KiB, whose parameters are signed, if it is built with
--features digest; without that it refuses forms. At most --max-in-flight forms are read at a time;
others wait for up to --body-timeout, then get 503.";

/// Verifies HMAC signatures of requests and forwards the valid requests
#[derive(Parser)]
#[command(
    name = "gateway",
    version,
    after_help = format!("{AFTER_HELP}\n\n{}", scheme::HELP)
)]
pub(crate) struct Arguments {
    /// The clients' signature scheme: the name of a preset, such as tencent or kong, or a file that
    /// describes another one (see below). Repeat it for several side by side: each request is
    /// verified by the scheme that its credentials are written in
    #[arg(
        long = "scheme",
        value_name = "NAME|FILE.toml",
        default_value = "tencent",
        value_parser = scheme
    )]
    pub(crate) schemes: Vec<Scheme>,
    /// What signatures must cover in addition to a date, such as host or @request-target; can be
    /// repeated. With several schemes, kong:@request-target is for one of them
    #[arg(long = "require", value_name = "[SCHEME:]NAME")]
    pub(crate) required: Vec<String>,
    /// Refuses requests that were sent before: the header whose signed value a client sends once,
    /// such as x-nonce, or the scheme's nonce_parameter
    #[arg(long, value_name = "NAME")]
    pub(crate) nonce: Option<HeaderName>,
    /// How many nonces are remembered in memory, each until its request's date is too old; half of
    /// them at most of one key id. What is beyond that gets 503
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "4194304",
        requires = "nonce"
    )]
    pub(crate) nonce_capacity: NonZeroUsize,
    /// Does not refuse requests that could have been accepted before the gateway was started, which
    /// are all for as long as --max-skew: a copy can then be accepted once more after each start.
    /// With Redis, the same for requests from before it was empty
    #[arg(long, requires = "nonce")]
    pub(crate) assume_no_earlier_claims: bool,
    #[command(flatten)]
    pub(crate) redis: redis::Options,
    /// Where to listen; port 0 is any free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// Where to answer GET /healthz and GET /metrics, for monitoring only: anyone who can connect
    /// is answered [default: nowhere]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<String>,
    /// Where to forward valid requests [default: nowhere, the gateway answers them itself]
    #[arg(long, value_name = "http://HOST:PORT", value_parser = upstream)]
    pub(crate) upstream: Option<Authority>,
    /// A file of key pairs: lines `id:key`, or TOML or JSON if its name ends in .toml or .json (see
    /// below). It is read again when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
    /// The status of refusals that concern credentials [default: 400 for tyk, else 401]
    #[arg(long, value_name = "401|403", value_parser = unauthorized_status)]
    pub(crate) unauthorized_status: Option<StatusCode>,
    /// Hides the reason: refusals that concern credentials all have the same text
    #[arg(long)]
    pub(crate) hide_reason: bool,
    /// Logs the signing string where a signature does not match. It has the values of signed
    /// headers: use it for debugging only
    #[arg(long)]
    pub(crate) explain: bool,
    /// How to treat requests that sign Date, but not X-Date. With any-age, a copy of such a request
    /// is accepted forever [default: any-age for tencent, else check-age]
    #[arg(long, value_name = "any-age|check-age|refuse")]
    pub(crate) date_policy: Option<DatePolicy>,
    /// How far a date may be from this machine's clock, either way [default: 900 for the
    /// schemes of Tencent, else 300]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_skew: Option<u64>,
    /// How many connections are served at a time; further ones wait
    #[arg(long, value_name = "NUMBER", default_value = "1024")]
    max_connections: NonZeroUsize,
    /// How many requests an HTTP/2 client may have open on one connection; further ones wait
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    pub(crate) max_streams: NonZeroU32,
    /// How many valid requests are served at a time, over as many connections to the upstream;
    /// further ones get 503
    #[arg(long, value_name = "NUMBER", default_value = "512")]
    max_in_flight: NonZeroUsize,
    /// How long a connection may be without a complete request before it is closed
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) idle_timeout: Duration,
    /// How long to wait for a request's body, plus a second for each KiB received; then 408
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) body_timeout: Duration,
    /// How long a client may read nothing of its answer before the connection is closed
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) write_timeout: Duration,
    /// How long connecting to the upstream may take; then 504
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) connect_timeout: Duration,
    /// How long the upstream may neither read the request nor send its answer; then 504, or the
    /// connection is closed if the answer has begun
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) upstream_timeout: Duration,
}

impl Arguments {
    /// Returns the limit of connections, as a semaphore's number of permits.
    pub(crate) fn max_connections(&self) -> usize {
        permits(self.max_connections)
    }

    /// Returns the limit of requests in flight, as a semaphore's number of permits.
    pub(crate) fn max_in_flight(&self) -> usize {
        permits(self.max_in_flight)
    }

    pub(crate) fn verifiers(&self) -> Result<VerifierSet> {
        let schemes = self.schemes.iter();
        let verifiers: Vec<_> = schemes
            .map(|scheme| self.verifier(*scheme))
            .collect::<Result<_>>()?;
        for name in &self.required {
            if let Some((scheme, _)) = name.split_once(':')
                && !self.schemes.iter().any(|given| given.name() == scheme)
            {
                return Err(format!("--require {name}: there is no --scheme {scheme}").into());
            }
        }
        VerifierSet::new(verifiers).map_err(|error| format!("--scheme: {error}").into())
    }

    fn verifier(&self, scheme: Scheme) -> Result<Verifier> {
        let required = self
            .required
            .iter()
            .filter_map(|name| match name.split_once(':') {
                Some((of, name)) => (of == scheme.name()).then_some(name),
                None => Some(name),
            });
        let mut builder = Verifier::builder().scheme(scheme).require(required);
        if let Some(max_skew) = self.max_skew {
            builder = builder.max_skew(Duration::from_secs(max_skew));
        }
        if let Some(date_policy) = self.date_policy {
            builder = builder.date_policy(date_policy);
        }
        if let Some(nonce) = &self.nonce {
            builder = builder.nonce(nonce.clone());
        }
        let option = |error: &BuildError| match error {
            BuildError::NoDateAccepted { .. } => "--date-policy",
            BuildError::NonceWithoutAge => "--nonce without --date-policy check-age or refuse",
            BuildError::NonceSkew => "--max-skew",
            BuildError::NonceHeader { .. } => "--nonce",
            _ => "--require",
        };
        builder
            .build()
            .map_err(|error| format!("{}: {error}", option(&error)).into())
    }
}

/// Returns the limit, or the largest number of permits that a semaphore can have.
fn permits(limit: NonZeroUsize) -> usize {
    limit.get().min(Semaphore::MAX_PERMITS)
}

fn upstream(text: &str) -> Result<Authority> {
    let authority = |uri: Uri| {
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri.authority()?;
        let is_host = has_valid_host(authority) && !authority.as_str().contains('@');
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

/// Parses a number of seconds from [`MIN_TIME`] to [`MAX_TIME`].
pub(crate) fn seconds(text: &str) -> Result<Duration> {
    let seconds: Option<f64> = text.parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration
        .filter(|duration| (MIN_TIME..=MAX_TIME).contains(duration))
        .ok_or_else(|| "write a number from 0.001 to 86400".into())
}
