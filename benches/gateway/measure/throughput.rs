//! Orders per second with many in flight, against the peers. Each round has fresh processes and stores.

use std::time::Duration;

use crate::load::{Until, closed_loop, place_resting};
use crate::report::{Report, Target};
use crate::rig::{Disk, GatewayOptions, Server, gateway, one_commit, python};
use crate::stats::{Pairs, median};
use crate::{Effort, Fallible};

const IN_FLIGHT: usize = 64;
const CONNECTIONS: usize = 4;

pub(crate) async fn against_peers(effort: Effort, report: &mut Report) -> Fallible<()> {
    let mut against_one_commit = Pairs::default();
    let mut against_python = Pairs::default();
    let mut against_python_defaults = Pairs::default();
    for _ in 0..effort.pairs {
        let ours = placed_per_second(ours().await?, IN_FLIGHT, effort).await?;
        let peer = placed_per_second(one_commit(Disk::Fixed)?, IN_FLIGHT, effort).await?;
        against_one_commit.push(ours, peer);
        match python(Disk::Fixed, true) {
            Ok(peer) => {
                against_python.push(ours, placed_per_second(peer, IN_FLIGHT, effort).await?)
            }
            Err(error) => eprintln!("  no Python gateway: {error}"),
        }
        if let Ok(peer) = python(Disk::Fixed, false) {
            let peer = placed_per_second(peer, IN_FLIGHT, effort).await?;
            against_python_defaults.push(ours, peer);
        }
    }
    for (peer, pairs, target) in [
        (
            "one commit per call",
            against_one_commit,
            Target::AtLeast(15.0),
        ),
        (
            "the Python gateway (WAL, FULL)",
            against_python,
            Target::AtLeast(20.0),
        ),
        (
            "the Python gateway (SQLite's defaults)",
            against_python_defaults,
            Target::None,
        ),
    ] {
        report.add_ratio(
            format!("Place, {IN_FLIGHT} in flight, 1 ms fsync: against {peer}"),
            &pairs,
            target,
            format_args!(
                "{:.0}/s against {:.0}/s",
                pairs.median_a(),
                pairs.median_b()
            ),
        );
    }
    Ok(())
}

async fn ours() -> Fallible<Server> {
    gateway(GatewayOptions {
        disk: Disk::Fixed,
        ..GatewayOptions::default()
    })
    .await
}

/// Keeps so many orders in flight for a round, after a few that warm the server up.
pub(crate) async fn placed_per_second(
    server: Server,
    in_flight: usize,
    effort: Effort,
) -> Fallible<f64> {
    let channels = server.channels(CONNECTIONS.min(in_flight)).await?;
    let warm = Until::Calls(in_flight as u64 * 2);
    closed_loop(&channels, in_flight, warm, |stub, number| {
        place_resting(stub, 1_000_000_000 + number)
    })
    .await?;
    let round = Until::Time(Duration::from_secs_f64(effort.seconds));
    let load = closed_loop(&channels, in_flight, round, place_resting).await?;
    eprintln!(
        "    {in_flight} in flight: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
        load.per_second,
        load.p50(),
        load.p99()
    );
    Ok(load.per_second)
}

/// Orders per second against calls in flight, for the plot: medians of rounds that alternate.
pub(crate) async fn by_concurrency(effort: Effort, report: &mut Report) -> Fallible<()> {
    let mut lines = vec![
        ("ibkr-orders".to_owned(), Vec::new()),
        ("one commit per call".to_owned(), Vec::new()),
        ("Python, WAL FULL".to_owned(), Vec::new()),
    ];
    for in_flight in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
        let mut rates = [vec![], vec![], vec![]];
        for _ in 0..effort.points {
            rates[0].push(placed_per_second(ours().await?, in_flight, effort).await?);
            rates[1].push(placed_per_second(one_commit(Disk::Fixed)?, in_flight, effort).await?);
            if let Ok(peer) = python(Disk::Fixed, true) {
                rates[2].push(placed_per_second(peer, in_flight, effort).await?);
            }
        }
        for ((_, points), rates) in lines.iter_mut().zip(&mut rates) {
            if !rates.is_empty() {
                points.push((in_flight as f64, median(rates)));
            }
        }
    }
    lines.retain(|(_, points)| !points.is_empty());
    report.add_plot("place-throughput", lines);
    Ok(())
}
