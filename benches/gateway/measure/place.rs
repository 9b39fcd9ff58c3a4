//! Place: how long alone, how many at once, and how many fsyncs.

use std::time::Duration;

use tokio_rusqlite::rusqlite::Connection;

use super::caller::place_alone;
use crate::load::{Load, Until, closed_loop, place_market, place_resting};
use crate::report::{Report, Target};
use crate::rig::{
    Disk, FIXED_FSYNC, GatewayOptions, Server, gateway, one_commit, python, scratch, simulator,
};
use crate::stats::{Pairs, median, millis};
use crate::{Effort, Fallible};

const IN_FLIGHT: usize = 64;
const CONNECTIONS: usize = 4;

/// One order at a time: against TWS and the disk, and against a caller with neither store nor gRPC.
pub(crate) async fn latency(effort: Effort, report: &mut Report) -> Fallible<()> {
    let round = Duration::from_secs_f64(effort.seconds);
    let fixed = gateway(on(Disk::Fixed)).await?;
    let memory = gateway(on(Disk::Tmpfs)).await?;
    let (fixed_at, memory_at) = (fixed.channels(1).await?, memory.channels(1).await?);
    let commit = commit_millis()?;
    let mut against_bound = Pairs::default();
    let mut against_alone = Pairs::default();
    let mut sent = (0, 0);
    for _ in 0..effort.pairs {
        let (_tws, address) = simulator(&[])?;
        let alone = median(&mut place_alone(address, round).await?);
        let a = place_from(&fixed_at, &mut sent.0, round).await?.p50();
        let b = place_from(&memory_at, &mut sent.1, round).await?.p50();
        against_bound.push(a, alone + 2.0 * commit);
        against_alone.push(b, alone);
    }
    let (ratio, low, high) = against_bound.ratio();
    report.add(
        "Place, 1 in flight, 1 ms fsync: p50 against TWS round trip + 2 commits",
        ratio,
        "×",
        Target::AtMost(1.25),
        format!(
            "{:.2} ms against {:.2} ms; {low:.2} to {high:.2}",
            against_bound.median_a(),
            against_bound.median_b()
        ),
    );
    let (ratio, low, high) = against_alone.ratio();
    report.add(
        "Place, 1 in flight, tmpfs: p50 against ibapi alone",
        ratio,
        "×",
        Target::AtMost(2.5),
        format!(
            "{:.3} ms against {:.3} ms; {low:.2} to {high:.2}",
            against_alone.median_a(),
            against_alone.median_b()
        ),
    );
    Ok(())
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

/// What one commit costs where an fsync costs 1 ms: SQLite's own work on one row, and the fsync.
fn commit_millis() -> Fallible<f64> {
    const COMMITS: u32 = 500;
    let dir = scratch()?;
    let connection = Connection::open(dir.path().join("commit.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)",
    )?;
    let start = std::time::Instant::now();
    for _ in 0..COMMITS {
        connection.execute("INSERT INTO t (b) VALUES ('a row of an order')", [])?;
    }
    Ok(millis(start.elapsed() / COMMITS + FIXED_FSYNC))
}

/// fsyncs of an order, counted.
pub(crate) async fn fsyncs(report: &mut Report) -> Fallible<()> {
    for (what, in_flight, orders, bound) in [
        ("fsyncs per order, 1 in flight", 1, 500, 3.0),
        ("fsyncs per order, 64 in flight", IN_FLIGHT, 20_000, 0.15),
    ] {
        let resting = counted(in_flight, orders, false).await?;
        let market = counted(in_flight, orders, true).await?;
        report.add(
            what,
            resting.fsyncs,
            "",
            Target::AtMost(bound),
            format!(
                "{:.4} commits per event; {:.3} for an order that fills, {:.4} per event",
                resting.per_event, market.fsyncs, market.per_event
            ),
        );
    }
    Ok(())
}

struct Counted {
    fsyncs: f64,
    per_event: f64,
}

async fn counted(in_flight: usize, orders: u64, market: bool) -> Fallible<Counted> {
    let server = gateway(on(Disk::Fixed)).await?;
    let faults = server.faults.as_ref().ok_or("no fsync counter")?;
    let channels = server.channels(CONNECTIONS.min(in_flight)).await?;
    let before = faults.fsyncs()?;
    if market {
        closed_loop(&channels, in_flight, Until::Calls(orders), place_market).await?;
    } else {
        closed_loop(&channels, in_flight, Until::Calls(orders), place_resting).await?;
    }
    settle(&server).await?;
    let fsyncs = (faults.fsyncs()? - before) as f64;
    let store = Connection::open(server.dir.path().join("orders.db"))?;
    let events: f64 = store.query_row("SELECT count(*) FROM order_events", [], |row| row.get(0))?;
    Ok(Counted {
        fsyncs: fsyncs / orders as f64,
        per_event: fsyncs / events,
    })
}

/// Waits until the gateway stores nothing more.
async fn settle(server: &Server) -> Fallible<()> {
    let faults = server.faults.as_ref().ok_or("no fsync counter")?;
    for _ in 0..100 {
        let before = faults.fsyncs()?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        if faults.fsyncs()? == before {
            return Ok(());
        }
    }
    Err("the gateway did not come to rest".into())
}

/// Orders per second with many in flight, against the peers; each round on fresh processes and stores.
pub(crate) async fn throughput(effort: Effort, report: &mut Report) -> Fallible<()> {
    let mut against_one_commit = Pairs::default();
    let mut against_python = Pairs::default();
    let mut against_python_defaults = Pairs::default();
    for _ in 0..effort.pairs {
        let ours = placed_per_second(gateway(on(Disk::Fixed)).await?, IN_FLIGHT, effort).await?;
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
    for (what, pairs, target) in [
        (
            "Place, 64 in flight, 1 ms fsync: against one commit per call",
            against_one_commit,
            Target::AtLeast(15.0),
        ),
        (
            "Place, 64 in flight, 1 ms fsync: against the Python gateway (WAL, FULL)",
            against_python,
            Target::AtLeast(20.0),
        ),
        (
            "Place, 64 in flight, 1 ms fsync: against the Python gateway (SQLite's defaults)",
            against_python_defaults,
            Target::None,
        ),
    ] {
        if pairs.len() == 0 {
            continue;
        }
        let (ratio, low, high) = pairs.ratio();
        report.add(
            what,
            ratio,
            "×",
            target,
            format!(
                "{:.0}/s against {:.0}/s; {} pairs from {low:.1} to {high:.1}",
                pairs.median_a(),
                pairs.median_b(),
                pairs.len()
            ),
        );
    }
    Ok(())
}

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

/// Orders per second against calls in flight, for the plot.
pub(crate) async fn concurrency(effort: Effort, report: &mut Report) -> Fallible<()> {
    let mut lines = vec![
        ("ibkr-orders".to_owned(), Vec::new()),
        ("one commit per call".to_owned(), Vec::new()),
        ("Python, WAL FULL".to_owned(), Vec::new()),
    ];
    for in_flight in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
        let x = in_flight as f64;
        let ours = placed_per_second(gateway(on(Disk::Fixed)).await?, in_flight, effort).await?;
        lines[0].1.push((x, ours));
        let peer = placed_per_second(one_commit(Disk::Fixed)?, in_flight, effort).await?;
        lines[1].1.push((x, peer));
        if let Ok(peer) = python(Disk::Fixed, true) {
            lines[2]
                .1
                .push((x, placed_per_second(peer, in_flight, effort).await?));
        }
    }
    lines.retain(|(_, points)| !points.is_empty());
    report.add_plot("place-throughput", lines);
    Ok(())
}

fn on(disk: Disk) -> GatewayOptions<'static> {
    GatewayOptions {
        disk,
        ..GatewayOptions::default()
    }
}
