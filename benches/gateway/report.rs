//! What was measured: one table for people, one JSON file for programs.

use std::fmt::Write;

use serde_json::{Value, json};

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
    detail: String,
}

/// Points of a plot: name of the line, then (x, y).
pub(crate) type Series = Vec<(String, Vec<(f64, f64)>)>;

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    plots: Vec<(&'static str, Series)>,
}

impl Report {
    /// Adds a figure and shows it at once.
    pub(crate) fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        target: Target,
        detail: impl Into<String>,
    ) {
        let row = Row {
            what: what.into(),
            value,
            unit,
            target,
            detail: detail.into(),
        };
        eprintln!("  {}", row.line());
        self.rows.push(row);
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

    /// The table, as Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text =
            String::from("| what | measured | target | | detail |\n|---|---|---|---|---|\n");
        for row in &self.rows {
            let _ = writeln!(
                text,
                "| {} | {} {} | {} | {} | {} |",
                row.what,
                figure(row.value),
                row.unit,
                row.target_text(),
                row.verdict(),
                row.detail
            );
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "what": row.what, "value": row.value, "unit": row.unit,
                    "target": row.target_text(), "met": row.met(), "detail": row.detail,
                })
            })
            .collect();
        let plots: serde_json::Map<String, Value> = self
            .plots
            .iter()
            .map(|(name, series)| ((*name).to_owned(), json!(series)))
            .collect();
        json!({ "rows": rows, "plots": plots, "cores": std::thread::available_parallelism().map_or(0, usize::from) })
    }
}

impl Row {
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
            "{}: {} {} {} {} {}",
            self.what,
            figure(self.value),
            self.unit,
            self.target_text(),
            self.verdict(),
            self.detail
        )
    }
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
