//! One room per group of figures.

mod alone;
mod caller;
mod fanout;
mod instructions;
mod lists;
mod memory;
mod pacing;
mod place;
mod reports;
mod size;
mod start;
mod stored;
mod validate;

use crate::report::Report;
use crate::{Effort, Fallible};

/// Every group, in the order of the report.
pub(crate) const NAMES: &[&str] = &[
    "peers",
    "size",
    "validate",
    "latency",
    "fsyncs",
    "throughput",
    "pacing",
    "reports",
    "fanout",
    "memory",
    "start",
    "lists",
    "concurrency",
    "instructions",
    "flat",
];

/// Measures one group.
pub(crate) async fn run(name: &str, effort: Effort, report: &mut Report) -> Fallible<()> {
    match name {
        "peers" => alone::peers(effort, report).await,
        "validate" => validate::against_echo(effort, report).await,
        "instructions" => instructions::count(report).await,
        "latency" => place::latency(effort, report).await,
        "fsyncs" => place::fsyncs(report).await,
        "throughput" => place::throughput(effort, report).await,
        "concurrency" => place::concurrency(effort, report).await,
        "pacing" => pacing::at_fifty(effort, report).await,
        "reports" => reports::flood(effort, report).await,
        "fanout" => fanout::to_watchers(effort, report).await,
        "memory" => memory::watches(report).await,
        "flat" => memory::flat(effort, report).await,
        "start" => start::times(effort, report).await,
        "lists" => lists::pages(report).await,
        "size" => size::of_binary(report),
        _ => Err(format!("nothing is called {name}").into()),
    }
}
