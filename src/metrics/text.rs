//! Prometheus's text format (0.0.4). Label values here are words of ours and need no escapes.

use std::fmt::Write as _;

use crate::stats::HistogramReading;

/// A page of metrics being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins a family: what it is called, which kind it is and what it means.
    pub(super) fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { page: self, name }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// A family being written.
pub(super) struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
}

impl Family<'_> {
    /// One number; `labels` like `method="Place"`, or empty.
    pub(super) fn value(&mut self, labels: &str, value: impl std::fmt::Display) {
        self.line("", labels, value);
    }

    /// One histogram.
    pub(super) fn histogram(&mut self, labels: &str, reading: &HistogramReading) {
        let HistogramReading {
            buckets,
            count,
            sum,
        } = reading;
        let comma = if labels.is_empty() { "" } else { "," };
        let mut up_to = 0;
        for (bound, count) in buckets {
            up_to += count;
            let bound = if *bound == f64::MAX {
                "+Inf".to_owned()
            } else {
                bound.to_string()
            };
            self.line("_bucket", &format!("{labels}{comma}le=\"{bound}\""), up_to);
        }
        self.line("_sum", labels, sum);
        self.line("_count", labels, count);
    }

    fn line(&mut self, suffix: &str, labels: &str, value: impl std::fmt::Display) {
        let Self { page, name } = self;
        // Writing to a String cannot fail.
        let _ = match labels {
            "" => writeln!(page.0, "{name}{suffix} {value}"),
            labels => writeln!(page.0, "{name}{suffix}{{{labels}}} {value}"),
        };
    }
}
