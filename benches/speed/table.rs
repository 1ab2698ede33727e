//! Prints all ratios as one table, and writes them as JSON.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    report,
    run::{Row, Run},
};

/// Returns the directory of criterion's figures and of this table.
pub(crate) fn directory() -> PathBuf {
    // Cargo does not name the target directory itself. `CARGO_TARGET_TMPDIR`, the folder for a
    // benchmark's own files, is directly below it.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("criterion")
}

/// A row whose case and floor were both measured in this run.
struct Measured<'r> {
    row: &'r Row,
    ns: f64,
    floor_ns: f64,
}

impl Measured<'_> {
    fn ratio(&self) -> f64 {
        self.ns / self.floor_ns
    }
}

/// Ends the run, prints the table and writes it.
pub(crate) fn show(run: &Run, wire: &[Value]) {
    run.criterion.final_summary();
    if run.is_test() {
        return;
    }
    let rows: Vec<_> = run
        .rows
        .iter()
        .filter_map(|row| measured(run, row))
        .collect();
    if rows.is_empty() && wire.is_empty() {
        return;
    }
    if !rows.is_empty() {
        print_rows(&rows);
    }
    if !wire.is_empty() {
        print_wire(wire);
    }
    let file = directory().join("table.json");
    fs::create_dir_all(directory()).unwrap();
    fs::write(&file, format!("{:#}\n", json(&rows, wire))).unwrap();
    println!("\n{}", file.display());
}

fn measured<'r>(run: &Run, row: &'r Row) -> Option<Measured<'r>> {
    Some(Measured {
        row,
        ns: median(run, row.group, &row.case)?,
        floor_ns: median(run, row.group, &row.floor)?,
    })
}

fn median(run: &Run, group: &str, name: &str) -> Option<f64> {
    // criterion shortens longer names and replaces these characters, so the folder would not be
    // found.
    assert!(
        name.len() <= 64 && !name.contains(['?', '"', '/', '\\', '*', '<', '>', ':', '|', '^'])
    );
    report::median(&directory().join(group).join(name), run.start)
}

fn print_rows(rows: &[Measured<'_>]) {
    println!(
        "\n{:<62} {:>9}  {:<44} {:>9} {:>6} {:>5}  reached",
        "case", "ns", "floor", "ns", "ratio", "goal"
    );
    let mut group = "";
    for measured in rows {
        let Measured { row, ns, floor_ns } = measured;
        if row.group != group {
            group = row.group;
            println!("{group}");
        }
        let (case, floor, ratio) = (&row.case, &row.floor, measured.ratio());
        let (goal, reached) = verdict(ratio, row.goal);
        println!(
            "  {case:<60} {ns:>9.1}  {floor:<44} {floor_ns:>9.1} {ratio:>6.2} {goal:>5}  {reached}"
        );
    }
}

fn verdict(ratio: f64, goal: Option<f64>) -> (String, &'static str) {
    let reached = match goal {
        Some(goal) if ratio <= goal => "yes",
        Some(_) => "no",
        None => "",
    };
    (goal.map_or(String::new(), |goal| goal.to_string()), reached)
}

fn print_wire(wire: &[Value]) {
    println!(
        "\n{:<34} {:>10} {:>9} {:>9}",
        "wire", "requests/s", "p50 us", "p99 us"
    );
    for result in wire {
        let (protocol, in_flight) = (result["protocol"].as_str().unwrap(), &result["in_flight"]);
        for variant in ["bare", "headers", "layers"] {
            let figure = |name: &str| result[variant][name].as_f64().unwrap();
            println!(
                "  {:<32} {:>10.0} {:>9.1} {:>9.1}",
                format!("{protocol}, {in_flight} at a time, {variant}"),
                figure("requests_a_second"),
                figure("p50_us"),
                figure("p99_us"),
            );
        }
        for to in ["bare", "headers"] {
            let ratio = result[format!("layers_to_{to}")].as_f64().unwrap();
            let (goal, reached) = verdict(ratio, result["goal"].as_f64());
            println!("    layers to {to:<8} ratio {ratio:.3}  goal {goal}  reached {reached}");
        }
    }
}

fn json(rows: &[Measured<'_>], wire: &[Value]) -> Value {
    let rows = rows.iter().map(|measured| {
        let Measured { row, ns, floor_ns } = measured;
        json!({
            "group": row.group,
            "case": row.case,
            "ns": ns,
            "floor": row.floor,
            "floor_ns": floor_ns,
            "ratio": measured.ratio(),
            "goal": row.goal,
        })
    });
    json!({
        "machine": report::machine(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "rustc": report::rustc(),
        "rows": rows.collect::<Vec<_>>(),
        "wire": wire,
    })
}
