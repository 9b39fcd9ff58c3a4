//! One room per group of figures.

mod alone;
mod bytes;
mod caller;
mod fanout;
mod fsyncs;
mod instructions;
mod latency;
mod lists;
mod memory;
mod pacing;
mod reports;
mod size;
mod start;
mod stored;
mod throughput;
mod validate;

use stored::Stored;

use crate::report::Report;
use crate::{Effort, Fallible};

/// Every group, in the order of the report.
pub(crate) const NAMES: &[&str] = &[
    "peers",
    "size",
    "validate",
    "latency",
    "fsyncs",
    "bytes",
    "throughput",
    "pacing",
    "reports",
    "fanout",
    "memory",
    "lists",
    "start",
    "concurrency",
    "instructions",
    "flat",
];

/// What the groups have in common.
pub(crate) struct Stage {
    effort: Effort,
    /// A store with a million orders takes a minute to make: the groups that read it share one.
    million: Option<Stored>,
}

impl Stage {
    pub(crate) fn new(effort: Effort) -> Self {
        Self {
            effort,
            million: None,
        }
    }

    /// A store with 1,000,000 orders, of which 1,000 are open.
    async fn million(&mut self) -> Fallible<&mut Stored> {
        let stored = match self.million.take() {
            Some(stored) => stored,
            None => stored::with_orders(1_000_000, 1_000).await?,
        };
        Ok(self.million.insert(stored))
    }
}

/// Measures one group.
pub(crate) async fn run(name: &str, stage: &mut Stage, report: &mut Report) -> Fallible<()> {
    let effort = stage.effort;
    match name {
        "peers" => alone::peers(effort, report).await,
        "validate" => validate::against_echo(effort, report).await,
        "instructions" => instructions::count(report).await,
        "latency" => latency::of_place(effort, report).await,
        "fsyncs" => fsyncs::count(report).await,
        "bytes" => bytes::count(report).await,
        "throughput" => throughput::against_peers(effort, report).await,
        "concurrency" => throughput::by_concurrency(effort, report).await,
        "pacing" => pacing::at_fifty(effort, report).await,
        "reports" => reports::flood(effort, report).await,
        "fanout" => fanout::to_watchers(effort, report).await,
        "memory" => memory::watches(report).await,
        "flat" => memory::flat(effort, report).await,
        "lists" => lists::pages(stage, report).await,
        "start" => start::times(stage, report).await,
        "size" => size::of_binary(report),
        _ => Err(format!("nothing is called {name}").into()),
    }
}
