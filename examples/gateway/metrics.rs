//! Counts requests, connections, keys and log lines for Prometheus. Without `--admin`, there is no
//! recorder, and nothing is recorded.
//!
//! The values of labels are the gateway's own. Nothing that a client sends is among them: otherwise
//! anyone could make the gateway keep any number of time series.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::interval;
use tower_hmac_auth::{error::RejectionKind, verify::ClaimOutcome};

use super::support::Result;

const REQUESTS: &str = "hmac_requests_total";
const DURATION: &str = "hmac_request_duration_seconds";
const IN_FLIGHT: &str = "hmac_requests_in_flight";
const CONNECTIONS: &str = "hmac_connections";
const KEYS: &str = "hmac_keys";
const RELOADS: &str = "hmac_keys_reloads_total";
const CLAIMS: &str = "hmac_claims_total";
const LINES_DROPPED: &str = "hmac_log_lines_dropped_total";

/// The upper bounds of the duration's buckets, in seconds.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How often recorded durations are added to the buckets.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder. Everything before that is not recorded.
pub(crate) fn install() -> Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(DURATION.to_owned()), &BUCKETS)?
        .install_recorder()?;
    describe();
    register();
    Ok(handle)
}

fn describe() {
    describe_counter!(
        REQUESTS,
        "Requests that were answered or given up, by verdict and, if refused, by kind"
    );
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "From a request's head to the last byte of its answer"
    );
    describe_gauge!(IN_FLIGHT, "Requests whose answer is not complete");
    describe_gauge!(CONNECTIONS, "Connections of clients");
    describe_gauge!(KEYS, "Key ids that are known");
    describe_counter!(RELOADS, "How often the keys file was read again, by result");
    describe_counter!(
        LINES_DROPPED,
        "Log lines that were dropped, as nothing read them in time"
    );
}

/// Registers the series of claims at zero, which only exist with `--nonce`.
pub(crate) fn register_claims() {
    describe_counter!(CLAIMS, "Claims of nonces, by what the guard answered");
    for outcome in ["new", "seen", "lost", "full", "unavailable"] {
        counter!(CLAIMS, "outcome" => outcome).increment(0);
    }
}

pub(crate) fn claim(outcome: ClaimOutcome) {
    let outcome = match outcome {
        ClaimOutcome::New => "new",
        ClaimOutcome::Seen => "seen",
        ClaimOutcome::Lost => "lost",
        ClaimOutcome::Full => "full",
        _ => "unavailable",
    };
    counter!(CLAIMS, "outcome" => outcome).increment(1);
}

/// Registers every series at zero. A series that begins with its first event has no increase that
/// Prometheus could see.
fn register() {
    counter!(REQUESTS, "verdict" => "accepted", "kind" => "").increment(0);
    for kind in RejectionKind::ALL {
        refused(kind).increment(0);
    }
    let _registered = histogram!(DURATION);
    for gauge in [gauge!(IN_FLIGHT), gauge!(CONNECTIONS), gauge!(KEYS)] {
        gauge.set(0.0);
    }
    reloads(true).increment(0);
    reloads(false).increment(0);
    counter!(LINES_DROPPED).increment(0);
}

fn refused(kind: RejectionKind) -> metrics::Counter {
    counter!(REQUESTS, "verdict" => "refused", "kind" => kind.name())
}

fn reloads(is_ok: bool) -> metrics::Counter {
    match is_ok {
        true => counter!(RELOADS, "result" => "ok"),
        false => counter!(RELOADS, "result" => "error"),
    }
}

/// Adds recorded durations to the buckets regularly. Otherwise they would be kept one by one until
/// someone asks for the metrics.
pub(crate) async fn upkeep(prometheus: PrometheusHandle) {
    let mut ticks = interval(UPKEEP);
    loop {
        ticks.tick().await;
        prometheus.run_upkeep();
    }
}

/// Counts a request that is over. One without a kind was accepted, even if there was no answer: a
/// refusal is answered at once, so a client that left before its answer had a valid request.
pub(crate) fn request_over(kind: Option<RejectionKind>, took: Duration) {
    match kind {
        Some(kind) => refused(kind),
        None => counter!(REQUESTS, "verdict" => "accepted", "kind" => ""),
    }
    .increment(1);
    histogram!(DURATION).record(took);
}

pub(crate) fn keys(count: usize) {
    // Exact up to 2^53.
    #[allow(
        clippy::cast_precision_loss,
        reason = "no machine has room for so many keys"
    )]
    gauge!(KEYS).set(count as f64);
}

pub(crate) fn keys_reloaded(is_ok: bool) {
    reloads(is_ok).increment(1);
}

pub(crate) fn log_line_dropped() {
    counter!(LINES_DROPPED).increment(1);
}

/// Adds one to a gauge until it is dropped.
pub(crate) struct Counted(metrics::Gauge);

impl Counted {
    pub(crate) fn request() -> Self {
        Self::new(gauge!(IN_FLIGHT))
    }

    pub(crate) fn connection() -> Self {
        Self::new(gauge!(CONNECTIONS))
    }

    fn new(gauge: metrics::Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
