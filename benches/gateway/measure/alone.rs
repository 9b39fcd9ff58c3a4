//! The peers by themselves: what the gateway's figures are held against.

use std::time::Duration;

use super::caller::place_alone;
use super::throughput::placed_per_second;
use crate::load::{Until, closed_loop, validate};
use crate::report::{Report, Target};
use crate::rig::{Disk, echo, one_commit, python, simulator};
use crate::stats::percentile;
use crate::{Effort, Fallible};

pub(crate) async fn peers(effort: Effort, report: &mut Report) -> Fallible<()> {
    let round = Duration::from_secs_f64(effort.seconds);
    let bare = echo()?;
    let load = closed_loop(&bare.channels(4).await?, 64, Until::Time(round), validate).await?;
    let detail = format!("p50 {:.2} ms", load.p50());
    report.add(
        "Peer: tonic echo, 64 in flight",
        load.per_second,
        "/s",
        Target::None,
        detail,
    );

    let (_tws, address) = simulator(&[])?;
    let mut millis = place_alone(address, round).await?;
    report.add(
        "Peer: ibapi alone, 1 in flight",
        percentile(&mut millis, 0.5),
        "ms",
        Target::None,
        format!(
            "p99 {:.3} ms, {} orders",
            percentile(&mut millis, 0.99),
            millis.len()
        ),
    );
    for in_flight in [1, 64] {
        let rate = placed_per_second(one_commit(Disk::Fixed)?, in_flight, effort).await?;
        let what = format!("Peer: one commit per call, {in_flight} in flight, 1 ms fsync");
        report.add(what, rate, "/s", Target::None, "");
        let rate = placed_per_second(python(Disk::Fixed, true)?, in_flight, effort).await?;
        let what = format!("Peer: Python gateway, {in_flight} in flight, 1 ms fsync, WAL FULL");
        report.add(what, rate, "/s", Target::None, "");
    }
    Ok(())
}
