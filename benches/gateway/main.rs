//! Measures the gateway against what people would use instead, on this machine, in one run.
//!
//! `cargo bench --bench gateway` measures everything and writes `target/performance/` (tables, JSON, plots).
//! `cargo bench --bench gateway -- latency fanout` measures only those; `quick` makes each shorter, `write-docs` puts the plots
//! into `docs/performance/` as well. Nothing here fails for being slow.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod callgrind;
mod load;
mod measure;
#[path = "../peers/mod.rs"]
mod peers;
mod plot;
mod process;
mod report;
mod rig;
mod stats;
mod tap;
mod tws_wire;

use std::path::Path;
use std::time::Duration;

use measure::Stage;
use peers::pb::order_service_client::OrderServiceClient;
use report::Report;
use tonic::transport::Channel;

/// What a measurement may end with.
type Fallible<T> = Result<T, Box<dyn std::error::Error>>;
/// A caller.
type Stub = OrderServiceClient<Channel>;

/// The longest that a group may take: whatever hangs, the rest is measured.
const GROUP_MAX: Duration = Duration::from_secs(600);

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    /// Alternating pairs of rounds.
    pairs: usize,
    /// Rounds of a point of a plot.
    points: usize,
    /// Seconds of load in a round.
    seconds: f64,
    /// Seconds that TWS's pacing is watched.
    pacing_seconds: f64,
    /// Orders of the long run.
    many: u64,
}

const FULL: Effort = Effort {
    pairs: 12,
    points: 3,
    seconds: 1.5,
    pacing_seconds: 30.0,
    many: 1_000_000,
};
const QUICK: Effort = Effort {
    pairs: 3,
    points: 1,
    seconds: 0.5,
    pacing_seconds: 10.0,
    many: 100_000,
};

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
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
    let (mut effort, mut docs, mut chosen) = (FULL, false, Vec::new());
    for argument in arguments.iter().filter(|argument| *argument != "--bench") {
        match argument.as_str() {
            "quick" => effort = QUICK,
            "write-docs" => docs = true,
            name if measure::NAMES.contains(&name) => chosen.push(name),
            name => {
                let names = measure::NAMES.join(", ");
                return Err(
                    format!("{name} is neither quick nor write-docs nor a group: {names}").into(),
                );
            }
        }
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let mut report = Report::default();
    let mut stage = Stage::new(effort);
    for name in measure::NAMES {
        if !chosen.is_empty() && !chosen.contains(name) {
            continue;
        }
        report.begin(name);
        let measuring = measure::run(name, &mut stage, &mut report);
        let limited = async { tokio::time::timeout(GROUP_MAX, measuring).await };
        let failure = match runtime.block_on(limited) {
            Ok(measured) => measured.err().map(|error| error.to_string()),
            Err(_) => Some(format!("it took longer than {GROUP_MAX:?}")),
        };
        report.end(failure);
        // After each group, so that a run that is broken off has not been for nothing.
        write(&report, docs)?;
    }
    println!("{}", report.table());
    Ok(())
}

fn write(report: &Report, docs: bool) -> Fallible<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = root.join("target/performance");
    std::fs::create_dir_all(&out)?;
    std::fs::write(out.join("table.md"), report.table())?;
    std::fs::write(
        out.join("figures.json"),
        serde_json::to_string_pretty(&report.json())?,
    )?;
    for plot in plot::PLOTS {
        let Some(series) = report.plot(plot.name) else {
            continue;
        };
        let (file, picture) = (format!("{}.svg", plot.name), plot.draw(series));
        std::fs::write(out.join(&file), &picture)?;
        if docs {
            std::fs::write(root.join("docs/performance").join(&file), &picture)?;
        }
    }
    Ok(())
}
