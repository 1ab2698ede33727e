//! Runs cases with criterion, and records which case is measured against which floor.

use std::{env, time::SystemTime};

use criterion::{Bencher, BenchmarkGroup, Criterion, measurement::WallTime};

/// A row of the table. The case and the floor are in the same group.
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) case: String,
    pub(crate) floor: String,
    /// The largest ratio that reaches the goal.
    pub(crate) goal: Option<f64>,
}

pub(crate) struct Run {
    pub(crate) criterion: Criterion,
    pub(crate) rows: Vec<Row>,
    /// Figures older than this are from another run.
    pub(crate) start: SystemTime,
}

impl Run {
    pub(crate) fn new(criterion: Criterion) -> Self {
        Self {
            criterion,
            rows: Vec::new(),
            start: SystemTime::now(),
        }
    }

    /// Returns `true` if each case runs once, unmeasured: with `--test`, and under `cargo test`.
    pub(crate) fn is_test(&self) -> bool {
        let has = |wanted: &str| env::args().any(|argument| argument == wanted);
        has("--test") || !has("--bench")
    }

    /// Returns `true` if this group, whose setup takes long, runs: unless a filter asks for
    /// another.
    pub(crate) fn wants(&self, group: &str) -> bool {
        let mut asked = env::args().skip(1).filter(|asked| asked != "--bench");
        asked.all(|asked| asked.trim_matches(['^', '/']) == group || asked == "--test")
    }

    /// Returns how many keys to put into a store of this size: fewer if nothing is measured.
    pub(crate) fn keys(&self, count: usize) -> usize {
        count.min(if self.is_test() { 1_000 } else { usize::MAX })
    }

    pub(crate) fn group(&mut self, name: &'static str) -> Group<'_> {
        Group {
            name,
            group: self.criterion.benchmark_group(name),
            rows: &mut self.rows,
        }
    }
}

pub(crate) struct Group<'r> {
    name: &'static str,
    group: BenchmarkGroup<'r, WallTime>,
    rows: &'r mut Vec<Row>,
}

impl Group<'_> {
    pub(crate) fn floor(&mut self, name: &str, measure: impl FnMut(&mut Bencher<'_>)) {
        self.group.bench_function(name, measure);
    }

    /// Measures a case. Measure its floor right before, so that both see the same state of the
    /// machine.
    pub(crate) fn case(
        &mut self,
        case: &str,
        floor: &str,
        goal: Option<f64>,
        measure: impl FnMut(&mut Bencher<'_>),
    ) {
        self.group.bench_function(case, measure);
        self.rows.push(Row {
            group: self.name,
            case: case.to_owned(),
            floor: floor.to_owned(),
            goal,
        });
    }
}
