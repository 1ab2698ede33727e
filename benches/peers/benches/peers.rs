//! Measures how long signing one request takes, with this crate and with other crates: `cargo
//! bench` in this folder.
//!
//! Prints a table of medians and writes it to `<target directory>/criterion/peers.json`.

#[path = "../../speed/report.rs"]
mod report;

use std::{
    fs,
    hint::black_box,
    io,
    path::Path,
    time::{Duration, SystemTime},
};

use criterion::{BatchSize, Criterion};
use peers::Request;
use serde_json::{Value, json};

const GROUP: &str = "sign";

/// As many requests between two readings of the clock as in `speed`: few enough to stay in the L1
/// cache.
const BATCH: BatchSize = BatchSize::NumIterations(6);

/// A peer's name, and the way it signs.
type Peer = (&'static str, Box<dyn FnMut(Request) -> Request>);

fn main() -> io::Result<()> {
    let started = SystemTime::now();
    // Cargo does not name the target directory itself. `CARGO_TARGET_TMPDIR` is directly below it.
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion");
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .sample_size(50)
        .output_directory(&directory)
        .configure_from_args();
    let names = measure(&mut criterion);
    criterion.final_summary();

    let medians = names.iter().map(|name| {
        let median = report::median(&directory.join(GROUP).join(name), started);
        median.map(|nanoseconds| (*name, nanoseconds))
    });
    // With a filter or `--test`, not every peer has been measured.
    if let Some(rows) = medians.collect::<Option<Vec<_>>>() {
        print(&rows);
        let path = directory.join("peers.json");
        fs::write(&path, format!("{:#}\n", json(&rows)))?;
        println!("\nwritten to {}", path.display());
    }
    Ok(())
}

fn measure(criterion: &mut Criterion) -> Vec<&'static str> {
    let request = peers::request();
    let mut group = criterion.benchmark_group(GROUP);
    let mut names = Vec::new();
    for (name, mut sign) in signing_peers() {
        group.bench_function(name, |bencher| {
            // With capacity for more headers, so that growing the map is not measured.
            let fresh = || {
                let mut request = request.clone();
                request.headers_mut().reserve(8);
                request
            };
            bencher.iter_batched(fresh, |request| sign(black_box(request)), BATCH);
        });
        names.push(name);
    }
    group.finish();
    names
}

/// Returns all peers in the order of the table, after checking that each signs.
fn signing_peers() -> Vec<Peer> {
    let mut afresh = peers::hmac_auth_afresh();
    let mut date = || afresh(peers::request()).headers()["x-date"].clone();
    assert_ne!(date(), date(), "a date of its own for every request");

    vec![
        checked(
            "tower-hmac-auth, cached",
            peers::hmac_auth_cached(),
            &[("authorization", r#"headers="x-date source", signature=""#)],
        ),
        checked(
            "tower-hmac-auth, afresh",
            peers::hmac_auth_afresh(),
            &[("authorization", r#"headers="x-date source", signature=""#)],
        ),
        checked(
            "tower-http AddAuthorization",
            peers::add_authorization(),
            &[("authorization", "Bearer ")],
        ),
        checked(
            "httpsig-hyper",
            peers::httpsig(),
            &[
                ("signature-input", r#"("@method" "@authority");created="#),
                ("signature", "=:"),
            ],
        ),
        checked(
            "reqsign tencent-cos",
            peers::reqsign_tencent_cos(),
            &[("authorization", "&q-url-param-list=page&q-signature=")],
        ),
        checked(
            "reqsign aws-v4",
            peers::reqsign_aws_v4(),
            &[("authorization", ";x-amz-date;x-request-id, Signature=")],
        ),
        checked(
            "aws-sigv4",
            peers::aws_sigv4(),
            &[("authorization", ";x-amz-date;x-request-id, Signature=")],
        ),
    ]
}

/// Signs one request and checks its headers.
fn checked(
    name: &'static str,
    mut sign: impl FnMut(Request) -> Request + 'static,
    expected: &[(&str, &str)],
) -> Peer {
    let signed = sign(peers::request());
    for (header, excerpt) in expected {
        let value = signed
            .headers()
            .get(*header)
            .and_then(|value| value.to_str().ok());
        assert!(
            value.is_some_and(|value| value.contains(excerpt)),
            "{name}: {header}: {value:?} has no {excerpt}"
        );
    }
    (name, Box::new(sign))
}

/// Prints the table. The first two rows are this crate's.
fn print(rows: &[(&str, f64)]) {
    let (cached, afresh) = (rows[0].1, rows[1].1);
    println!(
        "{:<28} {:>9} {:>9} {:>9}",
        "signing one GET request", "ns", "x cached", "x afresh"
    );
    for (name, ns) in rows {
        println!(
            "{name:<28} {ns:>9.0} {:>9.2} {:>9.2}",
            ns / cached,
            ns / afresh
        );
    }
}

fn json(rows: &[(&str, f64)]) -> Value {
    let rows = rows
        .iter()
        .map(|(name, ns)| json!({"name": name, "ns": ns}));
    json!({
        "machine": report::machine(),
        "rustc": report::rustc(),
        "rows": rows.collect::<Vec<_>>(),
    })
}
