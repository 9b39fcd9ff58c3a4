//! One order at a time: against TWS and the disk, and against a caller with neither store nor gRPC. What it is held against is measured
//! in turn with it.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::caller::{Library, place_alone};
use crate::load::{Load, Until, closed_loop, place_resting, validate};
use crate::report::{Report, Target};
use crate::rig::{self, Disk, GatewayOptions, gateway, simulator};
use crate::stats::{Pairs, median};
use crate::{Effort, Fallible};

pub(crate) async fn of_place(effort: Effort, report: &mut Report) -> Fallible<()> {
    let round = Duration::from_secs_f64(effort.seconds);
    let commits = Commits::prepare().await?;
    let fixed = gateway(on(Disk::Fixed)).await?;
    let memory = gateway(on(Disk::Tmpfs)).await?;
    let (fixed_at, memory_at) = (fixed.channels(1).await?, memory.channels(1).await?);
    let (_library_tws, library_tws) = simulator(&[])?;
    let mut library = Library::open(library_tws).await?;
    let echo = rig::echo()?;
    let echo_at = echo.channels(1).await?;
    let mut against_bound = Pairs::default();
    let mut least_against_alone = Pairs::default();
    let mut grpc_against_alone = Pairs::default();
    let mut library_against_alone = Pairs::default();
    let (mut syncs, mut two_commits) = (vec![], vec![]);
    let mut sent = (0, 0);
    for _ in 0..effort.pairs {
        let (_tws, address) = simulator(&[])?;
        let alone = median(&mut place_alone(address, round).await?);
        let grpc = place_from(&memory_at, &mut sent.1, round).await?.p50();
        grpc_against_alone.push(grpc, alone);
        let in_process = median(&mut library.place(round).await?);
        library_against_alone.push(in_process, alone);
        let durable = place_from(&fixed_at, &mut sent.0, round).await?.p50();
        let cost = commits.measure(effort.seconds, Disk::Fixed)?;
        let bare = closed_loop(&echo_at, 1, Until::Time(round), validate).await?;
        let in_memory = commits.measure(effort.seconds, Disk::Tmpfs)?;
        least_against_alone.push(alone + bare.p50() + in_memory.two_commits, alone);
        against_bound.push(durable, alone + cost.two_commits);
        syncs.push(cost.sync);
        two_commits.push(cost.two_commits);
    }
    library.close().await;
    report.add_ratio(
        "Place, 1 in flight, 1 ms fsync: p50 against TWS round trip + 2 commits",
        &against_bound,
        Target::AtMost(1.25),
        format_args!(
            "{:.3} ms against {:.3} ms: {:.3} ms TWS, {:.3} ms the two commits",
            against_bound.median_a(),
            against_bound.median_b(),
            grpc_against_alone.median_b(),
            median(&mut two_commits)
        ),
    );
    report.add_median(
        "An fsync of 1 ms, as it is seen by the program",
        (median(&mut syncs), syncs.len()),
        "ms",
        Target::None,
        "the sleep, and the way back onto a core; in both sides of the row above",
    );
    for (what, pairs, target) in [
        (
            "Place over gRPC, 1 in flight, tmpfs: p50 against ibapi alone",
            grpc_against_alone,
            Target::AtMost(2.5),
        ),
        (
            "Place in process (the library), 1 in flight, tmpfs: p50 against ibapi alone",
            library_against_alone,
            Target::AtMost(2.5),
        ),
        (
            "The least over gRPC: a bare echo, two commits on tmpfs and TWS, one after the other: against ibapi alone",
            least_against_alone,
            Target::None,
        ),
    ] {
        report.add_ratio(
            what,
            &pairs,
            target,
            format_args!(
                "{:.3} ms against {:.3} ms",
                pairs.median_a(),
                pairs.median_b()
            ),
        );
    }
    Ok(())
}

fn on(disk: Disk) -> GatewayOptions<'static> {
    GatewayOptions {
        disk,
        ..GatewayOptions::default()
    }
}

/// Goes on with the request ids where the last round stopped.
async fn place_from(
    channels: &[tonic::transport::Channel],
    sent: &mut u64,
    round: Duration,
) -> Fallible<Load> {
    let first = *sent;
    let load = closed_loop(channels, 1, Until::Time(round), move |stub, number| {
        place_resting(stub, first + number)
    })
    .await?;
    *sent += load.calls;
    Ok(load)
}

/// What two commits cost, under the same preload library and with the same rows as a gateway.
struct Commits {
    /// A store with one order in it.
    dir: TempDir,
}

/// Milliseconds.
struct Cost {
    two_commits: f64,
    sync: f64,
}

impl Commits {
    async fn prepare() -> Fallible<Self> {
        let server = gateway(on(Disk::Tmpfs)).await?;
        let channels = server.channels(1).await?;
        closed_loop(&channels, 1, Until::Calls(1), place_resting).await?;
        let rig::Server { process, dir, .. } = server;
        process.terminate()?;
        Ok(Self { dir })
    }

    fn measure(&self, seconds: f64, disk: Disk) -> Fallible<Cost> {
        let database: PathBuf = self.dir.path().join("orders.db");
        let mut command = rig::itself()?;
        command
            .arg("commits")
            .arg(database)
            .arg(seconds.to_string());
        let _faults = rig::with_faults(&mut command, self.dir.path(), disk)?;
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures: Vec<f64> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [two_commits, sync, _orders] = figures[..] else {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the commits could not be measured: {text} {why}").into());
        };
        Ok(Cost {
            two_commits: two_commits / 1e3,
            sync: sync / 1e3,
        })
    }
}
