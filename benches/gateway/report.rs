//! What was measured: one table for people, one JSON file for programs.

use std::fmt::Write;
use std::time::Instant;

use serde_json::{Value, json};

use crate::stats::Pairs;

/// A bound that a figure is held against. Nothing fails when it is missed: the table says so.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// For information.
    None,
}

/// One figure.
struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    target: Target,
    /// Rounds, or alternating pairs of rounds, that it is the median of. 1: measured once, or a count.
    rounds: usize,
    detail: String,
}

/// The figures of one group, and how busy the machine was.
struct Group {
    name: &'static str,
    rows: Vec<Row>,
    began: Instant,
    seconds: f64,
    /// Load average over a minute, before and after. The harness itself is part of the second.
    load: [f64; 2],
    failure: Option<String>,
}

/// Points of a plot: name of the line, then (x, y).
pub(crate) type Series = Vec<(String, Vec<(f64, f64)>)>;

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Report {
    groups: Vec<Group>,
    plots: Vec<(&'static str, Series)>,
}

impl Report {
    /// What is added from now on belongs to this group.
    pub(crate) fn begin(&mut self, name: &'static str) {
        let load = load_average();
        eprintln!("{name} (load {load:.1})");
        self.groups.push(Group {
            name,
            rows: Vec::new(),
            began: Instant::now(),
            seconds: 0.0,
            load: [load; 2],
            failure: None,
        });
    }

    /// The group is measured, or could not be.
    pub(crate) fn end(&mut self, failure: Option<String>) {
        let Some(group) = self.groups.last_mut() else {
            return;
        };
        group.seconds = group.began.elapsed().as_secs_f64();
        group.load[1] = load_average();
        if let Some(failure) = &failure {
            eprintln!("  {} could not be measured: {failure}", group.name);
        }
        group.failure = failure;
        eprintln!("  ({:.0} s, load {:.1})", group.seconds, group.load[1]);
    }

    /// Adds a figure that was measured or counted once, and shows it.
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        target: Target,
        detail: impl Into<String>,
    ) {
        self.push(Row {
            what: what.into(),
            value,
            unit,
            target,
            rounds: 1,
            detail: detail.into(),
        });
    }

    /// Adds a figure that is the median of so many rounds.
    pub(crate) fn add_median(
        &mut self,
        what: impl Into<String>,
        (value, rounds): (f64, usize),
        unit: &'static str,
        target: Target,
        detail: impl Into<String>,
    ) {
        self.push(Row {
            what: what.into(),
            value,
            unit,
            target,
            rounds,
            detail: detail.into(),
        });
    }

    /// Adds the median of the pairs' ratios.
    pub(crate) fn add_ratio(
        &mut self,
        what: impl Into<String>,
        pairs: &Pairs,
        target: Target,
        detail: impl std::fmt::Display,
    ) {
        if pairs.len() == 0 {
            return;
        }
        let (ratio, low, high) = pairs.ratio();
        let detail = format!("{detail}; from {} to {}", figure(low), figure(high));
        self.add_median(what, (ratio, pairs.len()), "×", target, detail);
    }

    fn push(&mut self, row: Row) {
        eprintln!("  {}", row.line());
        if let Some(group) = self.groups.last_mut() {
            group.rows.push(row);
        }
    }

    pub(crate) fn add_plot(&mut self, name: &'static str, series: Series) {
        self.plots.push((name, series));
    }

    pub(crate) fn plot(&self, name: &str) -> Option<&Series> {
        self.plots
            .iter()
            .find(|(plot, _)| *plot == name)
            .map(|(_, series)| series)
    }

    /// Two tables, as Markdown: the figures, and when each group was measured on how busy a machine.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from(
            "| what | measured | target | | rounds | detail |\n|---|---|---|---|---|---|\n",
        );
        for row in self.groups.iter().flat_map(|group| &group.rows) {
            let _ = writeln!(
                text,
                "| {} | {} {} | {} | {} | {} | {} |",
                row.what,
                figure(row.value),
                row.unit,
                row.target_text(),
                row.verdict(),
                row.rounds,
                row.detail
            );
        }
        text.push_str(
            "\n| group | seconds | load before | load after | |\n|---|---|---|---|---|\n",
        );
        for group in &self.groups {
            let _ = writeln!(
                text,
                "| {} | {:.0} | {:.1} | {:.1} | {} |",
                group.name,
                group.seconds,
                group.load[0],
                group.load[1],
                group.failure.as_deref().map_or(String::new(), |failure| {
                    format!("not measured: {failure}")
                })
            );
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let groups: Vec<Value> = self.groups.iter().map(Group::json).collect();
        let plots: serde_json::Map<String, Value> = self
            .plots
            .iter()
            .map(|(name, series)| ((*name).to_owned(), json!(series)))
            .collect();
        json!({ "groups": groups, "plots": plots, "cores": std::thread::available_parallelism().map_or(0, usize::from) })
    }
}

impl Group {
    fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(Row::json).collect();
        json!({
            "name": self.name, "seconds": self.seconds, "load_before": self.load[0], "load_after": self.load[1],
            "failure": self.failure, "rows": rows,
        })
    }
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "what": self.what, "value": self.value, "unit": self.unit, "target": self.target_text(), "met": self.met(),
            "rounds": self.rounds, "detail": self.detail,
        })
    }

    fn met(&self) -> Option<bool> {
        match self.target {
            Target::AtLeast(bound) => Some(self.value >= bound),
            Target::AtMost(bound) => Some(self.value <= bound),
            Target::None => None,
        }
    }

    fn verdict(&self) -> &'static str {
        match self.met() {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        }
    }

    fn target_text(&self) -> String {
        match self.target {
            Target::AtLeast(bound) => format!("≥ {}", figure(bound)),
            Target::AtMost(bound) => format!("≤ {}", figure(bound)),
            Target::None => String::new(),
        }
    }

    fn line(&self) -> String {
        format!(
            "{}: {} {} {} {} ({}) {}",
            self.what,
            figure(self.value),
            self.unit,
            self.target_text(),
            self.verdict(),
            self.rounds,
            self.detail
        )
    }
}

/// The machine's load average over the last minute; not a number where there is none to read.
fn load_average() -> f64 {
    std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or(f64::NAN)
}

/// Three significant digits, or all digits before the point.
pub(crate) fn figure(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits_before = value.abs().log10().floor() as i32 + 1;
    let decimals = (3 - digits_before).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}
