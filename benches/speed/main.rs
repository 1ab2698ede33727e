//! Measures how long signing and verifying take, relative to a floor: `cargo bench --bench speed`.
//!
//! Every group measures its floor in the same run. For cached signatures, it is reading the clock
//! and inserting three existing values. For everything else, it is the MAC alone, already keyed,
//! over the same bytes. `benches/README.md` says what each group measures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark ends if its setup fails, and prints its results"
)]

mod aside;
mod clocks;
mod echo;
mod floors;
mod keys;
#[cfg(feature = "cached-keys")]
mod lookup;
mod replay;
mod report;
mod requests;
mod run;
mod service;
mod sign;
mod table;
mod threads;
mod verify;
mod wire;

use std::{sync::Arc, time::Duration};

use criterion::Criterion;

use run::Run;

fn main() {
    let criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(40)
        .output_directory(&table::directory())
        .configure_from_args();
    let mut run = Run::new(criterion);
    sign::run(&mut run);
    let million = Arc::new(keys::store(run.keys(1_000_000)));
    verify::run(&mut run, &million);
    #[cfg(feature = "cached-keys")]
    lookup::run(&mut run);
    service::run(&mut run, &million);
    drop(million);
    threads::run(&mut run);
    if run.wants("replay") {
        replay::run(&mut run);
    }
    let wire = if run.wants("wire") {
        wire::run(run.is_test())
    } else {
        Vec::new()
    };
    table::show(&run, &wire);
}
