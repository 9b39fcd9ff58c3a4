//! The operations listener: metrics for Prometheus, and probes for orchestrators, apart from the service and without its TLS and tokens.

mod families;
mod listener;
mod text;

pub use listener::{OperationsSettings, serve};

use crate::stats::Stats;

/// Media type of [`exposition`].
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything counted so far in Prometheus's text format. Written here, since the client library writes OpenMetrics only, whose counters
/// `promtool check metrics` does not take.
pub fn exposition(stats: &Stats, log_lines_dropped: u64) -> String {
    let mut page = text::Page::default();
    families::write(stats, log_lines_dropped, &mut page);
    page.into_string()
}
