//! Measures the gateway against what people would use instead, on this machine, in one run.
//!
//! `cargo bench --bench gateway` measures everything and writes `target/performance/` (a table, JSON, plots).
//! `cargo bench --bench gateway -- latency fanout` measures only those; `quick` makes each shorter. Nothing here fails for being slow.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod callgrind;
mod load;
mod measure;
#[path = "../peers/mod.rs"]
mod peers;
mod plot;
#[path = "../../tests/support/preload.rs"]
mod preload;
mod process;
mod report;
mod rig;
mod stats;

use std::path::Path;
use std::time::Instant;

use peers::pb::order_service_client::OrderServiceClient;
use report::Report;
use tonic::transport::Channel;

/// What a measurement may end with.
type Fallible<T> = Result<T, Box<dyn std::error::Error>>;
/// A caller.
type Stub = OrderServiceClient<Channel>;

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    /// Alternating pairs of rounds.
    pairs: usize,
    /// Seconds of load in a round.
    seconds: f64,
    /// Orders of the long runs.
    many: u64,
}

const FULL: Effort = Effort {
    pairs: 12,
    seconds: 1.5,
    many: 1_000_000,
};
const QUICK: Effort = Effort {
    pairs: 3,
    seconds: 0.5,
    many: 50_000,
};

fn main() -> Fallible<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == "peer"
    {
        return peers::run(rest);
    }
    // `cargo bench` says so; `cargo test --all-targets` starts this program too, and gets nothing measured.
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("measured by: cargo bench --bench gateway");
        return Ok(());
    }
    arguments.retain(|argument| argument != "--bench");
    let effort = if arguments.iter().any(|argument| argument == "quick") {
        QUICK
    } else {
        FULL
    };
    let chosen: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| *argument != "quick")
        .collect();
    let runtime = tokio::runtime::Runtime::new()?;
    let mut report = Report::default();
    for name in measure::NAMES {
        if !chosen.is_empty() && !chosen.contains(name) {
            continue;
        }
        eprintln!("{name}");
        let start = Instant::now();
        if let Err(error) = runtime.block_on(measure::run(name, effort, &mut report)) {
            eprintln!("  {name} could not be measured: {error}");
        }
        eprintln!("  ({:.0} s)", start.elapsed().as_secs_f64());
        // After each group, so that a run that is broken off has not been for nothing.
        write(&report)?;
    }
    println!("{}", report.table());
    Ok(())
}

fn write(report: &Report) -> Fallible<()> {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/performance");
    std::fs::create_dir_all(&out)?;
    std::fs::write(out.join("table.md"), report.table())?;
    std::fs::write(
        out.join("figures.json"),
        serde_json::to_string_pretty(&report.json())?,
    )?;
    for plot in plot::PLOTS {
        if let Some(series) = report.plot(plot.name) {
            std::fs::write(out.join(format!("{}.svg", plot.name)), plot.draw(series))?;
        }
    }
    Ok(())
}
