//! Reads criterion's figures, and describes the machine they are from.

use std::{env, fs, path::Path, process::Command, time::SystemTime};

use serde_json::Value;

/// Returns the median, in nanoseconds, that criterion has written for a benchmark since then.
pub(crate) fn median(benchmark: &Path, since: SystemTime) -> Option<f64> {
    let file = benchmark.join("new/estimates.json");
    if fs::metadata(&file).ok()?.modified().ok()? < since {
        return None;
    }
    let estimates: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}

/// Returns the processor's name.
pub(crate) fn machine() -> Option<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = cpus.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Returns the compiler's version.
pub(crate) fn rustc() -> Option<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
