//! From exec to the first answer.

use std::path::Path;
use std::time::Instant;

use super::stored::{leave_log, serve_on, stub_when_up, with_orders};
use crate::peers::pb::HealthRequest;
use crate::report::{Report, Target};
use crate::rig::{scratch, simulator};
use crate::stats::{median, millis};
use crate::{Effort, Fallible};

const ORDERS: i64 = 1_000_000;
const OPEN: i64 = 1_000;
const LOG_BYTES: u64 = 256 << 20;

pub(crate) async fn times(effort: Effort, report: &mut Report) -> Fallible<()> {
    let mut empty = Vec::new();
    for _ in 0..effort.pairs {
        empty.push(until_connected(scratch()?.path()).await?);
    }
    report.add(
        "Start to the first answer",
        median(&mut empty),
        "ms",
        Target::AtMost(100.0),
        "Health with the TWS session up; empty store",
    );
    let stored = with_orders(ORDERS, OPEN).await?;
    let mut full = Vec::new();
    for _ in 0..effort.pairs {
        full.push(until_connected(stored.dir.path()).await?);
    }
    report.add(
        "Start with 1,000,000 orders stored, 1,000 open",
        median(&mut full),
        "ms",
        Target::AtMost(250.0),
        "the same",
    );
    let mut killed = Vec::new();
    for _ in 0..effort.pairs.min(3) {
        let dir = leave_log(stored.dir.path(), LOG_BYTES)?;
        killed.push(until_connected(dir.path()).await?);
    }
    report.add(
        "Start after a kill that left a log of 256 MB",
        median(&mut killed),
        "ms",
        Target::AtMost(1_000.0),
        "the same store",
    );
    Ok(())
}

/// Milliseconds from starting the program to a Health answer with TWS connected.
async fn until_connected(dir: &Path) -> Fallible<f64> {
    let (_tws, tws_address) = simulator(&[])?;
    let start = Instant::now();
    let (process, address) = serve_on(dir, tws_address)?;
    let mut stub = stub_when_up(address).await?;
    let health = stub.health(HealthRequest::default()).await?.into_inner();
    let time = millis(start.elapsed());
    if !health.connected {
        return Err(format!("not connected: {}", health.error()).into());
    }
    process.terminate()?;
    Ok(time)
}
